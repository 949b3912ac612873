//! The userinfo endpoint (OpenID Connect Core section 5.3).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::app::App;
use crate::bearer::{self, Unauthorized};
use crate::credentials::AnsweredClient;
use crate::refusal::NO_STORE;

/// Answers whose access token this is.
pub(crate) async fn answer(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, Unauthorized> {
    let token = bearer::token(&headers)?;
    let now = app.clock.now();
    let (client_id, account) = app
        .store
        .read(|ledger| {
            let (client_id, account) = ledger.bearer(token, now)?;
            Some((client_id.to_owned(), account))
        })
        .ok_or(Unauthorized::InvalidToken)?;
    let claims = json!({
        "sub": account.subject(),
        "name": account.name(),
        "email": account.email(),
        "email_verified": true,
    });
    let response = (NO_STORE, Json(claims)).into_response();
    Ok(AnsweredClient::mark(client_id, response))
}
