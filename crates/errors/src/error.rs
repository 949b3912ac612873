//! An error on its way to a client.

use std::fmt;
use std::time::Duration;

use crate::Code;

/// A code and the specific words that tell a client what to do about it.
///
/// The words reach clients: they never hold a secret, an e-mail address, or the
/// text of an internal fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    code: Code,
    specifics: String,
    replaces_sentence: bool,
    retry_after: Option<Duration>,
}

impl Error {
    /// Makes an error with words that follow the code's fixed sentence.
    pub fn new(code: Code, specifics: impl Into<String>) -> Self {
        Self {
            code,
            specifics: specifics.into(),
            replaces_sentence: false,
            retry_after: None,
        }
    }

    /// Says when the client may try again.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Says that the specifics are the whole public detail, where an interface fixes its words.
    #[must_use]
    pub fn without_sentence(mut self) -> Self {
        self.replaces_sentence = true;
        self
    }

    /// Makes the error for a malformed request.
    pub fn bad_request(specifics: impl Into<String>) -> Self {
        Self::new(Code::BadRequest, specifics)
    }

    /// Makes the error for a token that is not accepted.
    pub fn invalid_token(specifics: impl Into<String>) -> Self {
        Self::new(Code::InvalidToken, specifics)
    }

    /// Makes the error for an object that the caller can't see.
    pub fn not_found(specifics: impl Into<String>) -> Self {
        Self::new(Code::NotFound, specifics)
    }

    /// Makes the error for a request that the object's state forbids.
    pub fn conflict(specifics: impl Into<String>) -> Self {
        Self::new(Code::Conflict, specifics)
    }

    /// Makes the error for a dependency that is away, to be retried after `delay`.
    pub fn unavailable(specifics: impl Into<String>, delay: Duration) -> Self {
        Self::new(Code::ServiceUnavailable, specifics).with_retry_after(delay)
    }

    /// Makes the error for a fault of ours; its cause belongs in the log, not here.
    pub fn internal() -> Self {
        Self::new(Code::Internal, "")
    }

    /// Returns the code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Returns the words after the fixed sentence; may be empty.
    pub fn specifics(&self) -> &str {
        &self.specifics
    }

    /// Returns whether the specifics stand without the fixed sentence.
    pub fn replaces_sentence(&self) -> bool {
        self.replaces_sentence
    }

    /// Returns how long a client should wait before it tries again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for Error {
    /// Writes the public `detail`: as a rule the fixed sentence, a colon, the specifics.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.replaces_sentence {
            write!(f, "{}: ", self.code.sentence())?;
        }
        f.write_str(&self.specifics)
    }
}

impl std::error::Error for Error {}
