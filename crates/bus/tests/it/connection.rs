//! Connecting: what is refused, and what two programs that start together must not disturb.

use secrecy::SecretString;
use tokio::task::JoinSet;
use workapi_bus::{Bus, Config, Error};
use workapi_testkit::unique_prefix;

use crate::fixture::{bus, connect};

#[tokio::test]
async fn a_bus_that_is_connected_says_so() {
    let bus = bus().await;

    assert!(bus.is_connected());
    assert_eq!(bus.check().await, Ok(()));
}

#[tokio::test]
async fn programs_that_start_at_once_all_connect() {
    let prefix = unique_prefix();
    let mut connecting = JoinSet::new();
    for _ in 0..8 {
        connecting.spawn(connect(prefix.clone()));
    }

    let connected = connecting.join_all().await;

    for bus in connected {
        assert!(bus.unwrap().is_connected());
    }
}

#[tokio::test]
async fn a_prefix_that_would_change_the_subjects_is_refused() {
    for prefix in ["a.", "a*", "a>", "a b", "ä"] {
        let refused = connect(prefix.to_owned()).await;

        assert!(matches!(refused, Err(Error::Invalid(_))), "{prefix:?}");
    }
}

#[tokio::test]
async fn a_malformed_url_is_refused_without_being_shown() {
    let config = Config {
        url: SecretString::from("nats://user:hunter2@host:no-port"),
        prefix: String::new(),
        name: "bus-test",
    };

    let refused = Bus::connect(&config).await.unwrap_err();

    assert!(matches!(refused, Error::Invalid(_)));
    assert!(!format!("{refused} {refused:?}").contains("hunter2"));
}
