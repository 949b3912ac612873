//! What the vault holds, looked at and tampered with as only a test may.

use std::time::Duration;

use workapi_proto::events::v1::{CredentialRevoked, ProviderRevocation};
use workapi_testkit::eventually;

use crate::Stack;

/// What the vault holds of one integration.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Credential {
    /// The grant.
    pub grant_id: String,
    /// How often the grant's tokens were rotated, and one.
    pub generation: i64,
    /// The stored state.
    pub state: String,
    /// Why it is not `active`.
    pub cause: Option<String>,
    /// How often in a row its job failed.
    pub failures: i32,
    /// Whether there is a token, or a salt that could open one.
    pub has_secrets: bool,
}

impl Stack {
    /// Returns what the vault holds of an integration.
    ///
    /// # Panics
    /// When PostgreSQL does not answer.
    pub async fn credential(&self, integration_id: &str) -> Option<Credential> {
        sqlx::query_as(
            "SELECT grant_id::text, generation, state, cause, failures,
                    COALESCE(sealed_access, sealed_refresh, salt) IS NOT NULL AS has_secrets
             FROM credential
             WHERE integration_id = $1",
        )
        .bind(integration_id)
        .fetch_optional(self.vault_database())
        .await
        .expect("the vault is readable")
    }

    /// Waits until the vault holds what is waited for, and returns it.
    pub async fn credential_when(
        &self,
        integration_id: &str,
        what: &str,
        is_so: impl Fn(&Credential) -> bool,
    ) -> Credential {
        eventually(what, || async {
            self.credential(integration_id).await.filter(&is_so)
        })
        .await
    }

    /// Waits until a credential is in a state.
    pub async fn credential_in(&self, integration_id: &str, state: &str) -> Credential {
        let what = format!("the state {state}");
        self.credential_when(integration_id, &what, |found| found.state == state)
            .await
    }

    /// Returns how long it is until the vault looks at a credential again.
    ///
    /// # Panics
    /// When it never does.
    pub async fn due_in(&self, integration_id: &str) -> Duration {
        let query = "SELECT GREATEST(extract(epoch FROM due_at - now())::float8, 0)
                     FROM credential
                     WHERE integration_id = $1";
        let seconds: Option<f64> = sqlx::query_scalar(query)
            .bind(integration_id)
            .fetch_one(self.vault_database())
            .await
            .expect("there is such a credential");
        Duration::from_secs_f64(seconds.expect("the credential is due some time"))
    }

    /// Returns how many rotations the vault has committed under the present grants.
    ///
    /// # Panics
    /// When PostgreSQL does not answer.
    pub async fn rotations(&self) -> u64 {
        let query = "SELECT COALESCE(sum(generation - 1), 0)::bigint FROM credential";
        let rotations: i64 = sqlx::query_scalar(query)
            .fetch_one(self.vault_database())
            .await
            .expect("the vault is readable");
        u64::try_from(rotations).expect("generations start at 1")
    }

    /// Waits until every credential is of at least this generation and at rest: all of them have
    /// more than a minute to live.
    ///
    /// # Panics
    /// When PostgreSQL does not answer, or nothing comes to rest.
    pub async fn at_rest(&self, generation: i64) {
        let query = "SELECT bool_and(generation >= $1 AND state = 'active' AND lease_token IS NULL
                                     AND access_expires_at > now() + interval '1 minute')
                     FROM credential";
        eventually("a rest", || async {
            let rests: Option<bool> = sqlx::query_scalar(query)
                .bind(generation)
                .fetch_one(self.vault_database())
                .await
                .expect("the vault is readable");
            rests.filter(|rests| *rests)
        })
        .await;
    }

    /// Has a credential refreshed and returns it.
    ///
    /// # Panics
    /// When there is none, or it is not refreshed.
    pub async fn refresh(&self, integration_id: &str) -> Credential {
        let before = self.credential(integration_id).await;
        let before = before.expect("a credential").generation;
        self.make_due(integration_id).await;
        self.credential_when(integration_id, "a refresh", |found| {
            found.generation > before
        })
        .await
    }

    /// Makes the vault look at a credential at once, whatever it waits for.
    pub async fn make_due(&self, integration_id: &str) {
        let query = "UPDATE credential SET due_at = now() WHERE integration_id = $1";
        self.change_vault(query, integration_id).await;
    }

    /// Lets the access token of a credential have run out a second ago.
    pub async fn expire(&self, integration_id: &str) {
        let query = "UPDATE credential SET access_expires_at = now() - interval '1 second'
                     WHERE integration_id = $1";
        self.change_vault(query, integration_id).await;
    }

    /// Lets the lease on a credential have ended a second ago: what was sent under it is over.
    pub async fn end_lease(&self, integration_id: &str) {
        let query = "UPDATE credential SET lease_until = now() - interval '1 second'
                     WHERE integration_id = $1";
        self.change_vault(query, integration_id).await;
    }

    /// Makes the vault look at every credential at once.
    ///
    /// # Panics
    /// When PostgreSQL does not answer.
    pub async fn make_all_due(&self) {
        sqlx::query("UPDATE credential SET due_at = now()")
            .execute(self.vault_database())
            .await
            .expect("the vault can be written");
    }

    async fn change_vault(&self, query: &'static str, integration_id: &str) {
        let changed = sqlx::query(query)
            .bind(integration_id)
            .execute(self.vault_database())
            .await
            .expect("the vault can be written");
        assert_eq!(changed.rows_affected(), 1, "there is such a credential");
    }

    /// Waits until nothing may be stored for an integration any more.
    pub async fn tombstone(&self, integration_id: &str) {
        eventually("the tombstone", || async {
            self.is_tombstoned(integration_id).await.then_some(())
        })
        .await;
    }

    /// Waits until a credential is shredded, and returns what its event says of the provider.
    ///
    /// # Panics
    /// When any of its secrets is left.
    pub async fn end_of(&self, integration_id: &str) -> ProviderRevocation {
        let ended = self.credential_in(integration_id, "revoked").await;
        assert!(!ended.has_secrets, "the secrets are shredded");
        let subject = "evt.auth.credential.revoked.v1";
        let event = self.event(subject, integration_id).await;
        event.decode::<CredentialRevoked>().provider_revocation()
    }

    /// Returns whether nothing may be stored for an integration any more.
    ///
    /// # Panics
    /// When PostgreSQL does not answer.
    pub async fn is_tombstoned(&self, integration_id: &str) -> bool {
        let query = "SELECT EXISTS (SELECT FROM tombstone WHERE integration_id = $1)";
        sqlx::query_scalar(query)
            .bind(integration_id)
            .fetch_one(self.vault_database())
            .await
            .expect("the vault is readable")
    }
}
