//! Integrations of one user, and out of reach of another.

use tonic::Status;
use workapi_errors::{Code, Error};
use workapi_proto::integrations::v1::{
    DeleteIntegrationRequest, GetIntegrationRequest, Integration, ListIntegrationsRequest,
    RecordProviderIdRequest, UpdateIntegrationRequest, User,
};
use workapi_types::IntegrationId;

use crate::stack::{INTERNAL_TOKEN, Stack, bearing, code, internal, invalid_token, refusal};

const GRANT: &str = "0195d7a0-0000-7000-8000-000000000001";
/// Ids that name nothing, the first because nobody has it, the others because of their shape.
const WRONG_IDS: [&str; 6] = [
    "64b7f0c2a1d3e4f5a6b7c8d9",
    "",
    "64B7F0C2A1D3E4F5A6B7C8D9",
    "64b7f0c2a1d3e4f5a6b7c8d",
    "3f0c2b9e-5a7d-4c11-9b1e-0d2f4a6c8e10",
    "' OR 1 = 1 --",
];

async fn get(stack: &Stack, user: &User, id: &str) -> Result<Integration, Status> {
    let request = bearing(&user.token, GetIntegrationRequest { id: id.to_owned() });
    let response = stack.integrations().get_integration(request).await?;
    Ok(response.into_inner().integration.unwrap())
}

async fn list(stack: &Stack, user: &User) -> Vec<Integration> {
    let request = bearing(&user.token, ListIntegrationsRequest {});
    stack
        .integrations()
        .list_integrations(request)
        .await
        .unwrap()
        .into_inner()
        .integrations
}

async fn update(
    stack: &Stack,
    user: &User,
    id: &str,
    (provider, media_type): (&str, &str),
) -> Result<Integration, Status> {
    let request = UpdateIntegrationRequest {
        id: id.to_owned(),
        provider: provider.to_owned(),
        media_type: media_type.to_owned(),
    };
    let request = bearing(&user.token, request);
    let response = stack.integrations().update_integration(request).await?;
    Ok(response.into_inner().integration.unwrap())
}

async fn delete(stack: &Stack, user: &User, id: &str) -> Result<(), Status> {
    let request = bearing(&user.token, DeleteIntegrationRequest { id: id.to_owned() });
    stack
        .integrations()
        .delete_integration(request)
        .await
        .map(drop)
}

async fn connect(stack: &Stack, id: &str) {
    let request = RecordProviderIdRequest {
        integration_id: id.to_owned(),
        provider_id: "ann@example.test".to_owned(),
        grant_id: GRANT.to_owned(),
        provider: "sandbox".to_owned(),
        media_type: "email".to_owned(),
    };
    stack
        .directory()
        .record_provider_id(internal(INTERNAL_TOKEN, request))
        .await
        .unwrap();
}

#[tokio::test]
async fn integrations_are_listed_in_the_order_of_their_creation() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    assert_eq!(list(&stack, &user).await, []);

    let mut created = Vec::new();
    for media_type in ["email", "event", "file", "email"] {
        created.push(stack.integration(&user, media_type).await);
    }

    assert_eq!(list(&stack, &user).await, created);
    assert!(created[0].id.parse::<IntegrationId>().is_ok());
    assert_eq!(
        get(&stack, &user, &created[0].id).await.unwrap(),
        created[0]
    );
    assert_eq!(
        (created[1].provider.as_str(), created[1].media_type.as_str()),
        ("sandbox", "event")
    );
    assert_eq!(created[1].provider_id, None);
}

#[tokio::test]
async fn a_media_type_that_goes_without_saying_is_filled_in() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;

    let integration = stack.try_integration(&user, "gcal", "").await.unwrap();

    assert_eq!(integration.media_type, "event");
}

