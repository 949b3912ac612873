//! Account provider tokens: what is accepted, and what each refusal says, in the order of
//! interfaces section 6.

use jsonwebtoken::Algorithm;
use workapi_errors::{Code, Error};
use workapi_proto::integrations::v1::{
    CreateUserRequest, DeleteMeRequest, ReauthUserRequest, User,
};

use crate::stack::{Stack, bearing, invalid_token, refusal};
use crate::tokens::{Apt, DeveloperKey};

const WEEK: i64 = 7 * 24 * 3600;
const UNKNOWN_GUID: &str = "3f0c2b9e-5a7d-4c11-9b1e-0d2f4a6c8e10";

async fn create(stack: &Stack, bearer: &str, guid: &str) -> Result<User, tonic::Status> {
    let request = CreateUserRequest {
        environment_guid: guid.to_owned(),
        arbitrary_id: "ann".to_owned(),
    };
    let response = stack.users().create_user(bearing(bearer, request)).await?;
    Ok(response.into_inner().user.unwrap())
}

fn environment_not_found() -> Error {
    Error::new(Code::EnvironmentNotFound, "")
}

#[tokio::test]
async fn an_apt_is_good_within_its_times_and_a_minute_of_leeway() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let now = stack.clock.unix_seconds();

    for (exp, iat, is_good) in [
        (now + 10, now, true),
        (now - 59, now - 119, true),
        (now - 60, now - 120, false),
        (now + 120, now + 60, true),
        (now + 121, now + 61, false),
        (now + WEEK, now, true),
        (now + WEEK + 1, now, false),
    ] {
        stack.execute("DELETE FROM app_user").await;
        let apt = developer
            .apt(&stack)
            .with("exp", exp)
            .with("iat", iat)
            .signed();

        let result = create(&stack, &apt, &developer.environment_guid).await;

        assert_eq!(result.is_ok(), is_good, "exp {exp}, iat {iat}, now {now}");
        if !is_good {
            assert_eq!(refusal(result), invalid_token());
        }
    }
}

#[tokio::test]
async fn issuer_and_fractions_of_a_second_do_not_matter() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    #[expect(clippy::cast_precision_loss, reason = "Unix seconds are exact")]
    let now = stack.clock.unix_seconds() as f64;
    let apt = developer
        .apt(&stack)
        .without("iss")
        .with("aud", "anybody")
        .with("exp", now + 59.5)
        .with("iat", now + 0.25);

    let result = create(&stack, &apt.signed(), &developer.environment_guid).await;

    assert!(result.is_ok());
}

#[tokio::test]
async fn what_does_not_look_like_an_apt_is_refused_before_the_environment_is_looked_for() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let apt = developer.apt(&stack);
    let user = stack.user(&developer, "bo").await;
    let too_long = developer.apt(&stack).with("pad", "x".repeat(8192)).signed();

    for bearer in [
        "",
        "nonsense",
        "a.b.c",
        &apt.unsigned(),
        &apt.signed_with_the_public_key(),
        &developer
            .apt(&stack)
            .with_algorithm(Algorithm::RS512)
            .signed(),
        &developer
            .apt(&stack)
            .with_algorithm(Algorithm::PS256)
            .signed(),
        &user.token,
        &too_long,
    ] {
        for guid in [&developer.environment_guid, UNKNOWN_GUID] {
            let result = create(&stack, bearer, guid).await;
            assert_eq!(refusal(result), invalid_token(), "{bearer}");
        }
    }
    let request = tonic::Request::new(CreateUserRequest::default());
    assert_eq!(
        refusal(stack.users().create_user(request).await),
        invalid_token()
    );
    assert_eq!(stack.count("app_user").await, 1);
}

#[tokio::test]
async fn an_unknown_environment_is_told_before_the_signature_is_looked_at() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let apt = developer.apt(&stack).signed_by(&DeveloperKey::generate());
    let upper_case = developer.environment_guid.to_uppercase();
    let in_braces = format!("{{{}}}", developer.environment_guid);

    for guid in ["", "nonsense", UNKNOWN_GUID, &upper_case, &in_braces] {
        let result = create(&stack, &apt, guid).await;
        assert_eq!(refusal(result), environment_not_found(), "{guid:?}");
    }
}

#[tokio::test]
async fn an_apt_that_nothing_vouches_for_is_refused() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let other = stack.developer().await;
    let apt = || developer.apt(&stack);

    for (flaw, bearer) in [
        ("wrong key", apt().signed_by(&other.key)),
        ("no user", apt().without("user").signed()),
        ("user of another type", apt().with("user", "ann").signed()),
        ("no expiry", apt().without("exp").signed()),
        ("no time of issue", apt().without("iat").signed()),
        (
            "expiry of another type",
            apt().with("exp", "tomorrow").signed(),
        ),
        ("another environment", {
            Apt::new(
                &developer.key,
                &other.environment_guid,
                stack.clock.unix_seconds(),
            )
            .signed()
        }),
        ("another user", apt().for_user("bo").signed()),
    ] {
        let result = create(&stack, &bearer, &developer.environment_guid).await;
        assert_eq!(refusal(result), invalid_token(), "{flaw}");
    }
    assert_eq!(stack.count("app_user").await, 0);
    assert_eq!(stack.count("outbox").await, 0);
}

#[tokio::test]
async fn an_apt_that_names_the_user_of_the_body_creates_it() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let apt = developer.apt(&stack).for_user("ann").signed();

    let user = create(&stack, &apt, &developer.environment_guid)
        .await
        .unwrap();

    assert_eq!(user.arbitrary_id, "ann");
}

#[tokio::test]
async fn signing_in_again_and_deleting_need_the_name_in_the_apt() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    stack.user(&developer, "ann").await;
    let apt = developer.apt(&stack).signed();
    let missing = Error::invalid_token("+arbitrary_id+ is missing from APT");

    let request = ReauthUserRequest {
        environment_guid: developer.environment_guid.clone(),
        arbitrary_id: "ann".to_owned(),
    };
    let reauth = stack.users().reauth_user(bearing(&apt, request)).await;
    let delete = stack
        .users()
        .delete_me(bearing(&apt, DeleteMeRequest {}))
        .await;

    assert_eq!(refusal(reauth), missing);
    assert_eq!(refusal(delete), missing);
}

#[tokio::test]
async fn an_apt_without_a_body_is_checked_in_the_same_order() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    stack.user(&developer, "ann").await;
    let now = stack.clock.unix_seconds();
    let stranger = DeveloperKey::generate();
    let apt = || developer.apt(&stack).for_user("ann");

    for (flaw, bearer, expected) in [
        (
            "unknown environment, no times, wrong key",
            Apt::new(&developer.key, UNKNOWN_GUID, now)
                .without("exp")
                .signed_by(&stranger),
            environment_not_found(),
        ),
        ("no user", apt().without("user").signed(), invalid_token()),
        ("wrong key", apt().signed_by(&stranger), invalid_token()),
        (
            "expired",
            apt().with("exp", now - 61).signed(),
            invalid_token(),
        ),
        (
            "unknown user",
            developer.apt(&stack).for_user("bo").signed(),
            Error::not_found(""),
        ),
    ] {
        let result = stack
            .users()
            .delete_me(bearing(&bearer, DeleteMeRequest {}))
            .await;
        assert_eq!(refusal(result), expected, "{flaw}");
    }
    assert_eq!(stack.count("app_user").await, 1);
}
