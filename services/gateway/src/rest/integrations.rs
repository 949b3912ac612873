//! `/integrations`: a user's connections to provider accounts (contract section 2.2).

use axum::extract::{FromRequestParts, Path, State};
use http::StatusCode;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use workapi_proto::integrations::v1 as proto;
use workapi_types::IntegrationId;

use super::Gateway;
use super::bearer::UserToken;
use super::error::{Error, ErrorDocument};
use super::json_api::{
    Attributes, Collection, Data, Document, JsonApi, Resource, Submission, Submitted,
};

type Answer = Result<JsonApi<Document<Integration>>, Error>;

/// One connection of a user to a provider account.
#[derive(Serialize, ToSchema)]
pub(super) struct Integration {
    /// The provider's code.
    #[schema(example = "gmail")]
    provider: String,
    /// The account at the provider; `null` until it is connected.
    #[schema(required, example = "ann@example.test")]
    provider_id: Option<String>,
    /// What the integration serves: `email`, `event` or `file`.
    #[schema(example = "email")]
    media_type: String,
}

impl Attributes for Integration {
    const TYPE: &'static str = "integration";
}

/// What an integration shall connect to.
#[derive(Default, Deserialize, ToSchema)]
pub(super) struct IntegrationTarget {
    /// The provider's code; required for a new integration.
    #[schema(example = "gmail")]
    provider: Option<String>,
    /// What the integration serves; may be left out where the provider serves one thing only.
    #[schema(example = "email")]
    media_type: Option<String>,
}

impl Attributes for IntegrationTarget {
    const TYPE: &'static str = Integration::TYPE;
}

/// The id in a path. What cannot be an id names nothing: 404.
pub(super) struct IntegrationPath(pub(super) IntegrationId);

impl<S: Send + Sync> FromRequestParts<S> for IntegrationPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let id = path.ok().and_then(|Path(id)| id.parse().ok());
        id.map(Self)
            .ok_or_else(|| workapi_errors::Error::not_found("no such integration").into())
    }
}

/// Lists the user's integrations
///
/// In the order of their creation.
#[utoipa::path(
    get, path = "/integrations", operation_id = "listIntegrations", tag = "integrations", security(("user_token" = [])),
    responses(
        (status = 200, description = "The integrations", body = Collection<Integration>, content_type = "application/vnd.api+json"),
        (status = "default", response = ErrorDocument),
    ),
)]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    UserToken(call): UserToken,
) -> Result<JsonApi<Collection<Integration>>, Error> {
    let request = call.request(proto::ListIntegrationsRequest {});
    let mut integrations = gateway.upstreams.integrations();
    let answer = integrations.list_integrations(request).await?.into_inner();
    let data = answer.integrations.into_iter().map(resource).collect();
    Ok(JsonApi(Collection { data }))
}

/// Creates an integration
///
/// It is not connected yet: `/auth/init/{id}` is next.
#[utoipa::path(
    post, path = "/integrations", operation_id = "createIntegration", tag = "integrations", security(("user_token" = [])),
    request_body(content = Submission<IntegrationTarget>, content_type = "application/vnd.api+json"),
    responses(
        (status = 201, description = "The integration", body = Document<Integration>, content_type = "application/vnd.api+json"),
        (status = "default", response = ErrorDocument),
    ),
)]
pub(super) async fn create(
    State(gateway): State<Gateway>,
    UserToken(call): UserToken,
    Data(data): Data<IntegrationTarget>,
) -> Result<(StatusCode, JsonApi<Document<Integration>>), Error> {
    let target = required(data)?.into_attributes();
    let request = call.request(proto::CreateIntegrationRequest {
        provider: target.provider.unwrap_or_default(),
        media_type: target.media_type.unwrap_or_default(),
    });
    let mut integrations = gateway.upstreams.integrations();
    let answer = integrations.create_integration(request).await?.into_inner();
    Ok((StatusCode::CREATED, document(answer.integration)?))
}

