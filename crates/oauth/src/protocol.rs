//! The `oauth2` crate, bent to how providers want to be spoken to, and how they answer.

use std::fmt;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use http::header::{CONTENT_TYPE, HeaderValue};
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, EndpointNotSet, EndpointSet, ExtraTokenFields,
    HttpRequest, HttpResponse, RequestTokenError, StandardRevocableToken, StandardTokenResponse,
    TokenResponse as _, TokenUrl,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::form_urlencoded;
use workapi_providers::{BodyFormat, ClientAuth, Manifest};
use workapi_types::{AccessToken, ClientSecret, IdToken, RefreshToken};

use crate::answer::{TokenAnswer, normalise};
use crate::client::Client;
use crate::error::TokenError;

/// Sends what the `oauth2` crate made, in the provider's format, and gives back what that crate
/// understands.
///
/// A type and not a closure, because the future of a closure that borrows is not known to be
/// `Send`, and an exchange runs in a task of its own.
pub(crate) struct Transport<'a> {
    pub(crate) client: &'a Client,
    pub(crate) manifest: &'a Manifest,
    pub(crate) deadline: Duration,
}

impl<'a> AsyncHttpClient<'a> for Transport<'_> {
    type Error = TokenError;
    type Future = BoxFuture<'a, Result<HttpResponse, TokenError>>;

    fn call(&'a self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let request = match self.manifest.token.body {
                BodyFormat::Form => request,
                BodyFormat::Json => with_json_body(request),
            };
            let answer = self
                .client
                .http
                .send(request.try_into(), self.deadline)
                .await?;
            normalise(&answer, self.manifest).map(HttpResponse::new)
        })
    }
}

pub(crate) type Response = StandardTokenResponse<ExtraMembers, BasicTokenType>;
pub(crate) type ProtocolClient = oauth2::Client<
    BasicErrorResponse,
    Response,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Members of the answer that RFC 6749 does not have.
#[derive(Serialize, Deserialize)]
pub(crate) struct ExtraMembers {
    id_token: Option<String>,
    refresh_token_expires_in: Option<u64>,
}

impl ExtraTokenFields for ExtraMembers {}

impl fmt::Debug for ExtraMembers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExtraMembers(..)")
    }
}

pub(crate) fn protocol_client(
    manifest: &Manifest,
    client_id: &str,
    client_secret: Option<&ClientSecret>,
) -> ProtocolClient {
    let mut client = oauth2::Client::new(ClientId::new(client_id.to_owned()))
        .set_token_uri(TokenUrl::from_url(manifest.token.endpoint.clone()));
    let secret = client_secret.map(|secret| oauth2::ClientSecret::new(secret.expose().to_owned()));
    match (manifest.token.client_auth, secret) {
        (ClientAuth::None, _) | (_, None) => {}
        (ClientAuth::Post, Some(secret)) => {
            client = client
                .set_auth_type(AuthType::RequestBody)
                .set_client_secret(secret);
        }
        (ClientAuth::Basic, Some(secret)) => {
            client = client
                .set_auth_type(AuthType::BasicAuth)
                .set_client_secret(secret);
        }
    }
    client
}

/// Rewrites a form as a JSON object with the same members.
fn with_json_body(request: HttpRequest) -> HttpRequest {
    let (mut parts, form) = request.into_parts();
    let members: Map<String, Value> = form_urlencoded::parse(&form)
        .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
        .collect();
    let json = HeaderValue::from_static("application/json");
    parts.headers.insert(CONTENT_TYPE, json);
    HttpRequest::from_parts(parts, Value::Object(members).to_string().into_bytes())
}

/// Keeps our own errors; those of the `oauth2` crate may quote the answer's body.
pub(crate) fn token_error(error: RequestTokenError<TokenError, BasicErrorResponse>) -> TokenError {
    match error {
        RequestTokenError::Request(error) => error,
        _ => TokenError::Malformed("its members have other types than expected"),
    }
}

pub(crate) fn token_answer(answer: &Response, asked_at: Instant) -> TokenAnswer {
    let extra = answer.extra_fields();
    TokenAnswer {
        access_token: AccessToken::new(answer.access_token().secret()),
        refresh_token: answer
            .refresh_token()
            .map(|token| RefreshToken::new(token.secret())),
        expires_in: answer.expires_in(),
        refresh_token_expires_in: extra.refresh_token_expires_in.map(Duration::from_secs),
        scope: answer
            .scopes()
            .map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect()),
        id_token: extra.id_token.as_deref().map(IdToken::new),
        asked_at,
        received_at: Instant::now(),
    }
}
