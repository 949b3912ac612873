//! What stands in the row of a credential, with times in seconds from now.

use sqlx::PgPool;
use uuid::Uuid;
use workapi_types::IntegrationId;

/// The row of one credential.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) grant_id: Uuid,
    pub(crate) generation: i64,
    pub(crate) provider_subject: String,
    pub(crate) granted_scopes: String,
    pub(crate) state: String,
    pub(crate) cause: Option<String>,
    pub(crate) claim_seq: i64,
    pub(crate) lease_token: Option<Uuid>,
    pub(crate) unfinished_jobs: i32,
    pub(crate) failures: i32,
    pub(crate) sealed_access: Option<Vec<u8>>,
    pub(crate) sealed_refresh: Option<Vec<u8>>,
    pub(crate) salt: Option<Vec<u8>>,
    pub(crate) key_id: Option<String>,
}

/// The times of one credential, in seconds from now; `None` where there is none.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Times {
    pub(crate) due_in: Option<f64>,
    pub(crate) leased_for: Option<f64>,
    pub(crate) refresh_in: f64,
    pub(crate) access_expires_in: f64,
    pub(crate) refresh_expires_in: Option<f64>,
    pub(crate) revoke_for: Option<f64>,
}

pub(crate) async fn row(sql: &PgPool, integration: &IntegrationId) -> Row {
    find_row(sql, integration)
        .await
        .expect("the credential exists")
}

pub(crate) async fn find_row(sql: &PgPool, integration: &IntegrationId) -> Option<Row> {
    sqlx::query_as(
        "SELECT grant_id, generation, provider_subject, granted_scopes, state, cause, claim_seq,
                lease_token, unfinished_jobs, failures, sealed_access, sealed_refresh, salt, key_id
         FROM credential
         WHERE integration_id = $1",
    )
    .bind(integration.as_str())
    .fetch_optional(sql)
    .await
    .unwrap()
}

pub(crate) async fn times(sql: &PgPool, integration: &IntegrationId) -> Times {
    sqlx::query_as(
        "SELECT extract(epoch FROM due_at - now())::float8 AS due_in,
                extract(epoch FROM lease_until - now())::float8 AS leased_for,
                extract(epoch FROM refresh_at - now())::float8 AS refresh_in,
                extract(epoch FROM access_expires_at - now())::float8 AS access_expires_in,
                extract(epoch FROM refresh_expires_at - now())::float8 AS refresh_expires_in,
                extract(epoch FROM revoke_until - now())::float8 AS revoke_for
         FROM credential
         WHERE integration_id = $1",
    )
    .bind(integration.as_str())
    .fetch_one(sql)
    .await
    .unwrap()
}

/// Asserts that `seconds` is `expected`, up to the time that the test itself took.
#[track_caller]
pub(crate) fn assert_about(seconds: Option<f64>, expected: f64) {
    let seconds = seconds.expect("there is such a time");
    assert!(
        (expected - 20.0..=expected + 0.5).contains(&seconds),
        "{seconds} s is not about {expected} s"
    );
}
