//! What the person at the terminal sees.

use std::fmt::Display;
use std::io::Write as _;
use std::time::Duration;

/// Writes a line of progress.
pub fn progress(since: Duration, line: impl Display) {
    let seconds = since.as_secs();
    say(format_args!(
        "[{:>2}:{:02}] {line}",
        seconds / 60,
        seconds % 60
    ));
}

/// Writes a line of the result.
pub fn say(line: impl Display) {
    // Whoever closed the pipe does not want to know.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Rows of two columns, as they are printed.
#[derive(Debug, Default)]
pub struct Table(Vec<(String, String)>);

impl Table {
    /// Adds a row.
    pub fn row(&mut self, name: impl Into<String>, value: impl Display) {
        self.0.push((name.into(), value.to_string()));
    }

    /// Prints it as a Markdown table, ready for docs/benchmarks.md.
    pub fn print(&self) {
        let width = self.0.iter().map(|(name, _)| name.chars().count()).max();
        let width = width.unwrap_or_default();
        say(format_args!("| {:width$} | |", ""));
        say(format_args!("|{:-<1$}|---|", "", width + 2));
        for (name, value) in &self.0 {
            say(format_args!("| {name:width$} | {value} |"));
        }
    }
}

/// Shows a time in milliseconds.
pub fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}
