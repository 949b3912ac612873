//! Exchanging codes and refresh tokens at the token endpoint (RFC 6749 sections
//! 4.1.3 and 6).

use std::borrow::Cow;
use std::time::{Duration, Instant};

use oauth2::{PkceCodeVerifier, RedirectUrl};
use url::Url;
use workapi_providers::{Manifest, MobileRedirect, Pkce};
use workapi_types::{AuthorizationCode, ClientSecret, CodeVerifier, RefreshToken};

use crate::answer::TokenAnswer;
use crate::classify::blames_client;
use crate::client::Client;
use crate::error::TokenError;
use crate::protocol::{Transport, protocol_client, token_answer, token_error};
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
