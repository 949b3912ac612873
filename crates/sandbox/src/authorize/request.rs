//! Checking an authorization request (RFC 6749 section 4.1.1, RFC 7636).

use time::OffsetDateTime;

use super::Rejection;
use super::redirect::Redirect;
use crate::accounts::Account;
use crate::app::App;
use crate::clients::Client;
use crate::ledger::{PendingGrant, RedirectUri};
use crate::parameters::Parameters;
use crate::pkce::Challenge;
use crate::refusal::Refusal;
use crate::scope::Scope;

/// An authorization request that an account may grant.
pub(super) struct AuthorizationRequest {
    pub(super) client_id: String,
    pub(super) redirect: Redirect,
    pub(super) scope: Scope,
    challenge: Option<Challenge>,
    nonce: Option<String>,
    offline: bool,
}

/// Returns the parameters that the consent page sends again with the decision.
pub(super) fn carried(parameters: &Parameters) -> Vec<(&'static str, &str)> {
    const NAMES: [&str; 9] = [
        "client_id",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
        "nonce",
        "access_type",
        "code_challenge",
        "code_challenge_method",
    ];
    NAMES
        .into_iter()
        .filter_map(|name| Some((name, parameters.get(name)?)))
        .collect()
}

impl AuthorizationRequest {
    /// Checks the parameters, whether they come from the client or back from
    /// the consent page.
    pub(super) fn check(app: &App, parameters: &Parameters) -> Result<Self, Rejection> {
        let client_id = parameters.require("client_id", "client_id is missing")?;
        let client = app
            .store
            .read(|ledger| ledger.client(client_id).cloned())
            .ok_or(Rejection::Page(
                "no client is registered with this client_id",
            ))?;
        let uri = parameters.require("redirect_uri", "redirect_uri is missing")?;
        if !client.redirect_uris.iter().any(|known| known == uri) {
            return Err(Rejection::Page(
                "redirect_uri is not registered for this client",
            ));
        }
        let redirect = Redirect {
            uri: uri.to_owned(),
            state: parameters.get("state").map(str::to_owned),
            issuer: app.issuer.clone(),
        };
        // From here on the client is told (RFC 6749 section 4.1.2.1).
        Self::check_terms(&client, &redirect, parameters)
            .map_err(|refusal| Rejection::Back(Box::new(redirect), refusal))
    }

    fn check_terms(
        client: &Client,
        redirect: &Redirect,
        parameters: &Parameters,
    ) -> Result<Self, Refusal> {
        if parameters.require("response_type", "response_type is missing")? != "code" {
            return Err(Refusal::UnsupportedResponseType);
        }
        let scope = Scope::parse(parameters.get("scope").unwrap_or_default())?;
        let google_offline = parameters.get("access_type") == Some("offline");
        Ok(Self {
            client_id: client.client_id.clone(),
            redirect: redirect.clone(),
            challenge: challenge(client, parameters)?,
            nonce: parameters.get("nonce").map(str::to_owned),
            offline: google_offline || scope.has("offline_access"),
            scope,
        })
    }

    /// Turns the request into what the account grants.
    pub(super) fn granted_by(self, account: Account, now: OffsetDateTime) -> PendingGrant {
        PendingGrant {
            client_id: self.client_id,
            account,
            scope: self.scope,
            redirect_uri: RedirectUri::Exactly(self.redirect.uri),
            challenge: self.challenge,
            nonce: self.nonce,
            offline: self.offline,
            issued_at: now,
        }
    }
}

fn challenge(client: &Client, parameters: &Parameters) -> Result<Option<Challenge>, Refusal> {
    let Some(text) = parameters.get("code_challenge") else {
        return if client.require_pkce {
            Err(Refusal::InvalidRequest("code_challenge is missing"))
        } else {
            Ok(None)
        };
    };
    // An absent method means `plain` (RFC 7636 section 4.3).
    if parameters.get("code_challenge_method") != Some("S256") {
        return Err(Refusal::InvalidRequest(
            "code_challenge_method must be S256",
        ));
    }
    let malformed = Refusal::InvalidRequest("code_challenge is no base64url SHA-256 hash");
    Challenge::parse(text).ok_or(malformed).map(Some)
}
