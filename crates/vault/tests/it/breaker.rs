//! The breaker of a provider config: who opens it.

use tokio::task::JoinSet;
use workapi_proto::events::v1::ProviderBreakerOpened;
use workapi_providers::{Action, Cause};
use workapi_types::{IntegrationId, ProviderConfigId};
use workapi_vault::{Failure, RotationLease, State, SuspectClient};

use crate::credential::{row, times};
use crate::fixture::{CLIENT_ID, Fixture, new_integration, provider, store};

const INVALID_CLIENT: Failure = Failure {
    cause: Cause::OperatorConfig,
    action: Action::Operator,
    retry_after: None,
    rejected: true,
    keeps_lease: false,
};

impl Fixture {
    /// Connects a new integration to the account of a subject.
    pub(crate) async fn connected_as(&self, subject: &str) -> IntegrationId {
        let integration = new_integration();
        let mut grant = self.grant(&integration).await;
        subject.clone_into(&mut grant.grant.provider_subject);
        store(&self.auth, &grant).await.unwrap();
        integration
    }

    pub(crate) async fn refuse(&self, integration: &IntegrationId) -> Option<State> {
        let lease = self.lease(integration).await;
        self.refuse_lease(&lease).await
    }

    pub(crate) async fn refuse_lease(&self, lease: &RotationLease) -> Option<State> {
        let recorded = self.refresher.record_failure(lease, &INVALID_CLIENT);
        recorded.await.unwrap()
    }

    /// Lets the client be accepted, by a call that begins now.
    async fn accept(&self, integration: &IntegrationId) {
        let lease = self.lease(integration).await;
        self.refresher.client_accepted(&lease).await.unwrap();
    }

    pub(crate) async fn config(&self) -> ProviderConfigId {
        let provider = provider();
        let client = self.auth.current_client(self.environment, &provider);
        client.await.unwrap().unwrap().config_id
    }

    pub(crate) async fn is_open(&self) -> bool {
        let config = self.config().await;
        self.auth.breaker_is_open(config).await.unwrap()
    }

    /// Connects three accounts, has the provider refuse the client with each, and returns them.
    pub(crate) async fn opened(&self) -> Vec<IntegrationId> {
        let mut integrations = Vec::new();
        for subject in ["i ann", "i bo", "i cy"] {
            integrations.push(self.connected_as(subject).await);
        }
        for integration in &integrations {
            self.refuse(integration).await;
        }
        assert!(self.is_open().await);
        integrations
    }

    pub(crate) async fn breaker_events(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT subject FROM outbox WHERE subject LIKE 'evt.auth.provider.%' ORDER BY position",
        )
        .fetch_all(&self.sql)
        .await
        .unwrap()
    }
}

#[tokio::test]
async fn fm_10_refusals_of_three_credentials_of_two_accounts_open_the_breaker_once() {
    let vault = Fixture::new().await;

    let integrations = vault.opened().await;

    assert_eq!(
        vault.breaker_events().await,
        ["evt.auth.provider.breaker_opened.v1"]
    );
    let event: ProviderBreakerOpened = vault.last_event().await;
    assert_eq!(event.provider_config_id, vault.config().await.to_string());
    assert_eq!(event.environment_guid, vault.environment.to_string());
    assert_eq!(event.provider, "sandbox");
    assert_eq!(event.refused_credentials, 3);
    for integration in &integrations {
        assert_eq!(row(&vault.sql, integration).await.state, "active");
    }
    let suspects = vault.refresher.suspect_clients().await.unwrap();
    let expected = SuspectClient {
        config_id: vault.config().await,
        environment_guid: vault.environment,
        provider: provider(),
        client_id: CLIENT_ID.to_owned(),
        open: true,
    };
    assert_eq!(suspects, [expected]);
}

