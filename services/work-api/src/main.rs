//! `work-api`: every program of Work API in one binary.

mod cli;
mod commands;
mod console;
mod data_dir;
mod databases;
mod dev_json;
mod file_limit;
mod key_pair;
mod programs;
mod servers;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;
use workapi_runtime::Exit;

use crate::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    // Fails only where a provider is installed already, and this is the first line.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    file_limit::raise();

    match commands::run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            console::progress(&format!("work-api: {}", console::one_line(&error)));
            exit_of(&error).into()
        }
    }
}

fn exit_of(error: &anyhow::Error) -> Exit {
    let is_bad_configuration = error.is::<workapi_config::Error>()
        || error.is::<workapi_providers::Error>()
        || error.is::<workapi_keyring::Error>();
    if is_bad_configuration {
        Exit::BadConfiguration
    } else {
        Exit::Failed
    }
}
