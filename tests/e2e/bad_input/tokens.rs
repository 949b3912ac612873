//! Forging tokens: JWTs that are wrong in every way that is not a matter of their claims.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// A part of a JWT: the header or the claims.
pub(super) fn part(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Reads a part of a token that is valid.
pub(super) fn read(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Signs claims with HS256 and what everybody knows: the public key.
pub(super) fn signed_with_public_key(header: &Value, claims: &Value, public: &[u8]) -> String {
    let header = Header {
        kid: header["kid"].as_str().map(str::to_owned),
        ..Header::new(Algorithm::HS256)
    };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(public)).unwrap()
}

/// Returns what a forger makes of a valid token without any key.
pub(super) fn forgeries(valid: &str) -> Vec<(&'static str, String)> {
    let [header, claims, signature] = [0, 1, 2].map(|n| valid.split('.').nth(n).unwrap());
    let mut unsigned = read(valid, 0);
    unsigned["alg"] = json!("none");
    let unsigned = part(&unsigned);
    let other_spelling = part(&json!({"alg": "nOnE"}));
    let no_algorithm = part(&json!({"typ": "JWT"}));
    let not_json = BASE64_URL_SAFE_NO_PAD.encode("not JSON");
    let long_header = {
        let mut header = read(valid, 0);
        header["x"] = json!("a".repeat(8 * 1024));
        part(&header)
    };
    vec![
        ("alg none", format!("{unsigned}.{claims}.")),
        (
            "alg none, signed",
            format!("{unsigned}.{claims}.{signature}"),
        ),
        ("alg nOnE", format!("{other_spelling}.{claims}.")),
        ("no alg", format!("{no_algorithm}.{claims}.{signature}")),
        ("no signature", format!("{header}.{claims}.")),
        ("two parts", format!("{header}.{claims}")),
        ("four parts", format!("{valid}.{signature}")),
        (
            "five parts, as a JWE",
            format!("{header}.{claims}.{signature}.a.b"),
        ),
        (
            "half a signature",
            format!("{header}.{claims}.{}", &signature[..signature.len() / 2]),
        ),
        (
            "a padded signature",
            format!("{header}.{claims}.{signature}=="),
        ),
        (
            "claims that are not JSON",
            format!("{header}.{not_json}.{signature}"),
        ),
        (
            "a header that is not JSON",
            format!("{not_json}.{claims}.{signature}"),
        ),
        ("over 8 KB", format!("{long_header}.{claims}.{signature}")),
        ("dots", "..".to_owned()),
        ("a word", "token".to_owned()),
        ("null", "null".to_owned()),
        ("a quoted token", format!("\"{valid}\"")),
    ]
}
