//! Every success document keeps the rules without which the Ruby SDK raises (wire contract
//! section 3.2).

use serde_json::Value;
use workapi_testkit::http::Answer;
use workapi_tests::Stack;

use super::sdk::{self, integration_body, user_body};

const USER: &[&str] = &["arbitrary_id", "token"];
const INTEGRATION: &[&str] = &["media_type", "provider", "provider_id"];

/// Checks an answer with one resource or several: ids are strings, the members stand in the
/// order in which the SDK takes them apart, and no attribute is unknown to it.
fn assert_readable(answer: &Answer, kind: &str, attributes: &[&str]) {
    let document = answer.json();
    assert_eq!(names(&document), ["data"], "{answer}");
    let data = &document["data"];
    let one = std::slice::from_ref(data);
    for resource in data.as_array().map_or(one, Vec::as_slice) {
        let id = resource["id"].as_str().expect("the id is a string");
        let in_order = format!(r#"{{"id":"{id}","type":"{kind}","attributes":{{"#);
        assert!(answer.body.contains(&in_order), "{answer}");
        assert_eq!(names(resource), ["attributes", "id", "type"], "{answer}");
        assert_eq!(names(&resource["attributes"]), attributes, "{answer}");
        for (name, value) in resource["attributes"].as_object().unwrap() {
            let may_be_null = name == "provider_id" && value.is_null();
            assert!(value.is_string() || may_be_null, "{name} in {answer}");
        }
    }
}

/// Returns the names of an object's members in alphabetical order.
fn names(object: &Value) -> Vec<&str> {
    let members = object.as_object().expect("an object");
    members.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn every_success_document_can_be_read() {
    let stack = Stack::start().await;
    let environment = stack.environment().await;
    let body = user_body(&environment, "cust-9041");
    let apt = environment.apt(Some("cust-9041"));
    let created = stack.send_as(&apt, "POST /users", &body).await;
    let again = stack.send_as(&apt, "POST /users/reauth", &body).await;
    let token = sdk::token(&created);
    let fetched = stack.send_as(&token, "GET /users/me", "").await;
    for user in [created, again, fetched] {
        assert_readable(&user, "user", USER);
    }

    let none = stack.send_as(&token, "GET /integrations", "").await;
    let body = integration_body("sandbox", "email");
    let created = stack.send_as(&token, "POST /integrations", &body).await;
    let path = format!("/integrations/{}", sdk::id(&created));
    let changed = stack.send_as(&token, &format!("PUT {path}"), &body).await;
    let fetched = stack.send_as(&token, &format!("GET {path}"), "").await;
    let listed = stack.send_as(&token, "GET /integrations", "").await;
    for integration in [none, created, changed, fetched, listed] {
        assert_readable(&integration, "integration", INTEGRATION);
    }
}
