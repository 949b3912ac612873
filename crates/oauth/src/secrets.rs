//! Several secrets of one client, so that a secret can be changed at the provider without a gap.

use std::slice;
use std::time::{Duration, Instant};

use workapi_providers::{ClientAuth, Manifest};
use workapi_types::ClientSecret;

/// The secrets of a client in the order in which a request is made with them. All requests
/// together get the time of one.
pub(crate) struct SecretsInOrder<'a> {
    current: Option<&'a ClientSecret>,
    rest: slice::Iter<'a, ClientSecret>,
    deadline: Duration,
    started_at: Instant,
}

impl<'a> SecretsInOrder<'a> {
    /// Begins with the first secret; with none for a public client.
    pub(crate) fn new(
        manifest: &Manifest,
        secrets: &'a [ClientSecret],
        deadline: Duration,
    ) -> Self {
        let secrets = match manifest.token.client_auth {
            ClientAuth::Post | ClientAuth::Basic => secrets,
            ClientAuth::None => &[],
        };
        let mut rest = secrets.iter();
        Self {
            current: rest.next(),
            rest,
            deadline,
            started_at: Instant::now(),
        }
    }

    /// Returns the secret to use now.
    pub(crate) fn current(&self) -> Option<&'a ClientSecret> {
        self.current
    }

    /// Returns how long the request with it may take.
    pub(crate) fn time_left(&self) -> Duration {
        self.deadline.saturating_sub(self.started_at.elapsed())
    }

    /// Goes on to the next secret; `false` if there is none, or no time for it.
    pub(crate) fn advance(&mut self) -> bool {
        if self.time_left().is_zero() {
            return false;
        }
        self.current = self.rest.next();
        if self.current.is_some() {
            tracing::debug!("a client secret was refused, and the next one is tried");
        }
        self.current.is_some()
    }
}
