//! The client itself.

use crate::http_client::HttpClient;
use crate::keys::KeySets;

/// The OAuth client: one for a process, shared by reference or by cloning.
///
/// Its calls are in the modules of what they do: exchanging codes and refreshing,
/// revoking, and learning the account.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) http: HttpClient,
    pub(crate) keys: KeySets,
}

impl Client {
    /// Makes a client that sends its requests through `http`.
    pub fn new(http: HttpClient) -> Self {
        Self {
            http,
            keys: KeySets::default(),
        }
    }
}
