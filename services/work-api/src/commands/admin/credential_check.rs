//! `work-api admin credential check`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use workapi_proto::auth::v1::{CheckCredentialRequest, CheckCredentialResponse, CheckOutcome};
use workapi_types::IntegrationId;

use super::Connection;
use crate::cli::Format;
use crate::console;

/// Has the access token of an integration made fresh, and tells how it stands: success if it can be
/// used.
pub(super) async fn check(
    connection: &Connection,
    integration: &IntegrationId,
    min_remaining: Duration,
    format: Format,
) -> anyhow::Result<ExitCode> {
    let request = connection.request(CheckCredentialRequest {
        integration_id: integration.to_string(),
        min_remaining: Some(min_remaining.try_into()?),
    })?;
    let answer = connection.on_demand().check_credential(request).await;
    let check = answer
        .map_err(|status| connection.explain(status))?
        .into_inner();
    let (outcome, sentence) = told(check.outcome()).context("the answer has no outcome")?;
    match format {
        Format::Plain => print(&check, sentence)?,
        Format::Json => console::result(as_json(integration, &check, outcome))?,
    }
    Ok(if check.usable {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print(check: &CheckCredentialResponse, sentence: &str) -> anyhow::Result<()> {
    let expires_in = seconds(check.expires_in.as_ref());
    let access_token = expires_in.map_or_else(
        || "none that can be used".to_owned(),
        |seconds| format!("usable for {seconds} s"),
    );
    let retry_after = seconds(check.retry_after.as_ref()).map(|seconds| format!("in {seconds} s"));
    let generation = (check.generation > 0).then(|| check.generation.to_string());
    let lines = [
        ("state", Some(check.state.clone())),
        (
            "cause",
            Some(check.cause.clone()).filter(|cause| !cause.is_empty()),
        ),
        ("action", Some(check.action.clone())),
        ("generation", generation),
        ("access token", Some(access_token)),
        ("refresh", Some(sentence.to_owned())),
        ("ask again", retry_after),
    ];
    for (name, value) in lines {
        if let Some(value) = value {
            console::result(format_args!("{name:<14}{value}"))?;
        }
    }
    Ok(())
}

fn as_json(
    integration: &IntegrationId,
    check: &CheckCredentialResponse,
    outcome: &'static str,
) -> Value {
    let cause = (!check.cause.is_empty()).then_some(&check.cause);
    json!({
        "integration_id": integration.as_str(),
        "usable": check.usable,
        "state": check.state,
        "cause": cause,
        "action": check.action,
        "generation": check.generation,
        "expires_in": seconds(check.expires_in.as_ref()),
        "refresh": outcome,
        "retry_after": seconds(check.retry_after.as_ref()),
    })
}

/// Returns the name of an outcome for programs, and what it means for people.
fn told(outcome: CheckOutcome) -> Option<(&'static str, &'static str)> {
    Some(match outcome {
        CheckOutcome::Unspecified => return None,
        CheckOutcome::Fresh => ("fresh", "not needed: the token is fresh"),
        CheckOutcome::Refreshed => ("refreshed", "done just now"),
        CheckOutcome::Joined => ("joined", "was under way, and is done"),
        CheckOutcome::NotRefreshable => (
            "not_refreshable",
            "not done: there is no credential that could be refreshed",
        ),
        CheckOutcome::BackingOff => (
            "backing_off",
            "not done: the last one failed, and the next one waits for its time",
        ),
        CheckOutcome::Unanswered => (
            "unanswered",
            "not done: no token-refresher took the request",
        ),
        CheckOutcome::TimedOut => ("timed_out", "not done in time: it is still waited for"),
    })
}

fn seconds(duration: Option<&prost_types::Duration>) -> Option<i64> {
    duration.map(|duration| duration.seconds)
}
