//! The original SDKs' requests, restated from the wire contract (section 2, appendix A): headers,
//! order of members and empty strings as they send them.

use serde_json::Value;
use workapi_testkit::http::Answer;
use workapi_tests::{Environment, Stack};

/// The Ruby SDK 0.1.1: `WorkApi::Service.new(token)`.
pub(super) struct Ruby<'a> {
    stack: &'a Stack,
    token: &'a str,
}

impl<'a> Ruby<'a> {
    pub(super) fn new(stack: &'a Stack, token: &'a str) -> Self {
        Self { stack, token }
    }

    /// Sends `request`, such as `GET /users/me`; a body makes it one with a `Content-Type`.
    pub(super) async fn call(&self, request: &str, body: &str) -> Answer {
        let content_type = match body {
            "" => "",
            _ => "\nContent-Type: application/vnd.api+json",
        };
        let head = format!(
            "{request} HTTP/1.1
            Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3
            Accept: application/vnd.api+json
            User-Agent: Faraday v1.0.1
            Authorization: Bearer {}{content_type}",
            self.token
        );
        self.stack.send(&head, body).await
    }
}

/// The Kotlin SDK 0.1.0: `WorkApiClient(token, url)`.
pub(super) struct Kotlin<'a> {
    stack: &'a Stack,
    token: &'a str,
}

impl<'a> Kotlin<'a> {
    pub(super) fn new(stack: &'a Stack, token: &'a str) -> Self {
        Self { stack, token }
    }

    /// Sends `request` with a `content-type` even where there is no body, and no `accept`.
    pub(super) async fn call(&self, request: &str, body: &str) -> Answer {
        let head = format!(
            "{request} HTTP/1.1
            content-type: application/vnd.api+json
            authorization: Bearer {}
            accept-encoding: gzip",
            self.token
        );
        self.stack.send(&head, body).await
    }
}

/// The body with which the Ruby SDK creates and re-authorizes a user.
pub(super) fn user_body(environment: &Environment, arbitrary_id: &str) -> String {
    let guid = &environment.guid;
    format!(
        r#"{{"data":{{"attributes":{{"arbitrary_id":"{arbitrary_id}","environment_guid":"{guid}"}},"type":"user"}}}}"#
    )
}

/// The body with which the Ruby SDK creates an integration; what is unset is empty.
pub(super) fn integration_body(provider: &str, media_type: &str) -> String {
    format!(
        r#"{{"data":{{"attributes":{{"provider":"{provider}","media_type":"{media_type}"}},"type":"integration"}}}}"#
    )
}

/// Shows an answer whole, with names for what is another every time: ids, tokens, URIs, and a
/// `Content-Length` that is right.
pub(super) fn shown(answer: &Answer) -> String {
    let document: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let length = format!("content-length: {}\n", answer.body.len());
    let mut text = answer
        .to_string()
        .replace(&length, "content-length: [that of the body]\n");
    let data = &document["data"];
    let resources = data
        .as_array()
        .map_or(std::slice::from_ref(data), Vec::as_slice);
    let ids = resources.iter().map(|one| (&one["id"], "[id]"));
    let others = [
        (&data["attributes"]["token"], "[token]"),
        (&document["uri"], "[uri]"),
    ];
    for (value, name) in ids.chain(others) {
        if let Some(value) = value.as_str() {
            text = text.replace(value, name);
        }
    }
    text
}

/// Returns the id of the one resource of an answer.
pub(super) fn id(answer: &Answer) -> String {
    let id = &answer.json()["data"]["id"];
    id.as_str().unwrap().to_owned()
}

/// Returns the token of the user of an answer.
pub(super) fn token(answer: &Answer) -> String {
    let token = &answer.json()["data"]["attributes"]["token"];
    token.as_str().unwrap().to_owned()
}
