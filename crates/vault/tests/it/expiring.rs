//! Notices of grants that will end.

use std::time::Duration;

use tokio::task::JoinSet;
use workapi_proto::events::v1::CredentialExpiring;
use workapi_providers::{Action, Cause};
use workapi_types::IntegrationId;
use workapi_vault::{Connected, Failure, State};

use crate::credential::row;
use crate::fixture::{Fixture, new_integration, store, tokens};

const DAY: Duration = Duration::from_hours(24);

impl Fixture {
    /// Connects an integration whose grant lives so many days.
    async fn ends_after(&self, integration: &IntegrationId, days: u32) {
        let mut grant = self.grant(integration).await;
        grant.absolute_life = Some(DAY * days);
        assert_eq!(store(&self.auth, &grant).await.unwrap(), Connected::Stored);
    }

    /// Lets so many days pass: the ends come nearer, and so does the next notice.
    async fn pass(&self, integration: &IntegrationId, days: i32) {
        let notice: Option<String> = sqlx::query_scalar(
            "SELECT (expiry_notice_at - make_interval(days => $2))::text
             FROM credential
             WHERE integration_id = $1",
        )
        .bind(integration.as_str())
        .bind(days)
        .fetch_one(&self.sql)
        .await
        .unwrap();
        sqlx::query(
            "UPDATE credential
             SET absolute_expires_at = absolute_expires_at - make_interval(days => $2),
                 refresh_expires_at = refresh_expires_at - make_interval(days => $2)
             WHERE integration_id = $1",
        )
        .bind(integration.as_str())
        .bind(days)
        .execute(&self.sql)
        .await
        .unwrap();
        // The end that moved made a new notice; that it came nearer is no new end.
        sqlx::query(
            "UPDATE credential
             SET expiry_notice_at = $2::timestamptz
             WHERE integration_id = $1",
        )
        .bind(integration.as_str())
        .bind(notice)
        .execute(&self.sql)
        .await
        .unwrap();
    }

    /// Tells what is due, and returns the days left that each notice named.
    async fn tell(&self) -> Vec<u32> {
        self.auth.tell_expiring(10).await.unwrap();
        let payloads: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT payload
             FROM outbox
             WHERE subject = 'evt.auth.credential.expiring.v1'
             ORDER BY position",
        )
        .fetch_all(&self.sql)
        .await
        .unwrap();
        payloads
            .into_iter()
            .map(|payload| {
                let event: CredentialExpiring = prost::Message::decode(payload.as_slice()).unwrap();
                event.days_left
            })
            .collect()
    }

    /// Rotates under an answer that says how long the refresh token lives.
    async fn refresh(&self, integration: &IntegrationId, refresh_life: Option<Duration>) {
        let lease = self.lease(integration).await;
        let mut received = tokens("next");
        received.refresh_expires_in = refresh_life;
        let answer = self.refresher.seal_answer(&lease, &received).unwrap();
        let keep = Duration::from_mins(1);
        self.refresher
            .commit_rotation(&lease, &answer, Some(keep))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn fm_18_the_end_of_a_grant_is_told_thirty_days_seven_days_and_a_day_ahead() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    vault.ends_after(&integration, 365).await;

    assert!(vault.tell().await.is_empty());
    vault.pass(&integration, 335).await;
    assert_eq!(vault.tell().await, [30]);
    assert_eq!(vault.tell().await, [30]);
    vault.pass(&integration, 22).await;
    assert_eq!(vault.tell().await, [30]);
    vault.pass(&integration, 1).await;
    assert_eq!(vault.tell().await, [30, 7]);
    vault.pass(&integration, 6).await;
    assert_eq!(vault.tell().await, [30, 7, 1]);
    vault.pass(&integration, 1).await;
    assert_eq!(vault.tell().await, [30, 7, 1]);
}

#[tokio::test]
async fn fm_18_a_notice_names_the_grant_and_its_end() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    vault.ends_after(&integration, 31).await;
    vault.pass(&integration, 1).await;

    vault.tell().await;

    let event: CredentialExpiring = vault.last_event().await;
    let ends_at = "SELECT extract(epoch FROM absolute_expires_at)::bigint FROM credential";
    assert_eq!(event.integration_id, integration.as_str());
    assert_eq!(event.environment_guid, vault.environment.to_string());
    assert_eq!(event.provider, "sandbox");
    assert_eq!(event.expires_at, vault.count(ends_at).await);
    assert_eq!(event.cause, "absolute_expired");
}

