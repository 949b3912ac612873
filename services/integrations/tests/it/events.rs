//! Every change tells of itself on the bus, and nothing else does.

use std::sync::{Arc, Mutex};

use prost::Message;
use tokio_util::sync::CancellationToken;
use workapi_bus::{Bus, Stream, Subscription, Verdict};
use workapi_proto::events::v1::{
    EnvironmentDeleted, IntegrationCreated, IntegrationDeleted, IntegrationUpdated, UserCreated,
    UserDeleted,
};
use workapi_proto::integrations::v1::{
    DeleteEnvironmentRequest, DeleteIntegrationRequest, DeleteMeRequest, RecordProviderIdRequest,
    UpdateIntegrationRequest,
};
use workapi_testkit::eventually;

use crate::stack::{ADMIN_TOKEN, INTERNAL_TOKEN, Stack, bearing, internal};

/// The subject, but for what all have in common, and the payload.
type Event = (String, Vec<u8>);

/// What was published so far.
#[derive(Clone, Default)]
struct Published(Arc<Mutex<Vec<Event>>>);

impl Published {
    async fn by(stack: &Stack) -> Self {
        let published = Self::default();
        let seen = published.clone();
        let config = workapi_bus::Config {
            url: workapi_testkit::nats_url(),
            prefix: stack.nats_prefix.clone(),
            name: "test",
        };
        let bus = Bus::connect(&config).await.unwrap();
        let subscription = Subscription {
            stream: Stream::Events,
            durable: "test",
            filter: "evt.integrations.>",
            concurrency: 1,
        };
        tokio::spawn(async move {
            let handler = move |delivery: workapi_bus::Delivery| {
                let kind = delivery
                    .subject
                    .replace("evt.integrations.", "")
                    .replace(".v1", "");
                seen.0
                    .lock()
                    .unwrap()
                    .push((kind, delivery.payload.to_vec()));
                std::future::ready(Verdict::Done)
            };
            bus.consume(subscription, CancellationToken::new(), handler)
                .await
                .unwrap();
        });
        published
    }

    /// Waits until the outbox is empty and everything has arrived, and returns it.
    async fn all(&self, stack: &Stack, count: usize) -> Vec<Event> {
        eventually("the publication of all events", async || {
            let arrived = self.0.lock().unwrap().len();
            (arrived >= count && stack.count("outbox").await == 0).then_some(())
        })
        .await;
        self.0.lock().unwrap().clone()
    }
}

fn event(kind: &str, message: &impl Message) -> Event {
    (kind.to_owned(), message.encode_to_vec())
}

/// Sorts what is published in no particular order.
fn sorted(mut events: Vec<Event>) -> Vec<Event> {
    events.sort();
    events
}

#[tokio::test]
async fn creation_and_deletion_are_told() {
    let stack = Stack::start().await;
    let published = Published::by(&stack).await;
    let developer = stack.developer().await;
    let environment_guid = &developer.environment_guid;
    let user = stack.user(&developer, "ann").await;
    let id = stack.integration(&user, "email").await.id;
    let delete = bearing(&user.token, DeleteIntegrationRequest { id: id.clone() });
    stack
        .integrations()
        .delete_integration(delete)
        .await
        .unwrap();

    let expected = vec![
        event(
            "user.created",
            &UserCreated {
                user_id: user.id.clone(),
                environment_guid: environment_guid.clone(),
            },
        ),
        event(
            "integration.created",
            &IntegrationCreated {
                integration_id: id.clone(),
                user_id: user.id.clone(),
                environment_guid: environment_guid.clone(),
                provider: "sandbox".to_owned(),
                media_type: "email".to_owned(),
            },
        ),
        event(
            "integration.deleted",
            &IntegrationDeleted {
                integration_id: id,
                user_id: user.id,
                environment_guid: environment_guid.clone(),
            },
        ),
    ];
    assert_eq!(sorted(published.all(&stack, 3).await), sorted(expected));
}

#[tokio::test]
async fn a_change_is_told_and_no_change_is_not() {
    let stack = Stack::start().await;
    let published = Published::by(&stack).await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    let id = stack.integration(&user, "email").await.id;

    for media_type in ["event", "event", ""] {
        let request = UpdateIntegrationRequest {
            id: id.clone(),
            provider: String::new(),
            media_type: media_type.to_owned(),
        };
        let request = bearing(&user.token, request);
        stack
            .integrations()
            .update_integration(request)
            .await
            .unwrap();
    }
    for _ in 0..2 {
        let request = RecordProviderIdRequest {
            integration_id: id.clone(),
            provider_id: "ann@example.test".to_owned(),
            grant_id: "0195d7a0-0000-7000-8000-000000000001".to_owned(),
            provider: "sandbox".to_owned(),
            media_type: "event".to_owned(),
        };
        let request = internal(INTERNAL_TOKEN, request);
        stack.directory().record_provider_id(request).await.unwrap();
    }

    let mut events = published.all(&stack, 4).await;
    events.retain(|(kind, _)| !kind.ends_with("created"));
    let updated = event(
        "integration.updated",
        &IntegrationUpdated {
            integration_id: id,
            user_id: user.id,
            environment_guid: developer.environment_guid,
            provider: "sandbox".to_owned(),
            media_type: "event".to_owned(),
        },
    );
    assert_eq!(events, [updated.clone(), updated]);
}

#[tokio::test]
async fn the_deletion_of_a_user_tells_of_each_integration() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    let first = stack.integration(&user, "email").await.id;
    let second = stack.integration(&user, "event").await.id;
    let published = Published::by(&stack).await;

    stack
        .users()
        .delete_me(bearing(&user.token, DeleteMeRequest {}))
        .await
        .unwrap();

    let mut events = published.all(&stack, 6).await;
    events.retain(|(kind, _)| kind.ends_with("deleted"));
    let deleted = |integration_id| IntegrationDeleted {
        integration_id,
        user_id: user.id.clone(),
        environment_guid: developer.environment_guid.clone(),
    };
    let expected = vec![
        event(
            "user.deleted",
            &UserDeleted {
                user_id: user.id.clone(),
                environment_guid: developer.environment_guid.clone(),
            },
        ),
        event("integration.deleted", &deleted(first)),
        event("integration.deleted", &deleted(second)),
    ];
    assert_eq!(sorted(events), sorted(expected));
}

#[tokio::test]
async fn the_deletion_of_an_environment_tells_of_each_user() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    for name in ["ann", "bo"] {
        let user = stack.user(&developer, name).await;
        stack.integration(&user, "email").await;
    }
    let published = Published::by(&stack).await;

    let guid = developer.environment_guid.clone();
    let request = bearing(ADMIN_TOKEN, DeleteEnvironmentRequest { guid: guid.clone() });
    stack
        .environment_admin()
        .delete_environment(request)
        .await
        .unwrap();

    let mut events = published.all(&stack, 9).await;
    events.retain(|(kind, _)| kind.ends_with("deleted"));
    assert!(events.contains(&event(
        "environment.deleted",
        &EnvironmentDeleted {
            environment_guid: guid,
        }
    )));
    let mut kinds: Vec<_> = events.iter().map(|(kind, _)| kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            "environment.deleted",
            "integration.deleted",
            "integration.deleted",
            "user.deleted",
            "user.deleted",
        ]
    );
}
