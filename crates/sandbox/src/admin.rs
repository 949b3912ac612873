//! The admin API: counters, faults, clients and mobile codes.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::accounts::UnknownAccount;
use crate::app::App;
use crate::clients::{Client, ClientChange, InvalidClient};
use crate::faults::{Fault, InvalidFault};
use crate::ledger::{CounterReport, PendingGrant, RedirectUri};
use crate::scope::Scope;

/// The routes of the admin listener.
pub(crate) fn routes(app: &Arc<App>) -> Router {
    Router::new()
        .route("/counters", get(counters))
        .route(
            "/faults",
            get(pending_faults).post(add_fault).delete(clear_faults),
        )
        .route("/clients/{client_id}", put(put_client))
        .route("/mobile-codes", post(issue_mobile_code))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_route)
        .with_state(Arc::clone(app))
}

/// A refused admin request: what is wrong, and what would be right.
#[derive(Debug, thiserror::Error)]
enum Rejection {
    #[error("the body is not as expected: {0}")]
    Body(#[from] serde_json::Error),
    #[error(transparent)]
    Fault(#[from] InvalidFault),
    #[error(transparent)]
    Client(#[from] InvalidClient),
    #[error("unknown client `{0}`, make it with PUT /clients/{{client_id}} first")]
    UnknownClient(String),
    #[error(transparent)]
    Account(#[from] UnknownAccount),
    #[error("scope must be names of printable ASCII characters, separated by spaces")]
    Scope,
    #[error("failed to store the change")]
    Store(#[from] crate::Error),
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let (status, code) = match &self {
            Self::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            Self::UnknownClient(_) => (StatusCode::NOT_FOUND, "not_found"),
            _ => (StatusCode::BAD_REQUEST, "bad_request"),
        };
        let body = json!({ "error": code, "message": self.to_string() });
        if let Self::Store(error) = self {
            error.log();
        }
        (status, Json(body)).into_response()
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(body)
}

async fn counters(State(app): State<Arc<App>>) -> Json<CounterReport> {
    let max_concurrent = app.concurrency.most();
    Json(app.store.read(|ledger| ledger.counters(max_concurrent)))
}

async fn add_fault(
    State(app): State<Arc<App>>,
    body: Bytes,
) -> Result<(StatusCode, Json<Fault>), Rejection> {
    let fault: Fault = parse(&body)?;
    app.faults.add(fault.clone())?;
    Ok((StatusCode::CREATED, Json(fault)))
}

async fn pending_faults(State(app): State<Arc<App>>) -> Json<Vec<Fault>> {
    Json(app.faults.pending())
}

async fn clear_faults(State(app): State<Arc<App>>) -> StatusCode {
    app.faults.clear();
    StatusCode::NO_CONTENT
}

async fn put_client(
    State(app): State<Arc<App>>,
    Path(client_id): Path<String>,
    body: Bytes,
) -> Result<Json<Client>, Rejection> {
    let change: ClientChange = parse(&body)?;
    let client = app
        .store
        .change(|ledger| ledger.change_client(&client_id, change))
        .await??;
    Ok(Json(client))
}

/// What the app of a mobile platform would have asked the account for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MobileCodeRequest {
    client_id: String,
    account: String,
    #[serde(default = "default_scope")]
    scope: String,
}

fn default_scope() -> String {
    "openid email offline_access".to_owned()
}

async fn issue_mobile_code(
    State(app): State<Arc<App>>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Rejection> {
    let request: MobileCodeRequest = parse(&body)?;
    let account = request.account.parse()?;
    let scope = Scope::parse(&request.scope).map_err(|_| Rejection::Scope)?;
    let grant = PendingGrant {
        client_id: request.client_id.clone(),
        account,
        scope,
        redirect_uri: RedirectUri::Mobile,
        challenge: None,
        nonce: None,
        // Google's server auth codes always ask for offline access.
        offline: true,
        issued_at: app.clock.now(),
    };
    let code = app
        .store
        .change(|ledger| {
            ledger.client(&grant.client_id)?;
            Some(ledger.issue_code(grant))
        })
        .await?
        .ok_or(Rejection::UnknownClient(request.client_id))?;
    Ok((StatusCode::CREATED, Json(json!({ "code": code }))))
}

async fn no_such_route(method: Method, uri: Uri) -> (StatusCode, Json<Value>) {
    let message = format!(
        "there is no {method} {}; there are GET /counters, POST and DELETE /faults, \
         PUT /clients/{{client_id}} and POST /mobile-codes",
        uri.path()
    );
    let body = json!({ "error": "not_found", "message": message });
    (StatusCode::NOT_FOUND, Json(body))
}
