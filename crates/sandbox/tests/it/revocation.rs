//! Revocation and its reach.

use reqwest::header;
use serde_json::json;
use workapi_sandbox::{Client, RevocationReach, RotationClass};

use crate::provider::{Provider, SECRET, assert_refused, client};

fn reaching(client_id: &str, reach: RevocationReach) -> Client {
    Client {
        revocation_reach: reach,
        ..client(client_id, RotationClass::A)
    }
}

async fn start(reach: RevocationReach) -> Provider {
    Provider::start_with(vec![reaching("demo", reach)]).await
}

#[tokio::test]
async fn revoking_either_token_kills_the_grant() {
    let provider = start(RevocationReach::Grant).await;

    for revoked in ["refresh_token", "access_token"] {
        let tokens = provider.connect("demo").await;
        let response = provider.revoke(&tokens[revoked]).await;

        assert_eq!(response.status(), 200);
        provider.refresh_refused("demo", &tokens).await;
        assert_eq!(provider.userinfo(&tokens).await.status(), 401);
    }
    provider
        .assert_counters("demo", json!({ "revocations": 2 }))
        .await;
}

#[tokio::test]
async fn reach_grant_spares_the_other_grants_of_the_account() {
    let provider = start(RevocationReach::Grant).await;
    let (gone, kept) = (
        provider.connect("demo").await,
        provider.connect("demo").await,
    );

    provider.revoke(&gone["refresh_token"]).await;

    provider.refreshed("demo", &kept).await;
}

#[tokio::test]
async fn reach_token_kills_nothing_but_the_token() {
    let provider = start(RevocationReach::Token).await;
    let tokens = provider.connect("demo").await;

    provider.revoke(&tokens["access_token"]).await;

    assert_eq!(provider.userinfo(&tokens).await.status(), 401);
    let refreshed = provider.refreshed("demo", &tokens).await;
    provider.revoke(&tokens["refresh_token"]).await;
    provider.refresh_refused("demo", &tokens).await;
    assert_eq!(provider.userinfo(&refreshed).await.status(), 200);
}

#[tokio::test]
async fn reach_project_kills_every_grant_of_the_account_in_the_project() {
    let seeds = ["4711-web", "4711-android", "4712-web", "demo"];
    let seeds = seeds.map(|id| reaching(id, RevocationReach::Project));
    let provider = Provider::start_with(seeds.to_vec()).await;
    let web = provider.connect("4711-web").await;
    let android = provider.connect("4711-android").await;
    let of_bo = provider.connect_as("4711-web", "bo@example.test").await;
    let other_project = provider.connect("4712-web").await;
    let no_project = provider.connect("demo").await;

    provider.revoke(&web["refresh_token"]).await;

    provider.refresh_refused("4711-web", &web).await;
    provider.refresh_refused("4711-android", &android).await;
    provider.refreshed("4711-web", &of_bo).await;
    provider.refreshed("4712-web", &other_project).await;
    provider.refreshed("demo", &no_project).await;
    let counters = provider.counters().await;
    assert_eq!(counters["total"]["revocations"], 1);
}

#[tokio::test]
async fn an_unknown_token_is_no_error_and_not_counted() {
    let provider = start(RevocationReach::Grant).await;

    let response = provider.revoke(&json!("nonsense")).await;

    assert_eq!(response.status(), 200);
    assert_eq!(provider.counters().await["total"]["revocations"], 0);
}

#[tokio::test]
async fn a_missing_token_is_an_invalid_request() {
    let provider = start(RevocationReach::Grant).await;
    let url = provider.url.join("/revoke").unwrap();

    let response = provider.http.post(url).send().await.unwrap();

    assert_refused(response, 400, "invalid_request").await;
}

#[tokio::test]
async fn the_token_may_be_in_the_query_as_at_google() {
    let provider = start(RevocationReach::Grant).await;
    let tokens = provider.connect("demo").await;
    let mut url = provider.url.join("/revoke").unwrap();
    let token = tokens["refresh_token"].as_str().unwrap();
    url.query_pairs_mut().append_pair("token", token);
    let form = "application/x-www-form-urlencoded";

    let request = provider.http.post(url).header(header::CONTENT_TYPE, form);
    let response = request.send().await.unwrap();

    assert_eq!(response.status(), 200);
    provider.refresh_refused("demo", &tokens).await;
}

#[tokio::test]
async fn a_client_that_authenticates_must_do_it_right() {
    let seeds = ["demo", "other"].map(|id| client(id, RotationClass::A));
    let provider = Provider::start_with(seeds.to_vec()).await;
    let tokens = provider.connect("demo").await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let url = provider.url.join("/revoke").unwrap();

    for (client_id, secret, status, error) in [
        ("demo", "wrong", 401, "invalid_client"),
        ("other", SECRET, 400, "invalid_grant"),
    ] {
        let form = [
            ("token", token),
            ("client_id", client_id),
            ("client_secret", secret),
        ];
        let response = provider.http.post(url.clone()).form(&form).send().await;

        assert_refused(response.unwrap(), status, error).await;
    }
    provider.refreshed("demo", &tokens).await;
}
