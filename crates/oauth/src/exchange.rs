//! Exchanging codes and refresh tokens at the token endpoint (RFC 6749 sections
//! 4.1.3 and 6).

use std::borrow::Cow;
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
    HttpRequest, HttpResponse, PkceCodeVerifier, RedirectUrl, RequestTokenError,
    StandardRevocableToken, StandardTokenResponse, TokenResponse as _, TokenUrl,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};
use workapi_providers::{BodyFormat, ClientAuth, Manifest, MobileRedirect, Pkce};
use workapi_types::{
    AccessToken, AuthorizationCode, ClientSecret, CodeVerifier, IdToken, RefreshToken,
};

use crate::answer::{TokenAnswer, normalise};
use crate::classify::blames_client;
use crate::client::Client;
use crate::error::TokenError;
use crate::secrets::SecretsInOrder;

/// What is needed to exchange an authorization code.
#[derive(Clone, Debug)]
pub struct ExchangeRequest<'a> {
    /// The provider.
    pub manifest: &'a Manifest,
    /// Our client at the provider.
    pub client_id: &'a str,
    /// Its secrets in the order in which they are tried; none for a public client.
    pub client_secrets: &'a [ClientSecret],
    /// The code.
    pub code: &'a AuthorizationCode,
    /// The same that the authorization request had.
    pub redirect_uri: RedirectUri,
    /// The verifier whose challenge the authorization request had; `None` for a
    /// code that came without one.
    pub verifier: Option<&'a CodeVerifier>,
    /// The longest that the whole exchange may take.
    pub deadline: Duration,
}

/// What is needed to refresh an access token.
#[derive(Clone, Debug)]
pub struct RefreshRequest<'a> {
    /// The provider.
    pub manifest: &'a Manifest,
    /// Our client at the provider, the one that the refresh token belongs to.
    pub client_id: &'a str,
    /// Its secrets in the order in which they are tried; none for a public client.
    pub client_secrets: &'a [ClientSecret],
    /// The refresh token.
    pub refresh_token: &'a RefreshToken,
    /// The longest that the whole exchange may take.
    pub deadline: Duration,
}

/// The `redirect_uri` of a token request.
#[derive(Clone, Debug)]
pub enum RedirectUri {
    /// The one that the browser came back to.
    Exact(Url),
    /// The parameter with an empty value.
    Empty,
    /// No such parameter.
    Omit,
    /// The word `postmessage`.
    Postmessage,
}

impl From<MobileRedirect> for RedirectUri {
    fn from(redirect: MobileRedirect) -> Self {
        match redirect {
            MobileRedirect::Empty => Self::Empty,
            MobileRedirect::Omit => Self::Omit,
            MobileRedirect::Postmessage => Self::Postmessage,
        }
    }
}

