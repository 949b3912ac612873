//! The authorization request (RFC 6749 section 4.1.1, RFC 7636).

use oauth2::basic::BasicClient;
use oauth2::{
    AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
};
use url::Url;
use workapi_providers::{Manifest, Pkce};
use workapi_types::{AuthorizationState, CodeVerifier, Scopes};

/// Bytes of randomness in a state: 256 bits.
const STATE_BYTES: u32 = 32;

/// What the provider is asked when the user is sent there.
#[derive(Clone, Copy, Debug)]
pub struct AuthorizationRequest<'a> {
    /// The provider.
    pub manifest: &'a Manifest,
    /// Our client at the provider.
    pub client_id: &'a str,
    /// Where the browser comes back; the token request must repeat it exactly.
    pub redirect_uri: &'a Url,
    /// What the user is asked to allow.
    pub scopes: &'a Scopes,
    /// What ties the callback to this request.
    pub state: &'a AuthorizationState,
    /// What ties the code to this request. Its hash is sent, unless the
    /// manifest says that the provider rejects it.
    pub verifier: &'a CodeVerifier,
}

/// Makes a new state: 256 random bits in base64url.
pub fn new_state() -> AuthorizationState {
    AuthorizationState::new(CsrfToken::new_random_len(STATE_BYTES).into_secret())
}

/// Makes a new code verifier: 256 random bits in base64url (RFC 7636 section 4.1).
pub fn new_code_verifier() -> CodeVerifier {
    let (_, verifier) = PkceCodeChallenge::new_random_sha256();
    CodeVerifier::new(verifier.into_secret())
}

/// Returns the URL that the user's browser is sent to.
///
/// # Panics
/// If the verifier has not the 43 to 128 characters that RFC 7636 asks for; one
/// of [`new_code_verifier`] always has.
pub fn authorization_url(request: &AuthorizationRequest<'_>) -> Url {
    let authorization = &request.manifest.authorization;
    let client = BasicClient::new(ClientId::new(request.client_id.to_owned()))
        .set_auth_uri(AuthUrl::from_url(authorization.endpoint.clone()))
        .set_redirect_uri(RedirectUrl::from_url(request.redirect_uri.clone()));

    let state = CsrfToken::new(request.state.expose().to_owned());
    let mut asked = client.authorize_url(|| state).add_scopes(
        request
            .scopes
            .iter()
            .map(|scope| Scope::new(scope.to_owned())),
    );
    if authorization.pkce == Pkce::S256 {
        let verifier = PkceCodeVerifier::new(request.verifier.expose().to_owned());
        asked = asked.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
    }
    for (name, value) in &authorization.params {
        asked = asked.add_extra_param(name, value);
    }
    let (url, _state) = asked.url();
    url
}
