//! APTs that are none (interfaces section 6). What is accepted: `contract::apt`.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use workapi_tests::{Environment, KeyPair, Stack};
use workapi_types::Clock;

use super::tokens::{forgeries, read, signed_with_public_key};
use super::{NOTHING, refusal};

const INVALID: &str = "401 invalid_token_error";
const WEEK: i64 = 7 * 86_400;

fn now() -> i64 {
    Clock::system().unix_seconds()
}

/// Returns claims that are in order.
fn claims(environment: &Environment) -> Value {
    json!({
        "exp": now() + 60, "iat": now(), "iss": "WorkAPI",
        "user": {"environment_guid": environment.guid, "arbitrary_id": "cust-9041"},
    })
}

fn body(environment: &Environment) -> String {
    json!({"data": {"type": "user", "attributes": {
        "arbitrary_id": "cust-9041", "environment_guid": environment.guid,
    }}})
    .to_string()
}

/// Makes the three calls that take an APT, the first for a user who does not exist yet.
async fn assert_refused(stack: &Stack, environment: &Environment, which: &str, apt: &str) {
    let body = body(environment);
    let new_user = body.replace("cust-9041", "cust-new");
    let calls = [
        ("POST /users", new_user.as_str()),
        ("POST /users/reauth", &body),
        ("DELETE /users/me", ""),
    ];
    for (request, body) in calls {
        let answer = stack.send_as(apt, request, body).await;

        assert_eq!(refusal(&answer), INVALID, "{request} with {which}");
    }
}

async fn start() -> (Stack, Environment) {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    stack
        .application(&environment)
        .create_user("cust-9041")
        .await;
    (stack, environment)
}

