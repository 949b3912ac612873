//! User tokens: their form, and who may come in with one.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use workapi_proto::integrations::v1::{
    GetMeRequest, ListTokenKeysRequest, ListTokenKeysResponse, User,
};

use crate::stack::{AUDIENCE, ISSUER, LIFETIME, Stack, bearing, invalid_token, refusal};
use crate::tokens::{claims, header, unsigned, with_claims};

async fn get_me(stack: &Stack, token: &str) -> Result<User, tonic::Status> {
    let response = stack
        .users()
        .get_me(bearing(token, GetMeRequest {}))
        .await?;
    Ok(response.into_inner().user.unwrap())
}

async fn token_keys(stack: &Stack) -> ListTokenKeysResponse {
    let request = tonic::Request::new(ListTokenKeysRequest {});
    stack
        .token_keys()
        .list_token_keys(request)
        .await
        .unwrap()
        .into_inner()
}

#[tokio::test]
async fn a_token_says_what_others_need_to_verify_it() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let now = stack.clock.unix_seconds();

    let user = stack.user(&developer, "ann").await;
    let keys = token_keys(&stack).await;

    assert_eq!(
        (keys.issuer.as_str(), keys.audience.as_str()),
        (ISSUER, AUDIENCE)
    );
    let [key] = keys.keys.as_slice() else {
        panic!("{keys:?}")
    };
    assert_eq!(
        header(&user.token),
        json!({ "typ": "JWT", "alg": "EdDSA", "kid": key.kid })
    );
    assert_eq!(
        claims(&user.token),
        json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user.id,
            "env": developer.environment_guid,
            "iat": now,
            "exp": now + i64::try_from(LIFETIME.as_secs()).unwrap(),
        })
    );
    let public_key = jsonwebtoken::DecodingKey::from_ed_der(&key.public_key);
    let mut validation = jsonwebtoken::Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[AUDIENCE]);
    validation.validate_exp = false;
    jsonwebtoken::decode::<serde_json::Value>(&user.token, &public_key, &validation).unwrap();
}

#[tokio::test]
async fn reading_oneself_renews_the_token() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;
    stack.clock.advance(Duration::from_hours(27 * 24));

    let renewed = get_me(&stack, &user.token).await.unwrap();

    stack.clock.advance(Duration::from_hours(2 * 24));
    assert_eq!(refusal(get_me(&stack, &user.token).await), invalid_token());
    assert!(get_me(&stack, &renewed.token).await.is_ok());
}

#[tokio::test]
async fn a_token_expires_after_its_lifetime_and_a_minute_of_leeway() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;

    stack.clock.advance(LIFETIME + Duration::from_secs(59));
    assert!(get_me(&stack, &user.token).await.is_ok());

    stack.clock.advance(Duration::from_secs(1));
    assert_eq!(refusal(get_me(&stack, &user.token).await), invalid_token());
}

#[tokio::test]
async fn a_forged_token_is_refused() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let (ann, bo) = (
        stack.user(&developer, "ann").await,
        stack.user(&developer, "bo").await,
    );
    let key = token_keys(&stack).await.keys.remove(0);
    let good = claims(&ann.token);
    let mut of_bo = good.clone();
    of_bo["sub"] = bo.id.clone().into();
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let own_key = EncodingKey::from_ed_der(pkcs8.as_ref());
    let public_key = EncodingKey::from_secret(&key.public_key);
    let signed = |algorithm, kid: &str, encoding_key| {
        let mut header = Header::new(algorithm);
        header.kid = Some(kid.to_owned());
        jsonwebtoken::encode(&header, &good, encoding_key).unwrap()
    };

    for (flaw, token) in [
        ("no signature", unsigned(&good)),
        ("another user's claims", with_claims(&ann.token, &of_bo)),
        (
            "the public key as a secret",
            signed(Algorithm::HS256, &key.kid, &public_key),
        ),
        (
            "a key of one's own",
            signed(Algorithm::EdDSA, &key.kid, &own_key),
        ),
        (
            "a key of one's own, named",
            signed(Algorithm::EdDSA, "own", &own_key),
        ),
        ("an APT", developer.apt(&stack).for_user("ann").signed()),
        ("no token", String::new()),
        ("a part", ann.token[..ann.token.len() - 1].to_owned()),
    ] {
        assert_eq!(
            refusal(get_me(&stack, &token).await),
            invalid_token(),
            "{flaw}"
        );
    }
}

#[tokio::test]
async fn a_deactivated_user_is_out_at_once() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;

    stack
        .execute("UPDATE app_user SET state = 'inactive'")
        .await;
    assert_eq!(refusal(get_me(&stack, &user.token).await), invalid_token());

    stack.execute("UPDATE app_user SET state = 'active'").await;
    assert!(get_me(&stack, &user.token).await.is_ok());
}

#[tokio::test]
async fn users_of_a_deactivated_environment_are_out_at_once() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let user = stack.user(&developer, "ann").await;

    stack
        .execute("UPDATE environment SET state = 'inactive'")
        .await;

    assert_eq!(refusal(get_me(&stack, &user.token).await), invalid_token());
}

#[tokio::test]
async fn a_token_of_another_environment_than_its_user_is_refused() {
    let stack = Stack::start().await;
    let developer = stack.developer().await;
    let other = stack.developer().await;
    let user = stack.user(&developer, "ann").await;

    sqlx::query("UPDATE app_user SET environment_guid = $1::uuid")
        .bind(&other.environment_guid)
        .execute(&stack.pool)
        .await
        .unwrap();

    assert_eq!(refusal(get_me(&stack, &user.token).await), invalid_token());
}

#[tokio::test]
async fn tokens_issued_before_the_voiding_second_are_void_and_new_ones_are_not() {
    for table in ["app_user", "environment"] {
        let stack = Stack::start().await;
        let developer = stack.developer().await;
        let user = stack.user(&developer, "ann").await;
        let now = stack.clock.unix_seconds();
        let void_before = async |second: i64| {
            let statement = format!("UPDATE {table} SET tokens_valid_from = $1");
            sqlx::query(sqlx::AssertSqlSafe(statement))
                .bind(second)
                .execute(&stack.pool)
                .await
                .unwrap();
        };

        void_before(now).await;
        let renewed = get_me(&stack, &user.token).await.unwrap();
        void_before(now + 1).await;

        for token in [&user.token, &renewed.token] {
            assert_eq!(
                refusal(get_me(&stack, token).await),
                invalid_token(),
                "{table}"
            );
        }
        // Within the same second already: the new token is dated to the next.
        let apt = developer.apt(&stack).for_user("ann").signed();
        let request = workapi_proto::integrations::v1::ReauthUserRequest {
            environment_guid: developer.environment_guid.clone(),
            arbitrary_id: "ann".to_owned(),
        };
        let again = stack
            .users()
            .reauth_user(bearing(&apt, request))
            .await
            .unwrap();
        let again = again.into_inner().user.unwrap();
        assert!(get_me(&stack, &again.token).await.is_ok(), "{table}");
    }
}
