//! Noticing that the vault was restored from a backup, and its repair as far as it is ours: the
//! deletions and the grants (refresh protocol, section 11).

use std::time::Duration;

use workapi_bus::Bus;
use workapi_errors::Error as Refusal;
use workapi_runtime::Shutdown;
use workapi_telemetry::Meter;
use workapi_vault::{Part, Quarantine, Release, RestoreWatch, Standing};

use crate::app::{App, Error};

/// How often the vault is compared with what is known of it.
const LOOK: Duration = Duration::from_millis(500);

/// Watches the vault and repairs it, until the shutdown drains.
pub(crate) async fn run(app: &App, bus: &Bus, meter: &Meter, shutdown: &Shutdown) {
    let watch = RestoreWatch::new(app.sinks.clone());
    tokio::select! {
        () = look(&watch, meter) => {}
        () = repair(app, bus, &watch) => {}
        () = shutdown.draining() => {}
    }
}

async fn look(watch: &RestoreWatch, meter: &Meter) {
    let gauge = meter
        .u64_gauge("workapi.vault.quarantine")
        .with_description("1 while refresh tokens of a restored vault are held back, else 0.")
        .build();
    loop {
        match watch.look().await {
            Ok(standing) => gauge.record((standing == Standing::Quarantined).into(), &[]),
            Err(error) => tracing::debug!(%error, "the vault can't be compared; trying on"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn repair(app: &App, bus: &Bus, watch: &RestoreWatch) {
    loop {
        if watch.standing() == Standing::Quarantined
            && let Err(error) = app.repair(bus).await
        {
            tracing::warn!(%error, "the restored vault can't be repaired; trying on");
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl App {
    /// Applies deletions again, and stores the grants that only the journal has: in this order, so
    /// that nothing that is deleted comes back.
    async fn repair(&self, bus: &Bus) -> Result<(), Error> {
        let vault = self.vault();
        let Some(repair) = vault.start_repair(Part::Grants).await? else {
            return Ok(());
        };
        let quarantine = &repair.quarantine;
        if quarantine.deletions_replayed_at.is_none() {
            self.replay_deletions(bus).await?;
            vault.note_deletions_replayed(quarantine).await?;
            tracing::warn!("every known deletion was applied to the restored vault again");
        }
        if quarantine.grants_folded_at.is_none() {
            let folding = self.sinks.fold_journal(Part::Grants).await?;
            vault.note_folded(quarantine, Part::Grants, folding).await?;
            tracing::warn!(
                folded = folding.folded,
                failed = folding.failed,
                "the grants in the journal were folded into the restored vault"
            );
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "the restored vault could not be swept; it is tried again later");
            }
        }
        vault.end_quarantine_if_made_good().await?;
        Ok(())
    }

    /// Returns the last quarantine, for operators.
    pub(crate) async fn last_quarantine(&self) -> Result<Option<Quarantine>, Error> {
        Ok(self.vault().last_quarantine().await?)
    }

    /// Ends the quarantine for an operator.
    pub(crate) async fn release_quarantine(&self, force: bool) -> Result<Quarantine, Error> {
        match self.vault().release_quarantine(force).await? {
            Release::Released(quarantine) => Ok(quarantine),
            Release::NotQuarantined => Err(Refusal::conflict("there is no quarantine").into()),
            Release::Unfinished => Err(Refusal::conflict(
                "the vault is still being repaired; see the status, or force it",
            )
            .into()),
        }
    }
}
