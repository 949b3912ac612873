//! Registered clients and how the sandbox treats each of them.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use url::Url;

/// What happens to a refresh token when it is used (providers.md, replay
/// classes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RotationClass {
    /// No rotation: the answer has no refresh token, the old one stays.
    A,
    /// A new refresh token at each use, the old ones stay valid.
    B,
    /// A new refresh token at each use, a spent one is honoured for the grace
    /// time after its first use and refused then.
    C,
    /// Strict single use: presenting a spent one kills the whole grant.
    D,
}

/// What a revocation request kills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RevocationReach {
    /// The presented token and nothing else.
    Token,
    /// Every token of the grant.
    Grant,
    /// Every grant that the account gave to any client of the same project, as
    /// Google does: clients whose ids have the same digits before the first `-`.
    Project,
}

/// A registered client, which is also how the admin listener shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The `client_id`.
    pub client_id: String,
    /// The `client_secret`; an empty one makes a public client (RFC 6749
    /// section 2.1), which names itself without proof.
    pub client_secret: String,
    /// The redirect URIs, compared byte for byte.
    pub redirect_uris: Vec<String>,
    /// How refresh tokens rotate.
    pub rotation_class: RotationClass,
    /// The life of access tokens; with 0 they are expired when they arrive.
    pub access_token_seconds: u32,
    /// How long class C honours a spent refresh token after its first use.
    pub grace_seconds: u32,
    /// What a revocation request kills.
    pub revocation_reach: RevocationReach,
    /// Whether offline access yields a refresh token; `false` acts as a
    /// provider that leaves it out.
    pub issue_refresh_token: bool,
    /// Whether an authorization request must carry a `code_challenge`.
    pub require_pkce: bool,
}

impl Client {
    /// Makes a strict client: class D with a random secret, access tokens of an
    /// hour, PKCE required, and no redirect URI yet.
    pub fn new(client_id: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()),
            redirect_uris: Vec::new(),
            rotation_class: RotationClass::D,
            access_token_seconds: 3600,
            grace_seconds: 0,
            revocation_reach: RevocationReach::Grant,
            issue_refresh_token: true,
            require_pkce: true,
        }
    }

    pub(crate) fn access_token_lifetime(&self) -> Duration {
        Duration::from_secs(self.access_token_seconds.into())
    }

    pub(crate) fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_seconds.into())
    }

    /// Overwrites what the change mentions.
    pub(crate) fn apply(&mut self, change: ClientChange) {
        fn set<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        set(&mut self.client_secret, change.client_secret);
        set(&mut self.redirect_uris, change.redirect_uris);
        set(&mut self.rotation_class, change.rotation_class);
        set(&mut self.access_token_seconds, change.access_token_seconds);
        set(&mut self.grace_seconds, change.grace_seconds);
        set(&mut self.revocation_reach, change.revocation_reach);
        set(&mut self.issue_refresh_token, change.issue_refresh_token);
        set(&mut self.require_pkce, change.require_pkce);
    }

    /// Refuses what no authorization server could work with.
    pub(crate) fn validate(&self) -> Result<(), InvalidClient> {
        let id = &self.client_id;
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidClient::Id);
        }
        match self.redirect_uris.iter().find(|uri| !is_redirect_uri(uri)) {
            Some(uri) => Err(InvalidClient::RedirectUri(uri.clone())),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("client_id", &self.client_id)
            .field("rotation_class", &self.rotation_class)
            .finish_non_exhaustive()
    }
}

/// A change of a client; what is absent stays as it is, or takes the value of
/// [`Client::new`] when the client is new.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientChange {
    /// See [`Client::client_secret`].
    pub client_secret: Option<String>,
    /// See [`Client::redirect_uris`].
    pub redirect_uris: Option<Vec<String>>,
    /// See [`Client::rotation_class`].
    pub rotation_class: Option<RotationClass>,
    /// See [`Client::access_token_seconds`].
    pub access_token_seconds: Option<u32>,
    /// See [`Client::grace_seconds`].
    pub grace_seconds: Option<u32>,
    /// See [`Client::revocation_reach`].
    pub revocation_reach: Option<RevocationReach>,
    /// See [`Client::issue_refresh_token`].
    pub issue_refresh_token: Option<bool>,
    /// See [`Client::require_pkce`].
    pub require_pkce: Option<bool>,
}

/// Why a client cannot be registered.
#[derive(Debug, thiserror::Error)]
pub enum InvalidClient {
    /// The id has other characters than it may have.
    #[error("client_id must be one or more printable ASCII characters without spaces")]
    Id,
    /// The redirect URI is not one that RFC 6749 section 3.1.2 allows.
    #[error("redirect_uris must be absolute URIs in ASCII without a fragment, `{0}` is not")]
    RedirectUri(String),
}

fn is_redirect_uri(uri: &str) -> bool {
    uri.bytes().all(|byte| byte.is_ascii_graphic())
        && Url::parse(uri).is_ok_and(|url| url.fragment().is_none())
}

/// Returns what clients must share for a revocation with reach `project` to
/// kill the grants of both: the project number, or the id if it has none.
pub(crate) fn project(client_id: &str) -> &str {
    match client_id.split_once('-') {
        Some((number, _)) if is_project_number(number) => number,
        _ => client_id,
    }
}

fn is_project_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_one_project_share_the_leading_digits() {
        assert_eq!(project("1234-web.apps.example"), "1234");
        assert_eq!(project("1234-android"), "1234");
    }

    #[test]
    fn a_client_id_without_a_project_number_stands_for_itself() {
        for client_id in ["demo", "demo-1", "12a4-web", "-web", "1234"] {
            assert_eq!(project(client_id), client_id);
        }
    }

    #[test]
    fn a_redirect_uri_with_a_fragment_or_without_a_scheme_is_refused() {
        for uri in ["http://127.0.0.1/cb#x", "/cb", "", "http://127.0.0.1/a b"] {
            let mut client = Client::new("demo");
            client.redirect_uris = vec![uri.to_owned()];

            assert!(client.validate().is_err(), "{uri:?}");
        }
    }

    #[test]
    fn debug_output_has_no_secret() {
        let client = Client::new("demo");

        assert!(!format!("{client:?}").contains(&client.client_secret));
    }
}
