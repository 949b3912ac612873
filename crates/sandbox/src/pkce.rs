//! Proof Key for Code Exchange (RFC 7636), method S256 only.

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// The length of a base64url-encoded SHA-256 hash.
const CHALLENGE_LENGTH: usize = 43;

/// The `code_challenge` of an authorization request.
#[derive(Serialize, Deserialize)]
pub(crate) struct Challenge(String);

impl Challenge {
    /// Takes a challenge as the client sent it; `None` when it cannot be a
    /// base64url-encoded SHA-256 hash.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (text.len() == CHALLENGE_LENGTH && text.bytes().all(is_base64url))
            .then(|| Self(text.to_owned()))
    }

    /// Tells whether the challenge was made from this `code_verifier`.
    pub(crate) fn matches(&self, verifier: &str) -> bool {
        let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
        let expected = URL_SAFE_NO_PAD.encode(hash);
        is_well_formed(verifier)
            && constant_time::verify_slices_are_equal(expected.as_bytes(), self.0.as_bytes())
                .is_ok()
    }
}

/// RFC 7636 section 4.1: 43 to 128 unreserved characters.
fn is_well_formed(verifier: &str) -> bool {
    let is_unreserved =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    (43..=128).contains(&verifier.len()) && verifier.bytes().all(is_unreserved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_rfc_7636_matches() {
        let challenge = Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();

        assert!(challenge.matches("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert!(!challenge.matches("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK"));
    }

    #[test]
    fn a_verifier_that_is_too_short_never_matches() {
        let verifier = "short";
        let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
        let challenge = Challenge::parse(&URL_SAFE_NO_PAD.encode(hash)).unwrap();

        assert!(!challenge.matches(verifier));
    }
}
