//! A vault that was restored from a backup: how it is noticed, and how it is brought up to date.

use std::future::pending;

use workapi_bus::{Bus, Journal};
use workapi_testkit::{Backup, Proxy, nats_url, unique_prefix};
use workapi_types::IntegrationId;
use workapi_vault::{
    Connected, Folding, Part, Release, RestoreWatch, Seen, Settled, Sinks, Standing, Urgency,
};

use crate::credential::row;
use crate::fixture::{Fixture, new_integration, tokens};

/// A vault with a journal, and both programs' views of them.
struct Kit {
    vault: Fixture,
    nats: Proxy,
    journal: Journal,
    auth: Sinks,
    refresher: Sinks,
    watch: RestoreWatch,
}

impl Kit {
    async fn new() -> Self {
        let nats = Proxy::open(&nats_url()).await;
        let bus = Bus::connect(&workapi_bus::Config {
            url: nats.lead(&nats_url()),
            prefix: unique_prefix(),
            name: "vault-test",
        })
        .await
        .unwrap();
        let vault = Fixture::new().await;
        let journal = Journal::new(bus);
        let sinks = |vault| Sinks::open(vault, journal.clone(), None).unwrap();
        let (auth, refresher) = (sinks(vault.auth.clone()), sinks(vault.refresher.clone()));
        Self {
            watch: RestoreWatch::new(refresher.clone()),
            vault,
            nats,
            journal,
            auth,
            refresher,
        }
    }

    /// Connects a new integration, as `auth` does.
    async fn connected(&self) -> IntegrationId {
        let integration = new_integration();
        let grant = self.vault.grant(&integration).await;
        let sealed = self.vault.auth.seal_grant(&grant).unwrap();
        let commit = || self.vault.auth.connect(&sealed);
        let kept = self
            .auth
            .keep(&sealed, Urgency::AtOnce(Seen::Unknown), commit, pending());
        assert_eq!(kept.await.unwrap().stored, Some(Connected::Stored));
        integration
    }

    /// Rotates a credential to `access-<name>` and `refresh-<name>`, as `token-refresher` does.
    async fn rotate(&self, integration: &IntegrationId, name: &str) {
        let lease = self.vault.lease(integration).await;
        let answer = self.vault.refresher.seal_answer(&lease, &tokens(name));
        let answer = answer.unwrap();
        let commit = || self.vault.refresher.commit_rotation(&lease, &answer, None);
        let kept = self
            .refresher
            .keep(&answer, Urgency::AtOnce(Seen::Unknown), commit, pending());
        assert_eq!(kept.await.unwrap().stored, Some(Settled::Committed));
    }

    async fn look(&self) -> Standing {
        self.watch.look().await.unwrap()
    }

    /// Does what both programs do about a restored vault.
    async fn repair(&self) -> [Folding; 2] {
        let quarantine = self.vault.auth.open_quarantine().await.unwrap().unwrap();
        let vault = &self.vault.auth;
        vault.note_deletions_replayed(&quarantine).await.unwrap();
        let grants = self.auth.fold_journal(Part::Grants).await.unwrap();
        let noted = vault.note_folded(&quarantine, Part::Grants, grants);
        noted.await.unwrap();
        let rotations = self.refresher.fold_journal(Part::Rotations).await.unwrap();
        let noted = self
            .vault
            .refresher
            .note_folded(&quarantine, Part::Rotations, rotations);
        noted.await.unwrap();
        [grants, rotations]
    }

    async fn token(&self, integration: &IntegrationId) -> (i64, String) {
        let lease = self.vault.lease(integration).await;
        (lease.generation, lease.refresh_token.expose().to_owned())
    }
}

fn folded(folded: i64) -> Folding {
    Folding { folded, failed: 0 }
}

#[tokio::test]
async fn a_vault_that_moves_on_raises_the_watermark() {
    let kit = Kit::new().await;
    let integration = kit.connected().await;

    assert_eq!(kit.look().await, Standing::Sound);
    let before = kit.journal.watermark().await.unwrap().unwrap();
    kit.rotate(&integration, "2").await;
    assert_eq!(kit.look().await, Standing::Sound);
    let after = kit.journal.watermark().await.unwrap().unwrap();

    assert_eq!(after, before + 1);
    assert_eq!(kit.watch.standing(), Standing::Sound);
}

#[tokio::test]
async fn fm_21_a_restored_vault_gets_its_newest_tokens_from_the_journal() {
    let kit = Kit::new().await;
    let integration = kit.connected().await;
    let backup = Backup::take(&kit.vault.sql).await;
    kit.rotate(&integration, "2").await;
    kit.rotate(&integration, "3").await;
    kit.look().await;
    backup.restore(&kit.vault.sql).await;

    let standing = kit.look().await;
    let repaired = kit.repair().await;

    assert_eq!(standing, Standing::Quarantined);
    assert_eq!(repaired, [folded(0), folded(1)]);
    assert_eq!(kit.token(&integration).await, (3, "refresh-3".to_owned()));
    assert_eq!(kit.repair().await, [folded(0), folded(0)]);
}

