//! What the auth service asks.

use tonic::Status;
use workapi_errors::{Code, Error};
use workapi_proto::integrations::v1::{
    AddReturnOriginRequest, DeleteIntegrationRequest, FilterExistingIntegrationsRequest,
    GetAuthorizationContextRequest, GetAuthorizationContextResponse, GetIntegrationRequest,
    RecordProviderIdRequest, User,
};

use crate::stack::{
    ADMIN_TOKEN, INTERNAL_TOKEN, Stack, bearing, code, internal, invalid_token, refusal,
};

const OLDER_GRANT: &str = "0195d7a0-0000-7000-8000-000000000001";
const NEWER_GRANT: &str = "0195d7a1-0000-7000-8000-000000000000";

async fn record(stack: &Stack, id: &str, address: &str, grant: &str) -> Result<(), Status> {
    let request = RecordProviderIdRequest {
        integration_id: id.to_owned(),
        provider_id: address.to_owned(),
        grant_id: grant.to_owned(),
        provider: "sandbox".to_owned(),
        media_type: "email".to_owned(),
    };
    stack
        .directory()
        .record_provider_id(internal(INTERNAL_TOKEN, request))
        .await
        .map(drop)
}

async fn provider_id(stack: &Stack, user: &User, id: &str) -> Option<String> {
    let request = bearing(&user.token, GetIntegrationRequest { id: id.to_owned() });
    let response = stack.integrations().get_integration(request).await.unwrap();
    response.into_inner().integration.unwrap().provider_id
}

async fn context(
    stack: &Stack,
    user: &User,
    id: &str,
) -> Result<GetAuthorizationContextResponse, Status> {
    let request = GetAuthorizationContextRequest {
        integration_id: id.to_owned(),
    };
    let response = stack
        .directory()
        .get_authorization_context(bearing(&user.token, request))
        .await?;
    Ok(response.into_inner())
}

async fn filter(stack: &Stack, ids: Vec<String>) -> Result<Vec<String>, Status> {
    let request = FilterExistingIntegrationsRequest {
        integration_ids: ids,
    };
    let request = internal(INTERNAL_TOKEN, request);
    let response = stack
        .directory()
        .filter_existing_integrations(request)
        .await?;
    Ok(response.into_inner().integration_ids)
}

#[tokio::test]
async fn an_authorization_learns_owner_and_allowed_origins() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    let integration = stack.integration(&user, "email").await;
    for origin in [
        "https://b.example.test",
        "com.example.app:/done",
        "https://a.example.test",
    ] {
        let request = AddReturnOriginRequest {
            environment_guid: developer.environment_guid.clone(),
            origin: origin.to_owned(),
        };
        let request = bearing(ADMIN_TOKEN, request);
        stack
            .environment_admin()
            .add_return_origin(request)
            .await
            .unwrap();
    }

    let context = context(&stack, &user, &integration.id).await.unwrap();

    assert_eq!(
        context,
        GetAuthorizationContextResponse {
            integration: Some(integration),
            user_id: user.id,
            environment_guid: developer.environment_guid,
            return_origins: [
                "com.example.app:/done",
                "https://a.example.test",
                "https://b.example.test",
            ]
            .map(str::to_owned)
            .to_vec(),
            loopback_return_allowed: false,
        }
    );
}

#[tokio::test]
async fn an_authorization_of_another_users_integration_is_refused_as_missing() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let (ann, bo) = (
        stack.user(&developer, "ann").await,
        stack.user(&developer, "bo").await,
    );
    let of_ann = stack.integration(&ann, "email").await.id;

    for id in [of_ann.as_str(), "64b7f0c2a1d3e4f5a6b7c8d9", "nonsense"] {
        assert_eq!(
            refusal(context(&stack, &bo, id).await),
            Error::not_found("")
        );
    }
}

#[tokio::test]
async fn the_account_of_the_newest_grant_is_kept() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    let id = stack.integration(&user, "email").await.id;

    for (address, grant, expected) in [
        ("old@example.test", OLDER_GRANT, "old@example.test"),
        ("new@example.test", NEWER_GRANT, "new@example.test"),
        ("late@example.test", OLDER_GRANT, "new@example.test"),
        ("renamed@example.test", NEWER_GRANT, "renamed@example.test"),
    ] {
        record(&stack, &id, address, grant).await.unwrap();
        assert_eq!(
            provider_id(&stack, &user, &id).await.as_deref(),
            Some(expected)
        );
    }
}

#[tokio::test]
async fn the_account_of_a_deleted_integration_can_not_be_recorded() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    let id = stack.integration(&user, "email").await.id;
    let request = bearing(&user.token, DeleteIntegrationRequest { id: id.clone() });
    stack
        .integrations()
        .delete_integration(request)
        .await
        .unwrap();

    for id in [id.as_str(), "nonsense"] {
        let result = record(&stack, id, "ann@example.test", OLDER_GRANT).await;
        assert_eq!(refusal(result), Error::not_found(""));
    }
}

#[tokio::test]
async fn an_account_that_can_not_be_stored_is_refused() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    let id = stack.integration(&user, "email").await.id;
    let too_long = "a".repeat(1025);

    for (address, grant) in [
        ("", OLDER_GRANT),
        ("nul\0", OLDER_GRANT),
        (&too_long, OLDER_GRANT),
        ("ann@example.test", ""),
        ("ann@example.test", "nonsense"),
    ] {
        assert_eq!(
            code(record(&stack, &id, address, grant).await),
            Code::BadRequest
        );
    }
    assert_eq!(provider_id(&stack, &user, &id).await, None);
}

#[tokio::test]
async fn only_existing_integrations_pass_the_filter() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    let id = stack.integration(&user, "email").await.id;
    let unknown = "64b7f0c2a1d3e4f5a6b7c8d9".to_owned();

    let existing = filter(
        &stack,
        vec![
            unknown.clone(),
            id.clone(),
            String::new(),
            "nul\0".to_owned(),
        ],
    )
    .await
    .unwrap();

    assert_eq!(existing, [id]);
    assert_eq!(
        filter(&stack, Vec::new()).await.unwrap(),
        Vec::<String>::new()
    );
    assert!(filter(&stack, vec![unknown.clone(); 1000]).await.is_ok());
    assert_eq!(
        code(filter(&stack, vec![unknown; 1001]).await),
        Code::BadRequest
    );
}

#[tokio::test]
async fn service_calls_need_the_internal_token() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;

    for token in ["", "internal", ADMIN_TOKEN, &user.token] {
        let filter = FilterExistingIntegrationsRequest::default();
        let filter = stack
            .directory()
            .filter_existing_integrations(internal(token, filter))
            .await;
        let record = RecordProviderIdRequest::default();
        let record = stack
            .directory()
            .record_provider_id(internal(token, record))
            .await;

        assert_eq!(refusal(filter), invalid_token());
        assert_eq!(refusal(record), invalid_token());
    }
    // As a bearer it opens nothing either.
    let record = bearing(INTERNAL_TOKEN, RecordProviderIdRequest::default());
    assert_eq!(
        refusal(stack.directory().record_provider_id(record).await),
        invalid_token()
    );
}
