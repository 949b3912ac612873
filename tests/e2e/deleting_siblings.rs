//! A provider where one revocation ends every connection of the account: nobody else's may die
//! (refresh protocol, section 5).

use workapi_proto::events::v1::ProviderRevocation;
use workapi_testkit::eventually;
use workapi_tests::UserSession;

use crate::google;

const ANN: &str = "ann@example.test";
const BO: &str = "bo@example.test";

/// Connects the account at all three providers.
async fn connect_all(user: &UserSession, account: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for provider in google::PROVIDERS {
        ids.push(user.connect_at(provider, "", account).await);
    }
    ids
}

#[tokio::test]
async fn fm_16_of_three_integrations_of_an_account_the_last_deleted_is_the_one_revoked() {
    let (stack, user) = google::stack_with_user().await;
    let ids = connect_all(&user, ANN).await;

    user.delete(&ids[0]).await;

    let skipped = ProviderRevocation::SkippedSiblings;
    assert_eq!(stack.end_of(&ids[0]).await, skipped);
    assert_eq!(stack.count("revocations").await, 0);
    stack.refresh(&ids[1]).await;
    stack.refresh(&ids[2]).await;

    user.delete(&ids[1]).await;
    assert_eq!(stack.end_of(&ids[1]).await, skipped);
    user.delete(&ids[2]).await;
    assert_eq!(stack.end_of(&ids[2]).await, ProviderRevocation::Done);
    assert_eq!(stack.count("revocations").await, 1);
}

#[tokio::test]
async fn of_three_integrations_deleted_at_once_one_is_revoked() {
    let (stack, user) = google::stack_with_user().await;
    let ids = connect_all(&user, ANN).await;

    let deleted = user.call("DELETE", "/users/me", None).await;

    assert_eq!(deleted.status, 204);
    for id in &ids {
        stack.end_of(id).await;
    }
    assert_eq!(stack.count("revocations").await, 1);
}

#[tokio::test]
async fn another_account_is_no_sibling() {
    let (stack, user) = google::stack_with_user().await;
    let ann = user.connect_at("gmail", "", ANN).await;
    let bo = user.connect_at("gmail", "", BO).await;

    user.delete(&ann).await;

    assert_eq!(stack.end_of(&ann).await, ProviderRevocation::Done);
    assert_eq!(stack.count("revocations").await, 1);
    stack.refresh(&bo).await;
}

#[tokio::test]
async fn a_revocation_waits_for_a_connection_under_way_and_spares_it() {
    let (stack, user) = google::stack_with_user().await;
    let mail = user.connect_at("gmail", "", ANN).await;
    let drive = user.create_integration("gdrive", "").await;
    let callback = user.consent(&drive, ANN).await;
    stack.hold_up("token").await;

    let delete = async {
        stack.faults_begun().await;
        user.delete(&mail).await;
        eventually("the wait for the connection under way", || async {
            let query = "SELECT claim_seq >= 3 FROM credential WHERE integration_id = $1";
            let waited: bool = sqlx::query_scalar(query)
                .bind(&mail)
                .fetch_one(stack.vault_database())
                .await
                .unwrap();
            waited.then_some(())
        })
        .await;
        assert_eq!(stack.credential(&mail).await.unwrap().state, "revoking");
        stack.end_faults().await;
    };
    let (landing, ()) = tokio::join!(user.browser().open(&callback), delete);

    assert_eq!(landing.outcome(), "success");
    let skipped = ProviderRevocation::SkippedSiblings;
    assert_eq!(stack.end_of(&mail).await, skipped);
    assert_eq!(stack.count("revocations").await, 0);
    stack.refresh(&drive).await;
}
