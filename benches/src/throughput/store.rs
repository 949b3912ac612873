//! All SQL of the throughput bench.

use sqlx::{AssertSqlSafe, PgPool};

/// Sealed pairs on their way into rows, column by column.
#[derive(Default)]
pub(super) struct Copies {
    pub(super) integration_ids: Vec<String>,
    pub(super) sealed_access: Vec<Vec<u8>>,
    pub(super) sealed_refresh: Vec<Vec<u8>>,
    pub(super) salts: Vec<Vec<u8>>,
}

/// Copies a credential, whatever columns it has, with other ids and tokens and not due.
pub(super) async fn copy(
    pool: &PgPool,
    template: &str,
    copies: &Copies,
) -> Result<(), sqlx::Error> {
    let columns: String = sqlx::query_scalar(
        "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
         FROM pg_attribute
         WHERE attrelid = 'credential'::regclass
             AND attnum > 0
             AND NOT attisdropped
             AND attgenerated = ''",
    )
    .fetch_one(pool)
    .await?;
    // Names of columns, quoted by PostgreSQL itself.
    let made = columns.replace(", ", ", made.");
    let statement = format!(
        "INSERT INTO credential ({columns})
         SELECT made.{made}
         FROM unnest($2::text[], $3::bytea[], $4::bytea[], $5::bytea[])
                  AS copy (integration_id, sealed_access, sealed_refresh, salt)
             CROSS JOIN credential AS template
             CROSS JOIN LATERAL jsonb_populate_record(template, jsonb_build_object(
                 'integration_id', copy.integration_id,
                 'sealed_access', '\\x' || encode(copy.sealed_access, 'hex'),
                 'sealed_refresh', '\\x' || encode(copy.sealed_refresh, 'hex'),
                 'salt', '\\x' || encode(copy.salt, 'hex'),
                 'due_at', NULL
             )) AS made
         WHERE template.integration_id = $1"
    );
    sqlx::query(AssertSqlSafe(statement))
        .bind(template)
        .bind(&copies.integration_ids)
        .bind(&copies.sealed_access)
        .bind(&copies.sealed_refresh)
        .bind(&copies.salts)
        .execute(pool)
        .await
        .map(drop)
}

/// Removes the credential that was copied, and what `integrations`, which knows none of this, would
/// be told.
pub(super) async fn remove_template(pool: &PgPool, template: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM credential WHERE integration_id = $1")
        .bind(template)
        .execute(pool)
        .await?;
    sqlx::query("DELETE FROM account_projection")
        .execute(pool)
        .await
        .map(drop)
}

/// Makes every credential due, the one as much as the other.
pub(super) async fn make_due(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE credential SET due_at = now(), refresh_at = now()")
        .execute(pool)
        .await?;
    sqlx::query("VACUUM ANALYZE credential")
        .execute(pool)
        .await
        .map(drop)
}

/// Counts the rotations that were committed.
pub(super) async fn committed(pool: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM credential WHERE generation > 1")
        .fetch_one(pool)
        .await
}

/// Counts the credentials that were not rotated just once, or are not well.
pub(super) async fn not_once(pool: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM credential WHERE generation <> 2 OR state <> 'active'")
        .fetch_one(pool)
        .await
}
