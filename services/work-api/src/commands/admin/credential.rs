//! `work-api admin credential`.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use workapi_proto::auth::v1::{ListCredentialsRequest, ListedCredential};
use workapi_types::{EnvironmentGuid, IntegrationId};

use super::Connection;
use super::credential_check::check;
use super::times::{json_time, plain_time};
use crate::cli::{Format, Output};
use crate::console;

/// What to do with credentials.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Command {
    /// List credentials in the order of their integrations' ids; never a token, never an account
    List(ListOptions),
    /// Make sure of a usable access token, and tell how it stands: exit code 0 if it can be used
    ///
    /// A token that is about to run out is refreshed, and the refresh waited for, as for a program
    /// that needs the token. The token itself is never shown.
    Check {
        /// The id of the integration
        integration: IntegrationId,
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        #[arg(help = "The life that the token should have left; at most half of it is granted")]
        min_remaining: u32,
        #[command(flatten)]
        output: Output,
    },
}

/// Which credentials to list.
#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    #[arg(long, value_name = "STATE")]
    #[arg(help = "Only those in this state, such as needs_reconnect [default: all but revoked]")]
    state: Option<String>,
    #[arg(long, value_name = "CAUSE")]
    #[arg(help = "Only those with this cause, such as revoked_by_user")]
    cause: Option<String>,
    /// Only those at this provider
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Only those of this environment
    #[arg(long, value_name = "GUID")]
    environment: Option<EnvironmentGuid>,
    /// How many at most, up to 1000
    #[arg(long, value_name = "N", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(i32).range(1..=1000))]
    limit: i32,
    /// Go on after this integration, as the page before says
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// Does what the command line asks for.
pub(super) async fn run(command: Command, connection: &Connection) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(options) => {
            list(connection, options).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Check {
            integration,
            min_remaining,
            output,
        } => {
            let min_remaining = Duration::from_secs(min_remaining.into());
            check(connection, &integration, min_remaining, output.output).await
        }
    }
}

async fn list(connection: &Connection, options: ListOptions) -> anyhow::Result<()> {
    let environment = options.environment.map(|guid| guid.to_string());
    let request = connection.request(ListCredentialsRequest {
        state: options.state.unwrap_or_default(),
        cause: options.cause.unwrap_or_default(),
        provider: options.provider.unwrap_or_default(),
        environment_guid: environment.unwrap_or_default(),
        page_size: options.limit,
        page_token: options.after.unwrap_or_default(),
    })?;
    let answer = connection.credentials().list_credentials(request).await;
    let page = answer
        .map_err(|status| connection.explain(status))?
        .into_inner();
    match options.output.output {
        Format::Plain => {
            for credential in &page.credentials {
                console::result(line(credential)?)?;
            }
        }
        Format::Json => {
            let list: Vec<Value> = page
                .credentials
                .iter()
                .map(as_json)
                .collect::<Result<_, _>>()?;
            console::result(Value::from(list))?;
        }
    }
    if !page.next_page_token.is_empty() {
        console::progress(&format!("there are more: --after {}", page.next_page_token));
    }
    Ok(())
}

fn line(credential: &ListedCredential) -> anyhow::Result<String> {
    let cause = credential.cause.as_deref().unwrap_or("-");
    Ok([
        credential.integration_id.as_str(),
        &credential.environment_guid,
        &credential.provider,
        &credential.state,
        cause,
        &credential.action,
        &plain_time(credential.since)?,
        &plain_time(credential.last_success_at)?,
        &plain_time(credential.expires_at)?,
    ]
    .join("  "))
}

fn as_json(credential: &ListedCredential) -> anyhow::Result<Value> {
    Ok(json!({
        "integration_id": credential.integration_id,
        "environment_guid": credential.environment_guid,
        "provider": credential.provider,
        "state": credential.state,
        "cause": credential.cause,
        "action": credential.action,
        "since": json_time(credential.since)?,
        "last_success_at": json_time(credential.last_success_at)?,
        "expires_at": json_time(credential.expires_at)?,
    }))
}
