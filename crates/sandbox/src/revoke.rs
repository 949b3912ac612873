//! The revocation endpoint (RFC 7009).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use crate::app::App;
use crate::credentials::{AnsweredClient, Credentials};
use crate::ledger::RevocationRequest;
use crate::parameters::Parameters;
use crate::refusal::{NO_STORE, Refusal};

/// Revokes a token. As at Google, it may be in the query, and the client need
/// not authenticate: whoever has a token may destroy it. A client that tries to
/// authenticate must succeed, and can revoke its own tokens only.
pub(crate) async fn answer(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let query = Parameters::from_form(query.unwrap_or_default().as_bytes())?;
    let request = Parameters::from_body(&headers, &body)?.and(query)?;
    let token = request.require("token", "token is missing")?;
    let credentials = Credentials::find(&headers, &request)?.filter(Credentials::has_secret);
    let revoked_of = app
        .store
        .change(|ledger| {
            let client = match &credentials {
                Some(credentials) => Some(ledger.authenticate(credentials)?.client_id.clone()),
                None => None,
            };
            let request = RevocationRequest {
                token,
                client_id: client.as_deref(),
            };
            ledger.revoke(&request, app.clock.now())
        })
        .await
        .map_err(Refusal::internal)??;
    let response = (StatusCode::OK, NO_STORE).into_response();
    Ok(match revoked_of {
        Some(client_id) => AnsweredClient::mark(client_id, response),
        None => response,
    })
}
