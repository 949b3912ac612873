//! What the commands say: results on standard output, for scripts; progress on
//! standard error, for people.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes one line of result.
///
/// # Errors
/// Nobody reads it any more.
pub(crate) fn result(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// Writes one line about what is going on.
pub(crate) fn progress(line: &str) {
    // There is nobody left to tell that nobody reads it.
    let _ = writeln!(io::stderr().lock(), "{line}");
}
