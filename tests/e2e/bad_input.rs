//! Bad input: each has its answer, and nothing is written.

mod apts;
mod authcodes;
mod callbacks;
mod documents;
mod ids;
mod integrations;
mod large_bodies;
mod return_to;
mod tokens;
mod user_tokens;

use workapi_testkit::http::Answer;

/// No change.
const NOTHING: [&str; 0] = [];

/// Returns status and code of an error, after checking that its document is one.
fn refusal(answer: &Answer) -> String {
    format!("{} {}", answer.status(), answer.error().0)
}

/// Returns how many states and codes were used up, after checking that nothing else changed.
fn states_used(changes: &[String]) -> usize {
    for change in changes {
        assert!(change.starts_with("+ vault.used_state "), "{changes:#?}");
    }
    changes.len()
}
