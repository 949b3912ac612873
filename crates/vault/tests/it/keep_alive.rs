//! What nobody uses: not refreshed ahead, and kept alive before the provider forgets it.

use std::time::Duration;

use workapi_proto::jobs::v1::CredentialJob;
use workapi_types::IntegrationId;
use workapi_vault::{Claimed, FreshnessPolicy, Room, RotationStart, Settled};

use crate::credential::{row, times};
use crate::fixture::{DEADLINE, Fixture, job, room, tokens};

const DAY: Duration = Duration::from_hours(24);
const DAY_SECONDS: f64 = 86_400.0;
/// A provider like Box.
const BOX: FreshnessPolicy = FreshnessPolicy {
    keep_fresh: Some(Duration::from_hours(7 * 24)),
    idle: Some(Duration::from_hours(60 * 24)),
};

impl Fixture {
    /// Connects an integration so many days ago, last refreshed so many days ago, and due.
    async fn unused(&self, connected: i32, refreshed: i32) -> IntegrationId {
        let integration = self.connected().await;
        sqlx::query(
            "UPDATE credential
             SET connected_at = now() - make_interval(days => $2),
                 last_success_at = now() - make_interval(days => $3),
                 due_at = now()
             WHERE integration_id = $1",
        )
        .bind(integration.as_str())
        .bind(connected)
        .bind(refreshed)
        .execute(&self.sql)
        .await
        .unwrap();
        integration
    }

    async fn claim_under(&self, policy: FreshnessPolicy) -> Claimed {
        let room = Room { policy, ..room(10) };
        self.auth.claim_refreshes(&[room]).await.unwrap()
    }
}

async fn rotate(vault: &Fixture, job: &CredentialJob) {
    let start = vault.refresher.start_rotation(job, DEADLINE).await;
    let RotationStart::Leased(lease) = start.unwrap() else {
        panic!("the credential was claimed");
    };
    let answer = vault.refresher.seal_answer(&lease, &tokens("2")).unwrap();
    let settled = vault
        .refresher
        .commit_rotation(&lease, &answer, Some(DAY))
        .await;
    assert_eq!(settled.unwrap(), Settled::Committed);
}

#[tokio::test]
async fn fm_17_what_nobody_used_for_a_week_is_put_off_until_shortly_before_it_is_forgotten() {
    let vault = Fixture::new().await;
    let integration = vault.unused(8, 1).await;

    let claimed = vault.claim_under(BOX).await;

    assert!(claimed.claims.is_empty());
    let days = times(&vault.sql, &integration).await.due_in.unwrap() / DAY_SECONDS;
    assert!((49.9..=53.0).contains(&days), "{days}");
    assert_eq!(row(&vault.sql, &integration).await.state, "active");
}

#[tokio::test]
async fn fm_17_what_is_about_to_be_forgotten_is_refreshed_once_and_put_off_again() {
    let vault = Fixture::new().await;
    let integration = vault.unused(80, 55).await;
    let claimed = vault.claim_under(BOX).await;
    assert_eq!(claimed.claims.len(), 1);
    rotate(&vault, &job(&claimed.claims[0])).await;
    vault
        .execute(
            "UPDATE credential SET due_at = now() WHERE integration_id = $1",
            &integration,
        )
        .await;

    let claimed = vault.claim_under(BOX).await;

    assert!(claimed.claims.is_empty());
    let days = times(&vault.sql, &integration).await.due_in.unwrap() / DAY_SECONDS;
    assert!((50.9..=54.1).contains(&days), "{days}");
}

#[tokio::test]
async fn what_does_not_die_of_disuse_is_not_looked_at_before_somebody_uses_it() {
    let vault = Fixture::new().await;
    let integration = vault.unused(8, 1).await;

    let claimed = vault
        .claim_under(FreshnessPolicy { idle: None, ..BOX })
        .await;

    assert!(claimed.claims.is_empty());
    assert_eq!(times(&vault.sql, &integration).await.due_in, None);
}

#[tokio::test]
async fn what_was_used_within_the_week_is_refreshed_ahead() {
    let vault = Fixture::new().await;
    let integration = vault.unused(100, 1).await;
    vault
        .execute(
            "UPDATE credential SET last_used_at = now() - interval '6 days'
             WHERE integration_id = $1",
            &integration,
        )
        .await;

    let claimed = vault.claim_under(BOX).await;

    assert_eq!(claimed.claims.len(), 1);
}

#[tokio::test]
async fn the_end_of_the_refresh_token_is_kept_away_as_well() {
    let vault = Fixture::new().await;
    let integration = vault.unused(8, 1).await;
    vault
        .execute(
            "UPDATE credential SET refresh_expires_at = now() + interval '19 days'
             WHERE integration_id = $1",
            &integration,
        )
        .await;

    vault
        .claim_under(FreshnessPolicy { idle: None, ..BOX })
        .await;

    let days = times(&vault.sql, &integration).await.due_in.unwrap() / DAY_SECONDS;
    assert!((15.9..=17.1).contains(&days), "{days}");
}

#[tokio::test]
async fn what_failed_or_is_unresolved_is_tried_until_it_works_though_nobody_uses_it() {
    let vault = Fixture::new().await;
    let unsettled = [
        "UPDATE credential SET state = 'refresh_failing', cause = 'provider_unavailable'
         WHERE integration_id = $1",
        "UPDATE credential SET failures = 1 WHERE integration_id = $1",
        "UPDATE credential SET unfinished_jobs = 1 WHERE integration_id = $1",
    ];
    for statement in unsettled {
        let integration = vault.unused(8, 1).await;
        vault.execute(statement, &integration).await;
    }

    let claimed = vault.claim_under(BOX).await;

    assert_eq!(claimed.claims.len(), 3);
}

#[tokio::test]
async fn a_policy_is_what_the_manifest_says() {
    let manifest = workapi_providers::Catalogue::load(None, None).unwrap();
    let gmail = manifest.get(&"gmail".parse().unwrap()).unwrap();

    let policy = FreshnessPolicy::from(&gmail.refresh);

    assert_eq!(policy.keep_fresh, Some(DAY * 7));
    assert_eq!(policy.idle, Some(DAY * 180));
}
