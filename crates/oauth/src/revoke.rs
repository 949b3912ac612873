//! Giving tokens back (RFC 7009).

use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Map, Value};
use url::form_urlencoded;
use workapi_providers::{Action, BodyFormat, Cause, ClientAuth, Manifest};
use workapi_types::{AccessToken, ClientSecret, RefreshToken};

use crate::classify::{Classification, meaning};
use crate::client::Client;
use crate::error::{ErrorCode, TransportError};
use crate::refusal::{Refusal, members};
use crate::secrets::SecretsInOrder;

/// What is needed to revoke a token.
#[derive(Clone, Debug)]
pub struct RevokeRequest<'a> {
    /// The provider.
    pub manifest: &'a Manifest,
    /// Our client at the provider, the one that the token belongs to.
    pub client_id: &'a str,
    /// Its secrets in the order in which they are tried; none for a public client.
    pub client_secrets: &'a [ClientSecret],
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
    /// Revokes a token. Revoking one that is already invalid is a success. A client
    /// secret that the provider refuses is followed by the next one.
    #[tracing::instrument(
        name = "oauth.revoke",
        skip_all,
        fields(provider = %request.manifest.name)
    )]
    pub async fn revoke(&self, request: RevokeRequest<'_>) -> Result<Revoked, RevokeError> {
        let Some(revocation) = &request.manifest.revocation else {
            return Err(RevokeError::Unsupported);
        };
        let (manifest, deadline) = (request.manifest, request.deadline);
        let mut secrets = SecretsInOrder::new(manifest, request.client_secrets, deadline);
        loop {
            let call = self.http.post(&revocation.endpoint);
            let call = authenticated(call, &request, secrets.current());
            let answer = self.http.send(call.build(), secrets.time_left()).await?;
            let refusal = Refusal::of(&answer, members(&answer).as_ref());
            let blames_client = refusal
                .as_ref()
                .is_some_and(|refusal| means(manifest, refusal).cause == Cause::OperatorConfig);
            if !blames_client || !secrets.advance() {
                return outcome(manifest, refusal);
            }
        }
    }
}

/// Adds the client's authentication (RFC 6749 section 2.3.1) and the body, in the format of the
/// token endpoint.
fn authenticated(
    call: RequestBuilder,
    request: &RevokeRequest<'_>,
    secret: Option<&ClientSecret>,
) -> RequestBuilder {
    let mut form = vec![
        ("token", request.token.expose()),
        ("token_type_hint", request.token.type_hint()),
    ];
    let secret = secret.map(ClientSecret::expose);
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
    match request.manifest.token.body {
        BodyFormat::Form => call.form(&form),
        BodyFormat::Json => {
            let members: Map<_, _> = form
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect();
            call.header(CONTENT_TYPE, "application/json")
                .body(Value::Object(members).to_string())
        }
    }
}

fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn means(manifest: &Manifest, refusal: &Refusal) -> Classification {
    let (error, subtype) = (refusal.error.as_ref(), refusal.subtype.as_ref());
    meaning(manifest, refusal.status, error, subtype)
}

fn outcome(manifest: &Manifest, refusal: Option<Refusal>) -> Result<Revoked, RevokeError> {
    let Some(refusal) = refusal else {
        return Ok(Revoked::Accepted);
    };
    let Refusal { status, error, .. } = &refusal;
    match (status, error.as_ref().map(ErrorCode::as_str)) {
        // RFC 7009 wants 200 for a token that is not valid; Google answers this.
        (400, Some("invalid_token")) => Ok(Revoked::AlreadyInvalid),
        // Slack says everything with 200, so that only the code tells.
        (200..300, _) => match means(manifest, &refusal).action {
            Action::Reconnect => Ok(Revoked::AlreadyInvalid),
            Action::Wait => Err(unavailable(&refusal)),
            Action::None | Action::Operator => Err(refused(refusal)),
        },
        (408 | 425 | 429, _) => Err(unavailable(&refusal)),
        (400..500, _) => Err(refused(refusal)),
        _ => Err(unavailable(&refusal)),
    }
}

fn refused(refusal: Refusal) -> RevokeError {
    RevokeError::Refused {
        status: refusal.status,
        error: refusal.error,
    }
}

fn unavailable(refusal: &Refusal) -> RevokeError {
    RevokeError::Unavailable {
        status: refusal.status,
        retry_after: refusal.retry_after,
    }
}
