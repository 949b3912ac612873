//! Users who consent, without browsers: a new grant goes into the vault as `auth` would put it there.

use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::time::sleep;
use uuid::Uuid;
use workapi_types::{
    AccessToken, Clock, EnvironmentGuid, GrantId, IntegrationId, MediaType, ProviderConfigId,
    RefreshToken, UserId,
};
use workapi_vault::{
    Connected, Exchange, ExchangeStart, Grant, NewGrant, StateHash, TokenSet, Vault,
};

/// How often storing a grant is tried while the database is away, and the pause between.
const TRIES: usize = 150;
const PAUSE: Duration = Duration::from_millis(200);

/// An OAuth client of one environment.
pub(crate) struct Client {
    /// Its id at the provider.
    pub(crate) id: String,
    /// The environment.
    pub(crate) environment: EnvironmentGuid,
    /// The provider's name.
    pub(crate) provider: &'static str,
    /// Its id in the vault.
    pub(crate) config: ProviderConfigId,
}

/// An integration with a user of its own.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) integration: IntegrationId,
    pub(crate) user: UserId,
}

/// An exchange that has begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    state_hash: StateHash,
    pub(crate) grant_id: GrantId,
}

/// The tokens of a new grant.
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) expires_in: Duration,
}

impl Member {
    /// Names a new integration.
    pub(crate) fn new() -> Self {
        let now = Clock::system().now();
        Self {
            integration: IntegrationId::new(now),
            user: UserId::new(now),
        }
    }

    /// Begins an exchange; the vault names the grant.
    pub(crate) async fn begin(&self, vault: &Vault, client: &Client) -> anyhow::Result<Begun> {
        for _ in 0..TRIES {
            let state_hash = StateHash::of(&Uuid::new_v4().to_string());
            let exchange = Exchange {
                state_hash,
                integration_id: &self.integration,
                user_id: &self.user,
                revocation_group: &client.id,
            };
            match vault.start_exchange(&exchange).await {
                Ok(ExchangeStart::Fresh(grant_id)) => {
                    return Ok(Begun {
                        state_hash,
                        grant_id,
                    });
                }
                Ok(ExchangeStart::Replayed(_)) => bail!("a new state was used before"),
                Err(error) if error.is_unavailable() => sleep(PAUSE).await,
                Err(error) => return Err(error.into()),
            }
        }
        bail!("the vault stayed away")
    }

    /// Stores the grant, however long the vault is away.
    pub(crate) async fn finish(
        &self,
        vault: &Vault,
        client: &Client,
        begun: Begun,
        tokens: Tokens,
    ) -> anyhow::Result<()> {
        let grant = vault.seal_grant(&self.grant(client, begun, tokens)?)?;
        for _ in 0..TRIES {
            match vault.connect(&grant).await {
                Ok(Connected::Stored) => return Ok(()),
                Ok(other) => bail!("a grant was not stored: {other:?}"),
                Err(error) if error.is_unavailable() => sleep(PAUSE).await,
                Err(error) => return Err(error.into()),
            }
        }
        bail!("the vault stayed away")
    }

    fn grant(&self, client: &Client, begun: Begun, tokens: Tokens) -> anyhow::Result<NewGrant> {
        let account = format!("{}@example.test", self.integration);
        Ok(NewGrant {
            state_hash: begun.state_hash,
            grant_id: begun.grant_id,
            integration_id: self.integration.clone(),
            grant: Grant {
                user_id: self.user.clone(),
                environment_guid: client.environment,
                provider: client.provider.parse()?,
                provider_config_id: client.config,
                revocation_group: client.id.clone(),
                provider_subject: format!("https://bench.example {account}"),
                asked_scopes: "mail".split_whitespace().collect(),
            },
            media_type: MediaType::Email,
            provider_id: account,
            offline: true,
            single_use: true,
            absolute_life: None,
            tokens: TokenSet {
                access_token: AccessToken::new(tokens.access),
                refresh_token: Some(RefreshToken::new(tokens.refresh)),
                expires_in: tokens.expires_in,
                refresh_expires_in: None,
                scopes: None,
                received_at: Instant::now(),
            },
        })
    }
}
