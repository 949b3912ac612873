//! Which APTs are accepted (wire contract section 1.2, checklist in section 8). What is refused:
//! `bad_input::apts`.

use serde_json::{Value, json};
use workapi_tests::{Environment, Stack};
use workapi_types::Clock;

use super::sdk::user_body;

fn claims(environment: &Environment, issued_at: i64, lifetime: i64) -> Value {
    json!({
        "exp": issued_at + lifetime, "iat": issued_at, "iss": "WorkAPI",
        "user": {"environment_guid": environment.guid},
    })
}

#[tokio::test]
async fn an_apt_has_any_issuer_and_any_life_up_to_a_week() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let now = Clock::system().unix_seconds();
    let lives = [
        ("as the docs show", claims(&environment, now, 10)),
        ("as every call of the SDK", claims(&environment, now, 60)),
        ("as the SDK's rake task", claims(&environment, now, 86_400)),
        ("a week", claims(&environment, now, 7 * 86_400)),
        ("just expired", claims(&environment, now - 70, 60)),
        (
            "from a clock that is ahead",
            claims(&environment, now + 30, 60),
        ),
    ];
    let issuers = ["Livil Ruby SDK v0.1.0", "Work-API Ruby SDK v0.1.1", ""].map(|issuer| {
        let mut claims = claims(&environment, now, 60);
        claims["iss"] = issuer.into();
        ("of another issuer", claims)
    });
    let mut of_nobody = claims(&environment, now, 60);
    of_nobody.as_object_mut().unwrap().remove("iss");

    let all = lives
        .into_iter()
        .chain(issuers)
        .chain([("of no issuer", of_nobody)]);
    for (number, (which, claims)) in all.enumerate() {
        let apt = environment.keys.sign(&claims);
        let body = user_body(&environment, &format!("cust-{number}"));

        let answer = stack.send_as(&apt, "POST /users", &body).await;

        assert_eq!(
            answer.status_line, "HTTP/1.1 201 Created",
            "{which}: {answer}"
        );
    }
}

#[tokio::test]
async fn an_apt_may_name_the_user_that_its_body_names() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let apt = environment.apt(Some("cust-9041"));
    let body = user_body(&environment, "cust-9041");

    let answer = stack.send_as(&apt, "POST /users", &body).await;

    assert_eq!(answer.status_line, "HTTP/1.1 201 Created");
}

#[tokio::test]
async fn a_name_is_the_same_in_two_environments_and_means_two_users() {
    let stack = Stack::start().await;
    let environments = [stack.environment().await, stack.environment().await];

    let mut ids = Vec::new();
    for environment in &environments {
        let user = stack
            .application(environment)
            .create_user("cust-9041")
            .await;
        ids.push(user.id);
    }

    assert_ne!(ids[0], ids[1]);
}
