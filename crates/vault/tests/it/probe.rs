//! An open breaker: what waits, what probes, and what closes it.

use workapi_proto::events::v1::ProviderBreakerClosed;
use workapi_vault::State;

use crate::credential::{row, times};
use crate::fixture::{CLIENT_ID, DEADLINE, Fixture, provider, secret};

impl Fixture {
    /// Lets the next probe be due.
    async fn probe_is_due(&self) {
        sqlx::query("UPDATE provider_breaker SET probe_at = now()")
            .execute(&self.sql)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn while_a_breaker_is_open_credentials_wait_for_the_probe_and_change_nothing() {
    let vault = Fixture::new().await;
    let integrations = vault.opened().await;
    let before = row(&vault.sql, &integrations[0]).await;
    let lease = vault.lease(&integrations[0]).await;

    let may = vault.refresher.may_call(&lease, DEADLINE).await.unwrap();

    assert!(!may);
    assert_eq!(vault.attempt(&lease).await, "not_sent");
    let after = row(&vault.sql, &integrations[0]).await;
    assert_eq!(after.state, "active");
    assert_eq!(after.failures, before.failures);
    assert_eq!((after.unfinished_jobs, after.lease_token), (0, None));
    let due_in = times(&vault.sql, &integrations[0]).await.due_in.unwrap();
    assert!((10.0..=38.0).contains(&due_in), "{due_in}");
}

#[tokio::test]
async fn a_breaker_that_is_closed_lets_everybody_call() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    let lease = vault.lease(&integration).await;

    assert!(vault.refresher.may_call(&lease, DEADLINE).await.unwrap());
    assert_eq!(vault.attempt(&lease).await, "sent");
}

#[tokio::test]
async fn fm_09_one_probe_is_sent_at_a_time_and_less_and_less_often() {
    let vault = Fixture::new().await;
    let integrations = vault.opened().await;
    let mut pauses = Vec::new();

    for _ in 0..7 {
        vault.probe_is_due().await;
        let probe = vault.lease(&integrations[0]).await;
        assert!(vault.refresher.may_call(&probe, DEADLINE).await.unwrap());
        let second = vault.lease(&integrations[1]).await;
        assert!(!vault.refresher.may_call(&second, DEADLINE).await.unwrap());
        vault.refuse_lease(&probe).await;
        let query = "SELECT round(extract(epoch FROM probe_at - now()) / 60)::bigint
                     FROM provider_breaker";
        pauses.push(vault.count(query).await);
    }

    assert_eq!(pauses, [1, 2, 4, 8, 15, 15, 15]);
    assert_eq!(vault.breaker_events().await.len(), 1);
}

#[tokio::test]
async fn a_probe_that_succeeds_closes_the_breaker_once_and_brings_back_what_waits() {
    let vault = Fixture::new().await;
    let integrations = vault.opened().await;
    vault
        .execute(
            "UPDATE credential
             SET refresh_at = now(), due_at = now() + interval '15 minutes'
             WHERE integration_id = $1",
            &integrations[1],
        )
        .await;
    let config = vault.config().await;
    vault.probe_is_due().await;
    let probe = vault.lease(&integrations[0]).await;
    assert!(vault.refresher.may_call(&probe, DEADLINE).await.unwrap());

    vault.refresher.client_accepted(&probe).await.unwrap();
    vault.refresher.client_accepted(&probe).await.unwrap();

    assert!(!vault.is_open().await);
    assert!(vault.refresher.suspect_clients().await.unwrap().is_empty());
    assert_eq!(
        vault.breaker_events().await,
        [
            "evt.auth.provider.breaker_opened.v1",
            "evt.auth.provider.breaker_closed.v1"
        ]
    );
    let event: ProviderBreakerClosed = vault.last_event().await;
    assert_eq!(event.provider_config_id, config.to_string());
    assert_eq!(event.environment_guid, vault.environment.to_string());
    assert!(event.opened_at > 0);
    let due_in = times(&vault.sql, &integrations[1]).await.due_in.unwrap();
    assert!(due_in <= 30.0, "{due_in}");
}

#[tokio::test]
async fn a_client_that_an_operator_has_changed_is_tried_at_once() {
    let vault = Fixture::new().await;
    vault.opened().await;
    let due = "SELECT count(*) FROM credential WHERE due_at <= now()";
    vault.refresher.try_changed_clients().await.unwrap();
    assert_eq!(vault.count(due).await, 0);

    vault
        .auth
        .set_provider_config(vault.environment, &provider(), CLIENT_ID, &secret("right"))
        .await
        .unwrap();
    vault.refresher.try_changed_clients().await.unwrap();

    assert_eq!(vault.count(due).await, 1);
    let claims = vault.claim_due(10).await;
    let probe = vault.lease(&claims[0].integration_id).await;
    assert!(vault.refresher.may_call(&probe, DEADLINE).await.unwrap());
    vault.refresher.try_changed_clients().await.unwrap();
    assert_eq!(vault.count(due).await, 0);
}

#[tokio::test]
async fn a_refusal_during_a_deletion_does_not_hold_the_revocation_up() {
    let vault = Fixture::new().await;
    let integrations = vault.opened().await;
    let lease = vault.lease(&integrations[0]).await;
    vault.auth.delete(&integrations[0]).await.unwrap();

    let state = vault.refuse_lease(&lease).await;

    assert_eq!(state, Some(State::Revoking));
    let due_in = times(&vault.sql, &integrations[0]).await.due_in.unwrap();
    assert!(due_in <= 0.0, "{due_in}");
}
