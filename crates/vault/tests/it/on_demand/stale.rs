//! Tokens that have to be waited for.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use workapi_bus::Bus;
use workapi_proto::jobs::v1::{RefreshOutcome, RefreshReply, RefreshRequest};
use workapi_providers::{Action, Cause};
use workapi_testkit::{Proxy, eventually, nats_url};
use workapi_types::IntegrationId;
use workapi_vault::{AccessVault, Failure, OnDemandError, Refreshment};

use super::{PATIENCE, bus, bus_at, token};
use crate::credential::{row, times};
use crate::fixture::Fixture;

/// Answers every request with `outcome`, from the moment on that this returns.
async fn answer_with(bus: &Bus, outcome: RefreshOutcome) -> CancellationToken {
    let shutdown = CancellationToken::new();
    let handler = move |_: RefreshRequest| async move {
        RefreshReply {
            outcome: outcome.into(),
            ..RefreshReply::default()
        }
    };
    let (serving, stop) = (bus.clone(), shutdown.clone());
    tokio::spawn(async move { serving.serve_refresh_requests(8, stop, handler).await });
    eventually("somebody answers", || async {
        bus.request_refresh("nobody", PATIENCE).await.ok()
    })
    .await;
    shutdown
}

/// Waits until the row says that it is due.
async fn until_due(fixture: &Fixture, integration: &IntegrationId) {
    eventually("the credential is due", || async {
        let due_in = times(&fixture.sql, integration).await.due_in;
        due_in.filter(|due_in| *due_in <= 0.0)
    })
    .await;
}

fn spawn_caller(
    vault: &AccessVault,
    integration: &IntegrationId,
) -> tokio::task::JoinHandle<Result<(i64, String), OnDemandError>> {
    let (vault, integration) = (vault.clone(), integration.clone());
    tokio::spawn(async move {
        let granted = token(&vault, &integration).await?;
        Ok((granted.generation, granted.token.expose().to_owned()))
    })
}

#[tokio::test]
async fn a_refresh_that_is_under_way_is_waited_for() {
    let fixture = Fixture::new().await;
    let integration = fixture.connected().await;
    let lease = fixture.lease(&integration).await;
    fixture.age(&integration, -1.0).await;
    let bus = bus().await;
    answer_with(&bus, RefreshOutcome::Joined).await;
    let vault = fixture.access_vault(&bus).await;

    let caller = spawn_caller(&vault, &integration);
    let tokens = crate::fixture::tokens("2");
    let answer = fixture.refresher.seal_answer(&lease, &tokens).unwrap();
    fixture
        .refresher
        .commit_rotation(&lease, &answer, Some(PATIENCE))
        .await
        .unwrap();

    assert_eq!(caller.await.unwrap().unwrap(), (2, "access-2".to_owned()));
}

#[tokio::test]
async fn a_refresh_that_fails_ends_the_wait_for_it() {
    let fixture = Fixture::new().await;
    let integration = fixture.connected().await;
    let lease = fixture.lease(&integration).await;
    fixture.age(&integration, -1.0).await;
    let bus = bus().await;
    answer_with(&bus, RefreshOutcome::Joined).await;
    let vault = fixture.access_vault(&bus).await;

    let caller = spawn_caller(&vault, &integration);
    let failure = Failure {
        cause: Cause::ProviderUnavailable,
        action: Action::Wait,
        retry_after: Some(Duration::from_mins(5)),
        rejected: true,
        keeps_lease: false,
    };
    fixture
        .refresher
        .record_failure(&lease, &failure)
        .await
        .unwrap();

    let error = caller.await.unwrap().unwrap_err();
    assert_eq!(error.cause(), Some(Cause::ProviderUnavailable));
    let retry_after = error.retry_after().unwrap();
    assert!(retry_after > Duration::from_mins(4), "{retry_after:?}");
}

#[tokio::test]
async fn without_a_responder_the_schedulers_are_told_and_the_row_is_watched() {
    let fixture = Fixture::new().await;
    let integration = fixture.connected().await;
    fixture.age(&integration, -1.0).await;
    let vault = fixture.access_vault(&bus().await).await;

    let caller = spawn_caller(&vault, &integration);
    until_due(&fixture, &integration).await;
    fixture.rotate(&integration, "2").await;

    assert_eq!(caller.await.unwrap().unwrap(), (2, "access-2".to_owned()));
}

