//! Exchanging a code for tokens and storing the grant, in a task that no caller can end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use workapi_oauth::{Account, AccountError, ExchangeRequest, RedirectUri, TokenAnswer, TokenError};
use workapi_providers::{Manifest, MobileRedirect};
use workapi_types::{
    AuthorizationCode, CodeVerifier, EnvironmentGuid, GrantId, IntegrationId, MediaType,
    ProviderName, UserId,
};
use workapi_vault::protocol::Replay;
use workapi_vault::{
    Connected, Grant, NewGrant, OAuthClient, Projection, Seen, StateHash, TokenSet, Urgency,
};

use crate::app::directory::Recorded;
use crate::app::{App, Error, Outcome};

/// The pause between two questions whose account it is.
const ACCOUNT_PAUSE: Duration = Duration::from_secs(1);
/// How long a grant that another sink has is offered to PostgreSQL.
const STORE_PATIENCE: Duration = Duration::from_mins(1);
/// How long a shutdown waits for a grant that no sink takes. A second signal ends it.
const UNTIL_KEPT: Duration = Duration::from_hours(24);

/// A code to exchange, and for whom.
pub(super) struct CodeExchange {
    pub(super) state_hash: StateHash,
    pub(super) grant_id: GrantId,
    pub(super) integration_id: IntegrationId,
    pub(super) user_id: UserId,
    pub(super) environment_guid: EnvironmentGuid,
    pub(super) provider: ProviderName,
    pub(super) media_type: MediaType,
    pub(super) client: OAuthClient,
    pub(super) redemption: Redemption,
    pub(super) code: AuthorizationCode,
}

/// How the code was obtained, which decides what has to come with it.
pub(super) enum Redemption {
    /// Through the browser.
    Callback { code_verifier: CodeVerifier },
    /// On a mobile device.
    Mobile(MobileRedirect),
}

/// How an exchange ended.
pub(super) struct Exchanged {
    pub(super) outcome: Outcome,
    /// The account, where one was connected.
    pub(super) provider_id: Option<String>,
    /// Whether a grant is still to be stored, from the journal or the spill directory.
    is_open: bool,
}

impl From<Outcome> for Exchanged {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            provider_id: None,
            is_open: false,
        }
    }
}

impl App {
    /// Exchanges a code. Whoever called may go away: the exchange goes on.
    pub(super) async fn exchange(
        self: &Arc<Self>,
        exchange: CodeExchange,
    ) -> Result<Exchanged, Error> {
        let manifest = self.manifest(&exchange.provider)?;
        let deadline = manifest.token.deadline * 3 + STORE_PATIENCE;
        let app = Arc::clone(self);
        let task = async move { app.exchange_detached(exchange).await };
        self.shutdown
            .spawn_tracked("authorization code exchange", deadline, task)
            .await?
    }

    async fn exchange_detached(&self, exchange: CodeExchange) -> Result<Exchanged, Error> {
        let exchanged = self.exchange_and_store(&exchange).await?;
        let outcome = exchanged.outcome.as_str();
        // An exchange that is not ended is looked for in the journal (`recovery.rs`).
        if !exchanged.is_open {
            self.record(exchange.state_hash, outcome, &exchange.integration_id)
                .await;
        }
        tracing::info!(
            integration.id = %exchange.integration_id,
            provider = %exchange.provider,
            outcome,
            "an authorization ended"
        );
        Ok(exchanged)
    }

    /// Records an outcome for who presents the state again: what the user is told now does not depend
    /// on it. The commit of a grant has written it already; the first word stands.
    async fn record(&self, state: StateHash, outcome: &str, integration_id: &IntegrationId) {
        if let Err(error) = self.vault().finish_exchange(state, outcome).await {
            tracing::warn!(integration.id = %integration_id, %error, "an outcome was not recorded");
        }
    }