#[tokio::test]
async fn fm_21_a_grant_newer_than_the_backup_comes_back_as_the_generation_that_it_had() {
    let kit = Kit::new().await;
    kit.connected().await;
    let backup = Backup::take(&kit.vault.sql).await;
    let integration = kit.connected().await;
    kit.rotate(&integration, "2").await;
    kit.rotate(&integration, "3").await;
    kit.look().await;
    backup.restore(&kit.vault.sql).await;
    kit.look().await;

    let repaired = kit.repair().await;

    assert_eq!(repaired, [folded(1), folded(0)]);
    assert_eq!(kit.token(&integration).await, (3, "refresh-3".to_owned()));
    kit.vault.end_lease(&integration).await;
    kit.rotate(&integration, "4").await;
    assert_eq!(row(&kit.vault.sql, &integration).await.generation, 4);
}

#[tokio::test]
async fn fm_21_a_reconnection_after_the_backup_wins_over_the_old_grant() {
    let kit = Kit::new().await;
    let integration = kit.connected().await;
    kit.rotate(&integration, "2").await;
    let backup = Backup::take(&kit.vault.sql).await;
    let again = kit.vault.grant(&integration).await;
    let sealed = kit.vault.auth.seal_grant(&again).unwrap();
    let commit = || kit.vault.auth.connect(&sealed);
    let kept = kit
        .auth
        .keep(&sealed, Urgency::AtOnce(Seen::Unknown), commit, pending());
    kept.await.unwrap();
    kit.look().await;
    backup.restore(&kit.vault.sql).await;
    kit.look().await;

    let repaired = kit.repair().await;

    assert_eq!(repaired, [folded(1), folded(0)]);
    let found = row(&kit.vault.sql, &integration).await;
    assert_eq!(found.grant_id, again.grant_id.as_uuid());
    assert_eq!(kit.token(&integration).await, (1, "refresh-1".to_owned()));
}

#[tokio::test]
async fn fm_21_what_was_deleted_after_the_backup_is_not_revived_by_the_journal() {
    let kit = Kit::new().await;
    let known = kit.connected().await;
    let backup = Backup::take(&kit.vault.sql).await;
    let unknown = kit.connected().await;
    kit.rotate(&known, "2").await;
    kit.look().await;
    backup.restore(&kit.vault.sql).await;
    kit.look().await;

    // As the replayed events do.
    for integration in [&known, &unknown] {
        kit.vault.auth.delete(integration).await.unwrap();
    }
    kit.repair().await;

    for integration in [&known, &unknown] {
        assert_eq!(row(&kit.vault.sql, integration).await.state, "revoking");
        let lease = kit.vault.revocation(integration).await;
        let newest = if integration == &known {
            "refresh-2"
        } else {
            "refresh-1"
        };
        assert_eq!(lease.refresh_token.unwrap().expose(), newest);
    }
}

#[tokio::test]
async fn a_quarantine_whose_losses_are_all_made_good_ends_by_itself() {
    let kit = Kit::new().await;
    let integration = kit.connected().await;
    let backup = Backup::take(&kit.vault.sql).await;
    kit.rotate(&integration, "2").await;
    kit.look().await;
    backup.restore(&kit.vault.sql).await;
    kit.look().await;

    let early = kit.vault.auth.end_quarantine_if_made_good().await.unwrap();
    kit.repair().await;
    let ended = kit.vault.refresher.end_quarantine_if_made_good().await;

    assert!(!early && ended.unwrap());
    assert_eq!(kit.look().await, Standing::Sound);
    let last = kit.vault.auth.last_quarantine().await.unwrap().unwrap();
    assert_eq!(last.ended_by.as_deref(), Some("folding"));
    let told = kit
        .vault
        .count("SELECT count(*) FROM outbox WHERE subject LIKE 'evt.auth.vault.%'");
    assert_eq!(told.await, 2);
}

