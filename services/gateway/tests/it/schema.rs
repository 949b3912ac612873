//! `/schema.json` and `/health`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::stack::Stack;

#[tokio::test]
async fn the_description_of_the_api_is_for_everybody() {
    let stack = Stack::start().await;
    let head = "GET /schema.json HTTP/1.1\norigin: https://docs.example.test";

    let answer = stack.send_bare(head, "").await;

    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let document: Value = serde_json::from_str(&answer.body).unwrap();
    insta::assert_json_snapshot!(document, { ".info.version" => "[version]" });
}

#[tokio::test]
async fn a_generator_finds_every_part_and_tells_the_operations_apart() {
    let stack = Stack::start().await;

    let answer = stack.send_bare("GET /schema.json HTTP/1.1", "").await;

    let document: Value = serde_json::from_str(&answer.body).unwrap();
    for pointer in values_of("$ref", &document) {
        let path = pointer.strip_prefix('#').unwrap();
        assert!(document.pointer(path).is_some(), "{pointer}");
    }
    let operations = values_of("operationId", &document);
    let distinct: BTreeSet<_> = operations.iter().collect();
    assert_eq!((operations.len(), distinct.len()), (14, 14));
}

/// Collects the strings under a key, wherever in the document it is.
fn values_of<'a>(key: &str, document: &'a Value) -> Vec<&'a str> {
    match document {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(text) if name == key => vec![text.as_str()],
                _ => values_of(key, value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(|item| values_of(key, item)).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn a_browser_may_ask_before_it_fetches_the_description() {
    let stack = Stack::start().await;
    let head = "OPTIONS /schema.json HTTP/1.1\norigin: https://docs.example.test\n\
                access-control-request-method: GET";

    let answer = stack.send_bare(head, "").await;

    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET"));
}

#[tokio::test]
async fn nothing_else_is_open_to_pages_of_other_origins() {
    let stack = Stack::start().await;
    for path in ["/health", "/integrations", "/auth/callback", "/nowhere"] {
        let head = format!("GET {path} HTTP/1.1\norigin: https://other.example.test");

        let answer = stack.send(&head, "").await;

        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
}

#[tokio::test]
async fn health_is_told_without_a_token() {
    let stack = Stack::start().await;

    let answer = stack.send_bare("GET /health HTTP/1.1", "").await;

    insta::assert_snapshot!(answer);
}
