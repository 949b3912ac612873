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

/// Joins an error and its causes: what was attempted first, why it failed last.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        // Libraries put the cause into their own words, too.
        if line.ends_with(&cause) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&cause);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_was_told_already_is_not_told_again() {
        let error = anyhow::anyhow!("refused")
            .context("no answer: refused")
            .context("cannot connect");

        assert_eq!(one_line(&error), "cannot connect: no answer: refused");
    }
}
