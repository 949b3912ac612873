use std::time::Duration;

use workapi_providers::Catalogue;
use zeroize::Zeroizing;

use super::*;
use crate::error::ErrorCode;

fn answer(status: u16, media_type: &str, body: &str) -> Answer {
    Answer {
        status,
        media_type: media_type.to_owned(),
        retry_after: None,
        body: Zeroizing::new(body.as_bytes().to_vec()),
    }
}

fn manifest() -> Manifest {
    let catalogue = Catalogue::load(None, None).unwrap();
    catalogue.find("gmail").unwrap().as_ref().clone()
}

fn json(status: u16, body: &str) -> Answer {
    answer(status, "application/json", body)
}

fn normalised(answer: &Answer) -> Value {
    serde_json::from_slice(&normalise(answer, &manifest()).unwrap()).unwrap()
}

/// Asserts that the answer is a rejection with this error code.
#[track_caller]
fn assert_rejected(answer: &Answer, code: Option<&str>) {
    match normalise(answer, &manifest()) {
        Err(TokenError::Rejected { status, error, .. }) => {
            assert_eq!(status, answer.status);
            assert_eq!(error.as_ref().map(ErrorCode::as_str), code);
        }
        other => panic!("expected a rejection, got {other:?}"),
    }
}

#[test]
fn the_answer_of_the_rfc_stays_as_it_is() {
    let body = r#"{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r","scope":"x y"}"#;

    let members = normalised(&json(200, body));

    assert_eq!(members, serde_json::from_str::<Value>(body).unwrap());
}

#[test]
fn unknown_members_and_members_of_wrong_types_are_dropped() {
    let body = r#"{"access_token":"a","token_type":7,"expires_in":[1],"refresh_token":null,"scope":{},"id_token":"","team":{"id":1}}"#;

    let members = normalised(&json(200, body));

    assert_eq!(
        members,
        serde_json::json!({"access_token": "a", "token_type": "Bearer"})
    );
}

