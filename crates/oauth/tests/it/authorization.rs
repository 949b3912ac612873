use std::collections::{BTreeMap, HashSet};

use url::Url;
use workapi_oauth::{AuthorizationRequest, authorization_url, new_code_verifier, new_state};
use workapi_providers::Manifest;
use workapi_types::{AuthorizationState, CodeVerifier, MediaType};

use crate::provider::manifest;

fn url(manifest: &Manifest) -> Url {
    authorization_url(&AuthorizationRequest {
        manifest,
        client_id: "client 1",
        redirect_uri: &"https://work.example/auth/callback".parse().unwrap(),
        scopes: &manifest.scopes_for(MediaType::File),
        state: &AuthorizationState::new("the-state"),
        // RFC 7636, appendix B.
        verifier: &CodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
    })
}

fn parameters(url: &Url) -> BTreeMap<String, String> {
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    let parameters: BTreeMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(parameters.len(), pairs.len(), "no parameter comes twice");
    parameters
}

#[test]
fn the_url_has_what_the_rfcs_and_the_manifest_ask_for() {
    let manifest = manifest(
        "https://files.example.com",
        "[authorization]\nparams = { access_type = \"offline\", prompt = \"consent\" }",
    );

    let url = url(&manifest);

    assert!(
        url.as_str()
            .starts_with("https://files.example.com/authorize?owner=user&")
    );
    let expected = [
        ("access_type", "offline"),
        ("client_id", "client 1"),
        (
            "code_challenge",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        ),
        ("code_challenge_method", "S256"),
        ("owner", "user"),
        ("prompt", "consent"),
        ("redirect_uri", "https://work.example/auth/callback"),
        ("response_type", "code"),
        ("scope", "files.read openid"),
        ("state", "the-state"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(parameters(&url), BTreeMap::from(expected));
}

#[test]
fn no_challenge_is_sent_to_a_provider_that_rejects_it() {
    let manifest = manifest(
        "https://files.example.com",
        "[authorization]\npkce = \"none\"",
    );

    let url = url(&manifest);

    let parameters = parameters(&url);
    assert!(!parameters.contains_key("code_challenge"));
    assert!(!parameters.contains_key("code_challenge_method"));
}

#[test]
fn states_and_verifiers_are_256_fresh_bits_in_base64url() {
    let states = (0..100).map(|_| new_state().expose().to_owned());
    let verifiers = (0..100).map(|_| new_code_verifier().expose().to_owned());

    let values: HashSet<String> = states.chain(verifiers).collect();

    assert_eq!(values.len(), 200);
    for value in values {
        assert_eq!(value.len(), 43);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert!(value.bytes().all(allowed), "{value}");
    }
}
