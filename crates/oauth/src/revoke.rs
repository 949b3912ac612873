//! Giving tokens back (RFC 7009).

use std::time::Duration;

use reqwest::RequestBuilder;
use url::form_urlencoded;
use workapi_providers::{ClientAuth, Manifest};
use workapi_types::{AccessToken, ClientSecret, RefreshToken};

use crate::answer::error_code;
use crate::client::Client;
use crate::error::{ErrorCode, TransportError};
use crate::http_client::Answer;

/// What is needed to revoke a token.
#[derive(Clone, Debug)]
pub struct RevokeRequest<'a> {
    /// The provider.
    pub manifest: &'a Manifest,
    /// Our client at the provider, the one that the token belongs to.
    pub client_id: &'a str,
    /// Its secret, unless it is a public client.
    pub client_secret: Option<&'a ClientSecret>,
    /// The token; the manifest says which of the two is wanted.
    pub token: RevocableToken<'a>,
    /// The longest that the whole request may take.
    pub deadline: Duration,
}

/// A token that can be revoked.
#[derive(Clone, Copy, Debug)]
pub enum RevocableToken<'a> {
    /// A refresh token.
    Refresh(&'a RefreshToken),
    /// An access token.
    Access(&'a AccessToken),
}

impl RevocableToken<'_> {
    fn expose(&self) -> &str {
        match self {
            Self::Refresh(token) => token.expose(),
            Self::Access(token) => token.expose(),
        }
    }

    fn type_hint(&self) -> &'static str {
        match self {
            Self::Refresh(_) => "refresh_token",
            Self::Access(_) => "access_token",
        }
    }
}

/// A token that is not valid any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// The provider accepted the revocation.
    Accepted,
    /// The provider says that the token was already invalid.
    AlreadyInvalid,
}

/// Why a token may still be valid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// The manifest says that the provider revokes nothing.
    #[error("the provider has no way to revoke a token")]
    Unsupported,
    /// The provider refused, and would again.
    #[error(
        "the revocation endpoint answered status {status}, error `{}`",
        error.as_ref().map_or("none", ErrorCode::as_str)
    )]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The `error` member of the answer, if it has one that is a code.
        error: Option<ErrorCode>,
    },
    /// The provider can't do it now.
    #[error("the revocation endpoint answered status {status}")]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// How long the provider asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// There was no complete answer.
    #[error("the exchange with the revocation endpoint failed")]
    Transport(#[from] TransportError),
}

impl RevokeError {
    /// Tells whether trying again later may succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Transport(_))
    }

    /// Returns how long the provider asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl Client {
    /// Revokes a token. Revoking one that is already invalid is a success.
    #[tracing::instrument(
        name = "oauth.revoke",
        skip_all,
        fields(provider = %request.manifest.name)
    )]
    pub async fn revoke(&self, request: RevokeRequest<'_>) -> Result<Revoked, RevokeError> {
        let Some(revocation) = &request.manifest.revocation else {
            return Err(RevokeError::Unsupported);
        };
        let call = authenticated(self.http.post(&revocation.endpoint), &request);
        let answer = self.http.send(call.build(), request.deadline).await?;
        outcome(&answer)
    }
}

/// Adds the form and the client's authentication (RFC 6749 section 2.3.1).
fn authenticated(call: RequestBuilder, request: &RevokeRequest<'_>) -> RequestBuilder {
    let mut form = vec![
        ("token", request.token.expose()),
        ("token_type_hint", request.token.type_hint()),
    ];
    let secret = request.client_secret.map(ClientSecret::expose);
    let call = match (request.manifest.token.client_auth, secret) {
        (ClientAuth::Basic, Some(secret)) => {
            call.basic_auth(form_encoded(request.client_id), Some(form_encoded(secret)))
        }
        (ClientAuth::Post, Some(secret)) => {
            form.extend([("client_id", request.client_id), ("client_secret", secret)]);
            call
        }
        (ClientAuth::None, _) | (_, None) => {
            form.push(("client_id", request.client_id));
            call
        }
    };
    call.form(&form)
}

fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn outcome(answer: &Answer) -> Result<Revoked, RevokeError> {
    let error = serde_json::from_slice(&answer.body)
        .ok()
        .and_then(|members| error_code(&members));
    match answer.status {
        200..300 => Ok(Revoked::Accepted),
        // RFC 7009 wants 200 for a token that is not valid; Google answers this.
        400 if error.as_ref().map(ErrorCode::as_str) == Some("invalid_token") => {
            Ok(Revoked::AlreadyInvalid)
        }
        408 | 425 | 429 => Err(unavailable(answer)),
        status @ 400..500 => Err(RevokeError::Refused { status, error }),
        _ => Err(unavailable(answer)),
    }
}

fn unavailable(answer: &Answer) -> RevokeError {
    RevokeError::Unavailable {
        status: answer.status,
        retry_after: answer.retry_after,
    }
}
