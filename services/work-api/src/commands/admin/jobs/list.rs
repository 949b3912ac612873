//! `work-api admin jobs list`.

use serde_json::{Value, json};
use workapi_proto::auth::v1::{
    DeadLetter, ListDeadLettersRequest, ListStuckCredentialsRequest, StuckCredential, StuckReason,
};

use super::ListOptions;
use crate::cli::Format;
use crate::commands::admin::Connection;
use crate::commands::admin::times::{json_time, plain_time};
use crate::console;

/// Lists dead letters, then what is stuck.
pub(super) async fn run(connection: &Connection, options: &ListOptions) -> anyhow::Result<()> {
    let request = connection.request(ListDeadLettersRequest {
        after: options.after,
        page_size: options.limit,
    })?;
    let answer = connection.jobs().list_dead_letters(request).await;
    let letters = answer
        .map_err(|status| connection.explain(status))?
        .into_inner();
    let request = connection.request(ListStuckCredentialsRequest {
        page_size: options.limit,
    })?;
    let answer = connection.jobs().list_stuck_credentials(request).await;
    let stuck = answer
        .map_err(|status| connection.explain(status))?
        .into_inner();
    match options.output.output {
        Format::Plain => print(&letters.dead_letters, &stuck.credentials)?,
        Format::Json => {
            let dead_letters = letters.dead_letters.iter().map(letter_as_json);
            let credentials = stuck.credentials.iter().map(stuck_as_json);
            console::result(json!({
                "dead_letters": dead_letters.collect::<Result<Vec<_>, _>>()?,
                "stuck": credentials.collect::<Result<Vec<_>, _>>()?,
            }))?;
        }
    }
    if letters.next > 0 {
        let next = letters.next;
        console::progress(&format!("there are more dead letters: --after {next}"));
    }
    if stuck.more {
        console::progress("there are more stuck credentials: --limit");
    }
    Ok(())
}

fn print(letters: &[DeadLetter], stuck: &[StuckCredential]) -> anyhow::Result<()> {
    for letter in letters {
        console::result(letter_line(letter)?)?;
    }
    for credential in stuck {
        console::result(format_args!(
            "stuck  {}  {}  {}  {}  since {}: {}",
            credential.integration_id,
            credential.provider,
            credential.state,
            credential.cause.as_deref().unwrap_or("-"),
            plain_time(credential.since)?,
            why(credential.reason()),
        ))?;
    }
    if letters.is_empty() && stuck.is_empty() {
        console::progress("no dead letter, and nothing is stuck");
    }
    Ok(())
}

/// Returns the line of a dead letter.
pub(super) fn letter_line(letter: &DeadLetter) -> anyhow::Result<String> {
    let integration = match letter.integration_id.as_str() {
        "" => "unreadable",
        id => id,
    };
    let tries = match letter.tries {
        Some(tries) => format!("{tries} jobs began and never ended"),
        None => "repaired or replaced since".to_owned(),
    };
    let state = match letter.credential_state.as_str() {
        "" => "gone",
        state => state,
    };
    Ok(format!(
        "dead letter {}  {}  {integration}  {}  {}: {tries}; the credential is {state}",
        letter.sequence,
        letter.kind,
        letter.provider,
        plain_time(letter.buried_at)?,
    ))
}

fn why(reason: StuckReason) -> &'static str {
    match reason {
        StuckReason::Unspecified => "for a reason that this version does not know",
        StuckReason::GivenUp => "three of its refresh jobs died",
        StuckReason::Unresolved => "a refresh token was sent, and nobody knows how that ended",
        StuckReason::Revoking => "its integration is deleted, and its revocation is not over",
        StuckReason::Overdue => "it is due, and nobody looks at it",
    }
}

fn name(reason: StuckReason) -> &'static str {
    match reason {
        StuckReason::Unspecified => "unspecified",
        StuckReason::GivenUp => "given_up",
        StuckReason::Unresolved => "unresolved",
        StuckReason::Revoking => "revoking",
        StuckReason::Overdue => "overdue",
    }
}

/// Returns a dead letter for programs.
pub(super) fn letter_as_json(letter: &DeadLetter) -> anyhow::Result<Value> {
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Ok(json!({
        "sequence": letter.sequence,
        "kind": letter.kind,
        "integration_id": known(&letter.integration_id),
        "grant_id": known(&letter.grant_id),
        "claim_seq": letter.claim_seq,
        "provider": known(&letter.provider),
        "buried_at": json_time(letter.buried_at)?,
        "tries": letter.tries,
        "credential_state": known(&letter.credential_state),
    }))
}

fn stuck_as_json(credential: &StuckCredential) -> anyhow::Result<Value> {
    Ok(json!({
        "integration_id": credential.integration_id,
        "environment_guid": credential.environment_guid,
        "provider": credential.provider,
        "state": credential.state,
        "cause": credential.cause,
        "reason": name(credential.reason()),
        "since": json_time(credential.since)?,
    }))
}
