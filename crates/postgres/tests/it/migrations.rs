//! Databases and schemas: made once, by as many programs as one likes.

use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::Migrator;
use tokio::task::JoinSet;
use uuid::Uuid;
use workapi_postgres::{Database, Error, create_database, migrate, pending_migrations};
use workapi_testkit::postgres_url;

use crate::{ONE, TWO, config};

static BROKEN: Migrator = sqlx::migrate!("tests/it/migrations/broken");

fn new_name() -> String {
    format!("test_{}", Uuid::new_v4().simple())
}

/// Returns the URL of a new database without a schema.
async fn empty() -> SecretString {
    create_database(&postgres_url(), &new_name()).await.unwrap()
}

#[tokio::test]
async fn programs_that_create_a_database_at_once_all_get_it() {
    let name = new_name();
    let mut creating = JoinSet::new();
    for _ in 0..8 {
        let name = name.clone();
        creating.spawn(async move { create_database(&postgres_url(), &name).await });
    }

    let created = creating.join_all().await;

    for url in created {
        let database = Database::connect(&config(url.unwrap())).await.unwrap();
        let connected: String = sqlx::query_scalar("SELECT current_database()::text")
            .fetch_one(database.pool())
            .await
            .unwrap();
        assert_eq!(connected, name);
    }
}

#[tokio::test]
async fn a_database_that_exists_is_kept() {
    let name = new_name();
    let url = create_database(&postgres_url(), &name).await.unwrap();
    migrate(&url, &ONE).await.unwrap();

    let again = create_database(&postgres_url(), &name).await.unwrap();

    assert_eq!(again.expose_secret(), url.expose_secret());
    assert!(pending_migrations(&again, &ONE).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_name_is_a_name_whatever_stands_in_it() {
    let name = format!("{} \"; DROP", new_name());

    let url = create_database(&postgres_url(), &name).await.unwrap();

    let database = Database::connect(&config(url)).await.unwrap();
    let connected: String = sqlx::query_scalar("SELECT current_database()::text")
        .fetch_one(database.pool())
        .await
        .unwrap();
    assert_eq!(connected, name);
}

#[tokio::test]
async fn an_empty_database_lacks_every_migration() {
    let url = empty().await;

    let pending = pending_migrations(&url, &TWO).await.unwrap();

    assert_eq!(pending, ["1 first", "2 second"]);
}

#[tokio::test]
async fn a_database_of_an_older_version_lacks_the_newer_migrations_until_it_is_migrated() {
    let url = empty().await;
    migrate(&url, &ONE).await.unwrap();
    let before = pending_migrations(&url, &TWO).await.unwrap();

    migrate(&url, &TWO).await.unwrap();

    assert_eq!(before, ["2 second"]);
    assert!(pending_migrations(&url, &TWO).await.unwrap().is_empty());
}

#[tokio::test]
async fn programs_that_migrate_at_once_do_it_once() {
    let url = empty().await;
    let mut migrating = JoinSet::new();
    for _ in 0..8 {
        let url = url.clone();
        migrating.spawn(async move { migrate(&url, &TWO).await });
    }

    let migrated = migrating.join_all().await;

    for result in migrated {
        result.unwrap();
    }
    assert!(pending_migrations(&url, &TWO).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let url = empty().await;
    migrate(&url, &TWO).await.unwrap();

    let refused = migrate(&url, &ONE).await.unwrap_err();

    assert!(matches!(refused, Error::Migrate { .. }), "{refused}");
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_and_can_be_repaired() {
    let url = empty().await;

    let failed = migrate(&url, &BROKEN).await.unwrap_err();

    let name = url.expose_secret().rsplit('/').next().unwrap();
    let message = failed.to_string();
    assert_eq!(message, format!("failed to migrate the database {name}"));
    let pending = pending_migrations(&url, &TWO).await.unwrap();
    assert_eq!(pending, ["2 second"]);
    migrate(&url, &TWO).await.unwrap();
}
