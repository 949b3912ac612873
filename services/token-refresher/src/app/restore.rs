//! Noticing that the vault was restored from a backup, and its repair as far as it is ours: the
//! rotations (refresh protocol, section 11).

use std::time::Duration;

use workapi_runtime::Shutdown;
use workapi_telemetry::Meter;
use workapi_vault::{Error, Part, Standing};

use crate::app::App;

/// How often the vault is compared with what is known of it.
const LOOK: Duration = Duration::from_millis(500);

/// Watches the vault and repairs it, until the shutdown drains.
pub(crate) async fn run(app: &App, meter: &Meter, shutdown: &Shutdown) {
    tokio::select! {
        () = look(app, meter) => {}
        () = repair(app) => {}
        () = shutdown.draining() => {}
    }
}

async fn look(app: &App, meter: &Meter) {
    let gauge = meter
        .u64_gauge("workapi.vault.quarantine")
        .with_description("1 while refresh tokens of a restored vault are held back, else 0.")
        .build();
    loop {
        match app.restore.look().await {
            Ok(standing) => gauge.record((standing == Standing::Quarantined).into(), &[]),
            Err(error) => tracing::debug!(%error, "the vault can't be compared; trying on"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn repair(app: &App) {
    loop {
        if app.restore.standing() == Standing::Quarantined
            && let Err(error) = app.repair().await
        {
            tracing::warn!(%error, "the restored vault can't be repaired; trying on");
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl App {
    /// Stores the rotations that only the journal has, once `auth` has applied the deletions.
    async fn repair(&self) -> Result<(), Error> {
        let vault = self.vault();
        let Some(repair) = vault.start_repair(Part::Rotations).await? else {
            return Ok(());
        };
        let quarantine = &repair.quarantine;
        if quarantine.deletions_replayed_at.is_none() {
            return Ok(());
        }
        if quarantine.rotations_folded_at.is_none() {
            let part = Part::Rotations;
            let folding = self.sinks.fold_journal(part).await?;
            vault.note_folded(quarantine, part, folding).await?;
            tracing::warn!(
                folded = folding.folded,
                failed = folding.failed,
                "the rotations in the journal were folded into the restored vault"
            );
        }
        vault.end_quarantine_if_made_good().await?;
        Ok(())
    }
}
