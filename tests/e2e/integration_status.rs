//! How an integration is doing, as its developer sees it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tonic::Code;
use workapi_proto::auth::v1::credential_statuses_client::CredentialStatusesClient;
use workapi_proto::auth::v1::{CredentialStatus, GetCredentialStatusRequest};
use workapi_testkit::{Proxy, eventually, postgres_url};
use workapi_tests::{Answer, Options, Stack, UserSession, bearing};

const ANN: &str = "ann@example.test";
const NOBODY: &str = "0123456789abcdef01234567";

async fn get_status(user: &UserSession, id: &str) -> Answer {
    let path = format!("/integrations/{id}/status");
    user.call("GET", &path, None).await
}

async fn attributes(user: &UserSession, id: &str) -> Value {
    let answer = get_status(user, id).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["data"]["attributes"].clone()
}

/// Returns the same answer over gRPC.
async fn over_grpc(
    stack: &Stack,
    user: &UserSession,
    id: &str,
) -> Result<CredentialStatus, tonic::Status> {
    let request = GetCredentialStatusRequest {
        integration_id: id.to_owned(),
    };
    let mut client = CredentialStatusesClient::connect(stack.auth_url().to_owned())
        .await
        .unwrap();
    let answer = client.get_credential_status(bearing(request, &user.token));
    Ok(answer.await?.into_inner().status.unwrap())
}

/// Asserts that gRPC answers what REST does.
async fn assert_same_over_grpc(stack: &Stack, user: &UserSession, id: &str, shown: &Value) {
    let status = over_grpc(stack, user, id).await.unwrap();
    let same = json!({
        "state": status.state,
        "cause": status.cause,
        "action": status.action,
        "since": status.since.map(|time| time.seconds),
        "last_success_at": status.last_success_at.map(|time| time.seconds),
        "expires_at": status.expires_at.map(|time| time.seconds),
        "scopes_asked": status.scopes_asked,
        "scopes_granted": status.scopes_granted,
    });
    assert_eq!(&same, shown);
    assert_eq!(status.integration_id, id);
}

fn member(status: &Value, name: &str) -> i64 {
    status[name].as_i64().unwrap_or_else(|| panic!("{status}"))
}

#[tokio::test]
async fn an_integration_is_pending_until_it_is_connected() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;

    let answer = get_status(&user, &id).await;

    assert_eq!(answer.status, 200);
    let expected = json!({"data": {"id": id, "type": "integration_status", "attributes": {
        "state": "pending", "cause": null, "action": "none", "since": null,
        "last_success_at": null, "expires_at": null, "scopes_asked": [], "scopes_granted": [],
    }}});
    assert_eq!(answer.body, expected);
    let shown = &answer.body["data"]["attributes"];
    assert_same_over_grpc(&stack, &user, &id, shown).await;
}

#[tokio::test]
async fn a_connected_integration_shows_times_and_scopes_and_moves_on_with_each_refresh() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;

    let connected = attributes(&user, &id).await;
    assert_same_over_grpc(&stack, &user, &id, &connected).await;
    stack.expire(&id).await;
    let expired = attributes(&user, &id).await;
    stack.refresh(&id).await;
    let refreshed = attributes(&user, &id).await;

    let scopes = json!(["email", "mail", "offline_access", "openid"]);
    for status in [&connected, &expired, &refreshed] {
        assert_eq!(
            (&status["state"], &status["cause"], &status["action"]),
            (&json!("active"), &Value::Null, &json!("none"))
        );
        assert_eq!(
            (&status["scopes_asked"], &status["scopes_granted"]),
            (&scopes, &scopes)
        );
        assert_eq!(status["since"], connected["since"]);
    }
    let [first, second, third] =
        [&connected, &expired, &refreshed].map(|status| member(status, "expires_at"));
    assert!(second < first && second < third, "{first} {second} {third}");
    assert!(member(&refreshed, "last_success_at") >= member(&connected, "last_success_at"));
    // The Ruby SDK refuses attributes that it does not know.
    let integration = user.call("GET", &format!("/integrations/{id}"), None).await;
    let integration = &integration.body["data"]["attributes"];
    let members: Vec<_> = integration.as_object().unwrap().keys().collect();
    assert_eq!(members, ["media_type", "provider", "provider_id"]);
}

#[tokio::test]
async fn fm_11_a_permanent_error_stops_and_is_visible_to_the_developer() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    let before = attributes(&user, &id).await;
    stack
        .inject_fault(&json!({
            "endpoint": "token", "kind": "status", "status": 400, "error": "invalid_grant",
        }))
        .await;

    stack.make_due(&id).await;
    stack.credential_in(&id, "needs_reconnect").await;
    let broken = attributes(&user, &id).await;

    assert_eq!(broken["state"], "needs_reconnect");
    assert_eq!(
        (&broken["cause"], &broken["action"]),
        (&json!("unknown"), &json!("reconnect"))
    );
    assert!(member(&broken, "since") >= member(&before, "since"));
    assert_eq!(broken["last_success_at"], before["last_success_at"]);
    assert_same_over_grpc(&stack, &user, &id, &broken).await;
    // Nobody looks at it again by itself.
    let due: Option<bool> =
        sqlx::query_scalar("SELECT due_at IS NOT NULL FROM credential WHERE integration_id = $1")
            .bind(&id)
            .fetch_one(stack.vault_database())
            .await
            .unwrap();
    assert_eq!(due, Some(false));

    user.reconnect(&id, ANN).await;

    assert_eq!(attributes(&user, &id).await["state"], "active");
}

