//! Tables `commit_count` and `restore_quarantine`.

use sqlx::types::time::OffsetDateTime;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;
use workapi_types::IntegrationId;

/// How the database compares with what it was.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(crate) struct CountRow {
    pub(crate) commits: i64,
    /// Whether this is the server, and the timeline of it, that the commits were counted on.
    pub(crate) is_same_server: bool,
    pub(crate) is_quarantined: bool,
    has_moved: bool,
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct QuarantineRow {
    pub(crate) id: Uuid,
    pub(crate) started_at: OffsetDateTime,
    pub(crate) commits: i64,
    pub(crate) watermark: Option<i64>,
    pub(crate) deletions_replayed_at: Option<OffsetDateTime>,
    pub(crate) grants_folded_at: Option<OffsetDateTime>,
    pub(crate) grants_folded: i64,
    pub(crate) rotations_folded_at: Option<OffsetDateTime>,
    pub(crate) rotations_folded: i64,
    pub(crate) entries_failed: i64,
    pub(crate) ended_at: Option<OffsetDateTime>,
    pub(crate) ended_by: Option<String>,
}

/// Counts the commits up to now. What is returned is committed, so that no crash takes it back.
pub(crate) async fn count(pool: &PgPool) -> Result<CountRow, sqlx::Error> {
    let row = read_count(pool).await?;
    if !row.has_moved {
        return Ok(row);
    }
    sqlx::query(
        "UPDATE commit_count
         SET commits = base + (SELECT last_value FROM outbox_position_seq)
         WHERE commits < base + (SELECT last_value FROM outbox_position_seq)",
    )
    .execute(pool)
    .await?;
    read_count(pool).await
}

async fn read_count(pool: &PgPool) -> Result<CountRow, sqlx::Error> {
    sqlx::query_as(
        "SELECT counted.commits,
                counted.commits < counted.base + outbox.last_value AS has_moved,
                counted.system_identifier = control.system_identifier
                    AND counted.timeline = checkpoint.timeline_id AS is_same_server,
                EXISTS (
                    SELECT 1
                    FROM restore_quarantine
                    WHERE ended_at IS NULL
                ) AS is_quarantined
         FROM commit_count counted, outbox_position_seq outbox, pg_control_system() control,
              pg_control_checkpoint() checkpoint",
    )
    .fetch_one(pool)
    .await
}

/// Opens a quarantine, unless one is open; returns its id if this call did.
pub(crate) async fn begin(
    connection: &mut PgConnection,
    commits: i64,
    watermark: Option<i64>,
) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "INSERT INTO restore_quarantine (commits, watermark)
         VALUES ($1, $2)
         ON CONFLICT DO NOTHING
         RETURNING id",
    )
    .bind(commits)
    .bind(watermark)
    .fetch_optional(connection)
    .await
}

/// Returns the quarantine that began last.
pub(crate) async fn last(pool: &PgPool) -> Result<Option<QuarantineRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, started_at, commits, watermark, deletions_replayed_at, grants_folded_at,
                grants_folded, rotations_folded_at, rotations_folded, entries_failed, ended_at,
                ended_by
         FROM restore_quarantine
         ORDER BY started_at DESC
         LIMIT 1",
    )
    .fetch_optional(pool)
    .await
}

pub(crate) async fn note_deletions(pool: &PgPool, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE restore_quarantine
         SET deletions_replayed_at = now()
         WHERE id = $1 AND deletions_replayed_at IS NULL",
    )
    .bind(id)
    .execute(pool)
    .await
    .map(drop)
}

pub(crate) async fn note_grants(
    pool: &PgPool,
    id: Uuid,
    folded: i64,
    failed: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE restore_quarantine
         SET grants_folded_at = now(), grants_folded = grants_folded + $2,
             entries_failed = entries_failed + $3
         WHERE id = $1 AND grants_folded_at IS NULL",
    )
    .bind(id)
    .bind(folded)
    .bind(failed)
    .execute(pool)
    .await
    .map(drop)
}

pub(crate) async fn note_rotations(
    pool: &PgPool,
    id: Uuid,
    folded: i64,
    failed: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE restore_quarantine
         SET rotations_folded_at = now(), rotations_folded = rotations_folded + $2,
             entries_failed = entries_failed + $3
         WHERE id = $1 AND rotations_folded_at IS NULL",
    )
    .bind(id)
    .bind(folded)
    .bind(failed)
    .execute(pool)
    .await
    .map(drop)
}

/// Ends the quarantine if it lasts; returns whether this call did.
pub(crate) async fn end(
    connection: &mut PgConnection,
    id: Uuid,
    ended_by: &str,
) -> Result<bool, sqlx::Error> {
    let ended = sqlx::query(
        "UPDATE restore_quarantine
         SET ended_at = now(), ended_by = $2
         WHERE id = $1 AND ended_at IS NULL",
    )
    .bind(id)
    .bind(ended_by)
    .execute(connection)
    .await?;
    Ok(ended.rows_affected() == 1)
}

/// Goes on counting from the watermark, on the present server.
pub(crate) async fn accept(
    connection: &mut PgConnection,
    watermark: Option<i64>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE commit_count
         SET base = base + greatest(0, $1 - commits),
             commits = greatest(commits, $1),
             system_identifier = control.system_identifier,
             timeline = checkpoint.timeline_id
         FROM pg_control_system() control, pg_control_checkpoint() checkpoint",
    )
    .bind(watermark)
    .execute(connection)
    .await
    .map(drop)
}

/// What the vault has of integrations, to be compared with the journal.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct PositionRow {
    pub(crate) integration_id: String,
    pub(crate) grant_id: Uuid,
    pub(crate) generation: i64,
}

pub(crate) async fn positions(
    pool: &PgPool,
    integrations: &[IntegrationId],
) -> Result<Vec<PositionRow>, sqlx::Error> {
    let integrations: Vec<&str> = integrations.iter().map(IntegrationId::as_str).collect();
    sqlx::query_as(
        "SELECT integration_id, grant_id, generation
         FROM credential
         WHERE integration_id = ANY ($1)",
    )
    .bind(integrations)
    .fetch_all(pool)
    .await
}
