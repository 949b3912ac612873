//! Putting off: a lease that ends without a verdict on its credential.

use std::time::Duration;

use sqlx::PgConnection;

use crate::RotationLease;

/// Ends a lease, and has its credential looked at after a time; a deletion waits for nothing.
/// Nothing is counted, and copies of the job are void. Returns the state; `None` when the lease
/// was lost.
pub(crate) async fn postpone(
    connection: &mut PgConnection,
    lease: &RotationLease,
    after: Duration,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(
        "UPDATE credential
         SET lease_token = NULL,
             lease_until = NULL,
             due_at = CASE WHEN state = 'revoking' THEN now()
                           ELSE now() + make_interval(secs => $3) END,
             claim_seq = claim_seq + 1,
             unfinished_jobs = GREATEST(unfinished_jobs - 1, 0)
         WHERE integration_id = $1 AND lease_token = $2
         RETURNING state",
    )
    .bind(lease.integration_id.as_str())
    .bind(lease.lease_token())
    .bind(after.as_secs_f64())
    .fetch_optional(connection)
    .await
}
