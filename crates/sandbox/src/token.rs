//! The token endpoint (RFC 6749 sections 4.1.3 and 6).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use serde::Serialize;
use time::OffsetDateTime;

use crate::app::App;
use crate::clients::Client;
use crate::credentials::{AnsweredClient, Credentials};
use crate::journal::{Entry, Reached};
use crate::ledger::{CodeExchange, Issued, Ledger, RefreshRequest};
use crate::parameters::Parameters;
use crate::refusal::{NO_STORE, Refusal};
use crate::scope::Scope;

/// A successful answer (RFC 6749 section 5.1).
#[derive(Serialize)]
struct TokenAnswer {
    access_token: String,
    token_type: &'static str,
    expires_in: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

/// Answers a token request.
pub(crate) async fn answer(
    State(app): State<Arc<App>>,
    Extension(reached): Extension<Reached>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let request = Parameters::from_body(&headers, &body)?;
    let credentials = Credentials::find(&headers, &request)?.ok_or(Refusal::InvalidClient)?;
    let mut entry = None;
    let issuing = Issuing {
        app: &app,
        credentials: &credentials,
        request: &request,
        reached,
        entry: &mut entry,
    };
    let mut answer = match issuing.run().await {
        Ok(tokens) => (NO_STORE, Json(tokens)).into_response(),
        Err(refusal) => refusal.into_response(),
    };
    if let Some(entry) = entry {
        answer.extensions_mut().insert(entry);
    }
    Ok(AnsweredClient::mark(credentials.client_id, answer))
}

/// A token request that is being answered.
struct Issuing<'a> {
    app: &'a App,
    credentials: &'a Credentials,
    request: &'a Parameters,
    reached: Reached,
    /// Where the journal has the refresh token that was presented.
    entry: &'a mut Option<Entry>,
}

impl Issuing<'_> {
    async fn run(mut self) -> Result<TokenAnswer, Refusal> {
        let app = self.app;
        let now = app.clock.now();
        let credentials = self.credentials;
        let issued = app
            .store
            .change(|ledger| {
                let client = ledger.authenticate(credentials)?.clone();
                self.issue(ledger, &client, now)
            })
            .await
            .map_err(Refusal::internal)??;
        let id_token = issued.identity.map(|identity| {
            app.signing_key
                .id_token(&app.issuer, &credentials.client_id, &identity, now)
        });
        Ok(TokenAnswer {
            access_token: issued.access_token,
            token_type: "Bearer",
            expires_in: issued.expires_in,
            refresh_token: issued.refresh_token,
            scope: issued.scope.to_string(),
            id_token: id_token.transpose().map_err(Refusal::internal)?,
        })
    }

    fn issue(
        &mut self,
        ledger: &mut Ledger,
        client: &Client,
        now: OffsetDateTime,
    ) -> Result<Issued, Refusal> {
        let request = self.request;
        match request.require("grant_type", "grant_type is missing")? {
            "authorization_code" => {
                let exchange = CodeExchange {
                    code: request.require("code", "code is missing")?,
                    redirect_uri: request.get("redirect_uri"),
                    verifier: request.get("code_verifier"),
                };
                ledger.exchange(client, &exchange, now)
            }
            "refresh_token" => {
                let refresh = RefreshRequest {
                    refresh_token: request.require("refresh_token", "refresh_token is missing")?,
                    scope: request.get("scope").map(Scope::parse).transpose()?,
                };
                let redeemed = ledger.redeem(client, refresh, now)?;
                let journal = &self.app.journal;
                *self.entry = journal.note(&client.client_id, &redeemed, self.reached);
                ledger.issued(redeemed)
            }
            _ => Err(Refusal::UnsupportedGrantType),
        }
    }
}
