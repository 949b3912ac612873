//! The file as it is written, before its keys are checked against each other.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;
use workapi_types::{MediaType, ProviderName};

use super::secure_url::SecureUrl;
use super::validated::{Manifest, MobileRedirect};
use super::{ErrorRule, account, authorization, refresh, revocation, scopes, token};
use crate::error::KeyError;

/// A manifest file: every value has its type, but no rule about two keys was
/// checked yet.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    display_name: String,
    media_types: Vec<MediaType>,
    issuer: Option<SecureUrl>,
    endpoints: Endpoints,
    #[serde(default)]
    api: BTreeMap<MediaType, SecureUrl>,
    scopes: scopes::Table,
    #[serde(default)]
    authorization: authorization::Table,
    #[serde(default)]
    token: token::Table,
    mobile: Option<Mobile>,
    account: account::Table,
    #[serde(default)]
    revocation: revocation::Table,
    #[serde(default)]
    refresh: refresh::Table,
    #[serde(default)]
    errors: Vec<ErrorRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Endpoints {
    authorize: SecureUrl,
    token: SecureUrl,
    userinfo: Option<SecureUrl>,
    revoke: Option<SecureUrl>,
    jwks: Option<SecureUrl>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mobile {
    redirect_uri: MobileRedirect,
}

impl Document {
    /// Checks what concerns several keys.
    pub(crate) fn validate(self, name: ProviderName) -> Result<Manifest, KeyError> {
        if self.display_name.trim().is_empty() {
            return Err(KeyError::new("display_name", "must not be empty"));
        }
        if self.media_types.is_empty() {
            let reason = "must name at least one of email, event, file";
            return Err(KeyError::new("media_types", reason));
        }
        self.scopes.validate(&self.media_types)?;
        for (index, rule) in self.errors.iter().enumerate() {
            rule.validate(index)?;
        }

        let issuer = self.issuer.map(SecureUrl::into_text);
        let optional = |url: Option<SecureUrl>| -> Option<Url> { url.map(SecureUrl::into_url) };
        let jwks = optional(self.endpoints.jwks);
        let userinfo = optional(self.endpoints.userinfo);
        Ok(Manifest {
            name,
            display_name: self.display_name,
            media_types: self.media_types,
            authorization: self
                .authorization
                .validate(self.endpoints.authorize.into_url(), issuer.clone())?,
            token: self.token.validate(self.endpoints.token.into_url())?,
            mobile_redirect: self.mobile.map(|mobile| mobile.redirect_uri),
            account: self.account.validate(issuer, jwks, userinfo)?,
            revocation: self.revocation.validate(optional(self.endpoints.revoke))?,
            refresh: self.refresh.validate()?,
            errors: self.errors,
            api: self
                .api
                .into_iter()
                .map(|(media_type, url)| (media_type, url.into_url()))
                .collect(),
            scopes: self.scopes,
        })
    }
}
