//! `/auth/init` and `/auth/authcode`: how an integration gets connected (contract section 2.3).

use axum::extract::{FromRequest, RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use workapi_errors::Error as ApiError;
use workapi_proto::auth::v1 as proto;

use super::Gateway;
use super::bearer::UserToken;
use super::body::{self, MediaType};
use super::error::{Error, ErrorDocument};
use super::integrations::{self, Integration, IntegrationPath};
use super::json_api::{Document, JsonApi};
use super::parameters::Parameters;

/// Where the user's browser goes.
// Not a JSON:API document: both SDKs read the top-level member.
#[derive(Serialize, ToSchema)]
struct AuthorizationUri {
    /// The provider's authorization page.
    #[schema(example = "https://accounts.google.com/o/oauth2/v2/auth?…")]
    uri: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query that `begin` reads by hand")]
struct BeginParameters {
    /// Where the browser goes in the end; its origin has to be allowed for the environment.
    /// Absent: a page of ours.
    return_to: Option<String>,
    /// Whether to answer with a redirect instead of JSON.
    #[param(default = false)]
    redirect: Option<bool>,
}

/// The form of a native app.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form that `AuthCode` reads by hand")]
struct AuthCodeForm {
    /// The server auth code that the device got from the provider.
    code: String,
}

/// Starts the authorization of an integration
///
/// Send the user's browser to the URI, within ten minutes.
#[utoipa::path(
    get, path = "/auth/init/{id}", operation_id = "beginAuthorization", tag = "authorization", security(("user_token" = [])),
    params(("id" = String, Path, description = "The integration"), BeginParameters),
    responses(
        (status = 200, description = "The URI", body = AuthorizationUri, content_type = "application/vnd.api+json"),
        (status = 302, description = "With `redirect=true`: a redirect to the URI", body = String, content_type = "text/plain",
            headers(("Location" = String, description = "The URI"))),
        (status = "default", response = ErrorDocument),
    ),
)]
pub(super) async fn begin(
    State(gateway): State<Gateway>,
    UserToken(call): UserToken,
    IntegrationPath(id): IntegrationPath,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let query = query.unwrap_or_default();
    let parameters = Parameters::new(&query);
    let redirect = wants_redirect(&parameters)?;
    let return_to = parameters.get("return_to")?;
    let request = call.request(proto::BeginAuthorizationRequest {
        integration_id: id.into(),
        return_to: return_to.unwrap_or_default(),
    });
    let mut authorization = gateway.upstreams.authorization();
    let uri = authorization
        .begin_authorization(request)
        .await?
        .into_inner()
        .uri;
    if redirect {
        redirect_to(&uri)
    } else {
        Ok(JsonApi(AuthorizationUri { uri }).into_response())
    }
}

/// Connects an integration with a code from a device
///
/// For apps that sign in natively and get a server auth code. 400 `bad_request_error` when the
/// provider does not accept it; the detail then starts with one of the callback's error codes.
#[utoipa::path(
    post, path = "/auth/authcode/{id}", operation_id = "exchangeAuthCode", tag = "authorization", security(("user_token" = [])),
    params(("id" = String, Path, description = "The integration")),
    request_body(content = AuthCodeForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The connected integration", body = Document<Integration>, content_type = "application/vnd.api+json"),
        (status = "default", response = ErrorDocument),
    ),
)]
pub(super) async fn exchange(
    State(gateway): State<Gateway>,
    UserToken(call): UserToken,
    IntegrationPath(id): IntegrationPath,
    AuthCode(code): AuthCode,
) -> Result<JsonApi<Document<Integration>>, Error> {
    let request = call.request(proto::ExchangeAuthCodeRequest {
        integration_id: id.into(),
        code,
    });
    let mut authorization = gateway.upstreams.authorization();
    let answer = authorization
        .exchange_auth_code(request)
        .await?
        .into_inner();
    integrations::document(answer.integration)
}

/// The code in a form body.
pub(super) struct AuthCode(String);

impl<S: Sync> FromRequest<S> for AuthCode {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let body = body::read(request, MediaType::Form).await?;
        let form =
            str::from_utf8(&body).map_err(|_| ApiError::bad_request("the form is not UTF-8"))?;
        let code = Parameters::new(form).get("code")?;
        let code = code.filter(|code| !code.is_empty());
        let code = code.ok_or_else(|| ApiError::bad_request("the form has no code"))?;
        Ok(Self(code))
    }
}

fn wants_redirect(parameters: &Parameters<'_>) -> Result<bool, Error> {
    match parameters.get("redirect")?.as_deref() {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(ApiError::bad_request("redirect has to be true or false").into()),
    }
}

fn redirect_to(uri: &str) -> Result<Response, Error> {
    let location = HeaderValue::try_from(uri).map_err(|_| ApiError::internal())?;
    let headers = [
        (header::LOCATION, location),
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain")),
    ];
    let sentence = format!("Continue at {uri} to connect the account.");
    Ok((StatusCode::FOUND, headers, sentence).into_response())
}
