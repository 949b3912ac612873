//! Environments and what they allow, for operators.

use futures::future::join_all;
use tonic::Status;
use workapi_errors::{Code, Error};
use workapi_proto::integrations::v1::{
    AddReturnOriginRequest, CreateEnvironmentRequest, DeleteEnvironmentRequest, Environment,
    GetEnvironmentRequest, GetMeRequest, ImportEnvironmentRequest, ListEnvironmentsRequest,
    ListReturnOriginsRequest, RemoveReturnOriginRequest,
};
use workapi_testkit::eventually;
use workapi_types::EnvironmentGuid;

use crate::stack::{
    ADMIN_TOKEN, Developer, INTERNAL_TOKEN, Replica, Stack, bearing, code, invalid_token, refusal,
};
use crate::tokens::DeveloperKey;

const GUID: &str = "3f0c2b9e-5a7d-4c11-9b1e-0d2f4a6c8e10";
/// 1024 bits.
const SHORT_KEY: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDcBLExpy0wpC0o3BJbeDYRBfwM
JBC8X+8BogVRV0Rqgfls1aKjzb/D/um7aMpiQvIrZhFteixx2ZGAxjMLso7JRxi/
7Caqh9IXfZ6L08YOUCO2sQrxf74+QST5segJFVt8V+hZS7YqivgXFDBshbemF9HH
9jMtBSQTzwCS1eKxewIDAQAB
-----END PUBLIC KEY-----
";

async fn create(stack: &Stack, name: &str, public_key: &str) -> Result<Environment, Status> {
    let request = CreateEnvironmentRequest {
        name: name.to_owned(),
        public_key: public_key.to_owned(),
        loopback_return_allowed: false,
    };
    let response = stack
        .environment_admin()
        .create_environment(bearing(ADMIN_TOKEN, request))
        .await?;
    Ok(response.into_inner().environment.unwrap())
}

async fn import(
    stack: &Stack,
    guid: &str,
    key: &DeveloperKey,
    name: &str,
) -> Result<Environment, Status> {
    let request = ImportEnvironmentRequest {
        guid: guid.to_owned(),
        public_key: key.public_pem(),
        name: name.to_owned(),
    };
    let response = stack
        .environment_admin()
        .import_environment(bearing(ADMIN_TOKEN, request))
        .await?;
    Ok(response.into_inner().environment.unwrap())
}

async fn get(stack: &Stack, guid: &str) -> Result<Environment, Status> {
    let request = bearing(
        ADMIN_TOKEN,
        GetEnvironmentRequest {
            guid: guid.to_owned(),
        },
    );
    let response = stack.environment_admin().get_environment(request).await?;
    Ok(response.into_inner().environment.unwrap())
}

async fn list(stack: &Stack) -> Vec<Environment> {
    let request = bearing(ADMIN_TOKEN, ListEnvironmentsRequest {});
    let response = stack
        .environment_admin()
        .list_environments(request)
        .await
        .unwrap();
    response.into_inner().environments
}

async fn delete(stack: &Stack, guid: &str) -> Result<(), Status> {
    let request = bearing(
        ADMIN_TOKEN,
        DeleteEnvironmentRequest {
            guid: guid.to_owned(),
        },
    );
    stack
        .environment_admin()
        .delete_environment(request)
        .await
        .map(drop)
}

#[tokio::test]
async fn environments_are_listed_in_the_order_of_their_creation() {
    let stack = Stack::start().await;
    let key = DeveloperKey::generate();

    let shop = create(&stack, "Shop", &key.public_pem()).await.unwrap();
    let blog = create(&stack, "Blog", &key.public_pem()).await.unwrap();

    assert!(shop.guid.parse::<EnvironmentGuid>().is_ok());
    assert_eq!(
        (shop.name.as_str(), shop.public_key.as_str()),
        ("Shop", key.public_pem().as_str())
    );
    assert!(shop.created_at.is_some());
    assert_eq!(get(&stack, &blog.guid).await.unwrap(), blog);
    assert_eq!(list(&stack).await, [shop, blog]);
}

#[tokio::test]
async fn a_key_or_name_that_will_not_do_is_refused() {
    let stack = Stack::start().await;
    let pem = DeveloperKey::generate().public_pem();

    for (name, key) in [
        ("Shop", ""),
        ("Shop", "nonsense"),
        ("Shop", SHORT_KEY),
        ("", &pem),
        (&"x".repeat(256), &pem),
        ("nul\0", &pem),
    ] {
        assert_eq!(
            code(create(&stack, name, key).await),
            Code::BadRequest,
            "{name:?} {key:?}"
        );
    }
    assert_eq!(stack.count("environment").await, 0);
}

#[tokio::test]
async fn an_imported_environment_keeps_its_identity() {
    let stack = Stack::start().await;
    let key = DeveloperKey::generate();

    let imported = import(&stack, GUID, &key, "").await.unwrap();

    assert_eq!(
        (imported.guid.as_str(), imported.name.as_str()),
        (GUID, GUID)
    );
    let developer = Developer {
        environment_guid: GUID.to_owned(),
        key,
    };
    stack.user(&developer, "ann").await;
}

#[tokio::test]
async fn a_guid_that_is_taken_or_malformed_can_not_be_imported() {
    let stack = Stack::start().await;
    let key = DeveloperKey::generate();
    import(&stack, GUID, &key, "Shop").await.unwrap();

    assert_eq!(
        code(import(&stack, GUID, &key, "Again").await),
        Code::Conflict
    );
    for guid in ["", "nonsense", &GUID.to_uppercase()] {
        assert_eq!(
            code(import(&stack, guid, &key, "Shop").await),
            Code::BadRequest
        );
    }
    assert_eq!(get(&stack, GUID).await.unwrap().name, "Shop");
}