#[tokio::test]
async fn what_the_catalogue_does_not_have_is_refused_with_what_it_has() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;

    for (provider, media_type, named) in [
        ("", "", "gcal, gdrive, gmail, sandbox"),
        ("", "email", "gcal, gdrive, gmail, sandbox"),
        ("hotmail", "email", "gcal, gdrive, gmail, sandbox"),
        ("Gmail", "email", "gcal, gdrive, gmail, sandbox"),
        ("gmail", "event", "email"),
        ("sandbox", "", "email, event, file"),
        ("sandbox", "contact", "email, event, file"),
        ("sandbox", "nul\0", "email, event, file"),
    ] {
        let refusal = refusal(stack.try_integration(&user, provider, media_type).await);
        assert_eq!(refusal.code(), Code::BadRequest);
        assert!(
            refusal.specifics().ends_with(named),
            "{provider:?} {media_type:?}: {refusal}"
        );
    }
    assert_eq!(stack.count("integration").await, 0);
}

#[tokio::test]
async fn an_empty_field_is_left_unchanged() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    let id = stack.integration(&user, "email").await.id;

    for (fields, expected) in [
        (("", ""), ("sandbox", "email")),
        (("", "file"), ("sandbox", "file")),
        (("sandbox", ""), ("sandbox", "file")),
        (("gdrive", ""), ("gdrive", "file")),
        (("gmail", "email"), ("gmail", "email")),
    ] {
        let updated = update(&stack, &user, &id, fields).await.unwrap();
        assert_eq!(
            (updated.provider.as_str(), updated.media_type.as_str()),
            expected
        );
        assert_eq!(get(&stack, &user, &id).await.unwrap(), updated);
    }
}

#[tokio::test]
async fn a_change_must_make_a_valid_pair() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    let integration = stack
        .try_integration(&user, "gmail", "email")
        .await
        .unwrap();

    for fields in [
        ("", "event"),
        ("gcal", ""),
        ("nowhere", ""),
        ("", "contact"),
    ] {
        let result = update(&stack, &user, &integration.id, fields).await;
        assert_eq!(code(result), Code::BadRequest, "{fields:?}");
    }
    assert_eq!(
        get(&stack, &user, &integration.id).await.unwrap(),
        integration
    );
}

#[tokio::test]
async fn a_connected_integration_keeps_provider_and_media_type() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    let id = stack.integration(&user, "email").await.id;
    connect(&stack, &id).await;

    for fields in [("", "event"), ("gmail", ""), ("gcal", "event")] {
        let refusal = refusal(update(&stack, &user, &id, fields).await);
        assert_eq!(refusal.code(), Code::Conflict, "{fields:?}");
        assert!(
            refusal
                .specifics()
                .ends_with("delete it and create another")
        );
    }
    for fields in [("", ""), ("sandbox", "email")] {
        let unchanged = update(&stack, &user, &id, fields).await.unwrap();
        assert_eq!(unchanged.provider_id.as_deref(), Some("ann@example.test"));
    }
}

#[tokio::test]
async fn another_users_integration_is_a_missing_one() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let (ann, bo) = (
        stack.user(&developer, "ann").await,
        stack.user(&developer, "bo").await,
    );
    let of_ann = stack.integration(&ann, "email").await;

    for id in WRONG_IDS.into_iter().chain([of_ann.id.as_str()]) {
        let missing = Error::not_found("");
        assert_eq!(refusal(get(&stack, &bo, id).await), missing, "{id:?}");
        assert_eq!(
            refusal(update(&stack, &bo, id, ("", "event")).await),
            missing,
            "{id:?}"
        );
        assert_eq!(refusal(delete(&stack, &bo, id).await), missing, "{id:?}");
    }

    assert_eq!(get(&stack, &ann, &of_ann.id).await.unwrap(), of_ann);
}

#[tokio::test]
async fn a_deleted_integration_is_gone_at_once() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    let id = stack.integration(&user, "email").await.id;
    let kept = stack.integration(&user, "event").await;

    delete(&stack, &user, &id).await.unwrap();

    assert_eq!(code(get(&stack, &user, &id).await), Code::NotFound);
    assert_eq!(code(delete(&stack, &user, &id).await), Code::NotFound);
    assert_eq!(list(&stack, &user).await, [kept]);
}

#[tokio::test]
async fn nobody_comes_in_without_a_token() {
    let stack = Stack::start().await;
    let anonymous = stack
        .integrations()
        .list_integrations(ListIntegrationsRequest {})
        .await;

    assert_eq!(refusal(anonymous), invalid_token());
}
