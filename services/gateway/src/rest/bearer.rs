//! Extracts who is asking: the bearer token of a request, checked as far as the gateway can.

use axum::extract::FromRequestParts;
use http::header;
use http::request::Parts;
use jsonwebtoken::Algorithm;
use workapi_runtime::Deadline;

use super::Gateway;
use super::error::Error;
use crate::upstream::Call;

/// The size of the longest token that is looked at, in bytes (interfaces section 6).
const LONGEST_TOKEN: usize = 8 * 1024;

/// A caller with a valid user token.
pub(crate) struct UserToken(pub(crate) Call);

/// A caller with what looks like an APT; only the owner of the environments can verify it
/// (contract section 1.2).
pub(crate) struct Apt(pub(crate) Call);

/// A caller with either (contract section 2.1, `DELETE /users/me`).
pub(crate) struct UserTokenOrApt(pub(crate) Call);

impl FromRequestParts<Gateway> for UserToken {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Error> {
        let token = token(parts)?;
        gateway.user_tokens.verify(token).await?;
        Ok(Self(call(parts, token)?))
    }
}

impl FromRequestParts<Gateway> for Apt {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &Gateway) -> Result<Self, Error> {
        let token = token(parts)?;
        if is_apt(token) {
            Ok(Self(call(parts, token)?))
        } else {
            Err(refused("not an account provider token").into())
        }
    }
}

impl FromRequestParts<Gateway> for UserTokenOrApt {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Error> {
        let token = token(parts)?;
        if !is_apt(token) {
            gateway.user_tokens.verify(token).await?;
        }
        Ok(Self(call(parts, token)?))
    }
}

/// Returns the bearer token of a request. Only the header counts (RFC 6750 section 2.1).
fn token(parts: &Parts) -> Result<&str, Error> {
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    let token = values
        .next()
        .and_then(|value| value.to_str().ok()?.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty())
        .ok_or_else(Error::no_bearer)?;
    if values.next().is_some() {
        return Err(refused("there is more than one").into());
    }
    if token.len() > LONGEST_TOKEN {
        return Err(refused("it is too long").into());
    }
    Ok(token)
}

fn is_apt(token: &str) -> bool {
    jsonwebtoken::decode_header(token).is_ok_and(|header| header.alg == Algorithm::RS256)
}

fn call(parts: &Parts, token: &str) -> Result<Call, Error> {
    let deadline = parts.extensions.get::<Deadline>().copied();
    let deadline = deadline.ok_or_else(workapi_errors::Error::internal)?;
    let call = Call::with_bearer(token, deadline);
    call.ok_or_else(|| refused("not a token").into())
}

fn refused(reason: &str) -> workapi_errors::Error {
    workapi_errors::Error::invalid_token(reason)
}
