//! Bodies of ten megabytes: the client gets its answer, and nothing else happens.

use workapi_testkit::http::send_raw;
use workapi_tests::Stack;

use super::{NOTHING, refusal};

const CHUNKS: usize = 160;
const CHUNK: usize = 0x10000;

fn with_length(head: &str) -> Vec<u8> {
    let length = CHUNKS * CHUNK;
    let mut request = format!("{head}\r\ncontent-length: {length}\r\n\r\n").into_bytes();
    request.resize(request.len() + length, b' ');
    request
}

fn chunked(head: &str) -> Vec<u8> {
    let mut request = format!("{head}\r\ntransfer-encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..CHUNKS {
        request.extend_from_slice(b"10000\r\n");
        request.resize(request.len() + CHUNK, b' ');
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

#[tokio::test]
async fn ten_megabytes_are_413_for_every_call_that_reads_a_body() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let user = stack
        .application(&environment)
        .create_user("cust-9041")
        .await;
    let id = user.create_integration("sandbox", "email").await;
    let apt = environment.apt(Some("cust-9041"));
    let (json, form) = (
        "application/vnd.api+json",
        "application/x-www-form-urlencoded",
    );
    let calls = [
        ("POST /users".to_owned(), &apt, json),
        ("POST /users/reauth".to_owned(), &apt, json),
        ("POST /integrations".to_owned(), &user.token, json),
        (format!("PUT /integrations/{id}"), &user.token, json),
        (format!("POST /auth/authcode/{id}"), &user.token, form),
    ];
    let before = stack.written().await;

    for (request, token, content_type) in calls {
        let head = format!(
            "{request} HTTP/1.1\r\nhost: gateway.test\r\nconnection: close\r\n\
             authorization: Bearer {token}\r\ncontent-type: {content_type}"
        );
        for sent in [with_length(&head), chunked(&head)] {
            let answer = send_raw(stack.rest_addr(), &sent).await;

            assert_eq!(
                answer.status_line, "HTTP/1.1 413 Payload Too Large",
                "{request}"
            );
            assert_eq!(refusal(&answer), "413 payload_too_large_error", "{request}");
        }
    }

    assert_eq!(stack.changes_since(&before).await, NOTHING);
    assert_eq!(stack.count("exchanges").await, 0);
}