/// Returns an integration
#[utoipa::path(
    get, path = "/integrations/{id}", operation_id = "getIntegration", tag = "integrations", security(("user_token" = [])),
    params(("id" = String, Path, description = "The integration")),
    responses(
        (status = 200, description = "The integration", body = Document<Integration>, content_type = "application/vnd.api+json"),
        (status = "default", response = ErrorDocument),
    ),
)]
pub(super) async fn get(
    State(gateway): State<Gateway>,
    UserToken(call): UserToken,
    IntegrationPath(id): IntegrationPath,
) -> Answer {
    let request = call.request(proto::GetIntegrationRequest { id: id.into() });
    let mut integrations = gateway.upstreams.integrations();
    let answer = integrations.get_integration(request).await?.into_inner();
    document(answer.integration)
}

/// Changes the provider or the media type of an integration
///
/// What is empty or left out stays as it is. 409 `conflict_error` once it is connected.
#[utoipa::path(
    put, path = "/integrations/{id}", operation_id = "updateIntegration", tag = "integrations", security(("user_token" = [])),
    params(("id" = String, Path, description = "The integration")),
    request_body(content = Submission<IntegrationTarget>, content_type = "application/vnd.api+json"),
    responses(
        (status = 200, description = "The integration as it is now", body = Document<Integration>, content_type = "application/vnd.api+json"),
        (status = "default", response = ErrorDocument),
    ),
)]
pub(super) async fn update(
    State(gateway): State<Gateway>,
    UserToken(call): UserToken,
    IntegrationPath(id): IntegrationPath,
    Data(data): Data<IntegrationTarget>,
) -> Answer {
    let data = required(data)?;
    let named = data.id.as_deref().filter(|id| !id.is_empty());
    // No 409: our conflicts are with the state of an integration, and no change of state would
    // make this request right.
    if named.is_some_and(|named| named != id.as_str()) {
        let specifics = "data.id is not the id in the path";
        return Err(workapi_errors::Error::bad_request(specifics).into());
    }
    let target = data.into_attributes();
    let request = call.request(proto::UpdateIntegrationRequest {
        id: id.into(),
        provider: target.provider.unwrap_or_default(),
        media_type: target.media_type.unwrap_or_default(),
    });
    let mut integrations = gateway.upstreams.integrations();
    let answer = integrations.update_integration(request).await?.into_inner();
    document(answer.integration)
}

/// Deletes an integration
///
/// At once and for good; its access at the provider is revoked where that harms no other
/// integration.
#[utoipa::path(
    delete, path = "/integrations/{id}", operation_id = "deleteIntegration", tag = "integrations", security(("user_token" = [])),
    params(("id" = String, Path, description = "The integration")),
    responses(
        (status = 204, description = "The integration is gone"),
        (status = "default", response = ErrorDocument),
    ),
)]
pub(super) async fn delete(
    State(gateway): State<Gateway>,
    UserToken(call): UserToken,
    IntegrationPath(id): IntegrationPath,
) -> Result<StatusCode, Error> {
    let request = call.request(proto::DeleteIntegrationRequest { id: id.into() });
    gateway
        .upstreams
        .integrations()
        .delete_integration(request)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes the answer out of what a service returned.
pub(super) fn document(integration: Option<proto::Integration>) -> Answer {
    let integration = integration.ok_or_else(workapi_errors::Error::internal)?;
    let data = resource(integration);
    Ok(JsonApi(Document { data }))
}

fn resource(integration: proto::Integration) -> Resource<Integration> {
    let attributes = Integration {
        provider: integration.provider,
        provider_id: integration.provider_id,
        media_type: integration.media_type,
    };
    Resource::new(integration.id, attributes)
}

fn required(
    data: Option<Submitted<IntegrationTarget>>,
) -> Result<Submitted<IntegrationTarget>, Error> {
    data.ok_or_else(|| workapi_errors::Error::bad_request("the body has no data").into())
}
