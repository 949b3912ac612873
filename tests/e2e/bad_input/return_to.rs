//! Where a browser may not be sent in the end (interfaces section 6, RFC 9700 section 4.11).

use url::form_urlencoded::byte_serialize;
use workapi_proto::integrations::v1::AddReturnOriginRequest;
use workapi_testkit::http::Answer;
use workapi_tests::{Environment, Stack, bearing};

use super::{NOTHING, refusal};

async fn allow(environment: &Environment, origin: &str) {
    let (mut admin, token) = environment.admin().await;
    let request = AddReturnOriginRequest {
        environment_guid: environment.guid.clone(),
        origin: origin.to_owned(),
    };
    admin
        .add_return_origin(bearing(request, &token))
        .await
        .unwrap();
}

/// A stack whose environment allows one origin and one URI of an app, and loopback.
struct Fixture {
    stack: Stack,
    environment: Environment,
    token: String,
    integration_id: String,
}

impl Fixture {
    async fn start() -> Self {
        let stack = Stack::start().await;
        let environment = stack.environment().await;
        allow(&environment, "https://app.example.test").await;
        allow(&environment, "com.example.app:/done").await;
        let application = stack.application(&environment);
        let user = application.create_user("cust-9041").await;
        Self {
            integration_id: user.create_integration("sandbox", "email").await,
            token: user.token,
            environment,
            stack,
        }
    }

    async fn begin(&self, return_to: &str) -> Answer {
        let encoded: String = byte_serialize(return_to.as_bytes()).collect();
        self.begin_raw(&encoded).await
    }

    async fn begin_raw(&self, encoded: &str) -> Answer {
        let id = &self.integration_id;
        let request = format!("GET /auth/init/{id}?return_to={encoded}");
        self.stack.send_as(&self.token, &request, "").await
    }
}

#[tokio::test]
async fn tricks_are_refused() {
    let fixture = Fixture::start().await;
    let too_long = format!("https://app.example.test/{}", "a".repeat(2048));
    let tricks = [
        // Another origin.
        "https://evil.test/",
        "https://app.example.test.evil.test/",
        "https://evil.test/https://app.example.test/",
        "https://evil.test#https://app.example.test/",
        "https://evil.test?https://app.example.test/",
        "https://app.example.test:444/",
        "http://app.example.test/",
        "https://app.example.tést/",
        "http://localhost.evil.test/",
        "http://127.0.0.1.evil.test/",
        "http://0.0.0.0:3000/",
        // Somebody in front of the host.
        "https://app.example.test@evil.test/",
        "https://user:password@app.example.test/",
        "https://user@app.example.test/",
        "https://app.example.test:443@evil.test/",
        // What browsers repair.
        "https://evil.test\\@app.example.test/",
        "https:\\\\app.example.test/",
        "https://app.example.test\\.evil.test/",
        "/\\evil.test",
        // Control characters.
        "https://app.example.test/\0",
        "https://app.example.test/\r\nLocation: https://evil.test",
        "https://app.example.test\t.evil.test/",
        "java\nscript:alert(1)",
        "https://app.example.test/\u{7f}",
        "https://app.example.test/\u{85}",
        // No web page.
        "javascript:alert(1)",
        "JavaScript:alert(1)//https://app.example.test",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://app.example.test/",
        "blob:https://app.example.test/1",
        "about:blank",
        // Private-use schemes that nobody registered.
        "myapp:/done",
        "com.example.app:/done/other",
        "com.example.app:/done?x=1",
        "com.example.app://done",
        "com.example.other:/done",
        // No absolute URL.
        "//app.example.test/",
        "/done",
        "app.example.test",
        "https://",
        "https:///",
        "https://[::1/",
        "x",
        " ",
        &too_long,
    ];
    let before = fixture.stack.written().await;

    for return_to in tricks {
        let answer = fixture.begin(return_to).await;

        assert_eq!(refusal(&answer), "400 bad_request_error", "{return_to:?}");
    }
    for encoded in [
        "https://a.test/&return_to=https://app.example.test/",
        "%ff",
        "%00",
    ] {
        let answer = fixture.begin_raw(encoded).await;

        assert_eq!(refusal(&answer), "400 bad_request_error", "{encoded}");
    }

    assert_eq!(fixture.stack.changes_since(&before).await, NOTHING);
}

#[tokio::test]
async fn what_is_allowed_is_allowed() {
    let fixture = Fixture::start().await;
    let allowed = [
        "",
        "https://app.example.test",
        "https://app.example.test:443/done?a=1&b=%20#top",
        "HTTPS://APP.EXAMPLE.TEST/done",
        "com.example.app:/done",
        "http://localhost:3000",
        "http://127.0.0.1:8080/done",
        "http://[::1]/",
    ];
    for return_to in allowed {
        let answer = fixture.begin(return_to).await;

        assert_eq!(answer.status_line, "HTTP/1.1 200 OK", "{return_to}");
    }
}

#[tokio::test]
async fn a_refusal_names_the_origin_and_the_command_that_allows_it() {
    let fixture = Fixture::start().await;

    let answer = fixture.begin("https://evil.test/path?token=secret").await;

    let shown = answer.body.replace(&fixture.environment.guid, "[guid]");
    insta::assert_snapshot!(shown, @r#"
    {"errors":[{"code":"bad_request_error","detail":"the supplied request is invalid: return_to is not allowed to lead to https://evil.test; allow it with `work-api admin return-origin add --environment [guid] https://evil.test`"}]}
    "#);
}
