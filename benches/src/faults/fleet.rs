//! The credentials of a run, and the books on every grant that was made for them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use uuid::Uuid;
use workapi_keyring::{KeyRing, Purpose, Salt, Slot};
use workapi_sandbox::{ClientChange, Clients, Control, RotationClass, Standing};
use workapi_types::{ClientSecret, EnvironmentGuid, GrantId, IntegrationId};
use workapi_vault::Vault;

use super::store::StoredPair;
use crate::accounting::Grant;
use crate::consent::{Client, Member, Tokens};
use crate::manifests::Provider;

/// How many environments have a client of their own at each provider: limits are a client's.
const CLIENTS: usize = 4;

/// A grant as it was made.
#[derive(Clone, Copy)]
struct Made {
    at_provider: Uuid,
    class: RotationClass,
}

/// The books: grants in the vault's names.
#[derive(Default)]
struct Books {
    made: HashMap<Uuid, Made>,
    ended: HashMap<Uuid, Grant>,
}

/// The credentials of a run.
pub(super) struct Fleet {
    vault: Vault,
    control: Control,
    clients: Vec<(Client, RotationClass)>,
    /// Each with the index of its client.
    members: Vec<(Member, usize)>,
    indices: HashMap<String, usize>,
    books: Mutex<Books>,
}

impl Fleet {
    /// Registers the clients at the sandbox and in the vault, and names the credentials.
    pub(super) async fn new(
        vault: Vault,
        control: Control,
        registry: &Clients,
        shares: &[(Provider, usize)],
        token_seconds: u32,
    ) -> anyhow::Result<Self> {
        let mut clients = Vec::new();
        let mut members = Vec::new();
        for (provider, share) in shares {
            let first = clients.len();
            for number in 0..CLIENTS.min(*share) {
                let id = format!("{}-{number}", provider.name);
                let client = register(&vault, registry, provider, id, token_seconds).await?;
                clients.push((client, provider.class));
            }
            let of_provider = clients.len() - first;
            let client_of = |number| first + number % of_provider;
            members.extend((0..*share).map(|number| (Member::new(), client_of(number))));
        }
        let indices = members.iter().enumerate();
        let indices = indices.map(|(index, (member, _))| (member.integration.to_string(), index));
        Ok(Self {
            indices: indices.collect(),
            vault,
            control,
            clients,
            members,
            books: Mutex::default(),
        })
    }

    /// Returns how many credentials there are.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns the integration of a credential.
    pub(super) fn integration(&self, index: usize) -> &IntegrationId {
        &self.members[index].0.integration
    }

    /// Has every user consent, some at a time.
    pub(super) async fn connect_all(&self) -> anyhow::Result<()> {
        let next = AtomicUsize::new(0);
        let connecting = async || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= self.len() {
                    return anyhow::Ok(());
                }
                self.connect(index).await?;
            }
        };
        tokio::try_join!(connecting(), connecting(), connecting(), connecting())?;
        Ok(())
    }

    /// Has the user of an integration consent, anew if need be.
    pub(super) async fn connect(&self, index: usize) -> anyhow::Result<()> {
        let (member, client) = &self.members[index];
        let (client, class) = &self.clients[*client];
        let begun = member.begin(&self.vault, client).await?;
        let issued = self.control.issue(&client.id).await?;
        let made = Made {
            at_provider: issued.id,
            class: *class,
        };
        self.books().made.insert(begun.grant_id.as_uuid(), made);
        let tokens = Tokens {
            access: issued.access_token,
            refresh: issued.refresh_token,
            expires_in: issued.expires_in,
        };
        member.finish(&self.vault, client, begun, tokens).await
    }

    /// Closes the books on a grant whose user is asked to consent again, and returns which
    /// credential it is of.
    pub(super) fn end_grant(&self, pair: &StoredPair, key_ring: &KeyRing) -> anyhow::Result<usize> {
        let stored = self.standing(pair, key_ring)?;
        let index = self.indices.get(&pair.integration_id);
        let index = index.context("a credential is nobody's")?;
        let mut books = self.books();
        if let Some(made) = books.made.remove(&pair.grant_id) {
            let cause = pair.cause.clone().unwrap_or_default();
            let grant = made.grant(stored, Some(cause));
            books.ended.insert(pair.grant_id, grant);
        }
        Ok(*index)
    }

    /// Closes the books on all grants, as the vault holds them now.
    pub(super) fn close(
        &self,
        pairs: &[StoredPair],
        key_ring: &KeyRing,
    ) -> anyhow::Result<HashMap<Uuid, Grant>> {
        let mut stored = HashMap::new();
        for pair in pairs {
            let reconnect =
                (pair.state == "needs_reconnect").then(|| pair.cause.clone().unwrap_or_default());
            stored.insert(pair.grant_id, (self.standing(pair, key_ring)?, reconnect));
        }
        let mut books = self.books();
        let mut grants = std::mem::take(&mut books.ended);
        for (id, made) in books.made.drain() {
            let (standing, reconnect) = stored.remove(&id).unwrap_or_default();
            grants.insert(id, made.grant(standing, reconnect));
        }
        Ok(grants)
    }

    /// Opens the stored refresh token, past the vault, and asks the provider what it is worth.
    fn standing(&self, pair: &StoredPair, key_ring: &KeyRing) -> anyhow::Result<Option<Standing>> {
        let (Some(sealed), Some(salt)) = (&pair.sealed_refresh, &pair.salt) else {
            return Ok(None);
        };
        let slot = Slot {
            table: "credential",
            row: &pair.integration_id,
            column: "refresh_token",
            grant: Some(GrantId::from_uuid(pair.grant_id)),
            generation: pair.generation,
        };
        let salt = Salt::from_slice(salt)?;
        let token = key_ring.open(Purpose::Refresh, &salt, &slot, sealed)?;
        Ok(self.control.examine(str::from_utf8(&token)?))
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Made {
    fn grant(self, stored: Option<Standing>, reconnect: Option<String>) -> Grant {
        Grant {
            id: self.at_provider,
            class: self.class,
            stored,
            reconnect,
        }
    }
}

async fn register(
    vault: &Vault,
    registry: &Clients,
    provider: &Provider,
    id: String,
    token_seconds: u32,
) -> anyhow::Result<Client> {
    let change = ClientChange {
        rotation_class: Some(provider.class),
        access_token_seconds: Some(token_seconds),
        grace_seconds: provider
            .grace
            .map(|grace| u32::try_from(grace.as_secs()).unwrap_or(u32::MAX)),
        ..ClientChange::default()
    };
    let secret = registry.put(&id, change).await?.client_secret;
    let environment = EnvironmentGuid::random();
    let name = provider.name.parse()?;
    let secret = ClientSecret::new(secret);
    let config = vault
        .set_provider_config(environment, &name, &id, &secret)
        .await?;
    Ok(Client {
        id,
        environment,
        provider: provider.name,
        config: config.id,
    })
}
