//! Finishing an authorization with what the provider sent the browser back with.

use std::sync::Arc;

use url::Url;
use workapi_types::{AuthorizationCode, CodeVerifier, IntegrationId};
use workapi_vault::{Exchange, ExchangeStart, StateHash};

use crate::app::authorizations::PendingAuthorization;
use crate::app::exchange::{CodeExchange, Redemption};
use crate::app::{App, Error, Outcome, return_to};

/// The parameters of an authorization response (RFC 6749 section 4.1.2, RFC 9207).
#[derive(Debug, Default)]
pub(crate) struct Callback {
    pub(crate) code: Option<AuthorizationCode>,
    pub(crate) state: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) iss: Option<String>,
    /// Whether any of them came more than once.
    pub(crate) malformed: bool,
}

/// How an authorization ended, and where the browser goes.
#[derive(Debug)]
pub(crate) struct Completed {
    pub(crate) outcome: Outcome,
    /// `None`: to a page of our own.
    pub(crate) redirect_to: Option<Url>,
    pub(crate) integration_id: Option<IntegrationId>,
    pub(crate) provider_display_name: Option<String>,
}

impl Completed {
    /// An end without an authorization that it would belong to.
    fn unknown(outcome: Outcome) -> Self {
        Self {
            outcome,
            redirect_to: None,
            integration_id: None,
            provider_display_name: None,
        }
    }
}

impl App {
    /// Finishes an authorization. The state is used up in every case.
    pub(crate) async fn complete(self: &Arc<Self>, callback: Callback) -> Result<Completed, Error> {
        let Some(state) = &callback.state else {
            let names_one = callback.code.is_some() != callback.error.is_some();
            let well_formed = names_one && !callback.malformed;
            let outcome = if well_formed {
                Outcome::InvalidState
            } else {
                Outcome::InvalidRequest
            };
            return Ok(Completed::unknown(outcome));
        };
        let hash = StateHash::of(state);
        let Some(pending) = self.authorizations.take(hash).await? else {
            let earlier = self.vault().recent_outcome(hash).await?;
            let outcome = earlier.as_deref().and_then(Outcome::parse);
            return Ok(Completed::unknown(outcome.unwrap_or(Outcome::InvalidState)));
        };
        let integration_id = pending.integration_id.clone();
        let return_to = pending.return_to.clone();
        let manifest = self.manifest(&pending.provider)?;
        let display_name = manifest.display_name.clone();
        let outcome = self.conclude(hash, pending, callback).await?;
        let redirect_to =
            return_to.map(|url| return_to::with_outcome(&url, outcome, &integration_id));
        Ok(Completed {
            outcome,
            redirect_to,
            integration_id: Some(integration_id),
            provider_display_name: Some(display_name),
        })
    }

    /// Marks the state as used, then exchanges the code if there is one to exchange.
    async fn conclude(
        self: &Arc<Self>,
        hash: StateHash,
        pending: PendingAuthorization,
        callback: Callback,
    ) -> Result<Outcome, Error> {
        let manifest = self.manifest(&pending.provider)?;
        let client = self.vault().client(pending.provider_config_id).await?;
        let exchange = Exchange {
            state_hash: hash,
            integration_id: &pending.integration_id,
            user_id: &pending.user_id,
            revocation_group: manifest.revocation_group(&client.client_id),
        };
        let grant_id = match self.vault().start_exchange(&exchange).await? {
            ExchangeStart::Fresh(grant_id) => grant_id,
            ExchangeStart::Replayed(earlier) => {
                let outcome = earlier.as_deref().and_then(Outcome::parse);
                return Ok(outcome.unwrap_or(Outcome::InvalidState));
            }
        };
        let code = match accept(manifest, callback) {
            Ok(code) => code,
            Err(refusal) => {
                self.vault().finish_exchange(hash, refusal.as_str()).await?;
                return Ok(refusal);
            }
        };
        let exchanged = self.exchange(CodeExchange {
            state_hash: hash,
            grant_id,
            integration_id: pending.integration_id,
            user_id: pending.user_id,
            environment_guid: pending.environment_guid,
            provider: pending.provider,
            media_type: pending.media_type,
            client,
            redemption: Redemption::Callback {
                code_verifier: CodeVerifier::new(pending.code_verifier),
            },
            code,
        });
        Ok(exchanged.await?.outcome)
    }
}

/// Returns the code of an answer that is in order.
fn accept(
    manifest: &workapi_providers::Manifest,
    callback: Callback,
) -> Result<AuthorizationCode, Outcome> {
    if callback.malformed {
        return Err(Outcome::InvalidRequest);
    }
    // RFC 9207 section 2.4, on error answers too: another server's word counts for nothing.
    let authorization = &manifest.authorization;
    let from_another_issuer = match (&authorization.issuer, &callback.iss) {
        (Some(expected), Some(iss)) => expected != iss,
        (_, None) => authorization.iss_required,
        (None, Some(_)) => false,
    };
    if from_another_issuer {
        return Err(Outcome::IssuerMismatch);
    }
    match (callback.code, callback.error.as_deref()) {
        (Some(code), None) => Ok(code),
        (None, Some("access_denied")) => Err(Outcome::AccessDenied),
        (None, Some("temporarily_unavailable" | "server_error")) => {
            Err(Outcome::ProviderUnavailable)
        }
        (None, Some(_)) => Err(Outcome::ProviderError),
        (Some(_), Some(_)) | (None, None) => Err(Outcome::InvalidRequest),
    }
}
