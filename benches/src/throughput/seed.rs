//! Many credentials, fast: one is connected as users do, and the others are copies of it, sealed
//! for their own places.

use std::time::Duration;

use workapi_keyring::{KeyRing, Purpose, Salt, Slot};
use workapi_types::{ClientSecret, Clock, EnvironmentGuid, GrantId, IntegrationId};

use super::store::{self, Copies};
use super::stub::refresh_token;
use crate::consent::{Client, Member, Tokens};
use crate::installation::Installation;
use crate::manifests::Provider;

/// How many rows are written at once.
const BATCH: usize = 5000;
/// The life of the tokens that are replaced: nobody is served less while the run goes on.
const LIFE: Duration = Duration::from_hours(1);
const CLIENT_ID: &str = "bench";

/// Fills the vault with so many credentials, none of them due.
pub(crate) async fn fill(
    installation: &Installation,
    provider: &Provider,
    credentials: u32,
) -> anyhow::Result<()> {
    let pool = installation.database.pool();
    let (template, grant) = connect(installation, provider).await?;
    let now = Clock::system().now();
    let indices: Vec<u32> = (0..credentials).collect();
    for batch in indices.chunks(BATCH) {
        let mut copies = Copies::default();
        for index in batch {
            copies.add(
                installation.key_ring(),
                &IntegrationId::new(now),
                grant,
                *index,
            )?;
        }
        store::copy(pool, template.as_str(), &copies).await?;
    }
    store::remove_template(pool, template.as_str()).await?;
    Ok(())
}

impl Copies {
    fn add(
        &mut self,
        key_ring: &KeyRing,
        integration: &IntegrationId,
        grant: GrantId,
        index: u32,
    ) -> anyhow::Result<()> {
        let salt = Salt::random()?;
        let seal = |purpose, column, token: &str| {
            let slot = Slot {
                table: "credential",
                row: integration.as_str(),
                column,
                grant: Some(grant),
                generation: 1,
            };
            key_ring.seal(purpose, &salt, &slot, token.as_bytes())
        };
        let access = format!("at.{index}.1");
        let refresh = refresh_token(index, 1);
        self.sealed_access
            .push(seal(Purpose::Access, "access_token", &access)?);
        self.sealed_refresh
            .push(seal(Purpose::Refresh, "refresh_token", &refresh)?);
        self.integration_ids.push(integration.to_string());
        self.salts.push(salt.as_bytes().to_vec());
        Ok(())
    }
}

async fn connect(
    installation: &Installation,
    provider: &Provider,
) -> anyhow::Result<(IntegrationId, GrantId)> {
    let vault = &installation.vault;
    let environment = EnvironmentGuid::random();
    let name = provider.name.parse()?;
    let secret = ClientSecret::new("secret");
    let config = vault.set_provider_config(environment, &name, CLIENT_ID, &secret);
    let client = Client {
        id: CLIENT_ID.to_owned(),
        environment,
        provider: provider.name,
        config: config.await?.id,
    };
    let member = Member::new();
    let begun = member.begin(vault, &client).await?;
    let tokens = Tokens {
        access: "template".to_owned(),
        refresh: "template".to_owned(),
        expires_in: LIFE,
    };
    member.finish(vault, &client, begun, tokens).await?;
    Ok((member.integration, begun.grant_id))
}