#[tokio::test]
async fn a_failure_that_passes_shows_who_waits_for_whom() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    stack.expire(&id).await;
    stack
        .inject_fault(&json!({"endpoint": "token", "kind": "status", "status": 503}))
        .await;

    stack.make_due(&id).await;
    stack.credential_in(&id, "refresh_failing").await;
    let failing = attributes(&user, &id).await;
    stack.end_lease(&id).await;
    stack.refresh(&id).await;
    let healed = attributes(&user, &id).await;

    assert_eq!(failing["cause"], "provider_unavailable");
    assert_eq!(failing["action"], "wait");
    assert_eq!(
        (&healed["state"], &healed["cause"]),
        (&json!("active"), &Value::Null)
    );
}

#[tokio::test]
async fn another_users_integration_has_no_status_in_the_words_of_a_missing_one() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let application = stack.application(&environment);
    let owner = application.create_user("cust-1").await;
    let stranger = application.create_user("cust-2").await;
    let theirs = owner.connect("email", ANN).await;

    let of_others = get_status(&stranger, &theirs).await;
    let of_nobody = get_status(&stranger, NOBODY).await;
    let grpc = over_grpc(&stack, &stranger, &theirs).await.unwrap_err();
    let missing = over_grpc(&stack, &stranger, NOBODY).await.unwrap_err();

    assert_eq!(
        (of_others.status, of_others.error_code()),
        (404, "not_found_error")
    );
    assert_eq!(of_others.body, of_nobody.body);
    assert_eq!(
        (grpc.code(), missing.code()),
        (Code::NotFound, Code::NotFound)
    );
    assert_eq!(grpc.message(), missing.message());
    assert_eq!(grpc.details(), missing.details());
    assert_eq!(attributes(&owner, &theirs).await["state"], "active");
}

#[tokio::test]
async fn a_deleted_integration_has_no_status() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;

    user.delete(&id).await;

    assert_eq!(get_status(&user, &id).await.status, 404);
    stack.credential_in(&id, "revoked").await;
    assert_eq!(get_status(&user, &id).await.status, 404);
}

#[tokio::test]
async fn what_the_vault_deletes_before_the_record_is_gone_has_no_status() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    sqlx::query(
        "UPDATE credential
         SET state = 'revoking', due_at = now() + interval '1 hour', revoke_until = now() + interval '1 day'
         WHERE integration_id = $1",
    )
    .bind(&id)
    .execute(stack.vault_database())
    .await
    .unwrap();

    let answer = get_status(&user, &id).await;

    assert_eq!(answer.status, 404);
    assert_eq!(answer.body, get_status(&user, NOBODY).await.body);
}

#[tokio::test]
async fn without_the_vault_a_status_is_unavailable_and_comes_back() {
    let way = Arc::new(Proxy::open(&postgres_url()).await);
    let options = Options {
        vault_way: Some(Arc::clone(&way)),
        ..Options::default()
    };
    let stack = Stack::start_with(options).await;
    let user = stack.user().await;
    let id = user.connect("email", ANN).await;
    let before = attributes(&user, &id).await;

    way.cut().await;
    let away = get_status(&user, &id).await;
    way.reopen().await;

    assert_eq!(
        (away.status, away.error_code()),
        (503, "service_unavailable_error")
    );
    assert_eq!(away.headers["retry-after"], "1");
    eventually("the vault's return", || async {
        let answer = get_status(&user, &id).await;
        (answer.status == 200).then_some(())
    })
    .await;
    assert_eq!(attributes(&user, &id).await, before);
}

#[tokio::test]
async fn an_id_of_the_wrong_shape_and_a_missing_token_are_refused() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;

    let wrong = get_status(&user, "64B7").await;
    let bare = stack
        .send(&format!("GET /integrations/{id}/status HTTP/1.1"), "")
        .await;
    let grpc = over_grpc(&stack, &user, "64B7").await.unwrap_err();

    assert_eq!((wrong.status, bare.status()), (404, 401));
    assert_eq!(grpc.code(), Code::NotFound);
}

#[tokio::test]
async fn fm_20_what_one_process_refreshed_another_one_shows() {
    let options = Options {
        replicas: 2,
        ..Options::default()
    };
    let stack = Stack::start_with(options).await;
    let environment = stack.environment().await;
    let application = stack.application(&environment);
    let user = application.create_user("cust-1").await;
    let id = user.connect("email", ANN).await;
    stack.expire(&id).await;
    let elsewhere = user.with_browser(stack.browser_at(1));
    let expired = attributes(&elsewhere, &id).await;

    stack.refresh(&id).await;

    let [here, there] = [
        attributes(&user, &id).await,
        attributes(&elsewhere, &id).await,
    ];
    assert_eq!(here, there);
    let life = member(&there, "expires_at") - member(&expired, "expires_at");
    assert!(
        life > Duration::from_mins(50).as_secs().cast_signed(),
        "{life}"
    );
}
