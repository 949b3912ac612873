//! `/users`: the end users of a developer (contract section 2.1).

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use workapi_errors::Code;
use workapi_proto::integrations::v1 as proto;

use super::Gateway;
use super::bearer::{Apt, UserToken, UserTokenOrApt};
use super::error::{Error, ErrorDocument};
use super::json_api::{Attributes, Data, Document, JsonApi, Resource, Submission, Submitted};

type Answer = Result<JsonApi<Document<User>>, Error>;

/// An end user of one environment.
#[derive(Serialize, ToSchema)]
pub(super) struct User {
    /// The developer's own name for the user.
    #[schema(example = "cust-9041")]
    arbitrary_id: String,
    /// A fresh user token, valid for 28 days; older ones stay valid.
    #[schema(example = "eyJhbGciOi…")]
    token: String,
}

impl Attributes for User {
    const TYPE: &'static str = "user";
}

/// Which user of which environment.
#[derive(Default, Deserialize, ToSchema)]
pub(super) struct UserName {
    /// The developer's own name for the user, 1 to 255 bytes, best one that identifies nobody.
    #[schema(required, example = "cust-9041")]
    arbitrary_id: Option<String>,
    /// The environment, the same as in the APT.
    #[schema(required, example = "3f0c2b9e-5a7d-4c11-9b1e-0d2f4a6c8e10")]
    environment_guid: Option<String>,
}

impl Attributes for UserName {
    const TYPE: &'static str = User::TYPE;
}

/// Creates a user
///
/// 409 `user_already_exists_error` when the environment has a user of that name.
#[utoipa::path(
    post, path = "/users", operation_id = "createUser", tag = "users", security(("account_provider_token" = [])),
    request_body(content = Submission<UserName>, content_type = "application/vnd.api+json"),
    responses(
        (status = 201, description = "The user", body = Document<User>, content_type = "application/vnd.api+json"),
        (status = "default", response = ErrorDocument),
    ),
)]
pub(super) async fn create(
    State(gateway): State<Gateway>,
    Apt(call): Apt,
    Data(data): Data<UserName>,
) -> Result<(StatusCode, JsonApi<Document<User>>), Error> {
    let (environment_guid, arbitrary_id) = named(data)?;
    let request = call.request(proto::CreateUserRequest {
        environment_guid,
        arbitrary_id,
    });
    let answer = gateway.upstreams.users().create_user(request).await?;
    Ok((StatusCode::CREATED, document(answer.into_inner().user)?))
}

/// Issues a fresh token to a user
///
/// The APT has to carry `user.arbitrary_id`.
#[utoipa::path(
    post, path = "/users/reauth", operation_id = "reauthUser", tag = "users", security(("account_provider_token" = [])),
    request_body(content = Submission<UserName>, content_type = "application/vnd.api+json"),
    responses(
        (status = 201, description = "The user", body = Document<User>, content_type = "application/vnd.api+json"),
        (status = "default", response = ErrorDocument),
    ),
)]
pub(super) async fn reauth(
    State(gateway): State<Gateway>,
    Apt(call): Apt,
    Data(data): Data<UserName>,
) -> Result<(StatusCode, JsonApi<Document<User>>), Error> {
    let (environment_guid, arbitrary_id) = named(data)?;
    let request = call.request(proto::ReauthUserRequest {
        environment_guid,
        arbitrary_id,
    });
    let answer = gateway.upstreams.users().reauth_user(request).await?;
    Ok((StatusCode::CREATED, document(answer.into_inner().user)?))
}

/// Returns the user with a fresh token
#[utoipa::path(
    get, path = "/users/me", operation_id = "getUser", tag = "users", security(("user_token" = [])),
    responses(
        (status = 200, description = "The user", body = Document<User>, content_type = "application/vnd.api+json"),
        (status = "default", response = ErrorDocument),
    ),
)]
pub(super) async fn me(State(gateway): State<Gateway>, UserToken(call): UserToken) -> Answer {
    let request = call.request(proto::GetMeRequest {});
    let answer = gateway.upstreams.users().get_me(request).await?;
    document(answer.into_inner().user)
}

/// Deletes the user and all integrations
///
/// At once and for good. An APT has to carry `user.arbitrary_id`.
#[utoipa::path(
    delete, path = "/users/me", operation_id = "deleteUser", tag = "users",
    security(("user_token" = []), ("account_provider_token" = [])),
    responses(
        (status = 204, description = "The user is gone"),
        (status = "default", response = ErrorDocument),
    ),
)]
pub(super) async fn delete(
    State(gateway): State<Gateway>,
    UserTokenOrApt(call): UserTokenOrApt,
) -> Result<StatusCode, Error> {
    let request = call.request(proto::DeleteMeRequest {});
    gateway.upstreams.users().delete_me(request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Returns the environment and the name of the user that a body names.
///
/// A body that names no environment is answered like one that names an unknown one (contract
/// section 2.1); everything else is for the owner to judge.
fn named(data: Option<Submitted<UserName>>) -> Result<(String, String), Error> {
    let name = data.map(Submitted::into_attributes).unwrap_or_default();
    let guid = name.environment_guid.filter(|guid| !guid.is_empty());
    let guid = guid.ok_or_else(|| {
        let specifics = "the body names no environment";
        workapi_errors::Error::new(Code::EnvironmentNotFound, specifics)
    })?;
    Ok((guid, name.arbitrary_id.unwrap_or_default()))
}

fn document(user: Option<proto::User>) -> Answer {
    let user = user.ok_or_else(workapi_errors::Error::internal)?;
    let attributes = User {
        arbitrary_id: user.arbitrary_id,
        token: user.token,
    };
    Ok(JsonApi(Document {
        data: Resource::new(user.id, attributes),
    }))
}
