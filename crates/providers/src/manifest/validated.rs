//! The manifest that the rest of Work API sees.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;
use workapi_types::{MediaType, ProviderName, Scopes};

use super::{Account, Authorization, ErrorRule, Reach, Refresh, Revocation, TokenEndpoint, scopes};
use crate::Error;
use crate::layer::Layer;

/// Everything Work API knows about one provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Manifest {
    /// The provider's code in the API.
    pub name: ProviderName,
    /// The name for people.
    pub display_name: String,
    /// What it serves; never empty.
    pub media_types: Vec<MediaType>,
    /// The authorization request.
    pub authorization: Authorization,
    /// The token endpoint.
    pub token: TokenEndpoint,
    /// The `redirect_uri` for codes from mobile devices; `None` if it issues none.
    pub mobile_redirect: Option<MobileRedirect>,
    /// How to learn which account was connected.
    pub account: Account,
    /// How tokens are revoked; `None` if they can't be.
    pub revocation: Option<Revocation>,
    /// How refresh tokens live.
    pub refresh: Refresh,
    /// What the errors of the token endpoint mean; the first rule that matches holds.
    pub errors: Vec<ErrorRule>,
    pub(super) api: BTreeMap<MediaType, Url>,
    pub(super) scopes: scopes::Table,
}

/// The `redirect_uri` of a token request for a code from a mobile device, which
/// saw no redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MobileRedirect {
    /// The parameter with an empty value.
    Empty,
    /// No such parameter.
    Omit,
    /// The word `postmessage`.
    Postmessage,
}

impl Manifest {
    /// Reads a complete manifest from the text of its file.
    pub fn parse(name: ProviderName, text: &str) -> Result<Self, Error> {
        Layer::parse(format!("{name}.toml"), text)?.into_manifest(name)
    }

    /// Returns the scopes to ask for when a user connects this media type.
    pub fn scopes_for(&self, media_type: MediaType) -> Scopes {
        self.scopes.of(media_type)
    }

    /// Returns the base URL of the API that serves `media_type`.
    pub fn api(&self, media_type: MediaType) -> Option<&Url> {
        self.api.get(&media_type)
    }

    /// Returns the media type that a request means: the one it names, or the
    /// provider's only one if it names none (`None` or empty).
    ///
    /// # Errors
    /// The provider does not serve it, or serves several and none was named.
    pub fn media_type(&self, requested: Option<&str>) -> Result<MediaType, MediaTypeRefused> {
        let requested = requested.filter(|name| !name.is_empty());
        let chosen = match (requested, self.media_types.as_slice()) {
            (None, &[only]) => Some(only),
            (None, _) => None,
            (Some(name), served) => served.iter().copied().find(|one| one.as_str() == name),
        };
        chosen.ok_or_else(|| MediaTypeRefused {
            provider: self.name.clone(),
            allowed: list(&self.media_types),
        })
    }

    /// Returns which clients a revocation may reach: two credentials of one
    /// account are siblings if their clients have the same group.
    ///
    /// A Google client id starts with the number of its project and a `-`.
    pub fn revocation_group<'a>(&self, client_id: &'a str) -> &'a str {
        match &self.revocation {
            Some(Revocation {
                reach: Reach::Project,
                ..
            }) => client_id
                .split_once('-')
                .map_or(client_id, |(project, _)| project),
            _ => client_id,
        }
    }
}

/// A provider does not serve a media type, or it is not clear which is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the media type of the provider `{provider}` must be one of: {allowed}")]
pub struct MediaTypeRefused {
    provider: ProviderName,
    allowed: String,
}

fn list(media_types: &[MediaType]) -> String {
    let names: Vec<_> = media_types.iter().map(|one| one.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
