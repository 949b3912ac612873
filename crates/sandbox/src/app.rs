//! What every request handler can reach.

use std::fmt::Display;
use std::sync::Arc;

use workapi_types::Clock;

use crate::concurrency::Concurrency;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::signing::SigningKey;
use crate::store::Store;

/// One running sandbox.
pub(crate) struct App {
    /// The issuer identifier, without a slash at its end.
    pub(crate) issuer: String,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) signing_key: SigningKey,
    pub(crate) faults: Faults,
    pub(crate) concurrency: Concurrency,
    pub(crate) journal: Arc<Journal>,
}

impl App {
    /// Returns the public URL of a path that starts with a slash.
    pub(crate) fn url(&self, path: impl Display) -> String {
        format!("{}{path}", self.issuer)
    }
}
