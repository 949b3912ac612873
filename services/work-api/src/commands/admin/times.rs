//! Times in results: RFC 3339, in UTC.

use prost_types::Timestamp;
use serde_json::Value;

use super::connection::rfc3339;

/// Returns a time for people, `-` where there is none.
pub(super) fn plain_time(time: Option<Timestamp>) -> anyhow::Result<String> {
    match time {
        Some(time) => rfc3339(Some(time)),
        None => Ok("-".to_owned()),
    }
}

/// Returns a time for programs, null where there is none.
pub(super) fn json_time(time: Option<Timestamp>) -> anyhow::Result<Value> {
    match time {
        Some(time) => Ok(rfc3339(Some(time))?.into()),
        None => Ok(Value::Null),
    }
}