#[tokio::test]
async fn without_nats_the_row_is_watched_to_the_deadline() {
    let way = Proxy::open(&nats_url()).await;
    let fixture = Fixture::new().await;
    let integration = fixture.connected().await;
    fixture.age(&integration, -1.0).await;
    let bus = bus_at(&way.lead(&nats_url())).await;
    let vault = fixture.access_vault(&bus).await;
    way.cut().await;

    let short = Duration::from_millis(300);
    let late = vault
        .access_token(&integration, Duration::ZERO, short)
        .await;
    let caller = spawn_caller(&vault, &integration);
    until_due(&fixture, &integration).await;
    fixture.rotate(&integration, "2").await;

    let late = late.unwrap_err();
    assert_eq!(late.action(), Action::Wait);
    assert!(late.retry_after().is_some());
    assert_eq!(caller.await.unwrap().unwrap().0, 2);
}

#[tokio::test]
async fn a_refresher_without_room_leaves_it_to_the_schedulers() {
    let fixture = Fixture::new().await;
    let integration = fixture.connected().await;
    fixture.age(&integration, 30.0).await;
    let bus = bus().await;
    answer_with(&bus, RefreshOutcome::Busy).await;
    let vault = fixture.access_vault(&bus).await;

    let short = Duration::from_millis(300);
    let granted = vault
        .access_token(&integration, Duration::ZERO, short)
        .await;

    assert_eq!(granted.unwrap().generation, 1);
    until_due(&fixture, &integration).await;
}

#[tokio::test]
async fn a_wish_is_served_with_what_there_is_when_no_refresh_succeeds() {
    let fixture = Fixture::new().await;
    let integration = fixture.connected().await;
    fixture.age(&integration, 600.0).await;
    let bus = bus().await;
    answer_with(&bus, RefreshOutcome::Failed).await;
    let vault = fixture.access_vault(&bus).await;

    let wish = Duration::from_mins(20);
    let granted = vault.access_token(&integration, wish, PATIENCE).await;

    assert_eq!(granted.unwrap().generation, 1);
}

#[tokio::test]
async fn a_credential_that_failed_is_left_alone_until_its_time() {
    let fixture = Fixture::new().await;
    let integration = fixture.connected().await;
    fixture.age(&integration, -1.0).await;
    fixture
        .execute(
            "UPDATE credential
             SET state = 'refresh_failing', cause = 'rate_limited', failures = 3,
                 due_at = now() + interval '10 minutes'
             WHERE integration_id = $1",
            &integration,
        )
        .await;
    let before = row(&fixture.sql, &integration).await;
    let vault = fixture.access_vault(&bus().await).await;

    let error = token(&vault, &integration).await.unwrap_err();

    assert_eq!(error.cause(), Some(Cause::RateLimited));
    assert!(error.retry_after().unwrap() > Duration::from_mins(9));
    assert_eq!(row(&fixture.sql, &integration).await, before);
    assert!(times(&fixture.sql, &integration).await.due_in.unwrap() > 500.0);
}

#[tokio::test]
async fn a_check_tells_everything_but_the_token() {
    let fixture = Fixture::new().await;
    let integration = fixture.connected().await;
    let bus = bus().await;
    let on_demand =
        workapi_vault::OnDemand::new(fixture.database_as(workapi_vault::AUTH_ROLE).await, bus);

    let fresh = on_demand
        .check(&integration, Duration::ZERO, PATIENCE)
        .await
        .unwrap();
    fixture.age(&integration, -1.0).await;
    let short = Duration::from_millis(100);
    let stale = on_demand
        .check(&integration, Duration::ZERO, short)
        .await
        .unwrap();

    assert!(fresh.is_usable);
    assert_eq!((fresh.generation, fresh.action), (1, Action::None));
    assert_eq!(fresh.refreshment, Refreshment::NotNeeded);
    assert!(fresh.expires_in.unwrap() > Duration::from_mins(59));
    assert!(!stale.is_usable);
    assert_eq!(stale.refreshment, Refreshment::Unanswered);
    assert_eq!((stale.expires_in, stale.action), (None, Action::Wait));
    assert!(stale.retry_after.is_some());
}
