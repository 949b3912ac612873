//! Users, integrations and authorizations over gRPC.

use tonic::Code;
use workapi_proto::auth::v1::{AuthorizationOutcome, ExchangeAuthCodeRequest};
use workapi_proto::integrations::v1::{
    DeleteIntegrationRequest, DeleteMeRequest, GetMeRequest, Integration, ListIntegrationsRequest,
    ReauthUserRequest, UpdateIntegrationRequest,
};
use workapi_tests::{Stack, bearing};

use super::{ANN, Clients};

#[tokio::test]
async fn users_can_be_created_seen_and_deleted() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let mut clients = Clients::of(&stack).await;
    clients.create_user(&environment, "cust-9041").await;

    let request = ReauthUserRequest {
        environment_guid: environment.guid.clone(),
        arbitrary_id: "cust-9041".to_owned(),
    };
    let request = bearing(request, &environment.apt(Some("cust-9041")));
    let again = clients.users.reauth_user(request).await.unwrap();
    let token = again.into_inner().user.unwrap().token;
    let me = clients.users.get_me(bearing(GetMeRequest {}, &token)).await;
    let me = me.unwrap().into_inner().user.unwrap();
    let deleted = clients.users.delete_me(bearing(DeleteMeRequest {}, &token));
    deleted.await.unwrap();
    let gone = clients.users.get_me(bearing(GetMeRequest {}, &token)).await;

    assert_eq!(me.arbitrary_id, "cust-9041");
    assert_eq!(gone.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn integrations_can_be_created_changed_connected_and_deleted() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let mut clients = Clients::of(&stack).await;
    let token = clients.create_user(&environment, "cust-9041").await;
    let id = clients.create_integration(&token, "email").await.id;

    let change = UpdateIntegrationRequest {
        id: id.clone(),
        provider: String::new(),
        media_type: "file".to_owned(),
    };
    let change = bearing(change, &token);
    clients
        .integrations
        .update_integration(change)
        .await
        .unwrap();
    let answer = clients.authorization_response(&stack, &token, &id).await;
    let completed = clients.authorization.complete_authorization(answer).await;
    let completed = completed.unwrap().into_inner();
    assert_eq!(completed.outcome(), AuthorizationOutcome::Success);
    let expected = format!("http://localhost:3000/done?status=success&integration_id={id}");
    assert_eq!(completed.redirect_to, expected);

    let list = bearing(ListIntegrationsRequest {}, &token);
    let listed = clients.integrations.list_integrations(list).await.unwrap();
    let expected = Integration {
        id: id.clone(),
        provider: "sandbox".to_owned(),
        media_type: "file".to_owned(),
        provider_id: Some(ANN.to_owned()),
    };
    assert_eq!(listed.into_inner().integrations, [expected]);

    let delete = bearing(DeleteIntegrationRequest { id: id.clone() }, &token);
    clients
        .integrations
        .delete_integration(delete)
        .await
        .unwrap();
    let gone = clients.get_integration(&token, &id).await;
    assert_eq!(gone.unwrap_err().code(), Code::NotFound);
    stack.credential_in(&id, "revoked").await;
}

#[tokio::test]
async fn a_code_from_a_device_can_be_exchanged() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let mut clients = Clients::of(&stack).await;
    let token = clients.create_user(&environment, "cust-9041").await;
    let id = clients.create_integration(&token, "email").await.id;

    let request = ExchangeAuthCodeRequest {
        integration_id: id.clone(),
        code: stack.mobile_code(ANN).await,
    };
    let request = bearing(request, &token);
    let connected = clients.authorization.exchange_auth_code(request).await;

    let integration = connected.unwrap().into_inner().integration.unwrap();
    assert_eq!(integration.id, id);
    assert_eq!(integration.provider_id.as_deref(), Some(ANN));
}
