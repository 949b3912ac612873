//! Two replicas of every service on one database, and many users at a time.

use futures::future::join_all;
use workapi_testkit::eventually;
use workapi_tests::{Application, Options, Stack, UserSession};

const USERS: usize = 200;

/// Takes a user through the whole flow, from nothing to a connected integration.
async fn connect(application: Application, number: usize) -> (UserSession, String) {
    let user = application.create_user(&format!("cust-{number}")).await;
    let account = ["ann@example.test", "bo@example.test"][number % 2];
    let id = user.connect("email", account).await;
    eventually("the account", || async {
        (user.provider_id(&id).await == account).then_some(())
    })
    .await;
    (user, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_users_connect_at_once_are_refreshed_once_a_generation_and_all_end() {
    let options = Options {
        replicas: 2,
        ..Options::default()
    };
    let stack = Stack::start_with(options).await;
    let environment = stack.environment().await;
    let application = stack.application(&environment);
    let at_replica = [0, 1].map(|replica| application.with_browser(stack.browser_at(replica)));

    let users = (0..USERS).map(|number| connect(at_replica[number % 2].clone(), number));
    let connected = join_all(users).await;

    assert_eq!(stack.count("exchanges").await, USERS as u64);
    for generation in 2..=4 {
        stack.make_all_due().await;
        stack.at_rest(generation).await;
    }
    let counters = stack.counters().await;
    assert_eq!(counters["refreshes"], 3 * USERS as u64, "{counters}");
    assert_eq!(counters["refreshes"], stack.rotations().await);
    assert_eq!(counters["reuse_detected"], 0, "{counters}");
    assert_eq!(counters["double_spends"], 0, "{counters}");

    join_all(connected.iter().map(|(user, id)| user.delete(id))).await;
    for (_, id) in &connected {
        assert!(!stack.credential_in(id, "revoked").await.has_secrets);
    }
    // One for each account: what is revoked there ends all that have been deleted with it.
    assert_eq!(stack.count("revocations").await, 2);
}
