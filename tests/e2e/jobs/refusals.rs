//! What an operator asks for and can't have, and who is no operator.

use std::sync::Arc;

use serde_json::json;
use tonic::Code;
use workapi_proto::auth::v1::job_admin_client::JobAdminClient;
use workapi_proto::auth::v1::{JobTarget, ListCredentialsRequest, ListDeadLettersRequest};
use workapi_testkit::{Proxy, eventually, nats_url};
use workapi_tests::{Options, bearing};

use super::{ANN, NOBODY, Operated, dead_letter, integration};

#[tokio::test]
async fn what_an_operator_names_wrongly_or_cannot_mend_is_told_clearly() {
    let operated = Operated::start().await;
    let id = operated.user.connect("email", ANN).await;
    let fault = json!({
        "endpoint": "token", "kind": "status", "status": 400, "error": "invalid_grant",
    });
    operated.stack.inject_fault(&fault).await;
    operated.stack.make_due(&id).await;
    operated.stack.credential_in(&id, "needs_reconnect").await;

    let only_the_user = operated.retry(integration(&id)).await.unwrap_err();
    let missing = operated.retry(integration(NOBODY)).await.unwrap_err();
    let no_letter = operated.retry(dead_letter(17)).await.unwrap_err();
    let nothing = operated.explain(integration(NOBODY)).await.unwrap_err();
    let malformed = operated.explain(integration("64B7")).await.unwrap_err();
    let targetless = operated.retry(JobTarget::default()).await.unwrap_err();

    assert_eq!(only_the_user.code(), Code::Aborted);
    assert!(only_the_user.message().contains("only its user can bring"));
    for (status, words) in [
        (missing, format!("no credential of {NOBODY}")),
        (no_letter, "no dead letter 17".to_owned()),
        (
            nothing,
            format!("no credential and no dead letter of {NOBODY}"),
        ),
    ] {
        assert_eq!(status.code(), Code::NotFound);
        assert!(status.message().contains(&words), "{status}");
    }
    for status in [malformed, targetless] {
        assert_eq!(status.code(), Code::InvalidArgument);
    }
    let unchanged = operated.stack.credential(&id).await.unwrap();
    assert_eq!(unchanged.state, "needs_reconnect");
}

#[tokio::test]
async fn a_dead_letter_that_cannot_be_read_can_be_seen_and_dropped() {
    let operated = Operated::start().await;
    let bus = operated.stack.bus();
    let published = bus
        .jetstream()
        .publish(bus.prefixed("dlq.refresh"), "\u{1}not a job".into())
        .await;
    published.unwrap().await.unwrap();

    let letters = operated.letters().await.unwrap();
    let retry = operated.retry(dead_letter(letters[0].sequence)).await;
    let explained = operated.explain(dead_letter(letters[0].sequence)).await;
    let dropped = operated.drop(dead_letter(letters[0].sequence)).await;

    assert_eq!(
        (letters[0].kind.as_str(), letters[0].integration_id.as_str()),
        ("refresh", "")
    );
    assert_eq!(retry.unwrap_err().code(), Code::Aborted);
    assert!(explained.unwrap().credential.is_none());
    assert_eq!(dropped.unwrap().dead_letters_removed, 1);
    assert_eq!(operated.letters().await.unwrap(), []);
}

#[tokio::test]
async fn without_nats_dead_letters_are_unavailable_and_a_retry_can_be_said_again() {
    let way = Arc::new(Proxy::open(&nats_url()).await);
    let options = Options {
        nats_way: Some(Arc::clone(&way)),
        ..Options::default()
    };
    let operated = Operated::start_with(options).await;
    let id = operated.given_up().await;

    way.cut().await;
    let listed = operated.letters().await.unwrap_err();
    let retried = operated.retry(integration(&id)).await.unwrap_err();
    way.reopen().await;

    assert_eq!(
        (listed.code(), retried.code()),
        (Code::Unavailable, Code::Unavailable)
    );
    let removed = eventually("the bus's return", || async {
        let retried = operated.retry(integration(&id)).await.ok()?;
        Some(retried.dead_letters_removed)
    })
    .await;
    assert_eq!(removed, 1);
    operated.stack.credential_in(&id, "active").await;
}

#[tokio::test]
async fn credentials_and_jobs_are_for_operators_only() {
    let mut operated = Operated::start().await;
    let (mut credentials, _, admin_token) = operated.environment.operator().await;
    let user_token = operated.user.token.clone();
    // The owner checks the token again.
    let auth = operated.stack.auth_url().to_owned();
    let mut at_auth = JobAdminClient::connect(auth).await.unwrap();

    for token in [user_token.as_str(), "", "another"] {
        token.clone_into(&mut operated.token);
        let listed = credentials
            .list_credentials(bearing(ListCredentialsRequest::default(), token))
            .await;
        let direct = at_auth
            .list_dead_letters(bearing(ListDeadLettersRequest::default(), token))
            .await;
        let refusals = [
            listed.unwrap_err(),
            direct.unwrap_err(),
            operated.letters().await.unwrap_err(),
            operated.explain(integration(NOBODY)).await.unwrap_err(),
            operated.retry(integration(NOBODY)).await.unwrap_err(),
            operated.drop(integration(NOBODY)).await.unwrap_err(),
        ];
        for status in refusals {
            assert_eq!(status.code(), Code::Unauthenticated, "{status}");
        }
    }
    let request = bearing(ListDeadLettersRequest::default(), &admin_token);
    assert!(at_auth.list_dead_letters(request).await.is_ok());
}
