//! Credentials that are kept fresh: each generation is rotated exactly once.

use workapi_proto::events::v1::{CredentialConnected, CredentialRefreshed};
use workapi_sandbox::{ClientChange, RotationClass};
use workapi_testkit::eventually;
use workapi_tests::{Options, Stack};

const ANN: &str = "ann@example.test";
const BO: &str = "bo@example.test";

/// Asserts that the provider saw exactly the rotations that the vault has.
async fn assert_each_rotated_once(stack: &Stack) {
    let counters = stack.counters().await;
    assert_eq!(counters["refreshes"], stack.rotations().await, "{counters}");
    for mishap in ["reuse_detected", "double_spends", "families_revoked"] {
        assert_eq!(counters[mishap], 0, "{counters}");
    }
}

#[tokio::test]
async fn every_generation_is_rotated_exactly_once_by_its_own_clock() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    stack.set_token_life(2).await;
    let media_types = ["email", "event", "file"];
    let mut connected = Vec::new();
    for account in [ANN, BO] {
        for media_type in media_types {
            connected.push(user.connect(media_type, account).await);
        }
    }

    for id in &connected {
        stack
            .credential_when(id, "three refreshes", |found| found.generation >= 4)
            .await;
    }

    stack.set_token_life(3600).await;
    stack.at_rest(4).await;
    assert_each_rotated_once(&stack).await;
}

async fn assert_class_is_kept_fresh(class: RotationClass, manifest: &str) {
    let options = Options {
        manifests: vec![("sandbox", manifest.to_owned())],
        ..Options::default()
    };
    let stack = Stack::start_with(options).await;
    let user = stack.user().await;
    stack
        .register_client(ClientChange {
            rotation_class: Some(class),
            grace_seconds: Some(60),
            ..ClientChange::default()
        })
        .await;
    let id = user.connect("email", ANN).await;

    for generation in 2..=4 {
        stack.make_due(&id).await;
        stack.at_rest(generation).await;
    }

    assert_each_rotated_once(&stack).await;
}

#[tokio::test]
async fn a_refresh_token_that_does_not_rotate_is_used_again() {
    assert_class_is_kept_fresh(RotationClass::A, "[refresh]\nclass = \"A\"\n").await;
}

#[tokio::test]
async fn a_refresh_token_that_stays_valid_makes_way_for_the_new_one() {
    assert_class_is_kept_fresh(RotationClass::B, "[refresh]\nclass = \"B\"\n").await;
}

#[tokio::test]
async fn a_refresh_token_with_a_grace_makes_way_for_the_new_one() {
    let manifest = "[refresh]\nclass = \"C\"\ngrace_seconds = 60\n";
    assert_class_is_kept_fresh(RotationClass::C, manifest).await;
}

#[tokio::test]
async fn connecting_and_refreshing_are_told_as_cloud_events() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    stack.make_due(&id).await;

    let connected = stack.event("evt.auth.credential.connected.v1", &id).await;
    let refreshed = stack.event("evt.auth.credential.refreshed.v1", &id).await;

    let grant_id = stack.credential(&id).await.unwrap().grant_id;
    let told: CredentialConnected = connected.decode();
    assert_eq!((&told.integration_id, &told.grant_id), (&id, &grant_id));
    assert_eq!(told.granted_scopes, "email mail offline_access openid");
    let told: CredentialRefreshed = refreshed.decode();
    assert_eq!((&told.grant_id, told.generation), (&grant_id, 2));
    for (event, kind) in [(connected, "connected"), (refreshed, "refreshed")] {
        let headers = event.headers;
        assert_eq!(headers["ce-specversion"], "1.0");
        assert_eq!(headers["ce-type"], format!("workapi.credential.{kind}.v1"));
        assert_eq!(headers["ce-source"], "/workapi/auth");
        assert_eq!(headers["ce-subject"], id);
        assert_eq!(headers["ce-id"], headers["nats-msg-id"]);
        assert_eq!(headers["content-type"], "application/protobuf");
        assert!(headers.contains_key("ce-time"));
    }
}

#[tokio::test]
async fn reconnecting_wins_over_a_refresh_in_flight() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    let first = stack.credential(&id).await.unwrap();
    stack.hold_up("token").await;
    stack.make_due(&id).await;
    stack.faults_begun().await;

    user.reconnect(&id, ANN).await;
    stack.end_faults().await;

    eventually("the old grant's answer", || async {
        (stack.count("refreshes").await == 1).then_some(())
    })
    .await;
    let second = stack.credential(&id).await.unwrap();
    assert!(second.grant_id > first.grant_id);
    assert_eq!((second.generation, second.state.as_str()), (1, "active"));
    stack.refresh(&id).await;
    assert_eq!(stack.count("reuse_detected").await, 0);
}
