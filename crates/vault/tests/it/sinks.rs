//! Where an answer is kept while PostgreSQL does not take it, and how it comes back.

use std::future::{pending, ready};
use std::path::Path;
use std::time::Duration;

use workapi_bus::{Bus, Journal};
use workapi_testkit::{Proxy, eventually, nats_url, postgres_url, unique_prefix};
use workapi_types::IntegrationId;
use workapi_vault::{
    Connected, Kept, NewGrant, RotationLease, SealedAnswer, Seen, Settled, Sinks, StateHash,
    Urgency, Vault,
};

use crate::credential::{find_row, row};
use crate::fixture::{Fixture, new_integration, tokens};

/// A vault with a journal, and the ways to both servers.
struct Kit {
    vault: Fixture,
    postgres: Proxy,
    nats: Proxy,
    journal: Journal,
}

impl Kit {
    async fn new() -> Self {
        let postgres = Proxy::open(&postgres_url()).await;
        let nats = Proxy::open(&nats_url()).await;
        let bus = Bus::connect(&workapi_bus::Config {
            url: nats.lead(&nats_url()),
            prefix: unique_prefix(),
            name: "vault-test",
        })
        .await
        .unwrap();
        Self {
            vault: Fixture::over(Some(&postgres)).await,
            postgres,
            nats,
            journal: Journal::new(bus),
        }
    }

    fn sinks(&self, vault: &Vault, spill: Option<&Path>) -> Sinks {
        Sinks::open(vault.clone(), self.journal.clone(), spill).unwrap()
    }

    fn refresher(&self, spill: Option<&Path>) -> Sinks {
        self.sinks(&self.vault.refresher, spill)
    }

    async fn answered(&self, integration: &IntegrationId) -> (Box<RotationLease>, SealedAnswer) {
        let lease = self.vault.lease(integration).await;
        let answer = self.vault.refresher.seal_answer(&lease, &tokens("2"));
        (lease, answer.unwrap())
    }

    async fn is_journalled(&self, integration: &IntegrationId) -> bool {
        let found = self.journal.last(integration.as_str()).await.unwrap();
        found.is_some()
    }
}

/// An answer that can not be had again, of whose place in the journal nothing is known.
const AT_ONCE: Urgency = Urgency::AtOnce(Seen::Unknown);

/// Keeps an answer for as long as it takes.
async fn keep(
    sinks: &Sinks,
    urgency: Urgency,
    lease: &RotationLease,
    answer: &SealedAnswer,
    give_up: impl Future<Output = ()>,
) -> Kept<Settled> {
    let commit = || sinks.vault().commit_rotation(lease, answer, None);
    sinks.keep(answer, urgency, commit, give_up).await.unwrap()
}

#[tokio::test]
async fn an_answer_that_can_not_be_had_again_is_in_the_journal_too() {
    let kit = Kit::new().await;
    let integration = kit.vault.connected().await;
    let (lease, answer) = kit.answered(&integration).await;

    let kept = keep(&kit.refresher(None), AT_ONCE, &lease, &answer, pending()).await;

    assert_eq!(kept.stored, Some(Settled::Committed));
    assert!(kit.is_journalled(&integration).await);
}

#[tokio::test]
async fn an_answer_that_can_be_had_again_needs_no_journal_while_postgresql_serves() {
    let kit = Kit::new().await;
    let integration = kit.vault.connected().await;
    let (lease, answer) = kit.answered(&integration).await;
    kit.nats.cut().await;

    let kept = keep(
        &kit.refresher(None),
        Urgency::WhenNeeded,
        &lease,
        &answer,
        pending(),
    )
    .await;
    kit.nats.reopen().await;

    assert_eq!(kept.stored, Some(Settled::Committed));
    assert!(!kit.is_journalled(&integration).await);
}

#[tokio::test]
async fn fm_04_an_answer_outlives_its_process_in_the_journal() {
    for urgency in [AT_ONCE, Urgency::WhenNeeded] {
        let kit = Kit::new().await;
        let integration = kit.vault.connected().await;
        let (lease, answer) = kit.answered(&integration).await;
        kit.postgres.cut().await;
        let left = keep(&kit.refresher(None), urgency, &lease, &answer, ready(())).await;
        kit.postgres.reopen().await;
        kit.vault.end_lease(&integration).await;

        let next = kit.vault.lease(&integration).await;
        let recovered = kit.refresher(None).recover(&next).await.unwrap();

        assert_eq!(left.stored, None);
        assert!(next.unresolved.is_some());
        assert!(recovered);
        let row = row(&kit.vault.sql, &integration).await;
        assert_eq!((row.generation, row.state.as_str()), (2, "active"));
        assert_eq!(kit.vault.attempt(&lease).await, "committed");
        assert_eq!(kit.vault.events().await, ["connected", "refreshed"]);
        let rotated = kit.vault.lease(&integration).await;
        assert_eq!(rotated.refresh_token.expose(), "refresh-2");
        assert_eq!(rotated.unresolved, None);
    }
}

