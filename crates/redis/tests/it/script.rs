//! Lua scripts.

use workapi_redis::{Redis, Script};
use workapi_testkit::{redis_url, unique_prefix};

use crate::connect;

fn own(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[tokio::test]
async fn a_script_gets_its_keys_with_the_prefix_and_its_arguments_as_they_are() {
    let (ours, theirs) = (connect().await, connect().await);
    let add = Script::new("return {redis.call('INCRBY', KEYS[1], ARGV[1]), #ARGV[2]}");
    let run = async |redis: &Redis| {
        let (keys, arguments) = (own(&["sum"]), own(&["5", "four"]));
        redis.run_script(&add, &keys, &arguments).await.unwrap()
    };

    let sums = [run(&ours).await, run(&ours).await, run(&theirs).await];

    assert_eq!(sums, [vec![5, 4], vec![10, 4], vec![5, 4]]);
}

#[tokio::test]
async fn a_server_that_is_not_asked_at_the_start_is_found_by_the_first_operation() {
    let redis = Redis::lazy(&redis_url(), unique_prefix()).unwrap();

    redis.ping().await.unwrap();
}
