//! What gRPC clients are told when something is not possible.

use tonic::{Code, Status};
use tonic_types::StatusExt;
use workapi_proto::auth::v1::{BeginAuthorizationRequest, ExchangeAuthCodeRequest};
use workapi_proto::integrations::v1::{
    CreateIntegrationRequest, CreateUserRequest, DeleteIntegrationRequest, GetIntegrationRequest,
    GetMeRequest, UpdateIntegrationRequest,
};
use workapi_tests::{Stack, bearing};

use super::Clients;

/// Returns what every RPC about one integration answers, each an error.
async fn refusals(clients: &mut Clients, token: &str, id: &str) -> Vec<Status> {
    let id = id.to_owned();
    let get = GetIntegrationRequest { id: id.clone() };
    let update = UpdateIntegrationRequest {
        id: id.clone(),
        provider: "sandbox".to_owned(),
        media_type: "file".to_owned(),
    };
    let delete = DeleteIntegrationRequest { id: id.clone() };
    let begin = BeginAuthorizationRequest {
        integration_id: id.clone(),
        return_to: String::new(),
    };
    let exchange = ExchangeAuthCodeRequest {
        integration_id: id,
        code: "code".to_owned(),
    };
    let integrations = &mut clients.integrations;
    let get = integrations.get_integration(bearing(get, token)).await;
    let update = integrations
        .update_integration(bearing(update, token))
        .await;
    let delete = integrations
        .delete_integration(bearing(delete, token))
        .await;
    let authorization = &mut clients.authorization;
    let begin = authorization
        .begin_authorization(bearing(begin, token))
        .await;
    let exchange = authorization
        .exchange_auth_code(bearing(exchange, token))
        .await;
    vec![
        get.unwrap_err(),
        update.unwrap_err(),
        delete.unwrap_err(),
        begin.unwrap_err(),
        exchange.unwrap_err(),
    ]
}

#[tokio::test]
async fn another_users_integration_is_not_found_in_the_words_of_a_missing_one() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let mut clients = Clients::of(&stack).await;
    let owner = clients.create_user(&environment, "cust-1").await;
    let stranger = clients.create_user(&environment, "cust-2").await;
    let theirs = clients.create_integration(&owner, "email").await.id;

    let of_others = refusals(&mut clients, &stranger, &theirs).await;
    let of_nobody = refusals(&mut clients, &stranger, "0123456789abcdef01234567").await;

    for (theirs, missing) in of_others.iter().zip(&of_nobody) {
        assert_eq!(theirs.code(), Code::NotFound);
        assert_eq!(theirs.message(), missing.message());
        assert_eq!(theirs.details(), missing.details());
    }
    assert!(clients.get_integration(&owner, &theirs).await.is_ok());
}

#[tokio::test]
async fn every_error_says_in_the_domain_workapi_why() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let mut clients = Clients::of(&stack).await;
    let token = clients.create_user(&environment, "cust-9041").await;
    let again = CreateUserRequest {
        environment_guid: environment.guid.clone(),
        arbitrary_id: "cust-9041".to_owned(),
    };
    let again = bearing(again, &environment.apt(None));
    let nowhere = CreateIntegrationRequest {
        provider: "nobody".to_owned(),
        media_type: String::new(),
    };
    let nowhere = bearing(nowhere, &token);

    let anonymous = clients.users.get_me(GetMeRequest {}).await.unwrap_err();
    let again = clients.users.create_user(again).await.unwrap_err();
    let nowhere = clients.integrations.create_integration(nowhere).await;
    let missing = clients.get_integration(&token, "no-such-id").await;

    for (status, reason) in [
        (anonymous, "INVALID_TOKEN"),
        (again, "USER_ALREADY_EXISTS"),
        (nowhere.unwrap_err(), "BAD_REQUEST"),
        (missing.unwrap_err(), "NOT_FOUND"),
    ] {
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.domain, "workapi");
        assert_eq!(info.reason, reason);
    }
}
