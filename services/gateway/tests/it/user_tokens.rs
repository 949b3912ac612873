//! Which user tokens get past the gateway.

use std::time::Duration;

use jsonwebtoken::{Algorithm, Header};
use serde_json::json;
use workapi_testkit::http::send;

use super::stack::{NOW, SigningKey, Stack, claims, unsigned};

async fn status_with(stack: &Stack, token: &str) -> u16 {
    let head = format!("GET /users/me HTTP/1.1\nauthorization: Bearer {token}");
    send(stack.rest, &head, "").await.status()
}

#[tokio::test]
async fn a_token_is_good_until_a_minute_after_its_end() {
    let stack = Stack::start().await;
    let token = stack.key.token();
    assert_eq!(status_with(&stack, &token).await, 200);

    stack.clock.advance(Duration::from_secs(3600 + 59));
    assert_eq!(status_with(&stack, &token).await, 200);
    stack.clock.advance(Duration::from_secs(1));

    assert_eq!(status_with(&stack, &token).await, 401);
}

#[tokio::test]
async fn a_token_that_is_not_exactly_ours_is_refused() {
    let stack = Stack::start().await;
    let key = &stack.key;
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = claims();
        claims[name] = value;
        key.sign(&claims)
    };
    let without = |name: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        key.sign(&claims)
    };
    let header = |change: fn(&mut Header)| {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some("first".to_owned());
        change(&mut header);
        key.sign_with(&header, &claims())
    };
    let stranger = SigningKey::new("first");
    let good = key.token();
    let tokens = [
        unsigned(&json!({"alg": "none", "kid": "first"}), &claims()),
        unsigned(&json!({"alg": "HS256", "kid": "first"}), &claims()),
        unsigned(&json!({"alg": "RS256"}), &claims()),
        unsigned(&json!({"alg": "EdDSA", "kid": "first"}), &claims()),
        header(|header| header.kid = None),
        header(|header| header.crit = Some(vec!["exp".to_owned()])),
        stranger.token(),
        with("iss", json!("another")),
        with("aud", json!("another")),
        with("iat", json!(NOW.unix_timestamp() + 61)),
        with("exp", json!(NOW.unix_timestamp() - 60)),
        with("exp", json!("never")),
        without("iss"),
        without("aud"),
        without("sub"),
        without("exp"),
        without("iat"),
        good[..good.len() - 2].to_owned(),
        format!("{good}.x"),
        "a.b".to_owned(),
        "…".to_owned(),
    ];

    for token in tokens {
        assert_eq!(status_with(&stack, &token).await, 401, "{token}");
    }
    assert!(stack.backend.calls().is_empty());
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_then_unknown_ones_wait() {
    let stack = Stack::start().await;
    assert_eq!(status_with(&stack, &stack.key.token()).await, 200);
    let (second, third) = (SigningKey::new("second"), SigningKey::new("third"));

    stack.backend.publish_key(second.public());
    assert_eq!(status_with(&stack, &second.token()).await, 200);
    stack.backend.publish_key(third.public());
    assert_eq!(status_with(&stack, &third.token()).await, 401);
    assert_eq!(stack.backend.key_fetches(), 2);
    stack.clock.advance(Duration::from_secs(30));

    assert_eq!(status_with(&stack, &third.token()).await, 200);
    assert_eq!(stack.backend.key_fetches(), 3);
}

#[tokio::test]
async fn known_keys_outlive_their_source() {
    let stack = Stack::start().await;
    assert_eq!(status_with(&stack, &stack.key.token()).await, 200);
    stack.backend.fail_keys(true);
    stack.clock.advance(Duration::from_mins(10));

    assert_eq!(status_with(&stack, &stack.key.token()).await, 200);
    assert_eq!(stack.backend.key_fetches(), 2);
    let unknown = SigningKey::new("unknown").token();
    assert_eq!(status_with(&stack, &unknown).await, 503);
}

#[tokio::test]
async fn without_any_key_nobody_is_called_a_liar() {
    let stack = Stack::start().await;
    stack.backend.fail_keys(true);
    assert_eq!(status_with(&stack, &stack.key.token()).await, 503);

    stack.backend.fail_keys(false);
    stack.clock.advance(Duration::from_secs(1));

    assert_eq!(status_with(&stack, &stack.key.token()).await, 200);
}

#[tokio::test]
async fn many_first_requests_share_one_fetch() {
    let stack = Stack::start().await;
    let head = format!(
        "GET /users/me HTTP/1.1\nauthorization: Bearer {}",
        stack.key.token()
    );

    let requests = (0..20).map(|_| send(stack.rest, &head, ""));
    let answers = futures::future::join_all(requests).await;

    assert!(answers.iter().all(|answer| answer.status() == 200));
    assert_eq!(stack.backend.key_fetches(), 1);
}
