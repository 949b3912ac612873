//! Everything that the sandbox remembers, and the rules by which it changes.
//!
//! The ledger knows no clock and no network: the time is an argument. Whoever
//! holds it (see `store`) makes each call atomic, so that the counters are
//! exact however many requests run at once.

mod direct;
mod exchange;
mod refresh;
mod revoke;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) use exchange::{CodeExchange, PendingGrant, RedirectUri};
pub(crate) use refresh::{Redeemed, RefreshRequest};
pub(crate) use revoke::RevocationRequest;

use crate::accounts::Account;
use crate::clients::{Client, ClientChange, InvalidClient};
use crate::counters::Counters;
use crate::credentials::Credentials;
use crate::grant::Grant;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::token_key::{Kind, TokenKey};

/// Clients, grants and counters.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ledger {
    tokens: TokenKey,
    clients: BTreeMap<String, Registration>,
    pending: HashMap<Uuid, PendingGrant>,
    grants: HashMap<Uuid, Grant>,
    total: Counters,
}

#[derive(Serialize, Deserialize)]
struct Registration {
    client: Client,
    counters: Counters,
}

/// Tokens issued at once, and what the answer says about them.
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) expires_in: u32,
    pub(crate) refresh_token: Option<String>,
    pub(crate) scope: Scope,
    /// Whom the ID token is about, when one was asked for.
    pub(crate) identity: Option<Identity>,
}

/// What an ID token says beyond what all of them say.
pub(crate) struct Identity {
    pub(crate) account: Account,
    pub(crate) nonce: Option<String>,
}

/// The counters as the admin listener shows them.
#[derive(Serialize)]
pub(crate) struct CounterReport {
    total: Total,
    clients: BTreeMap<String, Counters>,
}

#[derive(Serialize)]
struct Total {
    #[serde(flatten)]
    counters: Counters,
    /// The most token requests that were under way at one time.
    max_concurrent: u64,
}

impl Ledger {
    /// Makes one without clients and with a new token key.
    pub(crate) fn new() -> Self {
        Self {
            tokens: TokenKey::generate(),
            clients: BTreeMap::new(),
            pending: HashMap::new(),
            grants: HashMap::new(),
            total: Counters::default(),
        }
    }

    /// Returns a registered client.
    pub(crate) fn client(&self, client_id: &str) -> Option<&Client> {
        self.clients.get(client_id).map(|known| &known.client)
    }

    /// Registers a client, or replaces its settings; grants and counters stay.
    pub(crate) fn put_client(&mut self, client: Client) -> Result<(), InvalidClient> {
        client.validate()?;
        match self.clients.entry(client.client_id.clone()) {
            Entry::Occupied(mut known) => known.get_mut().client = client,
            Entry::Vacant(free) => {
                let counters = Counters::default();
                free.insert(Registration { client, counters });
            }
        }
        Ok(())
    }

    /// Changes a client, or makes it first, and returns the result.
    pub(crate) fn change_client(
        &mut self,
        client_id: &str,
        change: ClientChange,
    ) -> Result<Client, InvalidClient> {
        let known = self.client(client_id).cloned();
        let mut client = known.unwrap_or_else(|| Client::new(client_id));
        client.apply(change);
        self.put_client(client.clone())?;
        Ok(client)
    }

    /// Returns the client whose credentials these are.
    pub(crate) fn authenticate(&self, credentials: &Credentials) -> Result<&Client, Refusal> {
        self.client(&credentials.client_id)
            .filter(|client| credentials.prove(client))
            .ok_or(Refusal::InvalidClient)
    }

    /// Returns whose access token this is: the client and the account.
    pub(crate) fn bearer(&self, token: &str, now: OffsetDateTime) -> Option<(&str, Account)> {
        let token = self.tokens.open(token)?;
        if token.kind != Kind::Access || token.is_expired(now) {
            return None;
        }
        let grant = self.grants.get(&token.grant)?;
        grant
            .is_live(token.serial)
            .then_some((grant.client_id.as_str(), grant.account))
    }

    /// Counts an answer that was dropped.
    pub(crate) fn count_dropped_answer(&mut self, client_id: Option<&str>) {
        self.count(client_id, |counters| counters.answers_dropped += 1);
    }

    /// Returns all counters, with one that is not the ledger's.
    pub(crate) fn counters(&self, max_concurrent: u64) -> CounterReport {
        let of_client =
            |(id, known): (&String, &Registration)| (id.clone(), known.counters.clone());
        CounterReport {
            total: Total {
                counters: self.total.clone(),
                max_concurrent,
            },
            clients: self.clients.iter().map(of_client).collect(),
        }
    }

    /// Returns how many refresh tokens were accepted.
    pub(crate) fn refreshes(&self) -> u64 {
        self.total.refreshes
    }

    fn count(&mut self, client_id: Option<&str>, increment: impl Fn(&mut Counters)) {
        increment(&mut self.total);
        if let Some(known) = client_id.and_then(|id| self.clients.get_mut(id)) {
            increment(&mut known.counters);
        }
    }
}
