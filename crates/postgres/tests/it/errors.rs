//! Which errors pass by themselves, each as a real server makes it.

use std::sync::Arc;

use sqlx::AssertSqlSafe;
use tokio::sync::Barrier;
use workapi_postgres::{Database, is_unavailable};

use crate::database;

/// Runs statements on one connection and returns the error of the last.
async fn error_of(database: &Database, statements: &[&'static str]) -> sqlx::Error {
    let mut connection = database.pool().acquire().await.unwrap();
    let (last, first) = statements.split_last().unwrap();
    for statement in first {
        sqlx::query(AssertSqlSafe(*statement))
            .execute(&mut *connection)
            .await
            .unwrap();
    }
    let failed = sqlx::query(AssertSqlSafe(*last)).execute(&mut *connection);
    failed.await.unwrap_err()
}

/// Adds one to both rows, in the order given, and lets the other one take its first row too.
async fn add(
    database: Database,
    order: [i32; 2],
    both_hold_one: Arc<Barrier>,
) -> Result<(), sqlx::Error> {
    let mut transaction = database.begin().await?;
    for (step, id) in order.into_iter().enumerate() {
        sqlx::query("UPDATE first SET value = value + 1 WHERE id = $1")
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        if step == 0 {
            both_hold_one.wait().await;
        }
    }
    transaction.commit().await
}

#[tokio::test]
async fn a_deadlock_passes() {
    let database = database().await;
    sqlx::query("INSERT INTO first (id) VALUES (1), (2)")
        .execute(database.pool())
        .await
        .unwrap();
    let barrier = Arc::new(Barrier::new(2));

    let (one, other) = tokio::join!(
        add(database.clone(), [1, 2], barrier.clone()),
        add(database.clone(), [2, 1], barrier),
    );

    let victim = one.and(other).unwrap_err();
    assert!(is_unavailable(&victim), "{victim}");
    let values: Vec<i32> = sqlx::query_scalar("SELECT value FROM first")
        .fetch_all(database.pool())
        .await
        .unwrap();
    assert_eq!(values, [1, 1]);
}

#[tokio::test]
async fn a_serialization_failure_passes() {
    let database = database().await;
    sqlx::query("INSERT INTO first (id) VALUES (1)")
        .execute(database.pool())
        .await
        .unwrap();
    let mut reader = database.begin().await.unwrap();
    for statement in [
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SELECT value FROM first",
    ] {
        sqlx::query(statement).execute(&mut *reader).await.unwrap();
    }
    let update = "UPDATE first SET value = value + 1";
    sqlx::query(update).execute(database.pool()).await.unwrap();

    let error = sqlx::query(update).execute(&mut *reader).await.unwrap_err();

    assert!(is_unavailable(&error), "{error}");
}

#[tokio::test]
async fn a_lock_that_somebody_holds_too_long_passes() {
    let database = database().await;
    let mut holder = database.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(1)")
        .execute(&mut *holder)
        .await
        .unwrap();

    let error = error_of(
        &database,
        &["SET lock_timeout = '10ms'", "SELECT pg_advisory_lock(1)"],
    )
    .await;

    assert!(is_unavailable(&error), "{error}");
}

#[tokio::test]
async fn a_statement_that_takes_too_long_passes() {
    let database = database().await;

    let error = error_of(
        &database,
        &["SET statement_timeout = '10ms'", "SELECT pg_sleep(60)"],
    )
    .await;

    assert!(is_unavailable(&error), "{error}");
}

#[tokio::test]
async fn a_connection_that_the_server_ended_passes() {
    let database = database().await;
    let mut connection = database.pool().acquire().await.unwrap();
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    sqlx::query("SELECT pg_terminate_backend($1, 10000)")
        .bind(pid)
        .execute(database.pool())
        .await
        .unwrap();

    let ended = sqlx::query("SELECT 1").execute(&mut *connection).await;

    let error = ended.unwrap_err();
    assert!(is_unavailable(&error), "{error}");
    drop(connection);
    assert!(database.ping().await.is_ok());
}

#[tokio::test]
async fn a_server_that_is_read_only_passes() {
    let database = database().await;

    let error = error_of(
        &database,
        &[
            "SET default_transaction_read_only = on",
            "INSERT INTO first (id) VALUES (1)",
        ],
    )
    .await;

    assert!(is_unavailable(&error), "{error}");
}

#[tokio::test]
async fn a_wrong_request_stays_wrong() {
    let database = database().await;
    let wrong: [&[&str]; 4] = [
        &["SELECT FROM WHERE"],
        &["SELECT missing FROM first"],
        &["SELECT 1 / 0"],
        &[
            "INSERT INTO first (id) VALUES (7)",
            "INSERT INTO first (id) VALUES (7)",
        ],
    ];

    for statements in wrong {
        let error = error_of(&database, statements).await;

        assert!(!is_unavailable(&error), "{error}");
    }
    assert!(!is_unavailable(&sqlx::Error::RowNotFound));
}
