//! The authorization endpoints of the wire contract (sections 2.3 and 4), whole answers.

use url::Url;
use workapi_tests::Stack;

use super::sdk::shown;

const FORM: &str = "content-type: application/x-www-form-urlencoded";

/// Shows a URI a line for each parameter, without the values that are new every time.
fn taken_apart(uri: &str) -> String {
    let uri = Url::parse(uri).unwrap();
    let mut shown = uri[..url::Position::AfterPath].to_owned();
    for (name, value) in uri.query_pairs() {
        let value = match name.as_ref() {
            "state" | "code_challenge" => format!("[{} characters]", value.len()),
            _ => value.into_owned(),
        };
        shown = format!("{shown}\n{name}={value}");
    }
    shown
}

#[tokio::test]
async fn the_uri_asks_google_for_lasting_access_with_pkce() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let user = stack
        .application(&environment)
        .create_user("cust-9041")
        .await;
    environment
        .set_provider("gcal", "abc.apps.example", "secret")
        .await;
    let id = user.create_integration("gcal", "event").await;

    let answer = stack
        .send_as(&user.token, &format!("GET /auth/init/{id}"), "")
        .await;

    let uri = answer.json()["uri"].as_str().unwrap().to_owned();
    insta::assert_snapshot!(shown(&answer), @r#"
    HTTP/1.1 200 OK
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"uri":"[uri]"}
    "#);
    insta::assert_snapshot!(taken_apart(&uri), @r#"
    https://accounts.google.com/o/oauth2/v2/auth
    response_type=code
    client_id=abc.apps.example
    state=[43 characters]
    code_challenge=[43 characters]
    code_challenge_method=S256
    redirect_uri=http://gateway.test/auth/callback
    scope=email https://www.googleapis.com/auth/calendar openid
    access_type=offline
    prompt=consent
    "#);
}

#[tokio::test]
async fn a_browser_is_redirected_with_302_only_when_asked_for() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let begin = async |query: &str| {
        let request = format!("GET /auth/init/{id}{query}");
        stack.send_as(&user.token, &request, "").await
    };

    for query in [
        "",
        "?redirect=false",
        "?redirect=",
        "?return_to=",
        "?unknown[]=true",
    ] {
        assert_eq!(begin(query).await.status_line, "HTTP/1.1 200 OK", "{query}");
    }
    let answer = begin("?redirect=true&return_to=http%3A%2F%2Flocalhost%3A3000").await;

    let uri = answer.header("location").unwrap().to_owned();
    insta::assert_snapshot!(shown(&answer).replace(&uri, "[uri]"), @r#"
    HTTP/1.1 302 Found
    content-type: text/plain
    location: [uri]
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    Continue at [uri] to connect the account.
    "#);
}

#[tokio::test]
async fn a_redirect_that_is_neither_true_nor_false_is_400() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;

    for query in ["redirect=yes", "redirect=1", "redirect=true&redirect=false"] {
        let request = format!("GET /auth/init/{id}?{query}");

        let answer = stack.send_as(&user.token, &request, "").await;

        assert_eq!(answer.status_line, "HTTP/1.1 400 Bad Request", "{query}");
        assert_eq!(answer.error().0, "bad_request_error");
    }
}

#[tokio::test]
async fn the_callback_sends_the_browser_back_to_return_to() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let return_to = "http%3A%2F%2Flocalhost%3A3000%2Fdone%3Fa%3D1%26status%3Dmine%23top";
    let request = format!("/auth/init/{id}?return_to={return_to}");
    let uri = user.call("GET", &request, None).await.body["uri"]
        .as_str()
        .unwrap()
        .to_owned();
    let callback = user
        .browser()
        .decide(&uri, "approve", "ann@example.test")
        .await;

    let answer = stack.send(&get(&callback), "").await;

    insta::assert_snapshot!(shown(&answer).replace(&id, "[id]"), @r#"
    HTTP/1.1 303 See Other
    location: http://localhost:3000/done?a=1&status=success&integration_id=[id]#top
    referrer-policy: no-referrer
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]
    "#);
}

#[tokio::test]
async fn the_callback_shows_a_page_where_there_is_no_return_to() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let begun = user.call("GET", &format!("/auth/init/{id}"), None).await;
    let uri = begun.body["uri"].as_str().unwrap();
    let callback = user
        .browser()
        .decide(uri, "approve", "ann@example.test")
        .await;

    let answer = stack.send(&get(&callback), "").await;

    assert_eq!(answer.status_line, "HTTP/1.1 200 OK");
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert!(answer.body.contains("Sandbox is connected"));
}

#[tokio::test]
async fn a_code_of_a_device_answers_the_connected_integration() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let code = stack.mobile_code("ann@example.test").await;
    let head = format!(
        "POST /auth/authcode/{id} HTTP/1.1\nauthorization: Bearer {}\n{FORM}",
        user.token
    );

    let answer = stack.send(&head, &format!("code={code}&unknown=1")).await;

    insta::assert_snapshot!(shown(&answer), @r#"
    HTTP/1.1 200 OK
    content-type: application/vnd.api+json
    x-request-id: [a UUID of 36 characters]
    vary: Origin
    cache-control: no-store
    content-length: [that of the body]

    {"data":{"id":"[id]","type":"integration","attributes":{"provider":"sandbox","provider_id":"ann@example.test","media_type":"email"}}}
    "#);
}

/// Returns the request line with which a browser opens a URL.
fn get(url: &str) -> String {
    let url = Url::parse(url).unwrap();
    format!(
        "GET {} HTTP/1.1",
        &url[url::Position::BeforePath..url::Position::AfterQuery]
    )
}
