//! User tokens that are none.

use std::time::Duration;

use aws_lc_rs::signature::Ed25519KeyPair;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use workapi_proto::integrations::v1::ListTokenKeysRequest;
use workapi_proto::integrations::v1::token_keys_client::TokenKeysClient;
use workapi_tests::{Options, Stack};
use workapi_types::Clock;

use super::tokens::{forgeries, read, signed_with_public_key};
use super::{NOTHING, refusal};

const ID: &str = "64b7f0c2a1d3e4f5a6b7c8d9";
const DELETE_ME: &str = "DELETE /users/me HTTP/1.1";
const INVALID: &str = "401 invalid_token_error";

/// Every call that a user token is needed for: request line with headers, and body.
fn calls() -> Vec<(String, &'static str)> {
    let integration = r#"{"data":{"type":"integration","attributes":{"provider":"gmail"}}}"#;
    let form = "content-type: application/x-www-form-urlencoded";
    vec![
        ("GET /users/me HTTP/1.1".to_owned(), ""),
        (DELETE_ME.to_owned(), ""),
        ("GET /integrations HTTP/1.1".to_owned(), ""),
        ("POST /integrations HTTP/1.1".to_owned(), integration),
        (format!("GET /integrations/{ID} HTTP/1.1"), ""),
        (format!("PUT /integrations/{ID} HTTP/1.1"), integration),
        (format!("DELETE /integrations/{ID} HTTP/1.1"), ""),
        (format!("GET /auth/init/{ID} HTTP/1.1"), ""),
        (
            format!("POST /auth/authcode/{ID} HTTP/1.1\n{form}"),
            "code=1",
        ),
    ]
}

/// Makes every call with a token that is none, and checks that each is refused.
async fn assert_refused(stack: &Stack, which: &str, token: &str) {
    for (request, body) in calls() {
        let head = format!("{request}\nauthorization: Bearer {token}");

        let answer = stack.send(&head, body).await;

        assert_eq!(refusal(&answer), INVALID, "{request} with {which}");
        let challenge = answer.header("www-authenticate");
        assert_eq!(
            challenge,
            Some(r#"Bearer error="invalid_token""#),
            "{which}"
        );
    }
}

/// Signs claims with a key of one's own.
fn signed_with_own_key(header: &Value, claims: &Value) -> String {
    let key = Ed25519KeyPair::generate().unwrap();
    let key = key.to_pkcs8v1().unwrap();
    let header = Header {
        kid: header["kid"].as_str().map(str::to_owned),
        ..Header::new(Algorithm::EdDSA)
    };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(key.as_ref())).unwrap()
}

#[tokio::test]
async fn forged_tokens_are_refused_by_every_call() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let application = stack.application(&environment);
    let user = application.create_user("cust-9041").await;
    let other = application.create_user("cust-9042").await;
    let (header, claims) = (read(&user.token, 0), read(&user.token, 1));
    let public = TokenKeysClient::connect(stack.integrations_url().to_owned())
        .await
        .unwrap()
        .list_token_keys(ListTokenKeysRequest {})
        .await
        .unwrap()
        .into_inner()
        .keys
        .remove(0)
        .public_key;
    let mut without_user = claims.clone();
    without_user.as_object_mut().unwrap().remove("sub");
    let parts: Vec<_> = user.token.split('.').collect();
    let others: Vec<_> = other.token.split('.').collect();
    let swapped = format!("{}.{}.{}", parts[0], others[1], parts[2]);
    let mut tokens = forgeries(&user.token);
    tokens.extend([
        (
            "HS256 and the public key",
            signed_with_public_key(&header, &claims, &public),
        ),
        ("a key of one's own", signed_with_own_key(&header, &claims)),
        (
            "an unknown key",
            signed_with_own_key(&json!({"kid": "mine"}), &claims),
        ),
        ("no key id", signed_with_own_key(&json!({}), &claims)),
        ("no user", signed_with_own_key(&header, &without_user)),
        ("the claims of somebody else", swapped),
    ]);
    let before = stack.written().await;

    for (which, token) in &tokens {
        assert_refused(&stack, which, token).await;
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn an_apt_is_no_user_token() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    stack
        .application(&environment)
        .create_user("cust-9041")
        .await;
    let apt = environment.apt(Some("cust-9041"));
    let before = stack.written().await;

    // Deleting oneself takes either.
    for (request, body) in calls().into_iter().filter(|(head, _)| head != DELETE_ME) {
        let head = format!("{request}\nauthorization: Bearer {apt}");

        let answer = stack.send(&head, body).await;

        assert_eq!(refusal(&answer), INVALID, "{request}");
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn a_token_ends_after_28_days_and_a_minute_for_slow_clocks() {
    let clock = Clock::fixed(Clock::system().now());
    let stack = Stack::start_with(Options {
        clock: clock.clone(),
        ..Options::default()
    })
    .await;
    let user = stack.user().await;
    clock.advance(Duration::from_secs(2_419_200 + 59));
    let just_valid = stack.send_as(&user.token, "GET /integrations", "").await;
    let before = stack.written().await;

    clock.advance(Duration::from_secs(1));

    assert_eq!(just_valid.status(), 200);
    assert_refused(&stack, "an expired token", &user.token).await;
    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

/// A user whose tokens were voided up to a moment to come gets one that is valid from then.
#[tokio::test]
async fn a_token_from_the_far_future_is_refused() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let in_an_hour = Clock::system().unix_seconds() + 3600;
    sqlx::query("UPDATE environment SET tokens_valid_from = $1")
        .bind(in_an_hour)
        .execute(stack.integrations_database())
        .await
        .unwrap();
    let user = stack
        .application(&environment)
        .create_user("cust-9041")
        .await;
    let before = stack.written().await;

    assert_refused(&stack, "a token from the future", &user.token).await;

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn who_was_deactivated_or_deleted_is_out_at_once() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let application = stack.application(&environment);
    let deactivated = application.create_user("cust-9041").await;
    let deleted = application.create_user("cust-9042").await;
    sqlx::query("UPDATE app_user SET state = 'inactive' WHERE id = $1")
        .bind(&deactivated.id)
        .execute(stack.integrations_database())
        .await
        .unwrap();
    deleted.call("DELETE", "/users/me", None).await;
    let before = stack.written().await;

    assert_refused(&stack, "a deactivated user", &deactivated.token).await;
    assert_refused(&stack, "a deleted user", &deleted.token).await;

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}
