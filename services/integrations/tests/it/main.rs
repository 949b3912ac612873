//! The service over its real gRPC surface, on a database and streams of each test's own.

#![cfg(test)]

mod apts;
mod directory;
mod environments;
mod events;
mod integrations;
mod outage;
mod return_origins;
mod stack;
mod start;
mod tokens;
mod user_tokens;
mod users;
