//! `work-api admin jobs retry` and `drop`.

use serde_json::json;
use workapi_proto::auth::v1::{DropDeadLettersRequest, RetryJobRequest};

use super::Choice;
use crate::cli::Format;
use crate::commands::admin::Connection;
use crate::console;

/// Makes a credential due at once.
pub(super) async fn retry(connection: &Connection, choice: Choice) -> anyhow::Result<()> {
    let request = connection.request(RetryJobRequest {
        target: Some(choice.target.into()),
    })?;
    let answer = connection.jobs().retry_job(request).await;
    let retried = answer
        .map_err(|status| connection.explain(status))?
        .into_inner();
    let (id, state, removed) = (
        &retried.integration_id,
        &retried.state,
        retried.dead_letters_removed,
    );
    match choice.output.output {
        Format::Plain => console::result(format_args!(
            "{id} is due now, as {state}; dead letters removed: {removed}"
        ))?,
        Format::Json => console::result(json!({
            "integration_id": id, "state": state, "dead_letters_removed": removed,
        }))?,
    }
    Ok(())
}

/// Removes dead letters.
pub(super) async fn drop(connection: &Connection, choice: Choice) -> anyhow::Result<()> {
    let request = connection.request(DropDeadLettersRequest {
        target: Some(choice.target.into()),
    })?;
    let answer = connection.jobs().drop_dead_letters(request).await;
    let dropped = answer
        .map_err(|status| connection.explain(status))?
        .into_inner();
    let known = |text: String| Some(text).filter(|text| !text.is_empty());
    let removed = dropped.dead_letters_removed;
    let (id, state) = (
        known(dropped.integration_id),
        known(dropped.credential_state),
    );
    match choice.output.output {
        Format::Plain => {
            let rest = match (&id, &state) {
                (Some(id), Some(state)) => format!("; the credential of {id} stays {state}"),
                _ => String::new(),
            };
            console::result(format_args!("dead letters removed: {removed}{rest}"))?;
        }
        Format::Json => console::result(json!({
            "integration_id": id, "credential_state": state, "dead_letters_removed": removed,
        }))?,
    }
    Ok(())
}