#[tokio::test]
async fn fm_04_an_answer_that_no_sink_takes_is_held_on_to() {
    let kit = Kit::new().await;
    let integration = kit.vault.connected().await;
    let (lease, answer) = kit.answered(&integration).await;
    let sinks = kit.refresher(None);
    kit.postgres.cut().await;
    kit.nats.cut().await;
    let mut keeping = Box::pin(keep(&sinks, AT_ONCE, &lease, &answer, ready(())));

    // More than one try of either sink, and the process was told to stop long ago.
    let early = tokio::time::timeout(Duration::from_secs(1), &mut keeping).await;
    kit.nats.reopen().await;
    let left = keeping.await;

    assert!(early.is_err());
    assert_eq!(left.stored, None);
    assert!(kit.is_journalled(&integration).await);
}

#[tokio::test]
async fn fm_04_a_spilled_answer_is_folded_by_the_next_process() {
    let kit = Kit::new().await;
    let spill = tempfile::tempdir().unwrap();
    let integration = kit.vault.connected().await;
    let (lease, answer) = kit.answered(&integration).await;
    kit.postgres.cut().await;
    kit.nats.cut().await;
    let sinks = kit.refresher(Some(spill.path()));
    let left = keep(&sinks, AT_ONCE, &lease, &answer, ready(())).await;
    let files_left = entries(spill.path());
    drop(sinks);
    kit.postgres.reopen().await;
    kit.nats.reopen().await;

    let restarted = kit.refresher(Some(spill.path()));
    eventually("a vault that answers", || async {
        restarted.fold_spill(false).await.ok()
    })
    .await;

    assert_eq!((left.stored, files_left), (None, 1));
    assert_eq!(row(&kit.vault.sql, &integration).await.generation, 2);
    assert_eq!(entries(spill.path()), 0);
}

#[tokio::test]
async fn a_spilled_answer_that_postgresql_takes_after_all_leaves_no_file() {
    let kit = Kit::new().await;
    let spill = tempfile::tempdir().unwrap();
    let integration = kit.vault.connected().await;
    let (lease, answer) = kit.answered(&integration).await;
    let sinks = kit.refresher(Some(spill.path()));
    kit.postgres.cut().await;
    kit.nats.cut().await;
    let reopened_when_spilled = async {
        eventually("a spill file", || async {
            (entries(spill.path()) == 1).then_some(())
        })
        .await;
        kit.postgres.reopen().await;
    };

    let keeping = keep(&sinks, Urgency::WhenNeeded, &lease, &answer, pending());
    let (kept, ()) = tokio::join!(keeping, reopened_when_spilled);

    assert_eq!(kept.stored, Some(Settled::Committed));
    assert_eq!(entries(spill.path()), 0);
}

#[tokio::test]
async fn a_spilled_answer_whose_grant_a_restored_vault_lacks_stays() {
    let kit = Kit::new().await;
    let spill = tempfile::tempdir().unwrap();
    let integration = kit.vault.connected().await;
    let (lease, answer) = kit.answered(&integration).await;
    let lacks = "DELETE FROM credential WHERE integration_id = $1";
    kit.vault.execute(lacks, &integration).await;
    kit.nats.cut().await;

    let sinks = kit.refresher(Some(spill.path()));
    let kept = keep(&sinks, AT_ONCE, &lease, &answer, pending()).await;

    assert_eq!(kept.stored, Some(Settled::UnknownGrant));
    assert_eq!(entries(spill.path()), 1);
}

/// Brings an answer to where only the journal has it, and then a grant that is refused; returns how.
async fn refused_beside_an_answer(change: fn(&mut NewGrant)) -> Option<Connected> {
    let kit = Kit::new().await;
    let integration = kit.vault.connected().await;
    let (lease, answer) = kit.answered(&integration).await;
    let refresher = kit.refresher(None);
    kit.postgres.cut().await;
    let left = keep(&refresher, AT_ONCE, &lease, &answer, ready(())).await;
    assert_eq!(left.stored, None);
    kit.postgres.reopen().await;
    let mut again = eventually("a vault that answers", || async {
        kit.vault
            .auth
            .recent_outcome(StateHash::of(""))
            .await
            .ok()?;
        Some(kit.vault.grant(&integration).await)
    })
    .await;
    change(&mut again);
    let sealed = kit.vault.auth.seal_grant(&again).unwrap();
    let sinks = kit.sinks(&kit.vault.auth, None);

    let commit = || sinks.vault().connect(&sealed);
    let refused = sinks.keep(&sealed, AT_ONCE, commit, pending());
    let refused = refused.await.unwrap().stored;
    let forgotten = sinks.forget_grant(&integration, again.grant_id);
    forgotten.await.unwrap();

    let recovered = eventually("a vault that answers", || async {
        refresher.recover(&lease).await.ok()
    })
    .await;
    assert!(recovered);
    assert_eq!(row(&kit.vault.sql, &integration).await.generation, 2);
    refused
}

