//! What it costs to find what is due, however many credentials there are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use sqlx::PgPool;
use uuid::Uuid;
use workapi_keyring::KeyRing;
use workapi_postgres::{Config, Database, create_database, migrate};
use workapi_vault::{AUTH_ROLE, FreshnessPolicy, MIGRATOR, Room, Vault};

use crate::Urls;
use crate::console::{Table, milliseconds};

/// How many credentials a claim may take.
const PLACES: i64 = 100;

/// What claims cost where so many credentials are stored.
#[derive(Clone, Copy, Debug)]
pub struct Selection {
    /// The credentials.
    pub credentials: i64,
    /// The claims that were measured.
    pub claims: usize,
    /// Entries that a claim read of the index of what is due, a mean.
    pub entries: i64,
    /// Pages that a claim touched, a mean.
    pub pages: i64,
    /// How long claims took, in order.
    took: [Duration; 2],
}

/// What was read so far: entries of the index of what is due, and pages of the table and its
/// indexes.
#[derive(Clone, Copy, sqlx::FromRow)]
struct Reads {
    entries: i64,
    pages: i64,
}

impl Selection {
    /// Stores `credentials` in a database of their own, of which enough are due for `claims`, and
    /// claims as the scheduler does.
    ///
    /// # Errors
    /// When the bench itself fails.
    pub async fn measure(urls: &Urls, credentials: i64, claims: usize) -> anyhow::Result<Self> {
        let name = format!("b{}_due", Uuid::new_v4().simple());
        let url = create_database(&urls.postgres, &name).await?;
        migrate(&url, &MIGRATOR).await?;
        let config = |role| Config {
            url: url.clone(),
            role,
            application_name: "bench",
            // Each connection counts for itself what it reads.
            max_connections: 1,
        };
        let owner = Database::connect(&config(None)).await?;
        // One claim more, for the plan and the pages that only the first has to fetch.
        let due = PLACES * i64::try_from(claims + 1)?;
        ensure!(due <= credentials, "{claims} claims need {due} credentials");
        seed(owner.pool(), credentials, due).await?;
        let key_ring = KeyRing::parse(KeyRing::generate()?.as_str())?;
        let auth = Database::connect(&config(Some(AUTH_ROLE))).await?;
        let vault = Vault::open(auth, Arc::new(key_ring))?;
        claim(&vault).await?;
        let before = reads(vault.database().pool()).await?;
        let mut took = Vec::new();
        for _ in 0..claims {
            took.push(claim(&vault).await?);
        }
        let after = reads(vault.database().pool()).await?;
        took.sort_unstable();
        let mean = |total: i64| i64::try_from(claims).map(|claims| total / claims);
        Ok(Self {
            credentials,
            claims,
            entries: mean(after.entries - before.entries)?,
            pages: mean(after.pages - before.pages)?,
            took: [took[claims / 2], took[claims - 1]],
        })
    }

    /// Prints a table of selections.
    pub fn print(selections: &[Self]) {
        let mut table = Table::default();
        for selection in selections {
            let of = |what: &str| format!("{} credentials: {what}", selection.credentials);
            let [median, longest] = selection.took;
            let claims = format!("claims of {PLACES}, measured");
            table.row(of(&claims), selection.claims);
            table.row(of("claim, median"), milliseconds(median));
            table.row(of("claim, longest"), milliseconds(longest));
            table.row(of("index entries read by a claim"), selection.entries);
            table.row(of("pages touched by a claim"), selection.pages);
        }
        table.print();
    }
}

async fn claim(vault: &Vault) -> anyhow::Result<Duration> {
    let room = Room {
        provider: "bench".parse()?,
        places: PLACES,
        policy: FreshnessPolicy {
            keep_fresh: None,
            idle: None,
        },
    };
    let begun = Instant::now();
    let claimed = vault.claim_refreshes(&[room]).await?.claims.len();
    let took = begun.elapsed();
    ensure!(
        i64::try_from(claimed)? == PLACES,
        "{claimed} credentials were claimed instead of {PLACES}"
    );
    Ok(took)
}

/// Writes credentials with tokens of an hour and rubbish for secrets; the first are due.
async fn seed(owner: &PgPool, credentials: i64, due: i64) -> Result<(), sqlx::Error> {
    sqlx::query("SET statement_timeout = 0")
        .execute(owner)
        .await?;
    sqlx::query(
        "INSERT INTO provider_config (id, environment_guid, provider, client_id)
         VALUES (gen_random_uuid(), gen_random_uuid(), 'bench', 'client')",
    )
    .execute(owner)
    .await?;
    sqlx::query(
        "INSERT INTO credential (integration_id, user_id, environment_guid, provider,
             provider_config_id, revocation_group, provider_subject, grant_id, generation,
             sealed_access, sealed_refresh, key_id, salt, asked_scopes, granted_scopes,
             access_expires_at, refresh_at, state, due_at)
         SELECT lpad(to_hex(n), 24, '0'), lpad(to_hex(n), 24, '0'), environment_guid, provider, id,
             client_id, n::text, new_grant_id(), 1, sha512(n::text::bytea), sha512(n::text::bytea),
             'key', sha256(n::text::bytea), 'email', 'email',
             at + make_interval(secs => 540 + n % 360), at, 'active', at
         FROM provider_config, generate_series(1, $1) AS n,
             LATERAL (SELECT now() + make_interval(secs => CASE WHEN n <= $2 THEN -(n % 97)
                                                                ELSE 600 + n % 2600 END) AS at)",
    )
    .bind(credentials)
    .bind(due)
    .execute(owner)
    .await?;
    sqlx::query("VACUUM ANALYZE credential")
        .execute(owner)
        .await
        .map(drop)
}

async fn reads(pool: &PgPool) -> Result<Reads, sqlx::Error> {
    sqlx::query("SELECT pg_stat_force_next_flush()")
        .execute(pool)
        .await?;
    sqlx::query_as(
        "SELECT i.idx_tup_read AS entries,
                t.heap_blks_hit + t.heap_blks_read + t.idx_blks_hit + t.idx_blks_read AS pages
         FROM pg_stat_user_indexes AS i
         JOIN pg_statio_user_tables AS t USING (relid)
         WHERE i.indexrelname = 'credential_refresh_due'",
    )
    .fetch_one(pool)
    .await
}