#[tokio::test]
async fn fm_10_refusals_that_come_together_open_the_breaker_once() {
    let vault = Fixture::new().await;
    let mut leases = Vec::new();
    for number in 0..10 {
        let integration = vault.connected_as(&format!("i {number}")).await;
        leases.push(vault.lease(&integration).await);
    }

    let mut refusals = JoinSet::new();
    for lease in leases {
        let refresher = vault.refresher.clone();
        refusals.spawn(async move { refresher.record_failure(&lease, &INVALID_CLIENT).await });
    }
    for refused in refusals.join_all().await {
        assert_eq!(refused.unwrap(), Some(State::Active));
    }

    assert_eq!(
        vault.breaker_events().await,
        ["evt.auth.provider.breaker_opened.v1"]
    );
    let failed = "SELECT count(*) FROM credential WHERE failures > 0";
    assert_eq!(vault.count(failed).await, 2);
}

#[tokio::test]
async fn the_only_credential_of_a_config_is_enough() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault.expire(&integration).await;

    let state = vault.refuse(&integration).await;

    assert_eq!(state, Some(State::Active));
    assert!(vault.is_open().await);
    assert_eq!(row(&vault.sql, &integration).await.failures, 0);
}

#[tokio::test]
async fn refusals_of_one_tenant_open_nothing() {
    let vault = Fixture::new().await;
    vault.connected_as("tenant-2 dee").await;

    for subject in ["tenant-1 ann", "tenant-1 bo", "tenant-1 cy"] {
        let integration = vault.connected_as(subject).await;
        vault.refuse(&integration).await;
    }

    assert!(!vault.is_open().await);
    assert!(vault.breaker_events().await.is_empty());
}

#[tokio::test]
async fn a_success_after_them_takes_refusals_back() {
    let vault = Fixture::new().await;
    let [ann, bo, cy, dee] = [
        vault.connected_as("i ann").await,
        vault.connected_as("i bo").await,
        vault.connected_as("i cy").await,
        vault.connected_as("i dee").await,
    ];
    vault.refuse(&ann).await;
    vault.refuse(&bo).await;

    vault.accept(&dee).await;

    vault.refuse(&cy).await;
    assert!(!vault.is_open().await);
    vault.refuse(&ann).await;
    vault.refuse(&bo).await;
    assert!(vault.is_open().await);
}

#[tokio::test]
async fn a_success_that_began_before_them_takes_nothing_back() {
    let vault = Fixture::new().await;
    let [ann, bo, cy, dee] = [
        vault.connected_as("i ann").await,
        vault.connected_as("i bo").await,
        vault.connected_as("i cy").await,
        vault.connected_as("i dee").await,
    ];
    let early = vault.lease(&dee).await;
    vault.refuse(&ann).await;
    vault.refuse(&bo).await;

    vault.refresher.client_accepted(&early).await.unwrap();

    vault.refuse(&cy).await;
    assert!(vault.is_open().await);
    vault.refresher.client_accepted(&early).await.unwrap();
    assert!(vault.is_open().await);
}

#[tokio::test]
async fn what_is_refused_for_a_day_while_others_succeed_is_forbidden_by_an_administrator() {
    let vault = Fixture::new().await;
    let other = vault.connected_as("tenant-2 dee").await;
    let refused = vault.connected_as("tenant-1 ann").await;
    vault.refuse(&refused).await;
    vault.accept(&other).await;
    vault
        .execute(
            "UPDATE rejection SET since = since - interval '24 hours' WHERE integration_id = $1",
            &refused,
        )
        .await;

    let state = vault.refuse(&refused).await;

    assert_eq!(state, Some(State::NeedsOperator));
    let row = row(&vault.sql, &refused).await;
    assert_eq!(row.cause.as_deref(), Some("admin_policy"));
    assert_eq!(times(&vault.sql, &refused).await.due_in, None);
    assert!(!vault.is_open().await);
    let events = vault.events().await;
    assert_eq!(events, ["connected", "connected", "needs_operator"]);
}
