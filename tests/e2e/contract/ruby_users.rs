//! The calls of the Ruby SDK about users (wire contract section 7), whole answers.

use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::Value;
use workapi_tests::{Options, Stack};
use workapi_types::Clock;

use super::sdk::{self, Ruby, shown, user_body};

/// Starts a stack whose clock stands, so that a later token is a different one.
async fn stack_at(clock: &Clock) -> Stack {
    Stack::start_with(Options {
        clock: clock.clone(),
        ..Options::default()
    })
    .await
}

fn standing_clock() -> Clock {
    Clock::fixed(Clock::system().now())
}

#[tokio::test]
async fn create_user_answers_201_with_a_token_for_28_days() {
    let clock = standing_clock();
    let stack = stack_at(&clock).await;
    let environment = stack.environment().await;
    let apt = environment.apt(None);
    let developer = Ruby::new(&stack, &apt);

    let answer = developer
        .call("POST /users", &user_body(&environment, "cust-9041"))
        .await;

    insta::assert_snapshot!(shown(&answer), @r#"
    HTTP/1.1 201 Created
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"data":{"id":"[id]","type":"user","attributes":{"arbitrary_id":"cust-9041","token":"[token]"}}}
    "#);
    let token = sdk::token(&answer);
    let claims = BASE64_URL_SAFE_NO_PAD
        .decode(token.split('.').nth(1).unwrap())
        .unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["iat"], clock.unix_seconds());
    assert_eq!(claims["exp"], clock.unix_seconds() + 2_419_200);
}

#[tokio::test]
async fn create_user_of_a_name_that_exists_answers_409() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let apt = environment.apt(None);
    let developer = Ruby::new(&stack, &apt);
    let body = user_body(&environment, "cust-9041");
    developer.call("POST /users", &body).await;

    let answer = developer.call("POST /users", &body).await;

    insta::assert_snapshot!(shown(&answer), @r#"
    HTTP/1.1 409 Conflict
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"errors":[{"code":"user_already_exists_error","detail":"a user with that ID already exists in the specified environment: "}]}
    "#);
}

#[tokio::test]
async fn reauth_user_answers_201_with_the_same_user_and_a_fresh_token() {
    let clock = standing_clock();
    let stack = stack_at(&clock).await;
    let environment = stack.environment().await;
    let user = stack
        .application(&environment)
        .create_user("cust-9041")
        .await;
    clock.advance(Duration::from_secs(1));
    let apt = environment.apt(Some("cust-9041"));
    let developer = Ruby::new(&stack, &apt);

    let answer = developer
        .call("POST /users/reauth", &user_body(&environment, "cust-9041"))
        .await;

    insta::assert_snapshot!(shown(&answer), @r#"
    HTTP/1.1 201 Created
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"data":{"id":"[id]","type":"user","attributes":{"arbitrary_id":"cust-9041","token":"[token]"}}}
    "#);
    assert_eq!(sdk::id(&answer), user.id);
    assert_ne!(sdk::token(&answer), user.token);
}

#[tokio::test]
async fn get_user_answers_a_fresh_token_and_the_old_one_stays_valid() {
    let clock = standing_clock();
    let stack = stack_at(&clock).await;
    let environment = stack.environment().await;
    let user = stack
        .application(&environment)
        .create_user("cust-9041")
        .await;
    clock.advance(Duration::from_secs(1));
    let with_old = Ruby::new(&stack, &user.token);

    let answer = with_old.call("GET /users/me", "").await;

    insta::assert_snapshot!(shown(&answer), @r#"
    HTTP/1.1 200 OK
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"data":{"id":"[id]","type":"user","attributes":{"arbitrary_id":"cust-9041","token":"[token]"}}}
    "#);
    assert_eq!(sdk::id(&answer), user.id);
    let fresh = sdk::token(&answer);
    assert_ne!(fresh, user.token);
    let with_fresh = Ruby::new(&stack, &fresh);
    for service in [with_old, with_fresh] {
        assert_eq!(service.call("GET /users/me", "").await.status(), 200);
    }
}

#[tokio::test]
async fn delete_user_is_no_content_and_ends_the_token() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let user = stack
        .application(&environment)
        .create_user("cust-9041")
        .await;
    let service = Ruby::new(&stack, &user.token);

    let deleted = service.call("DELETE /users/me", "").await;
    let again = service.call("DELETE /users/me", "").await;

    insta::assert_snapshot!(shown(&deleted), @r#"
    HTTP/1.1 204 No Content
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    "#);
    insta::assert_snapshot!(shown(&again), @r#"
    HTTP/1.1 401 Unauthorized
    content-type: application/vnd.api+json
    www-authenticate: Bearer error="invalid_token"
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"errors":[{"code":"invalid_token_error","detail":"the supplied auth token is invalid: invalid token"}]}
    "#);
}

#[tokio::test]
async fn delete_user_takes_an_apt_in_the_place_of_the_token() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let user = stack
        .application(&environment)
        .create_user("cust-9041")
        .await;
    let apt = environment.apt(Some("cust-9041"));
    let service = Ruby::new(&stack, &apt);

    let deleted = service.call("DELETE /users/me", "").await;
    let again = service.call("DELETE /users/me", "").await;

    assert_eq!(deleted.status_line, "HTTP/1.1 204 No Content");
    assert_eq!(deleted.body, "");
    insta::assert_snapshot!(shown(&again), @r#"
    HTTP/1.1 404 Not Found
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"errors":[{"code":"not_found_error","detail":"the remote resource could not be found: "}]}
    "#);
    let with_token = stack.send_as(&user.token, "GET /users/me", "").await;
    assert_eq!(with_token.status(), 401);
}

#[tokio::test]
async fn the_errors_of_user_calls_are_those_that_were_recorded() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let body = user_body(&environment, "cust-9041");
    let unknown_guid = body.replace(&environment.guid, "00000000-0000-4000-8000-000000000000");
    let apt = environment.apt(None);
    let badly_signed = format!("{}AAAA", &apt[..apt.len() - 4]);
    let apt_of_nobody_known = environment.apt(Some("cust-9041"));
    let invalid = "401 invalid_token_error: the supplied auth token is invalid";
    let no_environment = "404 environment_not_found_error: the remote resource could not be found";
    let cases = [
        (
            "POST /users",
            &badly_signed,
            body.as_str(),
            format!("{invalid}: invalid token"),
        ),
        (
            "POST /users",
            &apt,
            &unknown_guid,
            format!("{no_environment}: "),
        ),
        (
            "POST /users",
            &apt,
            "{}",
            format!("{no_environment}: the body names no environment"),
        ),
        // Contract section 2.1: so answered even when the signature was wrong.
        (
            "POST /users",
            &badly_signed,
            "{}",
            format!("{no_environment}: the body names no environment"),
        ),
        (
            "POST /users/reauth",
            &badly_signed,
            &body,
            format!("{invalid}: invalid token"),
        ),
        (
            "POST /users/reauth",
            &apt,
            &body,
            format!("{invalid}: +arbitrary_id+ is missing from APT"),
        ),
        (
            "POST /users/reauth",
            &apt_of_nobody_known,
            &body,
            "404 not_found_error: the remote resource could not be found: ".to_owned(),
        ),
    ];
    for (request, apt, body, expected) in cases {
        let developer = Ruby::new(&stack, apt);

        let answer = developer.call(request, body).await;

        let (code, detail) = answer.error();
        assert_eq!(format!("{} {code}: {detail}", answer.status()), expected);
    }
}