#[tokio::test]
async fn an_import_is_seen_at_once_after_the_guid_was_asked_for_in_vain() {
    let stack = Stack::start().await;
    let key = DeveloperKey::generate();
    let developer = Developer {
        environment_guid: GUID.to_owned(),
        key,
    };
    let missing = Error::new(Code::EnvironmentNotFound, "");
    assert_eq!(refusal(stack.try_user(&developer, "ann").await), missing);

    import(&stack, GUID, &developer.key, "").await.unwrap();

    stack.user(&developer, "ann").await;
}

#[tokio::test]
async fn an_unknown_environment_is_not_found() {
    let stack = Stack::start().await;

    for guid in [GUID, "", "nonsense"] {
        let missing = Error::new(Code::EnvironmentNotFound, "");
        assert_eq!(refusal(get(&stack, guid).await), missing);
        assert_eq!(refusal(delete(&stack, guid).await), missing);
    }
}

#[tokio::test]
async fn a_deleted_environment_is_gone_for_everybody_at_once() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;

    delete(&stack, &developer.environment_guid).await.unwrap();

    let missing = Error::new(Code::EnvironmentNotFound, "");
    assert_eq!(
        refusal(get(&stack, &developer.environment_guid).await),
        missing
    );
    assert_eq!(
        refusal(delete(&stack, &developer.environment_guid).await),
        missing
    );
    assert_eq!(refusal(stack.try_user(&developer, "bo").await), missing);
    assert_eq!(list(&stack).await, []);
    let me = stack
        .users()
        .get_me(bearing(&user.token, GetMeRequest {}))
        .await;
    assert_eq!(refusal(me), invalid_token());
}

#[tokio::test]
async fn a_deleted_environment_is_emptied_and_its_guid_is_free_again() {
    let stack = Stack::start().await;
    let (developer, other) = (stack.developer().await, stack.developer().await);
    let kept = stack.user(&other, "kept").await;
    let user = stack.user(&developer, "ann").await;
    stack.integration(&user, "email").await;
    sqlx::query(
        "INSERT INTO app_user (id, environment_guid, arbitrary_id)
         SELECT lpad(to_hex(number), 24, '0'), $1::uuid, 'user-' || number
         FROM generate_series(1, 250) AS number",
    )
    .bind(&developer.environment_guid)
    .execute(&stack.pool)
    .await
    .unwrap();

    delete(&stack, &developer.environment_guid).await.unwrap();

    eventually("the environment's removal", async || {
        (stack.count("environment").await == 1).then_some(())
    })
    .await;
    assert_eq!(
        (
            stack.count("app_user").await,
            stack.count("integration").await
        ),
        (1, 0)
    );
    assert!(
        stack
            .users()
            .get_me(bearing(&kept.token, GetMeRequest {}))
            .await
            .is_ok()
    );
    import(&stack, &developer.environment_guid, &developer.key, "")
        .await
        .unwrap();
    stack.user(&developer, "ann").await;
}

#[tokio::test]
async fn users_created_during_the_deletion_of_their_environment_go_with_it() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let names: Vec<_> = (0..20).map(|number| format!("user-{number}")).collect();
    let create = |name| stack.try_user(&developer, name);

    let (deleted, created) = tokio::join!(
        delete(&stack, &developer.environment_guid),
        join_all(names.iter().map(|name| create(name))),
    );

    deleted.unwrap();
    for result in created.into_iter().filter(Result::is_err) {
        assert_eq!(code(result), Code::EnvironmentNotFound);
    }
    eventually("the environment's removal", async || {
        (stack.count("environment").await == 0).then_some(())
    })
    .await;
    assert_eq!(stack.count("app_user").await, 0);
}

#[tokio::test]
async fn another_replica_finishes_a_deletion_that_was_cut_short() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    stack.user(&developer, "ann").await;
    stack.replica.shutdown.stop();
    eventually("the stop", async || {
        stack.replica.running.is_finished().then_some(())
    })
    .await;
    stack
        .execute("UPDATE environment SET state = 'deleting'")
        .await;

    let _replica = Replica::start(stack.config(), &stack.clock).await;

    eventually("the environment's removal", async || {
        (stack.count("environment").await == 0).then_some(())
    })
    .await;
    assert_eq!(stack.count("app_user").await, 0);
}

#[tokio::test]
async fn operators_need_the_admin_token() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    let apt = developer.apt(&stack).signed();

    for token in ["", "admin", INTERNAL_TOKEN, &user.token, &apt] {
        let mut admin = stack.environment_admin();
        let refusals = [
            refusal(
                admin
                    .create_environment(bearing(token, CreateEnvironmentRequest::default()))
                    .await,
            ),
            refusal(
                admin
                    .import_environment(bearing(token, ImportEnvironmentRequest::default()))
                    .await,
            ),
            refusal(
                admin
                    .get_environment(bearing(token, GetEnvironmentRequest::default()))
                    .await,
            ),
            refusal(
                admin
                    .list_environments(bearing(token, ListEnvironmentsRequest {}))
                    .await,
            ),
            refusal(
                admin
                    .delete_environment(bearing(token, DeleteEnvironmentRequest::default()))
                    .await,
            ),
            refusal(
                admin
                    .add_return_origin(bearing(token, AddReturnOriginRequest::default()))
                    .await,
            ),
            refusal(
                admin
                    .list_return_origins(bearing(token, ListReturnOriginsRequest::default()))
                    .await,
            ),
            refusal(
                admin
                    .remove_return_origin(bearing(token, RemoveReturnOriginRequest::default()))
                    .await,
            ),
        ];
        assert!(
            refusals.iter().all(|refusal| *refusal == invalid_token()),
            "{refusals:?}"
        );
    }
}
