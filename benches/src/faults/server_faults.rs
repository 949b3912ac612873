//! PostgreSQL, NATS and Valkey stopped, restarted and flushed, at random.

use std::time::{Duration, Instant};

use rand::Rng as _;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;

use super::run::Run;
use crate::servers::{Server, Servers};

/// How long nothing happens between two faults.
const PAUSE: std::ops::Range<f64> = 4.0..12.0;
/// How long a server is stopped.
const STOPPED: std::ops::RangeInclusive<f64> = 1.0..=10.0;
/// Who keeps the servers running gives up on one that ends again and again within a minute.
const SOUND_RUN: Duration = Duration::from_secs(70);
/// How often a database that comes back is asked whether it is there.
const POLL: Duration = Duration::from_millis(50);

/// How many faults of each kind the servers had.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ServerFaults {
    pub(super) postgres_frozen: u64,
    pub(super) postgres_restarted: u64,
    pub(super) nats_restarted: u64,
    pub(super) valkey_flushed: u64,
    pub(super) valkey_restarted: u64,
}

/// Hurts one server after the other until told to stop.
pub(super) async fn hurt(
    run: &Run,
    servers: &Servers,
    mut random: StdRng,
    stop: CancellationToken,
) -> anyhow::Result<ServerFaults> {
    let mut faults = ServerFaults::default();
    let mut restarted = Server::ALL.map(|_| None::<Instant>);
    loop {
        let pause = Duration::from_secs_f64(random.random_range(PAUSE));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return Ok(faults),
        }
        let kind = random.random_range(0..4);
        let length = Duration::from_secs_f64(random.random_range(STOPPED));
        let mut may_restart = |server: Server| {
            let last = &mut restarted[server as usize];
            let may = last.is_none_or(|last| last.elapsed() > SOUND_RUN);
            if may {
                *last = Some(Instant::now());
            }
            may
        };
        match kind {
            0 if may_restart(Server::Postgres) => {
                faults.postgres_restarted += 1;
                out(run, servers.restart(Server::Postgres, length)).await?;
            }
            1 if may_restart(Server::Nats) => {
                faults.nats_restarted += 1;
                servers.restart(Server::Nats, Duration::ZERO).await?;
            }
            2 if may_restart(Server::Valkey) => {
                faults.valkey_restarted += 1;
                servers.restart(Server::Valkey, length).await?;
            }
            3 => {
                faults.valkey_flushed += 1;
                servers.flush_valkey().await?;
            }
            _ => {
                faults.postgres_frozen += 1;
                out(run, servers.freeze(Server::Postgres, length)).await?;
            }
        }
    }
}

/// Lets an outage of PostgreSQL happen, until it serves again.
async fn out(run: &Run, fault: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    run.outage.begin();
    fault.await?;
    while run.installation.database.ping().await.is_err() {
        tokio::time::sleep(POLL).await;
    }
    run.outage.end();
    Ok(())
}
