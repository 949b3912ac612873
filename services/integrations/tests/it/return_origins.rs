//! What environments allow as `return_to`.

use tonic::Status;
use workapi_errors::{Code, Error};
use workapi_proto::integrations::v1::{
    AddReturnOriginRequest, DeleteEnvironmentRequest, ListReturnOriginsRequest,
    RemoveReturnOriginRequest,
};
use workapi_testkit::eventually;

use crate::stack::{ADMIN_TOKEN, Stack, bearing, code, refusal};

async fn add_origin(stack: &Stack, guid: &str, origin: &str) -> Result<String, Status> {
    let request = AddReturnOriginRequest {
        environment_guid: guid.to_owned(),
        origin: origin.to_owned(),
    };
    let response = stack
        .environment_admin()
        .add_return_origin(bearing(ADMIN_TOKEN, request))
        .await?;
    Ok(response.into_inner().origin)
}

async fn origins(stack: &Stack, guid: &str) -> Result<Vec<String>, Status> {
    let request = ListReturnOriginsRequest {
        environment_guid: guid.to_owned(),
    };
    let response = stack
        .environment_admin()
        .list_return_origins(bearing(ADMIN_TOKEN, request))
        .await?;
    Ok(response.into_inner().origins)
}

async fn remove_origin(stack: &Stack, guid: &str, origin: &str) -> Result<(), Status> {
    let request = RemoveReturnOriginRequest {
        environment_guid: guid.to_owned(),
        origin: origin.to_owned(),
    };
    let request = bearing(ADMIN_TOKEN, request);
    stack
        .environment_admin()
        .remove_return_origin(request)
        .await
        .map(drop)
}

#[tokio::test]
async fn allowed_origins_are_normalised_listed_in_order_and_withdrawn() {
    let stack = Stack::start().await;
    let guid = stack.developer().await.environment_guid;
    assert_eq!(origins(&stack, &guid).await.unwrap(), Vec::<String>::new());

    let normalised = add_origin(&stack, &guid, "https://B.example.test:443/")
        .await
        .unwrap();
    add_origin(&stack, &guid, "https://b.example.test")
        .await
        .unwrap();
    add_origin(&stack, &guid, "com.example.app:/done")
        .await
        .unwrap();

    assert_eq!(normalised, "https://b.example.test");
    let allowed = origins(&stack, &guid).await.unwrap();
    assert_eq!(allowed, ["com.example.app:/done", "https://b.example.test"]);
    remove_origin(&stack, &guid, "https://B.example.test")
        .await
        .unwrap();
    assert_eq!(
        origins(&stack, &guid).await.unwrap(),
        ["com.example.app:/done"]
    );
    let again = remove_origin(&stack, &guid, "https://b.example.test").await;
    assert_eq!(code(again), Code::NotFound);
}

#[tokio::test]
async fn what_is_no_origin_is_refused_with_what_is_allowed() {
    let stack = Stack::start().await;
    let guid = stack.developer().await.environment_guid;

    let refusal = refusal(add_origin(&stack, &guid, "https://a.example.test/done").await);

    assert_eq!(refusal.code(), Code::BadRequest);
    assert!(
        refusal.specifics().contains("http or https origin"),
        "{refusal}"
    );
    assert!(
        refusal.specifics().contains("private-use scheme"),
        "{refusal}"
    );
    assert_eq!(origins(&stack, &guid).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn an_unknown_environment_allows_nothing() {
    let stack = Stack::start().await;

    for guid in ["3f0c2b9e-5a7d-4c11-9b1e-0d2f4a6c8e10", "", "nonsense"] {
        let missing = Error::new(Code::EnvironmentNotFound, "");
        assert_eq!(refusal(origins(&stack, guid).await), missing);
        let added = add_origin(&stack, guid, "https://a.example.test").await;
        assert_eq!(refusal(added), missing);
    }
}

#[tokio::test]
async fn what_an_environment_allows_goes_with_it() {
    let stack = Stack::start().await;
    let guid = stack.developer().await.environment_guid;
    add_origin(&stack, &guid, "https://a.example.test")
        .await
        .unwrap();

    let request = bearing(ADMIN_TOKEN, DeleteEnvironmentRequest { guid });
    stack
        .environment_admin()
        .delete_environment(request)
        .await
        .unwrap();

    eventually("the environment's removal", async || {
        (stack.count("return_origin").await == 0).then_some(())
    })
    .await;
}
