//! `work-api admin jobs explain`.

use serde_json::{Value, json};
use workapi_proto::auth::v1::{
    ExplainJobRequest, ExplainJobResponse, ExplainedAttempt, ExplainedCredential,
};

use super::Choice;
use super::list::{letter_as_json, letter_line};
use crate::cli::Format;
use crate::commands::admin::Connection;
use crate::commands::admin::times::{json_time, plain_time};
use crate::console;

/// Prints everything about one credential and its jobs.
pub(super) async fn run(connection: &Connection, choice: Choice) -> anyhow::Result<()> {
    let request = connection.request(ExplainJobRequest {
        target: Some(choice.target.into()),
    })?;
    let answer = connection.jobs().explain_job(request).await;
    let explained = answer
        .map_err(|status| connection.explain(status))?
        .into_inner();
    match choice.output.output {
        Format::Plain => print(&explained),
        Format::Json => Ok(console::result(as_json(&explained)?)?),
    }
}

fn print(explained: &ExplainJobResponse) -> anyhow::Result<()> {
    if let Some(credential) = &explained.credential {
        for sentence in sentences(credential)? {
            console::result(sentence)?;
        }
    }
    for attempt in &explained.attempts {
        console::result(attempt_line(attempt)?)?;
    }
    for letter in &explained.dead_letters {
        console::result(letter_line(letter)?)?;
    }
    for (title, sentences) in [
        ("What happens next:", &explained.next),
        ("What you can do:", &explained.advice),
    ] {
        if !sentences.is_empty() {
            console::result(title)?;
        }
        for sentence in sentences {
            console::result(format_args!("- {sentence}"))?;
        }
    }
    Ok(())
}

fn sentences(credential: &ExplainedCredential) -> anyhow::Result<Vec<String>> {
    let cause = match &credential.cause {
        Some(cause) => format!(", because of {cause}"),
        None => String::new(),
    };
    let mut sentences = vec![
        format!(
            "Integration {} of environment {}, at {}.",
            credential.integration_id, credential.environment_guid, credential.provider
        ),
        format!(
            "It is {} since {}{cause}; action: {}.",
            credential.state,
            plain_time(credential.since)?,
            credential.action
        ),
        format!(
            "Grant {}, generation {}: the provider last gave a token at {}; the access token ends \
             at {}.",
            credential.grant_id,
            credential.generation,
            plain_time(credential.last_success_at)?,
            plain_time(credential.expires_at)?
        ),
        format!(
            "Failed in a row: {}. Jobs that began and never ended: {}. Answers kept aside: {}.",
            credential.failures, credential.unfinished_jobs, credential.quarantined
        ),
        match credential.lease_until {
            Some(until) => format!("It is leased until {}.", plain_time(Some(until))?),
            None => "It is not leased.".to_owned(),
        },
    ];
    if credential.breaker_open {
        sentences.push("The breaker of its OAuth client is open.".to_owned());
    }
    Ok(sentences)
}

fn attempt_line(attempt: &ExplainedAttempt) -> anyhow::Result<String> {
    let ended = match attempt.finished_at {
        Some(ended) => format!("ended {}", plain_time(Some(ended))?),
        None => "its end is not recorded".to_owned(),
    };
    Ok(format!(
        "attempt {}  generation {}  {}  begun {}, {ended}",
        attempt.attempt_id,
        attempt.generation,
        attempt.state,
        plain_time(attempt.sent_at)?,
    ))
}

fn as_json(explained: &ExplainJobResponse) -> anyhow::Result<Value> {
    let credential = explained.credential.as_ref().map(credential_as_json);
    let attempts = explained.attempts.iter().map(attempt_as_json);
    let letters = explained.dead_letters.iter().map(letter_as_json);
    Ok(json!({
        "credential": credential.transpose()?,
        "attempts": attempts.collect::<Result<Vec<_>, _>>()?,
        "dead_letters": letters.collect::<Result<Vec<_>, _>>()?,
        "next": explained.next,
        "advice": explained.advice,
    }))
}

fn credential_as_json(credential: &ExplainedCredential) -> anyhow::Result<Value> {
    Ok(json!({
        "integration_id": credential.integration_id,
        "environment_guid": credential.environment_guid,
        "provider": credential.provider,
        "grant_id": credential.grant_id,
        "generation": credential.generation,
        "state": credential.state,
        "cause": credential.cause,
        "action": credential.action,
        "since": json_time(credential.since)?,
        "last_success_at": json_time(credential.last_success_at)?,
        "expires_at": json_time(credential.expires_at)?,
        "due_at": json_time(credential.due_at)?,
        "lease_until": json_time(credential.lease_until)?,
        "unfinished_jobs": credential.unfinished_jobs,
        "failures": credential.failures,
        "revoke_until": json_time(credential.revoke_until)?,
        "breaker_open": credential.breaker_open,
        "quarantined": credential.quarantined,
    }))
}

fn attempt_as_json(attempt: &ExplainedAttempt) -> anyhow::Result<Value> {
    Ok(json!({
        "attempt_id": attempt.attempt_id,
        "generation": attempt.generation,
        "state": attempt.state,
        "sent_at": json_time(attempt.sent_at)?,
        "finished_at": json_time(attempt.finished_at)?,
    }))
}
