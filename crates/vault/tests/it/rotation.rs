//! Rotating a token pair: the lease, the attempt and the commit.

use std::time::Duration;

use tokio::task::JoinSet;
use workapi_proto::events::v1::{CredentialRefreshed, CredentialStateChanged};
use workapi_proto::jobs::v1::CredentialJob;
use workapi_vault::{RotationStart, Settled, Vault};

use crate::credential::{assert_about, row, times};
use crate::fixture::{DEADLINE, Fixture, tokens};

const KEEP: Duration = Duration::from_mins(2);

async fn start(vault: &Vault, job: &CredentialJob) -> RotationStart {
    vault.start_rotation(job, DEADLINE).await.unwrap()
}

#[tokio::test]
async fn a_lease_comes_with_the_token_and_an_attempt_on_record() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;

    let lease = vault.lease(&integration).await;

    assert_eq!(lease.refresh_token.expose(), "refresh-1");
    assert_eq!(lease.generation, 1);
    assert_eq!(lease.integration_id, integration);
    assert_eq!(lease.grant.environment_guid, vault.environment);
    assert_eq!(lease.grant.provider.as_str(), "sandbox");
    assert_eq!(lease.granted_scopes.to_string(), "email profile");
    assert_eq!(vault.attempt(&lease).await, "sent");
    assert_eq!(row(&vault.sql, &integration).await.unfinished_jobs, 1);
    assert_about(times(&vault.sql, &integration).await.leased_for, 60.0);
}

#[tokio::test]
async fn a_job_that_names_no_claim_is_void() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let job = vault.job(&integration).await;
    let void = [
        CredentialJob::default(),
        CredentialJob {
            claim_seq: job.claim_seq - 1,
            ..job.clone()
        },
        CredentialJob {
            claim_seq: job.claim_seq + 1,
            ..job.clone()
        },
        CredentialJob {
            grant_id: uuid::Uuid::new_v4().to_string(),
            ..job.clone()
        },
        CredentialJob {
            integration_id: "0".repeat(24),
            ..job
        },
    ];

    for job in void {
        let start = start(&vault.refresher, &job).await;

        assert!(matches!(start, RotationStart::NothingDue), "{job:?}");
    }
    assert_eq!(
        vault.count("SELECT count(*) FROM rotation_attempt").await,
        0
    );
}

#[tokio::test]
async fn of_fifty_starters_one_gets_the_lease() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let job = vault.job(&integration).await;
    let mut starting = JoinSet::new();
    for _ in 0..50 {
        let (refresher, job) = (vault.refresher.clone(), job.clone());
        starting.spawn(async move { start(&refresher, &job).await });
    }

    let starts = starting.join_all().await;

    let leased = |start: &&RotationStart| matches!(start, RotationStart::Leased(_));
    assert_eq!(starts.iter().filter(leased).count(), 1);
    let attempts = vault.count("SELECT count(*) FROM rotation_attempt").await;
    assert_eq!(attempts, 1);
}

#[tokio::test]
async fn fm_05_a_live_lease_keeps_later_claims_out_until_it_ends() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let first = vault.lease(&integration).await;
    let job = vault.job(&integration).await;

    let while_it_lives = start(&vault.refresher, &job).await;
    vault.end_lease(&integration).await;
    let when_it_ended = start(&vault.refresher, &job).await;

    assert!(matches!(while_it_lives, RotationStart::NothingDue));
    let RotationStart::Leased(second) = when_it_ended else {
        panic!("the lease has ended, yet {when_it_ended:?}");
    };
    assert_ne!(second.attempt_id, first.attempt_id);
    assert_eq!(second.generation, first.generation);
}

#[tokio::test]
async fn a_credential_whose_jobs_died_three_times_waits_for_an_operator() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    for _ in 0..3 {
        vault.lease(&integration).await;
        vault.end_lease(&integration).await;
    }
    let job = vault.job(&integration).await;

    let fourth = start(&vault.refresher, &job).await;
    let fifth = start(&vault.refresher, &job).await;

    assert!(matches!(fourth, RotationStart::Poisoned));
    assert!(matches!(fifth, RotationStart::NothingDue));
    let row = row(&vault.sql, &integration).await;
    assert_eq!(row.state, "needs_operator");
    assert_eq!(row.cause.as_deref(), Some("internal"));
    assert_eq!(times(&vault.sql, &integration).await.due_in, None);
    assert_eq!(vault.events().await, ["connected", "needs_operator"]);
    let event: CredentialStateChanged = vault.last_event().await;
    assert_eq!(
        (event.cause.as_str(), event.action.as_str()),
        ("internal", "operator")
    );
}

#[tokio::test]
async fn a_refresh_token_that_can_not_be_opened_waits_for_an_operator_after_three_jobs() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let broken = "UPDATE credential SET sealed_refresh = 'x' WHERE integration_id = $1";
    vault.execute(broken, &integration).await;
    let mut starts = Vec::new();
    for _ in 0..4 {
        let job = vault.job(&integration).await;
        starts.push(vault.refresher.start_rotation(&job, DEADLINE).await);
        vault.end_lease(&integration).await;
    }

    let fourth = starts.pop().unwrap();
    assert!(starts.iter().all(Result::is_err), "{starts:?}");
    assert!(matches!(fourth, Ok(RotationStart::Poisoned)), "{fourth:?}");
    let row = row(&vault.sql, &integration).await;
    assert_eq!(row.state, "needs_operator");
    let unsent = "SELECT count(*) FROM rotation_attempt WHERE state = 'not_sent'";
    assert_eq!(vault.count(unsent).await, 4);
}

