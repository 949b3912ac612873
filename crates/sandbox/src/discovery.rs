//! The discovery document and the key set.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jsonwebtoken::jwk::JwkSet;
use serde_json::{Value, json};

use crate::app::App;

/// Answers the metadata of OpenID Connect Discovery and RFC 8414.
pub(crate) async fn metadata(State(app): State<Arc<App>>) -> Json<Value> {
    let client_authentication = ["client_secret_basic", "client_secret_post", "none"];
    Json(json!({
        "issuer": app.issuer,
        "authorization_endpoint": app.url("/authorize"),
        "token_endpoint": app.url("/token"),
        "userinfo_endpoint": app.url("/userinfo"),
        "revocation_endpoint": app.url("/revoke"),
        "jwks_uri": app.url("/jwks"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "scopes_supported": ["openid", "email", "offline_access"],
        "claims_supported": ["iss", "aud", "sub", "email", "email_verified", "iat", "exp", "nonce"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": client_authentication,
        "revocation_endpoint_auth_methods_supported": client_authentication,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

/// Answers the public keys of ID tokens.
pub(crate) async fn keys(State(app): State<Arc<App>>) -> Json<JwkSet> {
    Json(app.signing_key.key_set())
}