#[tokio::test]
async fn fm_04_a_grant_without_a_refresh_token_does_not_displace_an_answer_that_only_the_journal_has()
 {
    let refused = refused_beside_an_answer(|grant| grant.tokens.refresh_token = None).await;

    assert_eq!(refused, Some(Connected::NoRefreshToken));
}

#[tokio::test]
async fn fm_04_a_grant_of_another_account_does_not_displace_an_answer_that_only_the_journal_has() {
    let of_another = |grant: &mut NewGrant| grant.grant.provider_subject.push('e');

    let refused = refused_beside_an_answer(of_another).await;

    assert_eq!(refused, Some(Connected::AccountMismatch));
}

#[tokio::test]
async fn a_spill_directory_belongs_to_one_process() {
    let kit = Kit::new().await;
    let spill = tempfile::tempdir().unwrap();
    let first = kit.refresher(Some(spill.path()));

    let journal = kit.journal.clone();
    let second = Sinks::open(kit.vault.refresher.clone(), journal, Some(spill.path()));

    assert!(
        second
            .unwrap_err()
            .to_string()
            .contains("another running process")
    );
    drop(first);
}

#[tokio::test]
async fn an_unreadable_spill_file_is_named_and_stays() {
    let kit = Kit::new().await;
    let spill = tempfile::tempdir().unwrap();
    let file = spill.path().join("64b7f0c2a1d3e4f5a6b7c8d9.x.2.entry");
    std::fs::write(&file, "{}").unwrap();

    let refused = kit.refresher(Some(spill.path())).fold_spill(false).await;

    let message = refused.unwrap_err().to_string();
    assert!(message.contains("64b7f0c2a1d3e4f5a6b7c8d9"), "{message}");
    assert!(file.exists());
}

#[tokio::test]
async fn neither_journal_nor_spill_file_tells_a_secret() {
    let kit = Kit::new().await;
    let spill = tempfile::tempdir().unwrap();
    let integration = new_integration();
    let grant = kit.vault.grant(&integration).await;
    let sealed = kit.vault.auth.seal_grant(&grant).unwrap();
    let sinks = kit.sinks(&kit.vault.auth, Some(spill.path()));
    kit.postgres.cut().await;
    kit.nats.cut().await;
    let commit = || sinks.vault().connect(&sealed);
    let kept = sinks.keep(&sealed, AT_ONCE, commit, ready(()));
    kept.await.unwrap();
    kit.nats.reopen().await;
    let commit = || sinks.vault().connect(&sealed);
    let kept = sinks.keep(&sealed, AT_ONCE, commit, ready(()));
    kept.await.unwrap();

    let journalled = kit.journal.last(integration.as_str()).await.unwrap();
    let journalled = journalled.unwrap().message;
    let written: Vec<u8> = std::fs::read_dir(spill.path())
        .unwrap()
        .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect();

    for text in [journalled.to_vec(), written] {
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(integration.as_str()), "{text}");
        for secret in [
            "access-1",
            "refresh-1",
            "ann@example.test",
            "issuer.example",
        ] {
            assert!(!text.contains(secret), "{secret} stands in {text}");
        }
    }
}

#[tokio::test]
async fn fm_04_a_grant_that_only_the_journal_has_is_stored_later() {
    let kit = Kit::new().await;
    let integration = new_integration();
    let grant = kit.vault.grant(&integration).await;
    let sealed = kit.vault.auth.seal_grant(&grant).unwrap();
    let sinks = kit.sinks(&kit.vault.auth, None);
    kit.postgres.cut().await;
    let commit = || sinks.vault().connect(&sealed);
    let kept = sinks.keep(&sealed, AT_ONCE, commit, ready(()));
    let left = kept.await.unwrap();
    kit.postgres.reopen().await;
    let before = find_row(&kit.vault.sql, &integration).await;

    let recovered = eventually("a vault that answers", || async {
        sinks.recover_grant(&integration, grant.grant_id).await.ok()
    })
    .await;

    assert_eq!(left.stored, None);
    assert_eq!(before, None);
    assert_eq!(recovered, Some(Connected::Stored));
    assert_eq!(row(&kit.vault.sql, &integration).await.state, "active");
    assert_eq!(kit.vault.events().await, ["connected"]);
    let lease = kit.vault.lease(&integration).await;
    assert_eq!(lease.refresh_token.expose(), "refresh-1");
}

