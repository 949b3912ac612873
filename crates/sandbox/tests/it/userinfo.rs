//! The userinfo endpoint and what it accepts.

use std::time::Duration;

use reqwest::header;
use serde_json::{Value, json};

use crate::provider::{ANN, Provider};

#[tokio::test]
async fn userinfo_tells_whose_token_it_is() {
    let provider = Provider::start().await;
    let ann = provider.connect("demo").await;
    let ann_again = provider.connect("demo").await;
    let bo = provider.connect_as("demo", "bo@example.test").await;

    let claims = |tokens: Value| {
        let provider = &provider;
        async move {
            provider
                .userinfo(&tokens)
                .await
                .json::<Value>()
                .await
                .unwrap()
        }
    };
    let (ann, ann_again, bo) = (claims(ann).await, claims(ann_again).await, claims(bo).await);

    assert_eq!(ann["email"], ANN);
    assert_eq!(ann["sub"], ann_again["sub"]);
    assert_ne!(ann["sub"], bo["sub"]);
}

#[tokio::test]
async fn an_expired_access_token_is_challenged() {
    let provider = Provider::start().await;
    let change = json!({ "access_token_seconds": 60 });
    provider.put_client("demo", &change).await;
    let tokens = provider.connect("demo").await;
    provider.clock.advance(Duration::from_mins(1));

    let response = provider.userinfo(&tokens).await;

    assert_eq!(tokens["expires_in"], 60);
    assert_eq!(response.status(), 401);
    let challenge = response.headers()[header::WWW_AUTHENTICATE]
        .to_str()
        .unwrap();
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
}

#[tokio::test]
async fn other_tokens_are_no_access_tokens() {
    let provider = Provider::start().await;
    let tokens = provider.connect("demo").await;

    for other in [
        &tokens["refresh_token"],
        &tokens["id_token"],
        &json!("nonsense"),
    ] {
        let response = provider.userinfo(&json!({ "access_token": other })).await;

        assert_eq!(response.status(), 401);
    }
}

#[tokio::test]
async fn a_token_outside_the_header_does_not_count() {
    let provider = Provider::start().await;
    let tokens = provider.connect("demo").await;
    let mut url = provider.url.join("/userinfo").unwrap();
    let token = tokens["access_token"].as_str().unwrap();
    url.query_pairs_mut().append_pair("access_token", token);

    let response = provider.http.get(url).send().await.unwrap();

    assert_eq!(response.status(), 401);
    let challenge = &response.headers()[header::WWW_AUTHENTICATE];
    assert_eq!(challenge, "Bearer realm=\"sandbox\"");
}
