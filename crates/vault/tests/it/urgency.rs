//! Which of the due come first, and what it costs to find them.

use sqlx::PgPool;
use workapi_types::IntegrationId;
use workapi_vault::{Claim, Vault};

use crate::fixture::{Fixture, room};

/// Connects an integration, due since `due` minutes and with `left` minutes to live; less than
/// none, if it ran out.
async fn due(vault: &Fixture, due: i32, left: i32) -> IntegrationId {
    let integration = vault.connected().await;
    sqlx::query(
        "UPDATE credential
         SET due_at = now() - make_interval(mins => $2),
             access_expires_at = now() + make_interval(mins => $3)
         WHERE integration_id = $1",
    )
    .bind(integration.as_str())
    .bind(due)
    .bind(left)
    .execute(&vault.sql)
    .await
    .unwrap();
    integration
}

fn ids(claims: &[Claim]) -> Vec<&IntegrationId> {
    claims.iter().map(|claim| &claim.integration_id).collect()
}

#[tokio::test]
async fn fm_08_what_expires_first_comes_first_however_long_the_others_wait() {
    let vault = Fixture::new().await;
    let days = due(&vault, 60, 14_400).await;
    let hours = due(&vault, 30, 240).await;
    let minutes = due(&vault, 1, 5).await;
    let seconds = due(&vault, 0, 1).await;

    let first = vault.auth.claim_refreshes(&[room(2)]).await.unwrap();
    let rest = vault.auth.claim_refreshes(&[room(3)]).await.unwrap();

    assert_eq!(ids(&first.claims), [&seconds, &minutes]);
    assert_eq!(ids(&rest.claims), [&hours, &days]);
    assert!(first.more && !rest.more);
}

#[tokio::test]
async fn fm_08_what_ran_out_while_it_waited_comes_before_what_has_time_left() {
    let vault = Fixture::new().await;
    let fresh = due(&vault, 1, 10).await;
    let ran_out = due(&vault, 30, -20).await;

    let claimed = vault.auth.claim_refreshes(&[room(5)]).await.unwrap();

    assert_eq!(ids(&claimed.claims), [&ran_out, &fresh]);
}

#[tokio::test]
async fn fm_17_what_fails_again_and_again_gets_every_fourth_place_and_no_more() {
    let vault = Fixture::new().await;
    let mut failing = Vec::new();
    let mut others = Vec::new();
    for number in 0..8 {
        failing.push(due(&vault, 20 - number, -60).await);
        others.push(due(&vault, 1, 10 + number).await);
    }

    let claimed = vault.auth.claim_refreshes(&[room(8)]).await.unwrap();

    let claimed = ids(&claimed.claims);
    assert_eq!(claimed.len(), 8);
    let of_failing: Vec<_> = claimed.iter().filter(|id| failing.contains(id)).collect();
    assert_eq!(of_failing, [&&failing[0], &&failing[1]]);
    let of_others: Vec<_> = claimed
        .into_iter()
        .filter(|id| others.contains(id))
        .collect();
    assert_eq!(of_others, others[..6].iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn fm_17_what_fails_gets_every_place_that_nobody_else_needs() {
    let vault = Fixture::new().await;
    for number in 0..5 {
        due(&vault, 20 - number, -60).await;
    }

    let claimed = vault.auth.claim_refreshes(&[room(5)]).await.unwrap();

    assert_eq!(claimed.claims.len(), 5);
}

#[tokio::test]
async fn a_provider_without_room_does_not_stand_in_the_way_of_another() {
    let vault = Fixture::new().await;
    let mut integrations = Vec::new();
    for (number, provider) in ["sandbox", "sandbox", "gmail", "gmail"].iter().enumerate() {
        let integration = due(&vault, 5, 10 + i32::try_from(number).unwrap()).await;
        sqlx::query("UPDATE credential SET provider = $2 WHERE integration_id = $1")
            .bind(integration.as_str())
            .bind(provider)
            .execute(&vault.sql)
            .await
            .unwrap();
        integrations.push(integration);
    }
    let mut gmail = room(2);
    gmail.provider = "gmail".parse().unwrap();

    let claimed = vault.auth.claim_refreshes(&[room(1), gmail]).await.unwrap();

    let mut claimed = ids(&claimed.claims);
    claimed.sort_unstable();
    let mut expected = vec![&integrations[0], &integrations[2], &integrations[3]];
    expected.sort_unstable();
    assert_eq!(claimed, expected);
}

/// Copies the only credential so often, all of them due, with between 9 and 15 minutes left.
async fn copy_credential(sql: &PgPool, copies: i32) {
    sqlx::query(
        "INSERT INTO credential (integration_id, user_id, environment_guid, provider,
             provider_config_id, revocation_group, provider_subject, grant_id, generation,
             asked_scopes, granted_scopes, access_expires_at, refresh_at, state, due_at)
         SELECT lpad(to_hex(n), 24, '0'), user_id, environment_guid, provider,
             provider_config_id, revocation_group, n::text, grant_id, 1, '', '',
             now() + make_interval(secs => 540 + n % 360), now(), 'active',
             now() - make_interval(secs => (n % 97) / 100.0)
         FROM credential, generate_series(1, $1) AS n",
    )
    .bind(copies)
    .execute(sql)
    .await
    .unwrap();
    sqlx::query("ANALYZE credential")
        .execute(sql)
        .await
        .unwrap();
}

/// What has been read of the table so far: entries of the index of what is due, and whole scans.
async fn reads(vault: &Vault) -> (i64, i64) {
    let pool = vault.database().pool();
    sqlx::query("SELECT pg_stat_force_next_flush()")
        .execute(pool)
        .await
        .unwrap();
    sqlx::query_as(
        "SELECT i.idx_tup_read, t.seq_scan
         FROM pg_stat_user_indexes AS i
         JOIN pg_stat_user_tables AS t USING (relid)
         WHERE i.indexrelname = 'credential_refresh_due'",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn fm_08_a_claim_reads_what_it_claims_and_not_the_backlog() {
    let vault = Fixture::new().await;
    vault.connected().await;
    copy_credential(&vault.sql, 20_000).await;
    let auth = vault.auth_on_one_connection().await;
    let before = reads(&auth).await;

    for _ in 0..10 {
        let claimed = auth.claim_refreshes(&[room(50)]).await.unwrap();
        assert_eq!(claimed.claims.len(), 50);
    }

    let after = reads(&auth).await;
    // A claim's own entries, and those of earlier claims until PostgreSQL has forgotten them.
    assert!(after.0 - before.0 <= 10 * 500, "{before:?} {after:?}");
    assert_eq!(after.1, before.1);
    let due = "SELECT count(*) FROM credential WHERE due_at <= now()";
    assert_eq!(vault.count(due).await, 20_000 - 500);
}