#[tokio::test]
async fn forged_apts_are_refused() {
    let (stack, environment) = start().await;
    let claims = claims(&environment);
    let valid = environment.keys.sign(&claims);
    let header = read(&valid, 0);
    let public = environment.keys.public_pem.as_bytes();
    let mut apts = forgeries(&valid);
    apts.extend([
        (
            "HS256 and the public key",
            signed_with_public_key(&header, &claims, public),
        ),
        (
            "HS256 and the trimmed public key",
            signed_with_public_key(&header, &claims, public.trim_ascii()),
        ),
        ("another key", KeyPair::generate().sign(&claims)),
    ]);
    let before = stack.written().await;

    for (which, apt) in &apts {
        assert_refused(&stack, &environment, which, apt).await;
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn only_rs256_is_an_apt() {
    let (stack, environment) = start().await;
    let before = stack.written().await;

    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let apt = environment.keys.sign_with(algorithm, &claims(&environment));

        assert_refused(&stack, &environment, &format!("{algorithm:?}"), &apt).await;
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn times_that_make_no_sense_are_refused() {
    let (stack, environment) = start().await;
    let now = now();
    let times = [
        ("expired", json!({"iat": now - 121, "exp": now - 61})),
        ("expired long ago", json!({"iat": 0, "exp": 60})),
        (
            "from the future",
            json!({"iat": now + 3600, "exp": now + 3660}),
        ),
        (
            "from the far future",
            json!({"iat": now + WEEK, "exp": now + WEEK + 60}),
        ),
        (
            "more than a week",
            json!({"iat": now, "exp": now + WEEK + 1}),
        ),
        ("for ever", json!({"iat": now, "exp": 1e300})),
        ("no exp", json!({"iat": now})),
        ("no iat", json!({"exp": now + 60})),
        ("null", json!({"iat": null, "exp": null})),
        ("words", json!({"iat": "now", "exp": "later"})),
        (
            "digits",
            json!({"iat": now.to_string(), "exp": (now + 60).to_string()}),
        ),
    ];
    let before = stack.written().await;

    for (which, times) in times {
        let mut claims = claims(&environment);
        let claims = claims.as_object_mut().unwrap();
        claims.retain(|name, _| name == "user");
        claims.extend(times.as_object().unwrap().clone());
        let apt = environment.keys.sign(&json!(claims));

        assert_refused(&stack, &environment, which, &apt).await;
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn claims_without_a_user_are_refused() {
    let (stack, environment) = start().await;
    let guid = &environment.guid;
    let users = [
        json!(null),
        json!("cust-9041"),
        json!([guid, "cust-9041"]),
        json!({}),
        json!({"arbitrary_id": "cust-9041"}),
        json!({"environment_guid": null, "arbitrary_id": "cust-9041"}),
        json!({"environment_guid": 1, "arbitrary_id": "cust-9041"}),
        json!({"environment_guid": guid, "arbitrary_id": 9041}),
        json!({"environment_guid": guid, "arbitrary_id": ["cust-9041"]}),
    ];
    let before = stack.written().await;

    for user in users {
        let mut claims = claims(&environment);
        claims["user"] = user.clone();
        let apt = environment.keys.sign(&claims);

        assert_refused(&stack, &environment, &user.to_string(), &apt).await;
    }
    let mut without_user = claims(&environment);
    without_user.as_object_mut().unwrap().remove("user");
    let in_a_row = json!([now() + 60, now(), claims(&environment)["user"]]);
    for claims in [
        without_user,
        in_a_row,
        json!({}),
        json!(null),
        json!("user"),
    ] {
        let apt = environment.keys.sign(&claims);

        assert_refused(&stack, &environment, &claims.to_string(), &apt).await;
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn claims_and_body_have_to_agree() {
    let (stack, environment) = start().await;
    // Both environments have the same key, so the signature is right for either.
    let other = stack.environment().await;
    let of_another_user = environment.apt(Some("cust-9042"));
    let of_another_environment = other.apt(Some("cust-9041"));
    let of_another_spelling = {
        let mut claims = claims(&environment);
        claims["user"]["environment_guid"] = environment.guid.to_uppercase().into();
        environment.keys.sign(&claims)
    };
    let before = stack.written().await;

    for apt in [of_another_user, of_another_environment, of_another_spelling] {
        for request in ["POST /users", "POST /users/reauth"] {
            let answer = stack.send_as(&apt, request, &body(&environment)).await;

            assert_eq!(refusal(&answer), INVALID, "{request}");
        }
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn an_apt_over_8_kb_is_refused_though_its_signature_is_right() {
    let (stack, environment) = start().await;
    let mut claims = claims(&environment);
    claims["iss"] = "a".repeat(8 * 1024).into();
    let apt = environment.keys.sign(&claims);
    let before = stack.written().await;

    assert_refused(&stack, &environment, "over 8 KB", &apt).await;

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn a_user_token_creates_nobody() {
    let (stack, environment) = start().await;
    let user = stack
        .application(&environment)
        .create_user("cust-9042")
        .await;
    let before = stack.written().await;

    for request in ["POST /users", "POST /users/reauth"] {
        let answer = stack
            .send_as(&user.token, request, &body(&environment))
            .await;

        assert_eq!(refusal(&answer), INVALID, "{request}");
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}

/// `DELETE /users/me` has no body: the claims say who is meant.
#[tokio::test]
async fn deleting_with_an_apt_needs_a_user_who_exists() {
    let (stack, environment) = start().await;
    let mut nowhere = claims(&environment);
    nowhere["user"]["environment_guid"] = "3f0c2b9e-5a7d-4c11-9b1e-0d2f4a6c8e10".into();
    let mut no_guid = claims(&environment);
    no_guid["user"]["environment_guid"] = "not a guid".into();
    let mut empty = claims(&environment);
    empty["user"]["arbitrary_id"] = "".into();
    let cases = [
        (environment.apt(None), INVALID),
        (environment.apt(Some("cust-nobody")), "404 not_found_error"),
        (
            environment.keys.sign(&nowhere),
            "404 environment_not_found_error",
        ),
        (
            environment.keys.sign(&no_guid),
            "404 environment_not_found_error",
        ),
        (environment.keys.sign(&empty), "400 bad_request_error"),
    ];
    let before = stack.written().await;

    for (apt, expected) in cases {
        let answer = stack.send_as(&apt, "DELETE /users/me", "").await;

        assert_eq!(refusal(&answer), expected);
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
}