#[test]
fn a_life_may_be_a_string_or_a_fraction_and_is_bounded() {
    for (written, read) in [
        ("3600", 3600),
        (r#""3600""#, 3600),
        (r#"" 90 ""#, 90),
        ("3599.9", 3599),
        ("-5", 0),
        ("1e300", MAX_LIFE.as_secs()),
        ("315360001", MAX_LIFE.as_secs()),
    ] {
        let body = format!(r#"{{"access_token":"a","expires_in":{written}}}"#);
        let members = normalised(&json(200, &body));

        assert_eq!(members["expires_in"], read, "{written}");
    }
}

#[test]
fn a_life_that_is_no_number_counts_as_untold() {
    for written in [r#""soon""#, "true", "null", r#""""#, r#""NaN""#] {
        let body = format!(r#"{{"access_token":"a","expires_in":{written}}}"#);

        assert_eq!(
            normalised(&json(200, &body)).get("expires_in"),
            None,
            "{written}"
        );
    }
}

#[test]
fn an_array_of_scopes_becomes_a_list() {
    let members = normalised(&json(200, r#"{"access_token":"a","scope":["x","y"]}"#));

    assert_eq!(members["scope"], "x y");
}

#[test]
fn an_answer_may_be_a_form() {
    let form = "access_token=a%2Bb&token_type=bearer&scope=&expires_in=60";

    for media_type in ["application/x-www-form-urlencoded", "text/plain"] {
        let members = normalised(&answer(200, media_type, form));

        assert_eq!(members["access_token"], "a+b");
        assert_eq!(members["expires_in"], 60);
    }
}

#[test]
fn an_error_is_an_error_with_any_status() {
    let body = r#"{"error":"invalid_grant","error_description":"canary"}"#;

    for status in [200, 400, 401, 403, 409, 500] {
        assert_rejected(&json(status, body), Some("invalid_grant"));
    }
}

#[test]
fn an_error_in_a_form_is_an_error() {
    let form = "error=bad_refresh_token&error_description=canary";

    assert_rejected(
        &answer(200, "application/x-www-form-urlencoded", form),
        Some("bad_refresh_token"),
    );
}

#[test]
fn slacks_ok_false_is_an_error() {
    let refused = json(200, r#"{"ok":false,"error":"invalid_refresh_token"}"#);

    assert_rejected(&refused, Some("invalid_refresh_token"));
    assert_rejected(&json(200, r#"{"ok":false}"#), None);
}

#[test]
fn an_error_that_is_no_code_is_an_error_without_a_code() {
    for body in [
        r#"{"error":{"code":401,"status":"UNAUTHENTICATED"}}"#,
        r#"{"error":"the token 1//canary is gone"}"#,
        r#"{"error":["invalid_grant"]}"#,
        r#"{"error":true}"#,
    ] {
        assert_rejected(&json(200, body), None);
    }
}

#[test]
fn an_empty_error_is_none() {
    for error in [r#""""#, "null", "false"] {
        let body = format!(r#"{{"access_token":"a","ok":true,"error":{error}}}"#);

        assert_eq!(normalised(&json(200, &body))["access_token"], "a");
    }
}

#[test]
fn a_page_instead_of_an_answer_is_a_rejection_or_malformed() {
    let page = "<html>canary</html>";

    assert_rejected(&answer(502, "text/html", page), None);
    assert_rejected(&answer(302, "text/html", ""), None);
    assert!(matches!(
        normalise(&answer(200, "text/html", page), &manifest()),
        Err(TokenError::Malformed(_))
    ));
}

#[test]
fn success_without_an_access_token_is_malformed() {
    for body in [
        "{}",
        "",
        "[]",
        r#"{"access_token":""}"#,
        r#"{"access_token":1}"#,
    ] {
        let result = normalise(&json(200, body), &manifest());

        assert!(matches!(result, Err(TokenError::Malformed(_))), "{body}");
    }
}

#[test]
fn the_time_in_flight_is_taken_off_the_life() {
    let manifest = Manifest::parse(
        "files".parse().unwrap(),
        r#"
        display_name = "Files"
        media_types = ["file"]
        endpoints.authorize = "https://files.example.com/authorize"
        endpoints.token = "https://files.example.com/token"
        endpoints.userinfo = "https://files.example.com/me"
        scopes.file = []
        account.source = "userinfo"
        token.default_expires_in_seconds = 100
        "#,
    )
    .unwrap();
    let received_at = Instant::now() + Duration::from_secs(10);
    let mut answer = TokenAnswer {
        access_token: AccessToken::new("a"),
        refresh_token: None,
        expires_in: Some(Duration::from_mins(1)),
        refresh_token_expires_in: None,
        scope: None,
        id_token: None,
        asked_at: received_at.checked_sub(Duration::from_secs(2)).unwrap(),
        received_at,
    };

    assert_eq!(answer.access_life(&manifest), Duration::from_secs(58));

    for untold in [None, Some(Duration::ZERO)] {
        answer.expires_in = untold;
        assert_eq!(answer.access_life(&manifest), Duration::from_secs(98));
    }

    answer.expires_in = Some(Duration::from_secs(1));
    assert_eq!(answer.access_life(&manifest), Duration::ZERO);
}

#[test]
fn a_code_may_stand_in_other_places_and_before_a_sentence() {
    let api_error = r#"{"object":"error","status":400,"code":"invalid_grant"}"#;
    assert_rejected(&json(400, api_error), Some("invalid_grant"));
    let sentence = r#"{"error":"invalid_client: Invalid client_id or client_secret"}"#;
    assert_rejected(&json(400, sentence), Some("invalid_client"));
    let both = r#"{"error":"invalid_grant","code":"other"}"#;
    assert_rejected(&json(400, both), Some("invalid_grant"));
}

#[test]
fn what_refines_an_error_is_read_at_google_and_microsoft() {
    for member in ["error_subtype", "suberror"] {
        let body = format!(r#"{{"error":"invalid_grant","{member}":"bad_token"}}"#);

        match normalise(&json(400, &body), &manifest()) {
            Err(TokenError::Rejected { subtype, .. }) => {
                assert_eq!(subtype.as_ref().map(ErrorCode::as_str), Some("bad_token"));
            }
            other => panic!("expected a rejection, got {other:?}"),
        }
    }
}

#[test]
fn scopes_may_be_separated_by_commas() {
    for (written, read) in [
        ("files:read,files:write", "files:read files:write"),
        ("a b,c", "a b,c"),
        ("a", "a"),
        ("", ""),
    ] {
        let body = format!(r#"{{"access_token":"a","scope":"{written}"}}"#);

        assert_eq!(normalised(&json(200, &body))["scope"], read);
    }
}
