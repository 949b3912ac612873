//! Discovery, the key set and ID tokens.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use url::Url;
use workapi_sandbox::{Config, Sandbox};

use crate::provider::{ANN, Provider, request_with};

async fn verified_id_token(provider: &Provider, tokens: &Value) -> Value {
    let id_token = tokens["id_token"].as_str().unwrap();
    let keys: JwkSet = provider.get("/jwks").await.json().await.unwrap();
    let kid = jsonwebtoken::decode_header(id_token).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&[&provider.issuer]);
    validation.set_audience(&["demo"]);
    validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
    jsonwebtoken::decode::<Value>(id_token, &key, &validation)
        .unwrap()
        .claims
}

#[tokio::test]
async fn both_metadata_documents_name_the_issuer_and_its_endpoints() {
    let provider = Provider::start().await;

    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    ] {
        let metadata: Value = provider.get(path).await.json().await.unwrap();

        assert_eq!(metadata["issuer"], provider.issuer);
        assert_eq!(
            metadata["token_endpoint"],
            format!("{}/token", provider.issuer)
        );
        assert_eq!(
            metadata["code_challenge_methods_supported"],
            json!(["S256"])
        );
        assert_eq!(
            metadata["authorization_response_iss_parameter_supported"],
            true
        );
    }
}

#[tokio::test]
async fn a_configured_issuer_loses_the_slash_at_its_end() {
    let issuer = Url::parse("https://accounts.example.test/").unwrap();
    let config = Config {
        issuer: Some(issuer.clone()),
        ..Config::default()
    };

    let sandbox = Sandbox::build(config).await.unwrap();

    assert_eq!(sandbox.url(), &issuer);
    assert_eq!(sandbox.issuer(), "https://accounts.example.test");
}

#[tokio::test]
async fn the_id_token_verifies_with_the_published_key() {
    let provider = Provider::start().await;

    let tokens = provider.connect("demo").await;

    let claims = verified_id_token(&provider, &tokens).await;
    assert_eq!(claims["email"], ANN);
    assert_eq!(claims["email_verified"], true);
    assert_eq!(claims["nonce"], "n-1");
    let userinfo: Value = provider.userinfo(&tokens).await.json().await.unwrap();
    assert_eq!(claims["sub"], userinfo["sub"]);
}

#[tokio::test]
async fn without_a_nonce_the_id_token_has_none() {
    let provider = Provider::start().await;
    let code = provider.code(&request_with("nonce", "")).await;

    let tokens: Value = provider.exchange("demo", &code).await.json().await.unwrap();

    let claims = verified_id_token(&provider, &tokens).await;
    assert_eq!(claims.get("nonce"), None);
}

#[tokio::test]
async fn without_the_scope_openid_there_is_no_id_token() {
    let provider = Provider::start().await;
    let code = provider.code(&request_with("scope", "email")).await;

    let tokens: Value = provider.exchange("demo", &code).await.json().await.unwrap();

    assert_eq!(tokens.get("id_token"), None);
}
