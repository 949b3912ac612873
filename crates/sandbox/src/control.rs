//! The sandbox in the hands of who runs it in its own process: grants without a browser, faults at
//! random, and everything that was seen.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::app::App;
use crate::chance::{FaultCounts, FaultRates};
use crate::error::Error;
use crate::journal::Presentation;
use crate::ledger::Ledger;

/// Controls a sandbox, also while it runs.
#[derive(Clone)]
pub struct Control(Arc<App>);

/// Shows nothing: secrets are behind it.
impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Control(..)")
    }
}

/// A grant that was made without a browser.
pub struct NewGrant {
    /// The grant.
    pub id: Uuid,
    /// Its access token.
    pub access_token: String,
    /// Its refresh token.
    pub refresh_token: String,
    /// The number of the refresh token within the grant.
    pub serial: u64,
    /// The life of the access token.
    pub expires_in: Duration,
}

/// What a refresh token is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The grant.
    pub grant: Uuid,
    /// The number of the token within it.
    pub serial: u64,
    /// Whether it would be accepted now.
    pub is_honoured: bool,
}

impl Control {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self(app)
    }

    /// Makes a grant of the first account to a client, as if it had consented and the code had been
    /// exchanged.
    ///
    /// # Errors
    /// When there is no such client, or the state file cannot be written.
    pub async fn issue(&self, client_id: &str) -> Result<NewGrant, Error> {
        let now = self.0.clock.now();
        let issued = self
            .0
            .store
            .change(|ledger| ledger.grant_directly(client_id, now));
        issued.await?.ok_or_else(|| Error::UnknownClient {
            client_id: client_id.to_owned(),
        })
    }

    /// Tells what a refresh token is worth, without using it; `None` when it is none of ours.
    pub fn examine(&self, refresh_token: &str) -> Option<Standing> {
        let now = self.0.clock.now();
        self.0
            .store
            .read(|ledger| ledger.examine(refresh_token, now))
    }

    /// Sets how likely token requests meet faults from now on.
    pub fn set_fault_rates(&self, rates: FaultRates) {
        self.0.faults.chance().set_rates(rates);
    }

    /// Ends every fault, also the delays that have begun.
    pub fn end_faults(&self) {
        self.set_fault_rates(FaultRates::default());
        self.0.faults.clear();
    }

    /// Returns how many faults at random have happened.
    pub fn fault_counts(&self) -> FaultCounts {
        self.0.faults.chance().counts()
    }

    /// Returns how many refresh tokens were accepted.
    pub fn refreshes(&self) -> u64 {
        self.0.store.read(Ledger::refreshes)
    }

    /// Returns every refresh token that was presented, in order. Empty without
    /// [`Config::keep_journal`](crate::Config::keep_journal).
    pub fn journal(&self) -> Vec<Presentation> {
        self.0.journal.read()
    }
}
