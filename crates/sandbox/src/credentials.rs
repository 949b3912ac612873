//! How a client says who it is (RFC 6749 section 2.3.1).

use aws_lc_rs::constant_time;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use crate::clients::Client;
use crate::parameters::Parameters;
use crate::refusal::Refusal;

/// The credentials of a request to the token or revocation endpoint.
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    secret: Option<String>,
}

impl Credentials {
    /// Finds them in the `Authorization` header or among the parameters; `None`
    /// when the request names no client.
    ///
    /// # Errors
    /// `invalid_request` when the client used both ways, `invalid_client` when
    /// the header cannot be read.
    pub(crate) fn find(
        headers: &HeaderMap,
        parameters: &Parameters,
    ) -> Result<Option<Self>, Refusal> {
        let client_id = parameters.get("client_id");
        let secret = parameters.get("client_secret");
        let Some(authorization) = headers.get(header::AUTHORIZATION) else {
            return Ok(client_id.map(|client_id| Self {
                client_id: client_id.to_owned(),
                secret: secret.map(str::to_owned),
            }));
        };
        let basic = authorization
            .to_str()
            .ok()
            .and_then(Self::from_basic)
            .ok_or(Refusal::InvalidClient)?;
        if secret.is_some() || client_id.is_some_and(|id| id != basic.client_id) {
            return Err(Refusal::InvalidRequest(
                "the client must authenticate in one way only",
            ));
        }
        Ok(Some(basic))
    }

    /// Reads HTTP Basic, whose two halves are form-encoded first.
    fn from_basic(authorization: &str) -> Option<Self> {
        let (scheme, encoded) = authorization.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (client_id, secret) = decoded.split_once(':')?;
        Some(Self {
            client_id: form_decoded(client_id)?,
            secret: Some(form_decoded(secret)?),
        })
    }

    /// Tells whether the request tries to prove more than a name.
    pub(crate) fn has_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// Tells whether they are those of this client. No secret equals an empty
    /// one, which is that of a public client.
    pub(crate) fn prove(&self, client: &Client) -> bool {
        let secret = self.secret.as_deref().unwrap_or_default();
        constant_time::verify_slices_are_equal(secret.as_bytes(), client.client_secret.as_bytes())
            .is_ok()
    }
}

fn form_decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

/// The client to which an answer belongs, for whoever counts answers.
#[derive(Clone)]
pub(crate) struct AnsweredClient(pub(crate) String);

impl AnsweredClient {
    /// Notes on an answer that it is this client's.
    pub(crate) fn mark(client_id: String, mut response: Response) -> Response {
        response.extensions_mut().insert(Self(client_id));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(user_and_password: &str) -> HeaderMap {
        let value = format!("Basic {}", STANDARD.encode(user_and_password));
        HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn a_basic_secret_is_form_decoded() {
        let mut client = Client::new("de mo");
        client.client_secret = "a:b+c%".to_owned();

        let found = Credentials::find(&basic("de+mo:a%3Ab%2Bc%25"), &Parameters::default());

        let credentials = found.unwrap().unwrap();
        assert_eq!(credentials.client_id, "de mo");
        assert!(credentials.prove(&client));
    }

    #[test]
    fn two_ways_at_once_are_refused() {
        let body = Parameters::from_form(b"client_id=demo&client_secret=secret").unwrap();

        let found = Credentials::find(&basic("demo:secret"), &body);

        assert!(matches!(found, Err(Refusal::InvalidRequest(_))));
    }

    #[test]
    fn a_name_alone_proves_only_a_public_client() {
        let confidential = Client::new("demo");
        let mut public = Client::new("demo");
        public.client_secret = String::new();

        let body = Parameters::from_form(b"client_id=demo").unwrap();
        let found = Credentials::find(&HeaderMap::new(), &body);

        let credentials = found.unwrap().unwrap();
        assert!(credentials.prove(&public));
        assert!(!credentials.prove(&confidential));
    }
}
