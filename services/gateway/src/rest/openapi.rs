//! `/schema.json`: the description of the API, generated from the handlers.

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::{Method, header};
use tower_http::cors::{Any, CorsLayer};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, OpenApi as Description};
use utoipa::{Modify, OpenApi};

use super::error::{ErrorDocument, method_not_allowed};

/// What the handlers do not say about themselves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Work API",
        description = "Connects the accounts that users have at third-party providers, and acts for them.\n\n\
            Resources and errors are JSON:API documents. Every error has one element in `errors`, with a `code` \
            for programs and a `detail` for people.",
    ),
    tags(
        (name = "users", description = "The end users of a developer"),
        (name = "integrations", description = "A user's connections to provider accounts"),
        (name = "authorization", description = "How an integration gets connected"),
        (name = "meta", description = "About the API itself"),
    ),
    components(schemas(ErrorDocument), responses(ErrorDocument)),
    modifiers(&SecuritySchemes),
)]
pub(super) struct Api;

struct SecuritySchemes;

impl Modify for SecuritySchemes {
    fn modify(&self, description: &mut Description) {
        let schemes = [
            (
                "user_token",
                "The token of a user, as `POST /users` answers it.",
            ),
            (
                "account_provider_token",
                "A JWT that the developer signs with RS256 and the private key of the environment; claims: \
                 `iat`, `exp` (at most 7 days later), `user.environment_guid` and, where one user is meant, \
                 `user.arbitrary_id`.",
            ),
        ];
        let components = description.components.get_or_insert_with(Components::new);
        for (name, meaning) in schemes {
            let scheme = Http::builder()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("JWT")
                .description(Some(meaning))
                .build();
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        }
    }
}

/// Serves the description to everybody, pages of other origins included.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(
    description: &Description,
) -> Result<Router<S>, serde_json::Error> {
    let document = Bytes::from(description.to_json()?);
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET])
        .allow_headers(Any);
    let schema = get(async move || (headers, document.clone()));
    Ok(Router::new()
        .route("/schema.json", schema)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(cors))
}
