//! One rotation under its lease: may it begin, what does the provider say, where does the answer
//! go (refresh protocol, sections 4 and 6).

mod begin;
mod fail;
mod keep;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use workapi_oauth::{RefreshRequest, TokenAnswer, TokenError};
use workapi_providers::Manifest;
use workapi_vault::protocol::Replay;
use workapi_vault::{Error, OAuthClient, RotationLease};

use crate::app::App;
use crate::app::turns::Turn;
use crate::limits::Outcome;
pub(crate) use keep::KEEPING_PATIENCE;

/// The pause between two tries to tell the vault how an attempt ended.
const TELLING_PAUSE: Duration = Duration::from_millis(500);

/// A rotation under way.
pub(crate) struct Rotation {
    app: Arc<App>,
    manifest: Arc<Manifest>,
    replay: Replay,
    lease: RotationLease,
}

impl Rotation {
    pub(crate) fn new(app: Arc<App>, manifest: Arc<Manifest>, lease: RotationLease) -> Self {
        let replay = Replay::of(&manifest);
        Self {
            app,
            manifest,
            replay,
            lease,
        }
    }

    /// Sends the refresh token if that is safe now, and sees what comes of it into the vault.
    ///
    /// # Errors
    /// The vault failed; the lease then ends by itself.
    pub(crate) async fn run(self, leasing: Turn) -> Result<(), Error> {
        let turn = self.app.turns.to_send(leasing).await;
        let Some((client, permit, seen)) = self.begin().await? else {
            return Ok(());
        };
        drop(turn);
        let answer = self.send(&client, &self.lease).await;
        let finished = permit.finish(Outcome::of(&self.manifest, &answer));
        let settled = async {
            match answer {
                Ok(answer) => self.keep(&client, &self.lease, answer, seen).await,
                Err(error) => self.fail(&client, error).await,
            }
        };
        // The place is given back meanwhile: the answer waits for nothing.
        tokio::join!(finished, settled).1
    }

    async fn send(
        &self,
        client: &OAuthClient,
        lease: &RotationLease,
    ) -> Result<TokenAnswer, TokenError> {
        self.app
            .oauth
            .refresh(RefreshRequest {
                manifest: &self.manifest,
                client_id: &client.client_id,
                client_secrets: &client.secrets,
                refresh_token: &lease.refresh_token,
                deadline: self.manifest.token.deadline,
            })
            .await
    }

    fn count(&self, outcome: &'static str) {
        self.app
            .counts
            .rotation(self.manifest.name.as_str(), outcome);
    }
}

/// Asks or tells database or journal something about an attempt, for as long as its lease lasts. Where
/// that fails, nobody knows any more what became of the attempt.
pub(crate) async fn while_leased<T, Asking>(
    lease: &RotationLease,
    ask: impl Fn() -> Asking,
) -> Result<T, Error>
where
    Asking: Future<Output = Result<T, Error>>,
{
    loop {
        match ask().await {
            Err(error) if error.is_passing() && !lease.time_left().is_zero() => {
                tracing::warn!(integration.id = %lease.integration_id, %error, "the end of an attempt waits for PostgreSQL or NATS");
                sleep(TELLING_PAUSE).await;
            }
            answered => return answered,
        }
    }
}
