//! Authorization responses that nobody asked for or that make no sense. They are answered to a
//! browser, with a redirect or a page; whose answer it is and what is replayed is tested in
//! `authorization_response`.

use url::Url;
use workapi_testkit::http::Answer;
use workapi_tests::{Stack, UserSession};

use super::{NOTHING, states_used};

/// Begins an authorization and returns its state.
async fn begin(user: &UserSession, integration_id: &str) -> String {
    let uri = user.authorization_uri(integration_id).await;
    let uri = Url::parse(&uri).unwrap();
    let (_, state) = uri.query_pairs().find(|(name, _)| name == "state").unwrap();
    state.into_owned()
}

async fn call_back(stack: &Stack, query: &str) -> Answer {
    stack
        .send(&format!("GET /auth/callback?{query} HTTP/1.1"), "")
        .await
}

/// Returns the title of a page that is one of ours, with its status.
fn page(answer: &Answer) -> String {
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(answer.header("location"), None);
    let (_, rest) = answer.body.split_once("<h1>").expect("a heading");
    let (heading, _) = rest.split_once("</h1>").expect("a heading");
    format!("{} {heading}", answer.status())
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_ends_the_authorization_with_its_code() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let before = stack.written().await;
    let cases = [
        ("error=access_denied", "access_denied"),
        (
            "error=access_denied&error_description=%3Cscript%3E",
            "access_denied",
        ),
        ("error=%3Cscript%3Ealert(1)%3C/script%3E", "provider_error"),
        ("error=x%0D%0ASet-Cookie:%20a=b", "provider_error"),
        ("error=server_error", "provider_unavailable"),
        ("error=temporarily_unavailable", "provider_unavailable"),
        ("code=1&error=access_denied", "invalid_request"),
        ("", "invalid_request"),
        ("other=1", "invalid_request"),
        ("code=", "invalid_request"),
        ("error=", "invalid_request"),
        ("code=&error=", "invalid_request"),
        ("code=1&code=2", "invalid_request"),
        ("code=1&code=1", "invalid_request"),
        ("code=1&c%6Fde=2", "invalid_request"),
        ("error=a&error=b", "invalid_request"),
        ("code=%ff", "invalid_request"),
    ];
    let authorizations = cases.len();

    for (parameters, expected) in cases {
        let state = begin(&user, &id).await;
        let query = format!("{parameters}&state={state}");

        let answer = call_back(&stack, &query).await;
        let again = call_back(&stack, &format!("code=1&state={state}")).await;

        assert_eq!(answer.status_line, "HTTP/1.1 303 See Other", "{parameters}");
        let location =
            format!("http://localhost:3000/done?status=error&error={expected}&integration_id={id}");
        assert_eq!(
            answer.header("location"),
            Some(location.as_str()),
            "{parameters}"
        );
        assert!(
            page(&again).starts_with("400 "),
            "{parameters}: the state is used up"
        );
    }

    // That a state was used is remembered, and nothing else.
    assert_eq!(
        states_used(&stack.changes_since(&before).await),
        authorizations
    );
    assert_eq!(stack.count("exchanges").await, 0);
}

#[tokio::test]
async fn a_state_that_is_not_ours_is_a_page_and_nothing_else() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let state = begin(&user, &id).await;
    let expired = "400 This link has expired";
    let senseless = "400 This link does not work";
    let original = "SW1WNUpwYm5SbFozSmhkR2x2Ymw5cFpDSTZJall4SW4wPSI=";
    let long = "a".repeat(16 * 1024);
    let before = stack.written().await;
    let cases = [
        (format!("code=1&state={}", state.to_lowercase()), expired),
        (format!("code=1&state={}", &state[1..]), expired),
        (format!("code=1&state={state}%20"), expired),
        (format!("code=1&state={state}%00"), expired),
        ("code=1&state=".to_owned(), expired),
        ("code=1&state=forged".to_owned(), expired),
        ("error=access_denied&state=forged".to_owned(), expired),
        // As the original service made them, with everything in it.
        (format!("code=1&state={original}"), expired),
        (format!("code=1&state={long}"), expired),
        ("code=1".to_owned(), expired),
        ("error=access_denied".to_owned(), expired),
        (String::new(), senseless),
        ("code=1&error=access_denied".to_owned(), senseless),
        ("code=1&state=%ff".to_owned(), senseless),
        (format!("code=1&state={state}&state={state}"), senseless),
    ];
    for (query, expected) in cases {
        let answer = call_back(&stack, &query).await;

        assert_eq!(page(&answer), expected, "{query}");
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
    // None of that has used the real state up.
    let answer = call_back(&stack, &format!("error=access_denied&state={state}")).await;
    assert_eq!(answer.status(), 303);
}

#[tokio::test]
async fn an_unknown_code_connects_nothing() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.create_integration("sandbox", "email").await;
    let before = stack.written().await;
    let issuer = stack.sandbox_url().as_str().trim_end_matches('/');

    for code in [
        "forged",
        "%00",
        "a%26grant_type=client_credentials",
        &"a".repeat(8 * 1024),
    ] {
        let state = begin(&user, &id).await;

        let answer = call_back(&stack, &format!("code={code}&state={state}&iss={issuer}")).await;

        let location = answer.header("location").unwrap();
        assert!(location.contains("error=exchange_failed&"), "{location}");
    }

    assert_eq!(states_used(&stack.changes_since(&before).await), 4);
    assert_eq!(stack.count("exchanges").await, 0);
}

/// An integration that is connected stays so, whatever comes of another authorization.
#[tokio::test]
async fn a_failed_authorization_leaves_the_connection_as_it_was() {
    let stack = Stack::start().await;
    let user = stack.user().await;
    let id = user.connect("email", "ann@example.test").await;
    let before = stack.written().await;

    for parameters in ["error=access_denied", "code=forged", "code=1&error=x", ""] {
        let state = begin(&user, &id).await;
        call_back(&stack, &format!("{parameters}&state={state}")).await;
    }

    assert_eq!(states_used(&stack.changes_since(&before).await), 4);
}