    async fn exchange_and_store(&self, exchange: &CodeExchange) -> Result<Exchanged, Error> {
        let manifest = self.manifest(&exchange.provider)?;
        let answer = match self.redeem(manifest, exchange).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(provider = %exchange.provider, %error, "a code was not exchanged");
                return Ok(outcome_of_token_error(&error).into());
            }
        };
        let account = match self.account(manifest, exchange, &answer).await {
            Ok(account) => account,
            Err(error) => {
                tracing::warn!(provider = %exchange.provider, %error, "an account was not told");
                return Ok(outcome_of_account_error(&error).into());
            }
        };
        let Some(provider_id) = account.display else {
            return Ok(Outcome::AccountUnknown.into());
        };
        let grant = new_grant(manifest, exchange, answer, account.subject, provider_id);
        let connected = self.store(&grant).await?;
        let (account, id) = (grant.grant.clone(), grant.integration_id.clone());
        let exchanged = self.settle(connected, grant).await;
        if connected == Some(Connected::Stored) {
            self.watch_grants(manifest, &account, &id).await;
        }
        Ok(exchanged)
    }

    /// Sends the code, with the next client secret where one is refused.
    async fn redeem(
        &self,
        manifest: &Manifest,
        exchange: &CodeExchange,
    ) -> Result<TokenAnswer, TokenError> {
        let (redirect_uri, verifier) = match &exchange.redemption {
            Redemption::Callback { code_verifier } => (
                RedirectUri::Exact(self.callback_url.clone()),
                Some(code_verifier),
            ),
            Redemption::Mobile(redirect) => (RedirectUri::from(*redirect), None),
        };
        let request = ExchangeRequest {
            manifest,
            client_id: &exchange.client.client_id,
            client_secrets: &exchange.client.secrets,
            code: &exchange.code,
            redirect_uri,
            verifier,
            deadline: manifest.token.deadline,
        };
        self.oauth.exchange_code(request).await
    }

    /// Learns whose grant it is. Without that it can't be stored, and the code is spent: a provider
    /// that fails for a moment is asked again for as long as an exchange may take.
    async fn account(
        &self,
        manifest: &Manifest,
        exchange: &CodeExchange,
        answer: &TokenAnswer,
    ) -> Result<Account, AccountError> {
        let client_id = &exchange.client.client_id;
        let until = Instant::now() + manifest.token.deadline;
        loop {
            match self.oauth.account(manifest, client_id, answer).await {
                Err(error) if error.is_retryable() && Instant::now() + ACCOUNT_PAUSE < until => {
                    tracing::debug!(provider = %exchange.provider, %error, "an account is asked for again");
                    tokio::time::sleep(ACCOUNT_PAUSE).await;
                }
                told => return told,
            }
        }
    }

    /// Stores a grant. Its tokens exist nowhere else, so every sink is asked; a grant that only the
    /// journal or the spill directory has is stored later.
    async fn store(&self, grant: &NewGrant) -> Result<Option<Connected>, Error> {
        let _hold = self.shutdown.hold("grant that is to be kept", UNTIL_KEPT);
        let sealed = self.vault().seal_grant(grant)?;
        let commit = || self.vault().connect(&sealed);
        let give_up = tokio::time::sleep(STORE_PATIENCE);
        let kept = self
            .sinks
            .keep(&sealed, Urgency::AtOnce(Seen::Unknown), commit, give_up);
        let stored = kept.await?.stored;
        let refused = [Connected::AccountMismatch, Connected::NoRefreshToken];
        if stored.is_some_and(|stored| refused.contains(&stored)) {
            self.forget_refused(grant).await;
        }
        Ok(stored)
    }

    /// Takes a refused grant out of the journal again: nothing of it may be stored.
    async fn forget_refused(&self, grant: &NewGrant) {
        let integration_id = &grant.integration_id;
        let forgotten = self.sinks.forget_grant(integration_id, grant.grant_id);
        if let Err(error) = forgotten.await {
            tracing::error!(integration.id = %integration_id, %error, "a refused grant stays in the journal, in the place of the one that stands");
        }
    }

    /// Tells the owner of the integration, and the user, what came of a grant.
    async fn settle(&self, connected: Option<Connected>, grant: NewGrant) -> Exchanged {
        let Some(connected) = connected else {
            tracing::error!(integration.id = %grant.integration_id, "a grant waits in the journal or the spill directory for the database");
            return Exchanged {
                is_open: true,
                ..Outcome::ProviderUnavailable.into()
            };
        };
        match connected {
            Connected::Stored => self.announce(grant).await,
            Connected::Superseded => Outcome::Success.into(),
            Connected::AccountMismatch => Outcome::AccountMismatch.into(),
            Connected::Deleted => Outcome::IntegrationDeleted.into(),
            Connected::NoRefreshToken => Outcome::NoRefreshToken.into(),
        }
    }

    async fn announce(&self, grant: NewGrant) -> Exchanged {
        let account = Projection {
            integration_id: grant.integration_id,
            grant_id: grant.grant_id,
            provider: grant.grant.provider,
            media_type: grant.media_type,
            provider_id: grant.provider_id,
        };
        match self.project(&account).await {
            Ok(Some(Recorded::Gone)) => return Outcome::IntegrationDeleted.into(),
            Ok(Some(Recorded::Done) | None) => {}
            // The grant is stored, and the account is told again later.
            Err(error) => tracing::warn!(
                integration.id = %account.integration_id,
                %error,
                "an account could not be ticked off"
            ),
        }
        Exchanged {
            outcome: Outcome::Success,
            provider_id: Some(account.provider_id),
            is_open: false,
        }
    }
}

fn new_grant(
    manifest: &Manifest,
    exchange: &CodeExchange,
    answer: TokenAnswer,
    provider_subject: String,
    provider_id: String,
) -> NewGrant {
    NewGrant {
        state_hash: exchange.state_hash,
        grant_id: exchange.grant_id,
        integration_id: exchange.integration_id.clone(),
        grant: Grant {
            user_id: exchange.user_id.clone(),
            environment_guid: exchange.environment_guid,
            provider: exchange.provider.clone(),
            provider_config_id: exchange.client.config_id,
            revocation_group: manifest
                .revocation_group(&exchange.client.client_id)
                .to_owned(),
            provider_subject,
            asked_scopes: manifest.scopes_for(exchange.media_type),
        },
        media_type: exchange.media_type,
        provider_id,
        offline: manifest.authorization.offline,
        single_use: Replay::of(manifest).is_single_use(),
        absolute_life: manifest.refresh.absolute,
        tokens: TokenSet {
            expires_in: answer.access_life(manifest),
            access_token: answer.access_token,
            refresh_token: answer.refresh_token,
            refresh_expires_in: answer.refresh_token_expires_in,
            scopes: answer.scope,
            received_at: answer.received_at,
        },
    }
}

fn outcome_of_token_error(error: &TokenError) -> Outcome {
    match error {
        TokenError::Rejected { status, .. } if *status < 500 && *status != 429 => {
            Outcome::ExchangeFailed
        }
        TokenError::Malformed(_) => Outcome::ProviderError,
        _ => Outcome::ProviderUnavailable,
    }
}

fn outcome_of_account_error(error: &AccountError) -> Outcome {
    if error.is_retryable() {
        Outcome::ProviderUnavailable
    } else {
        Outcome::AccountUnknown
    }
}
