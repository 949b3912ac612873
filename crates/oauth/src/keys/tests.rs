use serde_json::json;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

/// The public key of RFC 8037, appendix A.2.
fn ed25519(kid: &str) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig",
           "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

/// An issuer that publishes the given keys.
struct Issuer {
    server: MockServer,
    url: Url,
    http: HttpClient,
}

impl Issuer {
    async fn with(keys: &[Value]) -> Self {
        let server = MockServer::start().await;
        let url = format!("{}/jwks", server.uri()).parse().unwrap();
        let issuer = Self {
            server,
            url,
            http: HttpClient::new().unwrap(),
        };
        issuer.publish(keys).await;
        issuer
    }

    async fn publish(&self, keys: &[Value]) {
        self.answer(ResponseTemplate::new(200).set_body_json(json!({ "keys": keys })))
            .await;
    }

    async fn answer(&self, answer: ResponseTemplate) {
        self.server.reset().await;
        Mock::given(path("/jwks"))
            .respond_with(answer)
            .mount(&self.server)
            .await;
    }

    async fn has(&self, sets: &KeySets, kid: Option<&str>) -> Result<bool, Unavailable> {
        sets.find(&self.http, &self.url, kid, Algorithm::EdDSA)
            .await
            .map(|key| key.is_some())
    }

    async fn fetches(&self) -> usize {
        self.server.received_requests().await.unwrap().len()
    }
}

#[tokio::test]
async fn a_set_is_fetched_once() {
    let issuer = Issuer::with(&[ed25519("k1")]).await;
    let sets = KeySets::default();

    assert!(issuer.has(&sets, Some("k1")).await.unwrap());
    assert!(issuer.has(&sets.clone(), Some("k1")).await.unwrap());

    assert_eq!(issuer.fetches().await, 1);
}

#[tokio::test]
async fn askers_at_the_same_time_share_one_fetch() {
    let issuer = Issuer::with(&[ed25519("k1")]).await;
    let sets = KeySets::default();

    let (one, two, three) = tokio::join!(
        issuer.has(&sets, Some("k1")),
        issuer.has(&sets, Some("k1")),
        issuer.has(&sets, Some("k1")),
    );

    assert!(one.unwrap() && two.unwrap() && three.unwrap());
    assert_eq!(issuer.fetches().await, 1);
}

#[tokio::test]
async fn unknown_key_ids_can_not_cause_a_storm_of_fetches() {
    let issuer = Issuer::with(&[ed25519("k1")]).await;
    let sets = KeySets::default();

    for kid in ["x", "y", "z"] {
        assert!(!issuer.has(&sets, Some(kid)).await.unwrap());
    }

    assert_eq!(issuer.fetches().await, 1);
}

#[tokio::test]
async fn a_new_key_is_found_after_the_cool_down() {
    let issuer = Issuer::with(&[ed25519("k1")]).await;
    let sets = KeySets::new(Duration::ZERO);
    assert!(issuer.has(&sets, Some("k1")).await.unwrap());

    issuer.publish(&[ed25519("k1"), ed25519("k2")]).await;

    assert!(issuer.has(&sets, Some("k2")).await.unwrap());
}

#[tokio::test]
async fn the_last_good_set_is_kept_when_the_issuer_fails() {
    let issuer = Issuer::with(&[ed25519("k1")]).await;
    let sets = KeySets::new(Duration::ZERO);
    assert!(issuer.has(&sets, Some("k1")).await.unwrap());

    issuer.answer(ResponseTemplate::new(500)).await;

    assert!(!issuer.has(&sets, Some("k2")).await.unwrap());
    assert_eq!(issuer.fetches().await, 1);
    assert!(issuer.has(&sets, Some("k1")).await.unwrap());
}

#[tokio::test]
async fn an_issuer_without_a_key_set_is_unavailable() {
    for answer in [
        ResponseTemplate::new(500),
        ResponseTemplate::new(200).set_body_string("<html>"),
        ResponseTemplate::new(200).set_body_string("{}"),
    ] {
        let issuer = Issuer::with(&[]).await;
        issuer.answer(answer).await;

        assert!(issuer.has(&KeySets::default(), Some("k1")).await.is_err());
    }
}

#[tokio::test]
async fn keys_of_unknown_kinds_are_passed_over() {
    let post_quantum = json!({"kty": "AKP", "alg": "ML-DSA-44", "kid": "pq", "pub": "AAAA"});
    let issuer = Issuer::with(&[post_quantum, json!("junk"), ed25519("k1")]).await;

    assert!(issuer.has(&KeySets::default(), Some("k1")).await.unwrap());
}

#[tokio::test]
async fn a_key_for_another_use_or_algorithm_is_not_taken() {
    let mut encryption = ed25519("enc");
    encryption["use"] = "enc".into();
    let mut other = ed25519("other");
    other["alg"] = "RS256".into();
    let symmetric = json!({"kty": "oct", "kid": "oct", "k": "c2VjcmV0"});
    let issuer = Issuer::with(&[encryption, other, symmetric]).await;
    let sets = KeySets::default();

    for kid in ["enc", "other", "oct"] {
        assert!(!issuer.has(&sets, Some(kid)).await.unwrap(), "{kid}");
    }
}

#[tokio::test]
async fn without_a_key_id_only_the_only_key_is_meant() {
    let sets = KeySets::default();
    let one = Issuer::with(&[ed25519("k1")]).await;
    let two = Issuer::with(&[ed25519("k1"), ed25519("k2")]).await;

    assert!(one.has(&sets, None).await.unwrap());
    assert!(!two.has(&sets, None).await.unwrap());
}
