//! The authorization endpoint: asking the account, and taking its decision.

mod redirect;
mod request;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use self::redirect::Redirect;
use self::request::AuthorizationRequest;
use crate::accounts::Account;
use crate::app::App;
use crate::page::{ConsentPage, Problem};
use crate::parameters::Parameters;
use crate::refusal::Refusal;

/// `GET /authorize`: shows the consent page.
pub(crate) async fn ask(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Rejection> {
    let parameters = Parameters::from_form(query.unwrap_or_default().as_bytes())?;
    let request = AuthorizationRequest::check(&app, &parameters)?;
    let page = ConsentPage {
        action: app.url("/authorize"),
        client_id: &request.client_id,
        redirect_uri: request.redirect.uri(),
        scope: &request.scope,
        hidden_fields: request::carried(&parameters),
    };
    Ok(page.into_response())
}

/// `POST /authorize`: sends the browser back with a code or an error.
pub(crate) async fn decide(
    State(app): State<Arc<App>>,
    body: Bytes,
) -> Result<Response, Rejection> {
    let form = Parameters::from_form(&body)?;
    let request = AuthorizationRequest::check(&app, &form)?;
    match form.get("decision") {
        Some("approve") => {}
        Some("deny") => {
            let refused = [("error", "access_denied")];
            return Ok(request.redirect.with(&refused).into_response());
        }
        _ => return Err(Rejection::Page("decision must be `approve` or `deny`")),
    }
    let account: Account = form
        .get("account")
        .and_then(|email| email.parse().ok())
        .ok_or(Rejection::Page(
            "account must be one of the addresses shown",
        ))?;
    let redirect = request.redirect.clone();
    let grant = request.granted_by(account, app.clock.now());
    let code = app
        .store
        .change(|ledger| ledger.issue_code(grant))
        .await
        .map_err(Refusal::internal)?;
    Ok(redirect.with(&[("code", &code)]).into_response())
}

/// Why an authorization request goes no further.
pub(crate) enum Rejection {
    /// Client or redirect URI cannot be trusted, so only the person at the
    /// browser is told (RFC 6749 section 4.1.2.1).
    Page(&'static str),
    /// The client is told.
    Back(Box<Redirect>, Refusal),
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self::Page(refusal.description())
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        match self {
            Self::Page(detail) => Problem {
                status: StatusCode::BAD_REQUEST,
                title: "This authorization request cannot be served",
                detail,
            }
            .into_response(),
            Self::Back(redirect, refusal) => redirect
                .with(&[
                    ("error", refusal.code()),
                    ("error_description", refusal.description()),
                ])
                .into_response(),
        }
    }
}
