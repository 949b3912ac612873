//! From the outbox to the stream: each committed event once, in order.

use prost::Message;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;
use workapi_bus::{Bus, Relay, Stream, outbox};
use workapi_postgres::{Config, Database};
use workapi_proto::events::v1::{CredentialStateChanged, UserCreated};
use workapi_telemetry::propagation::current_traceparent;

use crate::fixture::{bus, header, messages, stored, until_stored};

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("tests/it/migrations");

pub(crate) async fn database() -> Database {
    let config = Config {
        url: workapi_testkit::database(&MIGRATOR).await,
        role: None,
        application_name: "bus-test",
        max_connections: 8,
    };
    Database::connect(&config).await.unwrap()
}

async fn append(connection: &mut PgConnection, user_id: &str) {
    let event = UserCreated {
        user_id: user_id.to_owned(),
        environment_guid: "guid".to_owned(),
    };
    outbox::append(connection, &event).await.unwrap();
}

/// Commits events of the users `0..count`, in that order.
pub(crate) async fn commit(database: &Database, count: usize) {
    let mut transaction = database.begin().await.unwrap();
    for n in 0..count {
        append(&mut transaction, &format!("{n}")).await;
    }
    transaction.commit().await.unwrap();
}

/// Runs a relay until it has published everything.
async fn relay(database: &Database, bus: &Bus) {
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    Relay::new(database.clone(), bus.clone())
        .run(shutdown)
        .await;
}

pub(crate) async fn left(database: &Database) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM outbox")
        .fetch_one(database.pool())
        .await
        .unwrap()
}

/// Returns the users whose events were published, in the order of the stream.
pub(crate) async fn published(bus: &Bus) -> Vec<usize> {
    let user = |payload: &[u8]| {
        UserCreated::decode(payload)
            .unwrap()
            .user_id
            .parse()
            .unwrap()
    };
    let messages = messages(bus, Stream::Events).await;
    messages
        .iter()
        .map(|message| user(&message.payload))
        .collect()
}

#[tokio::test]
async fn events_are_published_once_each_in_the_order_of_the_outbox() {
    let (database, bus) = (database().await, bus().await);
    commit(&database, 600).await;

    relay(&database, &bus).await;

    assert_eq!(published(&bus).await, (0..600).collect::<Vec<_>>());
    assert_eq!(left(&database).await, 0);
}

