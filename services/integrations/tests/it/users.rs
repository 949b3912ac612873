//! Creating, signing in again, reading and deleting users.

use std::time::Duration;

use futures::future::join_all;
use workapi_errors::{Code, Error};
use workapi_proto::integrations::v1::{
    DeleteMeRequest, GetMeRequest, ListIntegrationsRequest, ReauthUserRequest, User,
};
use workapi_types::UserId;

use crate::stack::{Developer, Stack, bearing, code, invalid_token, refusal};

async fn reauth(stack: &Stack, developer: &Developer, name: &str) -> Result<User, tonic::Status> {
    let request = ReauthUserRequest {
        environment_guid: developer.environment_guid.clone(),
        arbitrary_id: name.to_owned(),
    };
    let apt = developer.apt(stack).for_user(name).signed();
    let response = stack.users().reauth_user(bearing(&apt, request)).await?;
    Ok(response.into_inner().user.unwrap())
}

async fn delete(stack: &Stack, bearer: &str) -> Result<(), tonic::Status> {
    stack
        .users()
        .delete_me(bearing(bearer, DeleteMeRequest {}))
        .await
        .map(drop)
}

#[tokio::test]
async fn a_created_user_can_call_at_once() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;

    let user = stack.user(&developer, "cust-9041").await;

    assert_eq!(user.arbitrary_id, "cust-9041");
    assert!(user.id.parse::<UserId>().is_ok());
    let me = stack
        .users()
        .get_me(bearing(&user.token, GetMeRequest {}))
        .await
        .unwrap();
    assert_eq!(me.into_inner().user.unwrap().id, user.id);
}

#[tokio::test]
async fn a_second_user_of_the_same_name_is_refused() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    stack.user(&developer, "ann").await;

    let result = stack.try_user(&developer, "ann").await;

    assert_eq!(refusal(result), Error::new(Code::UserAlreadyExists, ""));
    stack.user(&stack.developer().await, "ann").await;
}

#[tokio::test]
async fn of_fifty_simultaneous_creations_one_succeeds() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;

    let results = join_all((0..50).map(|_| stack.try_user(&developer, "ann"))).await;

    let (created, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(created.len(), 1);
    for result in refused {
        assert_eq!(code(result), Code::UserAlreadyExists);
    }
    assert_eq!(stack.count("app_user").await, 1);
}

#[tokio::test]
async fn a_name_that_does_not_fit_is_refused() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let longest = "é".repeat(127) + "x";

    stack.user(&developer, &longest).await;
    for name in ["", "nul\0", &(longest.clone() + "x")] {
        assert_eq!(
            code(stack.try_user(&developer, name).await),
            Code::BadRequest,
            "{name:?}"
        );
    }

    assert_eq!(stack.count("app_user").await, 1);
}

#[tokio::test]
async fn a_user_that_signs_in_again_keeps_id_and_old_token() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    stack.clock.advance(Duration::from_mins(1));

    let again = reauth(&stack, &developer, "ann").await.unwrap();

    assert_eq!(again.id, user.id);
    assert_ne!(again.token, user.token);
    for token in [user.token, again.token] {
        stack
            .users()
            .get_me(bearing(&token, GetMeRequest {}))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn an_unknown_user_can_not_sign_in_again() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;

    let result = reauth(&stack, &developer, "nobody").await;

    assert_eq!(refusal(result), Error::not_found(""));
}

#[tokio::test]
async fn a_deactivated_user_can_not_sign_in_again() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    stack.user(&developer, "ann").await;
    stack
        .execute("UPDATE app_user SET state = 'inactive'")
        .await;

    assert_eq!(
        code(reauth(&stack, &developer, "ann").await),
        Code::Forbidden
    );
}

#[tokio::test]
async fn a_deactivated_environment_accepts_no_apt() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    stack.user(&developer, "ann").await;
    stack
        .execute("UPDATE environment SET state = 'inactive'")
        .await;

    let apt = developer.apt(&stack).for_user("ann").signed();

    assert_eq!(
        refusal(stack.try_user(&developer, "bo").await),
        invalid_token()
    );
    assert_eq!(
        refusal(reauth(&stack, &developer, "ann").await),
        invalid_token()
    );
    assert_eq!(refusal(delete(&stack, &apt).await), invalid_token());
    assert_eq!(stack.count("app_user").await, 1);
}

#[tokio::test]
async fn a_user_deletes_itself_with_everything_it_has() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let (ann, bo) = (
        stack.user(&developer, "ann").await,
        stack.user(&developer, "bo").await,
    );
    stack.integration(&ann, "email").await;
    stack.integration(&ann, "event").await;
    let kept = stack.integration(&bo, "email").await;

    delete(&stack, &ann.token).await.unwrap();

    assert_eq!(refusal(delete(&stack, &ann.token).await), invalid_token());
    assert_eq!(stack.count("app_user").await, 1);
    let request = bearing(&bo.token, ListIntegrationsRequest {});
    let list = stack
        .integrations()
        .list_integrations(request)
        .await
        .unwrap();
    assert_eq!(list.into_inner().integrations, [kept]);
}

#[tokio::test]
async fn a_deleted_user_can_be_created_again_and_its_old_token_stays_void() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let old = stack.user(&developer, "ann").await;
    delete(&stack, &old.token).await.unwrap();

    let new = stack.user(&developer, "ann").await;

    assert_ne!(new.id, old.id);
    let result = stack
        .users()
        .get_me(bearing(&old.token, GetMeRequest {}))
        .await;
    assert_eq!(refusal(result), invalid_token());
}

#[tokio::test]
async fn a_developer_deletes_a_user_with_an_apt() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    stack.user(&developer, "ann").await;
    let apt = developer.apt(&stack).for_user("ann").signed();

    delete(&stack, &apt).await.unwrap();

    assert_eq!(stack.count("app_user").await, 0);
    assert_eq!(refusal(delete(&stack, &apt).await), Error::not_found(""));
}

#[tokio::test]
async fn of_simultaneous_deletions_one_succeeds() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    stack.integration(&user, "email").await;

    let results = join_all((0..10).map(|_| delete(&stack, &user.token))).await;

    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for result in results.into_iter().filter(Result::is_err) {
        assert_eq!(refusal(result), invalid_token());
    }
}

#[tokio::test]
async fn integrations_created_during_the_deletion_of_their_user_go_with_it() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    let create = async |_| stack.try_integration(&user, "sandbox", "email").await;

    let (deleted, created) =
        tokio::join!(delete(&stack, &user.token), join_all((0..20).map(create)));

    deleted.unwrap();
    for result in created.into_iter().filter(Result::is_err) {
        assert_eq!(refusal(result), invalid_token());
    }
    assert_eq!(stack.count("integration").await, 0);
}