#[tokio::test]
async fn an_answer_finds_its_place_in_the_journal_although_that_has_changed_since_it_was_asked_for()
{
    let kit = Kit::new().await;
    let integration = kit.vault.connected().await;
    let sinks = kit.refresher(None);
    let (lease, answer) = kit.answered(&integration).await;
    let seen = sinks.ready_for(&integration, lease.leased_at).await;
    keep(&sinks, AT_ONCE, &lease, &answer, pending()).await;
    let before = kit.journal.last(integration.as_str()).await.unwrap();
    let (lease, answer) = kit.answered(&integration).await;

    let seen = seen.expect("all sinks are there");
    let kept = keep(&sinks, Urgency::AtOnce(seen), &lease, &answer, pending()).await;

    let after = kit.journal.last(integration.as_str()).await.unwrap();
    assert_eq!(kept.stored, Some(Settled::Committed));
    assert!(after.unwrap().number > before.unwrap().number);
}

#[tokio::test]
async fn two_sinks_must_take_writes_before_an_answer_is_asked_for() {
    let kit = Kit::new().await;
    let integration = kit.vault.connected().await;
    let spill = tempfile::tempdir().unwrap();
    let now = std::time::Instant::now;
    let stale = now().checked_sub(Duration::from_secs(2)).unwrap();

    let two = kit.refresher(None).ready_for(&integration, now()).await;
    let journal_alone = kit.refresher(None).ready_for(&integration, stale).await;
    kit.nats.cut().await;
    let postgres_alone = kit.refresher(None).ready_for(&integration, now()).await;
    let with_spill = kit
        .refresher(Some(spill.path()))
        .ready_for(&integration, now())
        .await;

    assert!(two.is_some() && with_spill.is_some());
    assert!(journal_alone.is_none() && postgres_alone.is_none());
}

#[tokio::test]
async fn a_shredded_credential_leaves_nothing_in_the_journal() {
    let kit = Kit::new().await;
    let integration = kit.vault.connected().await;
    let (lease, answer) = kit.answered(&integration).await;
    let sinks = kit.refresher(None);
    keep(&sinks, AT_ONCE, &lease, &answer, pending()).await;

    sinks.purge(&integration).await.unwrap();

    assert!(!kit.is_journalled(&integration).await);
}

fn entries(directory: &Path) -> usize {
    std::fs::read_dir(directory)
        .unwrap()
        .filter(|file| {
            let path = file.as_ref().unwrap().path();
            path.extension().is_some_and(|found| found == "entry")
        })
        .count()
}

#[tokio::test]
async fn an_answer_that_comes_late_does_not_take_a_newer_ones_place_in_the_journal() {
    let kit = Kit::new().await;
    let integration = kit.vault.connected().await;
    let (late_lease, late) = kit.answered(&integration).await;
    let sinks = kit.refresher(None);
    let settled = kit
        .vault
        .refresher
        .commit_rotation(&late_lease, &late, None);
    settled.await.unwrap();
    let newer_lease = kit.vault.lease(&integration).await;
    let newer = kit.vault.refresher.seal_answer(&newer_lease, &tokens("3"));
    let newer = newer.unwrap();
    keep(&sinks, AT_ONCE, &newer_lease, &newer, pending()).await;
    let before = kit.journal.last(integration.as_str()).await.unwrap();

    let kept = keep(&sinks, AT_ONCE, &late_lease, &late, pending()).await;

    assert_eq!(kept.stored, Some(Settled::Committed));
    let after = kit.journal.last(integration.as_str()).await.unwrap();
    assert_eq!(after.unwrap().message, before.unwrap().message);
}

#[tokio::test]
async fn an_answer_that_the_journal_may_not_keep_is_spilled() {
    let kit = Kit::new().await;
    let spill = tempfile::tempdir().unwrap();
    let integration = kit.vault.connected().await;
    let (lease, answer) = kit.answered(&integration).await;
    let newer = kit.vault.grant(&integration).await;
    let newer = kit.vault.auth.seal_grant(&newer).unwrap();
    let connecting = kit.sinks(&kit.vault.auth, None);
    let commit = || connecting.vault().connect(&newer);
    let reconnected = connecting.keep(&newer, AT_ONCE, commit, pending());
    reconnected.await.unwrap();
    kit.postgres.cut().await;

    let sinks = kit.refresher(Some(spill.path()));
    let left = keep(&sinks, AT_ONCE, &lease, &answer, ready(())).await;

    assert_eq!(left.stored, None);
    assert_eq!(entries(spill.path()), 1);
}