#[tokio::test]
async fn fm_18_replicas_that_tell_at_once_tell_each_notice_once() {
    let vault = Fixture::new().await;
    for _ in 0..20 {
        let integration = new_integration();
        vault.ends_after(&integration, 31).await;
        vault.pass(&integration, 1).await;
    }
    let mut telling = JoinSet::new();
    for _ in 0..4 {
        let auth = vault.auth.clone();
        telling.spawn(async move { while auth.tell_expiring(3).await.unwrap() > 0 {} });
    }

    telling.join_all().await;

    let expiring = "SELECT count(*) FROM outbox WHERE subject LIKE '%.expiring.v1'";
    assert_eq!(vault.count(expiring).await, 20);
}

#[tokio::test]
async fn fm_18_notices_that_were_missed_are_told_as_one() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    vault.ends_after(&integration, 100).await;
    vault.pass(&integration, 96).await;

    assert_eq!(vault.tell().await, [4]);
    vault.pass(&integration, 3).await;
    assert_eq!(vault.tell().await, [4, 1]);
}

#[tokio::test]
async fn fm_18_the_earlier_end_is_told_and_a_countdown_is_told_once() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    vault.ends_after(&integration, 365).await;
    vault.refresh(&integration, Some(DAY * 8)).await;
    vault.pass(&integration, 1).await;
    assert_eq!(vault.tell().await, [7]);

    let countdown = DAY * 7 + Duration::from_secs(2);
    vault.refresh(&integration, Some(countdown)).await;
    assert_eq!(vault.tell().await, [7]);
    vault.refresh(&integration, None).await;
    assert_eq!(vault.tell().await, [7]);
}

#[tokio::test]
async fn an_end_that_every_refresh_moves_is_not_told() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;

    for _ in 0..3 {
        vault.refresh(&integration, Some(DAY * 20)).await;
        vault.pass(&integration, 5).await;
        assert!(vault.tell().await.is_empty());
    }
}

#[tokio::test]
async fn fm_18_reconnecting_begins_anew() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    vault.ends_after(&integration, 31).await;
    vault.pass(&integration, 1).await;
    assert_eq!(vault.tell().await, [30]);

    vault.ends_after(&integration, 31).await;

    assert_eq!(vault.tell().await, [30]);
    vault.pass(&integration, 1).await;
    assert_eq!(vault.tell().await, [30, 30]);
}

#[tokio::test]
async fn what_only_the_user_can_mend_is_not_told_to_expire() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    vault.ends_after(&integration, 31).await;
    vault.pass(&integration, 1).await;
    vault
        .execute(
            "UPDATE credential SET state = 'needs_reconnect', cause = 'unknown'
             WHERE integration_id = $1",
            &integration,
        )
        .await;

    assert!(vault.tell().await.is_empty());
}

#[tokio::test]
async fn fm_18_a_rejection_after_the_end_is_told_as_the_end() {
    let vault = Fixture::new().await;
    let integration = new_integration();
    vault.ends_after(&integration, 365).await;
    vault.pass(&integration, 366).await;
    let lease = vault.lease(&integration).await;
    let failure = Failure {
        cause: lease.explain(Cause::Unknown, None),
        action: Action::Reconnect,
        retry_after: None,
        rejected: true,
        keeps_lease: false,
    };

    let state = vault.refresher.record_failure(&lease, &failure).await;

    assert_eq!(state.unwrap(), Some(State::NeedsReconnect));
    let cause = row(&vault.sql, &integration).await.cause;
    assert_eq!(cause.as_deref(), Some("absolute_expired"));
}

#[tokio::test]
async fn fm_17_a_rejection_after_too_long_without_a_refresh_is_told_as_disuse() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault
        .execute(
            "UPDATE credential SET last_success_at = now() - interval '61 days'
             WHERE integration_id = $1",
            &integration,
        )
        .await;

    let lease = vault.lease(&integration).await;

    let idle = Some(DAY * 60);
    assert_eq!(lease.explain(Cause::Unknown, idle), Cause::IdleExpired);
    assert_eq!(lease.explain(Cause::Unknown, None), Cause::Unknown);
}
