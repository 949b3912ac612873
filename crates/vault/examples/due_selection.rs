//! Shows that finding what is due costs the same, however many credentials there are:
//! `cargo run --release --example due_selection` with `WORK_API_TEST_POSTGRES_URL` set to a
//! server; databases of its own are made there.
//!
//! Arguments: numbers of credentials, 10000 and 2000000 if there are none.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a program that measures prints, and fails by panicking"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgPool;
use workapi_keyring::KeyRing;
use workapi_postgres::{Config, Database};
use workapi_vault::{AUTH_ROLE, FreshnessPolicy, MIGRATOR, Room, Vault};

/// How many credentials are due, whatever their number.
const DUE: i64 = 8_000;
/// How many claims are measured, and how many credentials each may claim.
const CLAIMS: usize = 50;
const PLACES: i64 = 100;

/// What claims cost so far: entries read of the index of what is due, and pages touched.
#[derive(Clone, Copy, sqlx::FromRow)]
struct Cost {
    entries: i64,
    pages: i64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let asked: Vec<i64> = std::env::args()
        .skip(1)
        .map(|number| number.parse().expect("a number of credentials"))
        .collect();
    let sizes = if asked.is_empty() {
        vec![10_000, 2_000_000]
    } else {
        asked
    };
    println!("{DUE} due, claimed by {PLACES}; means of {CLAIMS} claims");
    println!("credentials | ms median | ms worst | index entries read | pages touched");
    for size in sizes {
        measure(size).await;
    }
}

async fn measure(size: i64) {
    let url = workapi_testkit::database(&MIGRATOR).await;
    let keyring = KeyRing::parse(KeyRing::generate().expect("random bytes").as_str());
    let config = |role| Config {
        url: url.clone(),
        role,
        application_name: "due-selection",
        // Each connection counts for itself what it reads.
        max_connections: 1,
    };
    let owner = Database::connect(&config(None)).await.expect("PostgreSQL");
    seed(owner.pool(), size).await;
    let auth = Database::connect(&config(Some(AUTH_ROLE)))
        .await
        .expect("PostgreSQL");
    let vault = Vault::open(auth, Arc::new(keyring.expect("a ring"))).expect("keys");
    claim(&vault).await;
    let before = cost(vault.database().pool()).await;
    let mut times = Vec::new();
    for _ in 0..CLAIMS {
        times.push(claim(&vault).await);
    }
    let after = cost(vault.database().pool()).await;
    times.sort_unstable();
    let claims = i64::try_from(CLAIMS).expect("a small number");
    println!(
        "{size:>11} | {:>9.2} | {:>8.2} | {:>18} | {:>13}",
        times[CLAIMS / 2].as_secs_f64() * 1e3,
        times[CLAIMS - 1].as_secs_f64() * 1e3,
        (after.entries - before.entries) / claims,
        (after.pages - before.pages) / claims,
    );
}

async fn claim(vault: &Vault) -> Duration {
    let room = Room {
        provider: "sandbox".parse().expect("a name"),
        places: PLACES,
        policy: FreshnessPolicy {
            keep_fresh: None,
            idle: None,
        },
    };
    let begun = Instant::now();
    let claimed = vault.claim_refreshes(&[room]).await.expect("a claim");
    let took = begun.elapsed();
    assert_eq!(i64::try_from(claimed.claims.len()), Ok(PLACES));
    took
}

/// Writes credentials with tokens of an hour and rubbish for secrets; the first are due.
async fn seed(owner: &PgPool, size: i64) {
    sqlx::query("SET statement_timeout = 0")
        .execute(owner)
        .await
        .expect("patience");
    let config = "INSERT INTO provider_config (id, environment_guid, provider, client_id)
                  VALUES (gen_random_uuid(), gen_random_uuid(), 'sandbox', 'client')";
    sqlx::query(config).execute(owner).await.expect("a client");
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
                                                                ELSE 60 + n % 2600 END) AS at)",
    )
    .bind(size)
    .bind(DUE)
    .execute(owner)
    .await
    .expect("credentials");
    sqlx::query("VACUUM ANALYZE credential")
        .execute(owner)
        .await
        .expect("statistics");
}

async fn cost(pool: &PgPool) -> Cost {
    sqlx::query("SELECT pg_stat_force_next_flush()")
        .execute(pool)
        .await
        .expect("statistics");
    sqlx::query_as(
        "SELECT i.idx_tup_read AS entries,
                t.heap_blks_hit + t.heap_blks_read + t.idx_blks_hit + t.idx_blks_read AS pages
         FROM pg_stat_user_indexes AS i
         JOIN pg_statio_user_tables AS t USING (relid)
         WHERE i.indexrelname = 'credential_refresh_due'",
    )
    .fetch_one(pool)
    .await
    .expect("statistics")
}