#[tokio::test]
async fn a_relay_publishes_what_is_committed_while_it_runs() {
    let (database, bus) = (database().await, bus().await);
    let shutdown = CancellationToken::new();
    let relay = Relay::new(database.clone(), bus.clone());
    let running = tokio::spawn(relay.run(shutdown.clone()));
    commit(&database, 1).await;
    until_stored(&bus, Stream::Events, 1).await;

    commit(&database, 2).await;

    until_stored(&bus, Stream::Events, 3).await;
    shutdown.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn relays_that_share_an_outbox_publish_each_event_once() {
    let (database, bus) = (database().await, bus().await);
    commit(&database, 1500).await;

    tokio::join!(
        relay(&database, &bus),
        relay(&database, &bus),
        relay(&database, &bus),
    );
    relay(&database, &bus).await;

    let mut published = published(&bus).await;
    published.sort_unstable();
    assert_eq!(published, (0..1500).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_rolled_back_is_never_published() {
    let (database, bus) = (database().await, bus().await);
    let mut transaction = database.begin().await.unwrap();
    append(&mut transaction, "1").await;
    transaction.rollback().await.unwrap();
    commit(&database, 1).await;

    relay(&database, &bus).await;

    assert_eq!(published(&bus).await, [0]);
}

#[tokio::test]
async fn what_is_not_committed_yet_holds_nothing_up() {
    let (database, bus) = (database().await, bus().await);
    let mut slow = database.begin().await.unwrap();
    append(&mut slow, "1").await;
    commit(&database, 1).await;

    relay(&database, &bus).await;
    let before = published(&bus).await;
    slow.commit().await.unwrap();
    relay(&database, &bus).await;

    assert_eq!(before, [0]);
    assert_eq!(published(&bus).await, [0, 1]);
}

#[tokio::test]
async fn an_event_that_was_published_and_not_taken_out_is_stored_once() {
    let (database, bus) = (database().await, bus().await);
    commit(&database, 1).await;
    let copy = "INSERT INTO outbox (id, subject, subject_id, payload)
                SELECT id, subject, subject_id, payload FROM outbox";
    sqlx::query(copy).execute(database.pool()).await.unwrap();

    relay(&database, &bus).await;

    assert_eq!(stored(&bus, Stream::Events).await, 1);
    assert_eq!(left(&database).await, 0);
}

#[tokio::test]
async fn an_event_that_the_stream_does_not_take_stays_in_the_outbox() {
    let (database, bus) = (database().await, bus().await);
    commit(&database, 1).await;
    let stream = bus.prefixed(Stream::Events.name());
    bus.jetstream().delete_stream(&stream).await.unwrap();

    relay(&database, &bus).await;

    assert_eq!(left(&database).await, 1);
}

#[tokio::test]
async fn an_event_carries_cloud_events_attributes() {
    let (database, bus) = (database().await, bus().await);
    let mut connection = database.pool().acquire().await.unwrap();
    append(&mut connection, "65f0").await;
    let (id, seconds): (Uuid, i64) =
        sqlx::query_as("SELECT id, extract(epoch FROM created_at)::bigint FROM outbox")
            .fetch_one(&mut *connection)
            .await
            .unwrap();

    relay(&database, &bus).await;

    let message = messages(&bus, Stream::Events).await.remove(0);
    assert_eq!(
        message.subject.as_str(),
        bus.prefixed("evt.integrations.user.created.v1")
    );
    let header = |name| header(&message, name);
    assert_eq!(header("Nats-Msg-Id"), id.to_string());
    assert_eq!(header("ce-specversion"), "1.0");
    assert_eq!(header("ce-id"), id.to_string());
    assert_eq!(header("ce-source"), "/workapi/integrations");
    assert_eq!(header("ce-type"), "workapi.user.created.v1");
    assert_eq!(header("ce-subject"), "65f0");
    assert_eq!(header("content-type"), "application/protobuf");
    assert!(message.headers.get("traceparent").is_none());
    let format = &time::format_description::well_known::Rfc3339;
    let told = time::OffsetDateTime::parse(header("ce-time"), format).unwrap();
    assert!((told.unix_timestamp() - seconds).abs() <= 1);
}

#[tokio::test]
async fn the_subject_of_a_state_change_names_the_state() {
    let (database, bus) = (database().await, bus().await);
    let mut connection = database.pool().acquire().await.unwrap();
    let event = CredentialStateChanged {
        integration_id: "65f0".to_owned(),
        state: "needs_reconnect".to_owned(),
        ..CredentialStateChanged::default()
    };
    outbox::append(&mut connection, &event).await.unwrap();

    relay(&database, &bus).await;

    let message = messages(&bus, Stream::Events).await.remove(0);
    assert_eq!(
        message.subject.as_str(),
        bus.prefixed("evt.auth.credential.needs_reconnect.v1")
    );
    assert_eq!(
        header(&message, "ce-type"),
        "workapi.credential.needs_reconnect.v1"
    );
    assert_eq!(header(&message, "ce-subject"), "65f0");
}

#[tokio::test]
async fn an_attribute_is_percent_encoded_where_the_binding_wants_it() {
    let (database, bus) = (database().await, bus().await);
    let mut connection = database.pool().acquire().await.unwrap();
    append(&mut connection, "a b\"c%d\nä").await;

    relay(&database, &bus).await;

    let message = messages(&bus, Stream::Events).await.remove(0);
    let subject = header(&message, "ce-subject");
    assert_eq!(subject, "a%20b%22c%25d%0A%C3%A4");
}

#[tokio::test]
async fn an_event_is_part_of_the_trace_that_appended_it() {
    workapi_telemetry::testing::record();
    let (database, bus) = (database().await, bus().await);
    let mut connection = database.pool().acquire().await.unwrap();
    let span = tracing::info_span!("change");
    let traceparent = span.in_scope(current_traceparent).unwrap();
    append(&mut connection, "1").instrument(span).await;

    relay(&database, &bus).await;

    let message = messages(&bus, Stream::Events).await.remove(0);
    assert_eq!(header(&message, "traceparent"), traceparent);
}
