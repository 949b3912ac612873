//! Starting: what is made once, and what refuses a start.

use secrecy::ExposeSecret;
use sqlx::error::DatabaseError;
use sqlx::{Connection, PgConnection};
use workapi_integrations::{Error, MIGRATOR, Service};
use workapi_keyring::KeyRing;
use workapi_proto::integrations::v1::token_keys_client::TokenKeysClient;
use workapi_proto::integrations::v1::{GetMeRequest, ListTokenKeysRequest, TokenKey};
use workapi_runtime::Health;
use workapi_telemetry::Metrics;
use workapi_testkit::eventually;

use crate::stack::{Replica, Stack, bearing};

async fn token_keys(replica: &Replica) -> Vec<TokenKey> {
    let request = tonic::Request::new(ListTokenKeysRequest {});
    let mut client = TokenKeysClient::new(replica.channel.clone());
    client
        .list_token_keys(request)
        .await
        .unwrap()
        .into_inner()
        .keys
}

#[tokio::test]
async fn replicas_that_start_at_once_share_one_signing_key() {
    let stack = Stack::start().await;
    stack.execute("DELETE FROM signing_key").await;

    let (first, second, third) = tokio::join!(
        Replica::start(stack.config(), &stack.clock),
        Replica::start(stack.config(), &stack.clock),
        Replica::start(stack.config(), &stack.clock),
    );

    let keys = token_keys(&first).await;
    assert_eq!(keys.len(), 1);
    assert_eq!(token_keys(&second).await, keys);
    assert_eq!(token_keys(&third).await, keys);
    assert_eq!(stack.count("signing_key").await, 1);
}

#[tokio::test]
async fn tokens_outlive_a_restart() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;

    let other = Replica::start(stack.config(), &stack.clock).await;

    let mut users =
        workapi_proto::integrations::v1::users_client::UsersClient::new(other.channel.clone());
    assert!(
        users
            .get_me(bearing(&user.token, GetMeRequest {}))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_retired_key_verifies_until_its_tokens_have_expired() {
    let stack = Stack::start().await;
    let old = token_keys(&stack.replica).await;

    stack
        .execute("UPDATE signing_key SET retired_at = now() - INTERVAL '27 days'")
        .await;
    let rotated = token_keys(&Replica::start(stack.config(), &stack.clock).await).await;
    stack
        .execute(
            "UPDATE signing_key SET retired_at = now() - INTERVAL '28 days'
             WHERE retired_at IS NOT NULL",
        )
        .await;
    let later = token_keys(&Replica::start(stack.config(), &stack.clock).await).await;

    assert_eq!(rotated.len(), 2);
    assert_eq!(rotated[1..], old);
    assert_eq!(later, rotated[..1]);
}

#[tokio::test]
async fn another_key_ring_refuses_the_start() {
    let stack = Stack::start().await;
    let mut config = stack.config();
    config.key_ring = KeyRing::parse(KeyRing::generate().unwrap().as_str()).unwrap();

    let result = Service::build(config, stack.clock.clone(), &Health::new(), &Metrics::new()).await;

    assert!(matches!(result, Err(Error::SigningKeys(_))));
}

#[tokio::test]
async fn a_database_without_the_schema_refuses_the_start() {
    let stack = Stack::start().await;
    stack.execute("DELETE FROM _sqlx_migrations").await;

    let result = Service::build(
        stack.config(),
        stack.clock.clone(),
        &Health::new(),
        &Metrics::new(),
    )
    .await;

    let error = result.err().unwrap().to_string();
    assert!(error.contains("run `work-api migrate`"), "{error}");
}

#[tokio::test]
async fn a_taken_address_refuses_the_start() {
    let stack = Stack::start().await;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = stack.config();
    config.listen = taken.local_addr().unwrap();

    let result = Service::build(config, stack.clock.clone(), &Health::new(), &Metrics::new()).await;

    assert!(matches!(result, Err(Error::Listen { .. })));
}

#[tokio::test]
async fn the_service_is_ready_when_it_serves_and_stops_when_told() {
    let stack = Stack::start().await;
    eventually("readiness", async || {
        stack.replica.health.report().await.ready.then_some(())
    })
    .await;

    stack.replica.shutdown.drain();

    stack.replica.running.await.unwrap();
    let report = stack.replica.health.report().await;
    assert_eq!(report.failures["integrations"], "stopped");
}

#[tokio::test]
async fn the_schema_can_be_migrated_by_many_at_once() {
    let stack = Stack::start().await;

    let results = tokio::join!(
        workapi_postgres::migrate(&stack.postgres_url, &MIGRATOR),
        workapi_postgres::migrate(&stack.postgres_url, &MIGRATOR),
    );

    assert!(results.0.is_ok() && results.1.is_ok());
}

#[tokio::test]
async fn the_services_role_may_not_do_more_than_the_service_does() {
    let stack = Stack::start().await;
    let mut connection = PgConnection::connect(stack.postgres_url.expose_secret())
        .await
        .unwrap();
    sqlx::query("SET ROLE workapi_integrations")
        .execute(&mut connection)
        .await
        .unwrap();

    for statement in [
        "DELETE FROM signing_key",
        "UPDATE signing_key SET public_key = ''",
        "UPDATE environment SET public_key = ''",
        "UPDATE app_user SET environment_guid = environment_guid",
        "TRUNCATE outbox",
        "DROP TABLE integration",
        "CREATE TABLE own (id INT)",
    ] {
        let error = sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap_err();
        let code = error.as_database_error().and_then(DatabaseError::code);
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {error}");
    }
}
