//! Which path leads where, and through what.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use tokio::sync::Semaphore;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::envelope::envelop;
use super::error::{method_not_allowed, not_found};
use super::guard::{Guard, guard};
use super::linger::linger;
use super::tracked::tracked;
use super::{authorization, callback, health, integration_status, integrations, openapi, users};
use crate::upstream::Upstreams;
use crate::user_tokens::UserTokens;

/// How long a request may take that waits for nobody but ourselves.
const BUDGET: Duration = Duration::from_secs(15);
/// How long a request may take that waits for a provider, which has 30 seconds; both SDKs wait for
/// a minute.
const PROVIDER_BUDGET: Duration = Duration::from_secs(50);

/// What the handlers work with. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    /// The services.
    pub(crate) upstreams: Upstreams,
    /// The verification of user tokens.
    pub(crate) user_tokens: Arc<UserTokens>,
}

/// Returns the whole public API. What waits for providers is limited apart, so that a slow one
/// keeps nobody else out: `concurrency` is the number of requests at a time for each of three
/// groups.
///
/// # Errors
///
/// Fails when the description of the API can't be written.
pub(crate) fn router(gateway: Gateway, concurrency: usize) -> Result<Router, serde_json::Error> {
    let guarded = |budget| {
        let slots = Arc::new(Semaphore::new(concurrency));
        from_fn_with_state(Guard { budget, slots }, guard)
    };
    let api = OpenApiRouter::new()
        .routes(routes!(users::create))
        .routes(routes!(users::reauth))
        .routes(routes!(users::me, users::delete))
        .routes(routes!(integrations::list, integrations::create))
        .routes(routes!(
            integrations::get,
            integrations::update,
            integrations::delete
        ))
        .routes(routes!(integration_status::get))
        .routes(routes!(authorization::begin))
        .routes(routes!(health::health))
        .layer(guarded(BUDGET));
    let waiting = OpenApiRouter::new()
        .routes(routes!(authorization::exchange))
        .layer(guarded(PROVIDER_BUDGET))
        .layer(from_fn_with_state(PROVIDER_BUDGET, tracked));
    let for_browsers = OpenApiRouter::new()
        .routes(routes!(callback::complete))
        .layer(guarded(PROVIDER_BUDGET))
        .layer(from_fn_with_state(PROVIDER_BUDGET, tracked))
        .layer(map_response(callback::page_for_error));
    let (router, description) = OpenApiRouter::with_openapi(openapi::Api::openapi())
        .merge(api)
        .merge(waiting)
        .merge(for_browsers)
        .split_for_parts();
    let router = router
        .method_not_allowed_fallback(method_not_allowed)
        .merge(openapi::routes(&description)?)
        .fallback(not_found)
        .layer(from_fn(linger))
        .layer(from_fn(envelop))
        .with_state(gateway);
    Ok(router)
}
