//! Times in messages.

use prost_types::Timestamp;
use time::OffsetDateTime;

/// Returns a time as messages carry it.
pub(super) fn timestamp(time: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: time.unix_timestamp(),
        nanos: i32::try_from(time.nanosecond()).unwrap_or_default(),
    }
}
