//! How providers say no: with an HTTP status, with an `error` member under status 200, in JSON or
//! in a form (RFC 6749 section 5.2, and what else is in use).

use std::time::Duration;

use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::error::ErrorCode;
use crate::http_client::Answer;

/// What an answer that is a refusal says to programs. What it says to people is not read.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// The `error` member, or `code` where there is none, as in Notion's and Box's API errors.
    pub(crate) error: Option<ErrorCode>,
    /// Google's `error_subtype`, Microsoft's `suberror`.
    pub(crate) subtype: Option<ErrorCode>,
    pub(crate) retry_after: Option<Duration>,
}

impl Refusal {
    /// Reads an answer with these members; `None` if it is a success.
    pub(crate) fn of(answer: &Answer, members: Option<&Map<String, Value>>) -> Option<Self> {
        if answer.is_success() && !members.is_some_and(reports_error) {
            return None;
        }
        let code = |name| code(members?, name);
        Some(Self {
            status: answer.status,
            error: code("error").or_else(|| code("code")),
            subtype: code("error_subtype").or_else(|| code("suberror")),
            retry_after: answer.retry_after,
        })
    }
}

/// Reads the members of a JSON object, or of a form where the provider says that it
/// is one.
pub(crate) fn members(answer: &Answer) -> Option<Map<String, Value>> {
    if let Ok(members) = serde_json::from_slice(&answer.body) {
        return Some(members);
    }
    let form_types = ["application/x-www-form-urlencoded", "text/plain"];
    form_types.contains(&answer.media_type.as_str()).then(|| {
        form_urlencoded::parse(&answer.body)
            .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
            .collect()
    })
}

/// Tells whether a success is none: GitHub sends `error` with status 200, Slack `ok` beside.
fn reports_error(members: &Map<String, Value>) -> bool {
    let has_error = match members.get("error") {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(error) => error != "",
    };
    has_error || members.get("ok") == Some(&Value::Bool(false))
}

/// Reads a code. Dropbox puts a sentence behind it, after a colon.
fn code(members: &Map<String, Value>, name: &str) -> Option<ErrorCode> {
    let text = members.get(name)?.as_str()?;
    ErrorCode::parse(text.split_once(": ").map_or(text, |(code, _)| code))
}
