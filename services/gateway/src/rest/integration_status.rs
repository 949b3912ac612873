//! `/integrations/{id}/status`: how an integration is doing.
//!
//! A resource of its own: the Ruby SDK refuses attributes of an integration that it does not know
//! (contract section 3.2).

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use workapi_proto::auth::v1 as proto;

use super::Gateway;
use super::bearer::UserToken;
use super::error::{Error, ErrorDocument};
use super::integrations::IntegrationPath;
use super::json_api::{Attributes, Document, JsonApi, Resource};

/// How an integration is doing. Times are seconds since the Unix epoch.
#[derive(Serialize, ToSchema)]
pub(super) struct IntegrationStatus {
    /// `pending` (it was never connected), `active`, `refresh_failing`, `needs_reconnect` or
    /// `needs_operator`.
    #[schema(example = "needs_reconnect")]
    state: String,
    /// Why it is not well, or will not stay so; from a closed list, `null` when it is.
    #[schema(required, example = "revoked_by_user")]
    cause: Option<String>,
    /// What has to happen: `none`, `wait`, `reconnect` (by the user) or `operator`.
    #[schema(example = "reconnect")]
    action: String,
    /// Since when it is in this state; `null` when pending.
    #[schema(required, example = 1_700_000_000)]
    since: Option<i64>,
    /// When the provider last gave a token; `null` when pending.
    #[schema(required, example = 1_699_996_400)]
    last_success_at: Option<i64>,
    /// When the access token that we hold ends; `null` when pending.
    #[schema(required, example = 1_700_000_000)]
    expires_at: Option<i64>,
    /// The scopes that were asked for, in order; empty when pending.
    #[schema(example = json!(["email", "https://mail.google.com/", "openid"]))]
    scopes_asked: Vec<String>,
    /// The scopes that the provider granted last, in order; empty when pending.
    #[schema(example = json!(["email", "openid"]))]
    scopes_granted: Vec<String>,
}

impl Attributes for IntegrationStatus {
    const TYPE: &'static str = "integration_status";
}

/// Tells how an integration is doing
///
/// Whether it is connected, whether its tokens are kept alive, and who has to do what if not.
#[utoipa::path(
    get, path = "/integrations/{id}/status", operation_id = "getIntegrationStatus", tag = "integrations", security(("user_token" = [])),
    params(("id" = String, Path, description = "The integration")),
    responses(
        (status = 200, description = "Its status, under the id of the integration", body = Document<IntegrationStatus>, content_type = "application/vnd.api+json"),
        (status = "default", response = ErrorDocument),
    ),
)]
pub(super) async fn get(
    State(gateway): State<Gateway>,
    UserToken(call): UserToken,
    IntegrationPath(id): IntegrationPath,
) -> Result<JsonApi<Document<IntegrationStatus>>, Error> {
    let request = call.request(proto::GetCredentialStatusRequest {
        integration_id: id.into(),
    });
    let mut statuses = gateway.upstreams.credential_statuses();
    let answer = statuses.get_credential_status(request).await?.into_inner();
    let status = answer.status.ok_or_else(workapi_errors::Error::internal)?;
    let data = resource(status);
    Ok(JsonApi(Document { data }))
}

fn resource(status: proto::CredentialStatus) -> Resource<IntegrationStatus> {
    let attributes = IntegrationStatus {
        state: status.state,
        cause: status.cause,
        action: status.action,
        since: status.since.map(|time| time.seconds),
        last_success_at: status.last_success_at.map(|time| time.seconds),
        expires_at: status.expires_at.map(|time| time.seconds),
        scopes_asked: status.scopes_asked,
        scopes_granted: status.scopes_granted,
    };
    Resource::new(status.integration_id, attributes)
}
