//! `work-api apt`, against section 1.2 of the contract.

use std::path::Path;
use std::process::Output;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Validation};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::binary::{stderr, stdout, work_api};
use crate::key::Key;

const GUID: &str = "3f0c2b9e-5a7d-4c11-9b1e-0d2f4a6c8e10";

fn apt(key: &Path, more: &[&str]) -> Output {
    work_api()
        .args(["apt", "--environment", GUID, "--key"])
        .arg(key)
        .args(more)
        .output()
        .unwrap()
}

fn verify(token: &str, key: &Key) -> Value {
    let validation = Validation::new(Algorithm::RS256);
    let verified = jsonwebtoken::decode::<Value>(token, &key.public, &validation);
    verified.unwrap().claims
}

#[test]
fn a_token_has_the_header_and_the_claims_of_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let key = Key::new_in(folder.path());

    let output = apt(&key.pkcs8, &[]);

    let token = stdout(&output);
    let (header, _) = token.split_once('.').unwrap();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap();
    let claims = verify(token, &key);
    assert_eq!(header, br#"{"alg":"RS256"}"#);
    assert_eq!(claims["user"], json!({ "environment_guid": GUID }));
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        60
    );
    assert!(
        claims["iss"]
            .as_str()
            .unwrap()
            .starts_with("work-api CLI v")
    );
    assert_eq!(claims.as_object().unwrap().len(), 4);
}

#[test]
fn a_user_and_a_lifetime_can_be_given_and_json_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let key = Key::new_in(folder.path());

    let output = apt(
        &key.pkcs8,
        &[
            "--arbitrary-id",
            "cust-9041",
            "--ttl",
            "86400",
            "--output",
            "json",
        ],
    );

    let answer: Value = serde_json::from_str(stdout(&output)).unwrap();
    let claims = verify(answer["token"].as_str().unwrap(), &key);
    let expires_at = OffsetDateTime::parse(answer["expires_at"].as_str().unwrap(), &Rfc3339);
    assert_eq!(claims["user"]["arbitrary_id"], "cust-9041");
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        86_400
    );
    assert_eq!(
        expires_at.unwrap().unix_timestamp(),
        claims["exp"].as_i64().unwrap()
    );
    assert_eq!(answer.as_object().unwrap().len(), 2);
}

#[test]
fn a_key_in_the_older_form_signs_too() {
    let folder = tempfile::tempdir().unwrap();
    let key = Key::new_in(folder.path());

    let output = apt(&key.pkcs1, &[]);

    assert_eq!(
        verify(stdout(&output), &key)["user"]["environment_guid"],
        GUID
    );
}

#[test]
fn a_file_that_is_missing_or_no_key_is_named() {
    let missing = apt(Path::new("/no/such/key.pem"), &[]);
    let no_key = apt(Path::new(file!()), &[]);

    assert_eq!(missing.status.code(), Some(1));
    assert!(
        stderr(&missing).contains("cannot read the key /no/such/key.pem"),
        "{missing:?}"
    );
    assert_eq!(no_key.status.code(), Some(1));
}

#[test]
fn a_lifetime_that_the_server_refuses_is_wrong_usage() {
    let output = apt(Path::new("key.pem"), &["--ttl", "604801"]);

    assert_eq!(output.status.code(), Some(2));
}
