//! `/health`: whether the gateway answers at all. Whether it is ready is told on the metrics port.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// The gateway's own state.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Tells that the API is there
#[utoipa::path(
    get, path = "/health", operation_id = "getHealth", tag = "meta",
    responses((status = 200, description = "It is there", body = Health)),
)]
pub(super) async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}