#[tokio::test]
async fn a_lease_under_which_nothing_was_sent_is_given_back() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.lease(&integration).await;

    vault
        .refresher
        .postpone(&lease, Duration::ZERO)
        .await
        .unwrap();

    let row = row(&vault.sql, &integration).await;
    assert_eq!((row.lease_token, row.unfinished_jobs), (None, 0));
    assert_eq!(vault.attempt(&lease).await, "not_sent");
    assert_about(times(&vault.sql, &integration).await.due_in, 0.0);
}

#[tokio::test]
async fn a_lease_that_somebody_took_over_is_not_given_back() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lost = vault.lease(&integration).await;
    vault.end_lease(&integration).await;
    vault.lease(&integration).await;
    let before = row(&vault.sql, &integration).await;

    vault
        .refresher
        .postpone(&lost, Duration::ZERO)
        .await
        .unwrap();

    assert_eq!(row(&vault.sql, &integration).await, before);
    assert_eq!(vault.attempt(&lost).await, "not_sent");
}

#[tokio::test]
async fn an_answer_becomes_the_next_generation() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.lease(&integration).await;
    let answer = vault.refresher.seal_answer(&lease, &tokens("2")).unwrap();

    let settled = vault
        .refresher
        .commit_rotation(&lease, &answer, Some(KEEP))
        .await;

    assert_eq!(settled.unwrap(), Settled::Committed);
    let row = row(&vault.sql, &integration).await;
    assert_eq!(row.generation, 2);
    assert_eq!((row.lease_token, row.unfinished_jobs), (None, 0));
    let times = times(&vault.sql, &integration).await;
    assert!((2680.0..=3060.0).contains(&times.refresh_in), "{times:?}");
    assert_about(times.due_in, times.refresh_in);
    assert_eq!(vault.attempt(&lease).await, "committed");
    let event: CredentialRefreshed = vault.last_event().await;
    assert_eq!(event.integration_id, integration.as_str());
    assert_eq!(event.grant_id, lease.grant_id.to_string());
    assert_eq!(event.generation, 2);
    assert_eq!(vault.events().await, ["connected", "refreshed"]);
    let next = vault.lease(&integration).await;
    assert_eq!(next.refresh_token.expose(), "refresh-2");
}

#[tokio::test]
async fn without_a_new_refresh_token_the_old_one_goes_on() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.lease(&integration).await;
    let mut received = tokens("2");
    received.refresh_token = None;
    let answer = vault.refresher.seal_answer(&lease, &received).unwrap();

    let settled = vault
        .refresher
        .commit_rotation(&lease, &answer, Some(KEEP))
        .await;

    assert_eq!(settled.unwrap(), Settled::Committed);
    let next = vault.lease(&integration).await;
    assert_eq!(
        (next.generation, next.refresh_token.expose()),
        (2, "refresh-1")
    );
}

#[tokio::test]
async fn an_answer_changes_the_scopes_and_the_end_of_the_grant_only_where_it_says_so() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let mut received = tokens("2");
    received.scopes = Some("email".parse().unwrap());
    received.refresh_expires_in = Some(Duration::from_hours(24));
    let lease = vault.lease(&integration).await;
    let answer = vault.refresher.seal_answer(&lease, &received).unwrap();
    vault
        .refresher
        .commit_rotation(&lease, &answer, Some(KEEP))
        .await
        .unwrap();
    let lease = vault.lease(&integration).await;
    let answer = vault.refresher.seal_answer(&lease, &tokens("3")).unwrap();

    vault
        .refresher
        .commit_rotation(&lease, &answer, Some(KEEP))
        .await
        .unwrap();

    assert_eq!(row(&vault.sql, &integration).await.granted_scopes, "email");
    let times = times(&vault.sql, &integration).await;
    assert_about(times.refresh_expires_in, 86400.0);
}

#[tokio::test]
async fn an_answer_brings_a_failing_credential_back() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault
        .execute(
            "UPDATE credential SET state = 'refresh_failing', cause = 'rate_limited', failures = 7
             WHERE integration_id = $1",
            &integration,
        )
        .await;
    let lease = vault.lease(&integration).await;
    let answer = vault.refresher.seal_answer(&lease, &tokens("2")).unwrap();

    vault
        .refresher
        .commit_rotation(&lease, &answer, Some(KEEP))
        .await
        .unwrap();

    let row = row(&vault.sql, &integration).await;
    assert_eq!(
        (row.state.as_str(), row.cause, row.failures),
        ("active", None, 0)
    );
}

#[tokio::test]
async fn an_answer_with_a_lifetime_beyond_every_calendar_is_committed() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.lease(&integration).await;
    let mut received = tokens("2");
    received.expires_in = Duration::MAX;
    received.refresh_expires_in = Some(Duration::MAX);
    let answer = vault.refresher.seal_answer(&lease, &received).unwrap();

    let settled = vault
        .refresher
        .commit_rotation(&lease, &answer, Some(KEEP))
        .await;

    assert_eq!(settled.unwrap(), Settled::Committed);
}
