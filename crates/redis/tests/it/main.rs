//! The shared connection against a real server (`workapi_testkit::redis_url`).
#![cfg(test)]

mod connection;
mod operations;
mod script;

use workapi_redis::Redis;
use workapi_testkit::{redis_url, unique_prefix};

/// Connects with a key prefix of its own.
async fn connect() -> Redis {
    Redis::connect(&redis_url(), unique_prefix()).await.unwrap()
}