impl Client {
    /// Exchanges an authorization code for tokens.
    ///
    /// A client secret that the provider refuses is followed by the next one. The client is
    /// authenticated before the code is looked at (RFC 6749 section 4.1.3), so the code is
    /// still good then; where a provider spends it all the same, nothing is lost that the
    /// wrong secret had not lost.
    ///
    /// # Errors
    /// After any error but a clear refusal the code may be spent, see
    /// [`TokenError::may_have_taken_effect`].
    #[tracing::instrument(
        name = "oauth.exchange_code",
        skip_all,
        fields(provider = %request.manifest.name)
    )]
    pub async fn exchange_code(
        &self,
        request: ExchangeRequest<'_>,
    ) -> Result<TokenAnswer, TokenError> {
        let (manifest, deadline) = (request.manifest, request.deadline);
        let mut secrets = SecretsInOrder::new(manifest, request.client_secrets, deadline);
        loop {
            let answer = self.exchange_code_with(&request, &secrets).await;
            if !is_refused(manifest, &answer) || !secrets.advance() {
                return answer;
            }
        }
    }

    async fn exchange_code_with(
        &self,
        request: &ExchangeRequest<'_>,
        secrets: &SecretsInOrder<'_>,
    ) -> Result<TokenAnswer, TokenError> {
        let manifest = request.manifest;
        let client = protocol_client(manifest, request.client_id, secrets.current());
        let code = oauth2::AuthorizationCode::new(request.code.expose().to_owned());
        let mut exchange = client.exchange_code(code);
        exchange = match &request.redirect_uri {
            RedirectUri::Exact(url) => {
                exchange.set_redirect_uri(Cow::Owned(RedirectUrl::from_url(url.clone())))
            }
            RedirectUri::Empty => exchange.add_extra_param("redirect_uri", ""),
            RedirectUri::Omit => exchange,
            RedirectUri::Postmessage => exchange.add_extra_param("redirect_uri", "postmessage"),
        };
        if let (Pkce::S256, Some(verifier)) = (manifest.authorization.pkce, request.verifier) {
            let verifier = PkceCodeVerifier::new(verifier.expose().to_owned());
            exchange = exchange.set_pkce_verifier(verifier);
        }

        let transport = Transport {
            client: self,
            manifest,
            deadline: secrets.time_left(),
        };
        let asked_at = Instant::now();
        let answer = exchange
            .request_async(&transport)
            .await
            .map_err(token_error)?;
        Ok(token_answer(&answer, asked_at))
    }

    /// Exchanges a refresh token for a new access token.
    ///
    /// No scope is sent: the answer's are those of the grant. A client secret that the
    /// provider refuses is followed by the next one, because the client is authenticated
    /// before the token is looked at (RFC 6749 section 6).
    ///
    /// # Errors
    /// After any error but a clear refusal the refresh token may be spent, see
    /// [`TokenError::may_have_taken_effect`].
    #[tracing::instrument(
        name = "oauth.refresh",
        skip_all,
        fields(provider = %request.manifest.name)
    )]
    pub async fn refresh(&self, request: RefreshRequest<'_>) -> Result<TokenAnswer, TokenError> {
        let (manifest, deadline) = (request.manifest, request.deadline);
        let mut secrets = SecretsInOrder::new(manifest, request.client_secrets, deadline);
        loop {
            let answer = self.refresh_with(&request, &secrets).await;
            if !is_refused(manifest, &answer) || !secrets.advance() {
                return answer;
            }
        }
    }

    async fn refresh_with(
        &self,
        request: &RefreshRequest<'_>,
        secrets: &SecretsInOrder<'_>,
    ) -> Result<TokenAnswer, TokenError> {
        let manifest = request.manifest;
        let client = protocol_client(manifest, request.client_id, secrets.current());
        let token = oauth2::RefreshToken::new(request.refresh_token.expose().to_owned());

        let transport = Transport {
            client: self,
            manifest,
            deadline: secrets.time_left(),
        };
        let asked_at = Instant::now();
        let answer = client
            .exchange_refresh_token(&token)
            .request_async(&transport)
            .await
            .map_err(token_error)?;
        Ok(token_answer(&answer, asked_at))
    }
}

/// Tells whether the provider refused the client secret, rather than anything else.
fn is_refused(manifest: &Manifest, answer: &Result<TokenAnswer, TokenError>) -> bool {
    answer
        .as_ref()
        .is_err_and(|error| blames_client(manifest, error))
}

/// Sends what the `oauth2` crate made, in the provider's format, and gives back what that crate
/// understands.
///
/// A type and not a closure, because the future of a closure that borrows is not known to be
/// `Send`, and an exchange runs in a task of its own.
struct Transport<'a> {
    client: &'a Client,
    manifest: &'a Manifest,
    deadline: Duration,
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

type Response = StandardTokenResponse<ExtraMembers, BasicTokenType>;
type ProtocolClient = oauth2::Client<
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
struct ExtraMembers {
    id_token: Option<String>,
    refresh_token_expires_in: Option<u64>,
}

impl ExtraTokenFields for ExtraMembers {}

impl fmt::Debug for ExtraMembers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExtraMembers(..)")
    }
}

fn protocol_client(
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
fn token_error(error: RequestTokenError<TokenError, BasicErrorResponse>) -> TokenError {
    match error {
        RequestTokenError::Request(error) => error,
        _ => TokenError::Malformed("its members have other types than expected"),
    }
}

fn token_answer(answer: &Response, asked_at: Instant) -> TokenAnswer {
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
