//! `/auth/callback`: where providers send the browser back to (interfaces section 6).
//!
//! It answers people, not programs: with a redirect or a page, never with the query or with words
//! of the provider.

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use workapi_errors::{Code, Error as ApiError};
use workapi_proto::auth::v1 as proto;
use workapi_runtime::Deadline;

use super::Gateway;
use super::error::{Error, delay_seconds};
use super::page::Page;
use super::parameters::Parameters;
use crate::upstream::Call;

/// Finishes an authorization
///
/// Called by the user's browser. Register this address as the redirect URI at every provider.
#[utoipa::path(
    get, path = "/auth/callback", operation_id = "completeAuthorization", tag = "authorization",
    params(
        ("state" = Option<String>, Query, description = "The state of the authorization request"),
        ("code" = Option<String>, Query, description = "The authorization code"),
        ("error" = Option<String>, Query, description = "The provider's error code"),
        ("iss" = Option<String>, Query, description = "The issuer identifier of the provider"),
    ),
    responses(
        (status = 303, description = "Where a `return_to` is known: a redirect there, with `status`, `integration_id` and, unless it succeeded, `error`",
            headers(("Location" = String, description = "The completed `return_to`"))),
        (status = 200, description = "A page that says that the account is connected", body = String, content_type = "text/html"),
        (status = 400, description = "A page that says why the account is not connected", body = String, content_type = "text/html"),
        (status = 503, description = "A page that asks to try again", body = String, content_type = "text/html"),
    ),
)]
pub(super) async fn complete(
    State(gateway): State<Gateway>,
    Extension(deadline): Extension<Deadline>,
    method: Method,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    if method == Method::HEAD {
        return Ok(head_refused());
    }
    let answer = answer_of_provider(&query.unwrap_or_default());
    let request = Call::anonymous(deadline).request(answer);
    let mut authorization = gateway.upstreams.authorization();
    let completed = authorization
        .complete_authorization(request)
        .await?
        .into_inner();
    if completed.redirect_to.is_empty() {
        let page = Page::of_outcome(completed.outcome(), &completed.provider_display_name);
        Ok(page.into_response())
    } else {
        redirect(&completed.redirect_to)
    }
}

/// Puts a page for people in the place of an error document.
pub(super) async fn page_for_error(response: Response) -> Response {
    let Some(error) = response.extensions().get::<ApiError>() else {
        return response;
    };
    let retry_after = delay_seconds(error.retry_after().unwrap_or_default());
    ([(header::RETRY_AFTER, retry_after)], Page::unavailable()).into_response()
}

/// Refuses what browsers and mail scanners send to look at a link: it must not use up the state.
fn head_refused() -> Response {
    let status = Code::MethodNotAllowed.http_status();
    (status, [(header::ALLOW, "GET")]).into_response()
}

fn answer_of_provider(query: &str) -> proto::CompleteAuthorizationRequest {
    let parameters = Parameters::new(query);
    let mut malformed = false;
    let mut get = |name| {
        parameters.get(name).unwrap_or_else(|_| {
            malformed = true;
            None
        })
    };
    let (code, state, error, iss) = (get("code"), get("state"), get("error"), get("iss"));
    proto::CompleteAuthorizationRequest {
        code,
        state,
        error,
        iss,
        malformed,
    }
}

/// Sends the browser on, with a GET whatever came before (RFC 9700 section 4.12).
fn redirect(uri: &str) -> Result<Response, Error> {
    let location = HeaderValue::try_from(uri).map_err(|_| ApiError::internal())?;
    let headers = [
        (header::LOCATION, location),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
    ];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_is_reported_and_not_chosen_from() {
        let answer = answer_of_provider("state=s&code=1&code=2&other=x&other=y");

        assert_eq!(
            answer,
            proto::CompleteAuthorizationRequest {
                state: Some("s".into()),
                malformed: true,
                ..Default::default()
            }
        );
    }

    #[test]
    fn parameters_that_nobody_knows_do_not_matter() {
        let answer = answer_of_provider("scope=a&scope=b&authuser=0&code=4%2F0A&state=s");

        assert_eq!(answer.code.as_deref(), Some("4/0A"));
        assert!(!answer.malformed);
    }
}
