//! Checking ID tokens (`OpenID` Connect Core section 3.1.3.7, RFC 8725).

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};
use serde_json::{Map, Value};
use workapi_providers::IdTokenIssuer;
use workapi_types::IdToken;

use crate::account::AccountError;
use crate::client::Client;

const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
/// No honest ID token is longer.
const MAX_LENGTH: usize = 16 * 1024;
/// How far the issuer's clock may be from ours, in seconds.
const LEEWAY_SECONDS: u64 = 60;

/// What is wrong with an ID token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdTokenFault {
    /// It is not a JWT, or a claim has the wrong type or is missing.
    #[error("it is malformed")]
    Malformed,
    /// Its header names an algorithm or an extension that is not accepted.
    #[error("its algorithm is not accepted")]
    Algorithm,
    /// The issuer has no key of that id and kind.
    #[error("its key is not one of the issuer's")]
    UnknownKey,
    /// The signature is not the issuer's.
    #[error("its signature is wrong")]
    Signature,
    /// It was issued by somebody else.
    #[error("its issuer is another")]
    Issuer,
    /// It was issued for somebody else.
    #[error("its audience is another")]
    Audience,
    /// It is about somebody else.
    #[error("its subject is another")]
    Subject,
    /// It is expired or not valid yet.
    #[error("it is not valid now")]
    Time,
}

impl Client {
    /// Returns the claims of an ID token that `issuer` made for `client_id`.
    pub(crate) async fn verify_id_token(
        &self,
        token: &IdToken,
        issuer: &IdTokenIssuer,
        client_id: &str,
    ) -> Result<Map<String, Value>, AccountError> {
        let IdTokenIssuer { issuer, jwks } = issuer;
        let token = token.expose();
        let header = header(token)?;
        let key = self
            .keys
            .find(&self.http, jwks, header.kid.as_deref(), header.alg)
            .await
            .map_err(|_| AccountError::KeysUnavailable)?
            .ok_or(IdTokenFault::UnknownKey)?;

        let mut validation = Validation::new(header.alg);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[client_id]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        let claims: Map<String, Value> = decode(token, &key, &validation)
            .map_err(|error| fault(error.kind()))?
            .claims;
        // A list of audiences is for others as well, and a list of issuers is none.
        if !claims.get("aud").is_some_and(|aud| is_only(aud, client_id)) {
            return Err(IdTokenFault::Audience.into());
        }
        if !claims.get("iss").is_some_and(|iss| iss == issuer) {
            return Err(IdTokenFault::Issuer.into());
        }
        Ok(claims)
    }
}

fn header(token: &str) -> Result<Header, IdTokenFault> {
    if token.len() > MAX_LENGTH {
        return Err(IdTokenFault::Malformed);
    }
    // An algorithm that the library does not know fails here too.
    let header = decode_header(token).map_err(|_| IdTokenFault::Malformed)?;
    if !ALGORITHMS.contains(&header.alg) || header.crit.is_some() {
        return Err(IdTokenFault::Algorithm);
    }
    Ok(header)
}

fn is_only(audience: &Value, client_id: &str) -> bool {
    match audience {
        Value::String(one) => one == client_id,
        Value::Array(list) => matches!(list.as_slice(), [one] if one == client_id),
        _ => false,
    }
}

fn fault(kind: &ErrorKind) -> IdTokenFault {
    match kind {
        ErrorKind::InvalidSignature => IdTokenFault::Signature,
        ErrorKind::InvalidAlgorithm => IdTokenFault::Algorithm,
        ErrorKind::InvalidIssuer => IdTokenFault::Issuer,
        ErrorKind::InvalidAudience => IdTokenFault::Audience,
        ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => IdTokenFault::Time,
        _ => IdTokenFault::Malformed,
    }
}