#[tokio::test]
async fn a_quarantine_with_losses_that_nothing_made_good_waits_for_an_operator() {
    let kit = Kit::new().await;
    let integration = kit.connected().await;
    let backup = Backup::take(&kit.vault.sql).await;
    for name in ["2", "3"] {
        kit.rotate(&integration, name).await;
    }
    kit.look().await;
    let known = kit.journal.watermark().await.unwrap().unwrap();
    backup.restore(&kit.vault.sql).await;
    kit.look().await;

    let unfinished = kit.vault.auth.release_quarantine(false).await.unwrap();
    kit.repair().await;
    let ended = kit.vault.auth.end_quarantine_if_made_good().await.unwrap();
    let standing = kit.look().await;
    let released = kit.vault.auth.release_quarantine(false).await.unwrap();
    let again = kit.vault.auth.release_quarantine(false).await.unwrap();

    assert!(matches!(unfinished, Release::Unfinished), "{unfinished:?}");
    assert!(!ended);
    assert_eq!(standing, Standing::Quarantined);
    let Release::Released(quarantine) = released else {
        panic!("the repair is done, yet {released:?}");
    };
    assert_eq!(quarantine.watermark, Some(known));
    assert_eq!(quarantine.ended_by.as_deref(), Some("operator"));
    assert!(matches!(again, Release::NotQuarantined), "{again:?}");
    assert_eq!(kit.look().await, Standing::Sound);
    assert!(kit.journal.watermark().await.unwrap().unwrap() >= known);
}

#[tokio::test]
async fn an_operator_may_end_a_quarantine_whose_repair_can_not_be_done() {
    let kit = Kit::new().await;
    kit.connected().await;
    kit.journal.put_watermark(1_000_000).await.unwrap();
    assert_eq!(kit.look().await, Standing::Quarantined);

    let released = kit.vault.auth.release_quarantine(true).await.unwrap();

    assert!(matches!(released, Release::Released(_)), "{released:?}");
    assert_eq!(kit.look().await, Standing::Sound);
}

#[tokio::test]
async fn another_server_is_looked_at_and_let_go_when_nothing_is_missing() {
    for change in [
        "UPDATE commit_count SET timeline = timeline + 1",
        "UPDATE commit_count SET system_identifier = 1",
    ] {
        let kit = Kit::new().await;
        kit.connected().await;
        kit.look().await;
        sqlx::query(change).execute(&kit.vault.sql).await.unwrap();

        let standing = kit.look().await;
        kit.repair().await;
        let ended = kit.vault.auth.end_quarantine_if_made_good().await.unwrap();

        assert_eq!(standing, Standing::Quarantined, "{change}");
        assert!(ended, "{change}");
        assert_eq!(kit.look().await, Standing::Sound, "{change}");
    }
}

#[tokio::test]
async fn another_server_without_a_watermark_waits_for_an_operator() {
    let kit = Kit::new().await;
    kit.connected().await;
    sqlx::query("UPDATE commit_count SET timeline = timeline + 1")
        .execute(&kit.vault.sql)
        .await
        .unwrap();

    let standing = kit.look().await;
    kit.repair().await;

    assert_eq!(standing, Standing::Quarantined);
    let ended = kit.vault.auth.end_quarantine_if_made_good().await.unwrap();
    assert!(!ended);
}

#[tokio::test]
async fn an_entry_that_can_not_be_read_is_counted_and_leaves_the_end_to_an_operator() {
    let kit = Kit::new().await;
    let integration = kit.connected().await;
    let backup = Backup::take(&kit.vault.sql).await;
    kit.rotate(&integration, "2").await;
    kit.look().await;
    backup.restore(&kit.vault.sql).await;
    kit.look().await;
    let other = new_integration();
    let put = kit.journal.put(other.as_str(), b"{}".to_vec(), 0);
    put.await.unwrap();

    let [grants, rotations] = kit.repair().await;

    assert_eq!((grants.failed, rotations.failed), (1, 1));
    assert_eq!(rotations.folded, 1);
    let ended = kit.vault.auth.end_quarantine_if_made_good().await.unwrap();
    assert!(!ended);
}

#[tokio::test]
async fn one_replica_repairs_and_the_others_let_it() {
    let kit = Kit::new().await;
    kit.connected().await;
    kit.journal.put_watermark(1_000_000).await.unwrap();
    kit.look().await;
    let (first, second) = (&kit.vault.auth, &kit.vault.refresher);

    let repair = first.start_repair(Part::Grants).await.unwrap();
    let same = second.start_repair(Part::Grants).await.unwrap();
    let other = second.start_repair(Part::Rotations).await.unwrap();

    assert!(repair.is_some() && same.is_none() && other.is_some());
}

#[tokio::test]
async fn without_nats_what_was_seen_last_counts_and_without_that_nothing_is_known() {
    let kit = Kit::new().await;
    kit.connected().await;
    let newcomer = RestoreWatch::new(kit.auth.clone());
    assert_eq!(newcomer.standing(), Standing::Unknown);
    assert_eq!(kit.look().await, Standing::Sound);
    kit.nats.cut().await;

    let known = kit.look().await;
    let unknown = newcomer.look().await;

    assert_eq!(known, Standing::Sound);
    assert!(unknown.is_err());
    assert_eq!(newcomer.standing(), Standing::Unknown);
}
