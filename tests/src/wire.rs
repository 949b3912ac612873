//! Requests written byte by byte, as no HTTP client would tidy them up.

use workapi_testkit::http::{Answer, send};

use crate::Stack;

impl Stack {
    /// Sends a request line with headers, one a line, and a body to the first gateway.
    pub async fn send(&self, head: &str, body: &str) -> Answer {
        send(self.rest_addr(), head, body).await
    }

    /// Sends `request`, such as `GET /users/me`, with a bearer token and a body.
    pub async fn send_as(&self, token: &str, request: &str, body: &str) -> Answer {
        let head = format!("{request} HTTP/1.1\nauthorization: Bearer {token}");
        self.send(&head, body).await
    }
}
