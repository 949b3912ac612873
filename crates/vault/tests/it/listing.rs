//! Lists of credentials.

use workapi_providers::{Action, Cause};
use workapi_types::{EnvironmentGuid, IntegrationId};
use workapi_vault::{CredentialFilter, State};

use crate::fixture::Fixture;

impl Fixture {
    async fn listed_ids(&self, filter: &CredentialFilter) -> Vec<IntegrationId> {
        let page = self.auth.credentials(filter, None, 100).await.unwrap();
        page.into_iter().map(|found| found.integration_id).collect()
    }
}

#[tokio::test]
async fn a_list_goes_on_where_the_page_before_ended() {
    let vault = Fixture::new().await;
    let mut integrations = Vec::new();
    for _ in 0..5 {
        integrations.push(vault.connected().await);
    }
    integrations.sort();
    let filter = CredentialFilter::default();
    let mut seen = Vec::new();

    loop {
        let page = vault.auth.credentials(&filter, seen.last(), 2).await;
        let page = page.unwrap();
        assert!(page.len() <= 2);
        if page.is_empty() {
            break;
        }
        seen.extend(page.into_iter().map(|found| found.integration_id));
    }

    assert_eq!(seen, integrations);
}

#[tokio::test]
async fn every_filter_leaves_what_matches_it() {
    let vault = Fixture::new().await;
    let active = vault.connected().await;
    let rejected = vault.connected().await;
    vault
        .fail_for(&rejected, Cause::RevokedByUser, Action::Reconnect)
        .await;
    let all = CredentialFilter::default();
    let mut both = vec![active.clone(), rejected.clone()];
    both.sort();

    for (filter, expected) in [
        (all.clone(), both.clone()),
        (
            CredentialFilter {
                state: Some(State::Active),
                ..all.clone()
            },
            vec![active],
        ),
        (
            CredentialFilter {
                state: Some(State::NeedsReconnect),
                cause: Some(Cause::RevokedByUser),
                provider: Some("sandbox".parse().unwrap()),
                environment_guid: Some(vault.environment),
            },
            vec![rejected.clone()],
        ),
        (
            CredentialFilter {
                cause: Some(Cause::RevokedByUser),
                ..all.clone()
            },
            vec![rejected],
        ),
        (
            CredentialFilter {
                cause: Some(Cause::Internal),
                ..all.clone()
            },
            vec![],
        ),
        (
            CredentialFilter {
                provider: Some("gmail".parse().unwrap()),
                ..all.clone()
            },
            vec![],
        ),
        (
            CredentialFilter {
                environment_guid: Some(EnvironmentGuid::random()),
                ..all.clone()
            },
            vec![],
        ),
        (
            CredentialFilter {
                environment_guid: Some(vault.environment),
                ..all
            },
            both,
        ),
    ] {
        assert_eq!(vault.listed_ids(&filter).await, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn what_is_shredded_is_listed_only_when_asked_for() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    vault
        .execute(
            "UPDATE credential SET state = 'revoked' WHERE integration_id = $1",
            &integration,
        )
        .await;
    let revoked = CredentialFilter {
        state: Some(State::Revoked),
        ..CredentialFilter::default()
    };

    let by_default = vault.listed_ids(&CredentialFilter::default()).await;
    let on_demand = vault.listed_ids(&revoked).await;

    assert!(by_default.is_empty());
    assert_eq!(on_demand, [integration]);
}

#[tokio::test]
async fn a_listed_credential_says_how_it_is() {
    let vault = Fixture::new().await;
    let integration = vault.connected().await;
    // One of several: its refusal alone opens no breaker.
    for _ in 0..3 {
        vault.connected().await;
    }
    vault.expire(&integration).await;
    vault
        .fail_for(&integration, Cause::OperatorConfig, Action::Operator)
        .await;

    let filter = CredentialFilter {
        state: Some(State::RefreshFailing),
        ..CredentialFilter::default()
    };
    let page = vault.auth.credentials(&filter, None, 1).await.unwrap();

    let found = &page[0];
    assert_eq!(found.environment_guid, vault.environment);
    assert_eq!(found.provider.as_str(), "sandbox");
    assert_eq!(found.state, State::RefreshFailing);
    assert_eq!(found.cause, Some(Cause::OperatorConfig));
    assert_eq!(found.action, Action::Operator);
    assert!(found.since > found.last_success_at);
    assert!(found.access_expires_at < found.since);
}
