//! Telemetry as the settings ask for it.

use std::path::PathBuf;

use workapi_config::{Loaded, Origin, Settings};
use workapi_telemetry::{Error, LogFile, LogFormat, Options, Telemetry};

use crate::console;

/// What somebody has to know who sits at the terminal of `dev`: trouble, servers that were started
/// again, and what a stop waits for. The tour stays in sight.
const TERMINAL: &str =
    "warn,work_api::servers=info,workapi_runtime::shutdown=info,workapi_runtime::tasks=info";

/// Installs the logs and traces of the program `service`.
pub(crate) fn init(service: &str, settings: &Settings) -> anyhow::Result<Telemetry> {
    install(&options(service, settings))
}

/// Installs the logs and traces of `dev`: everything that is logged goes to `log_file`, and to the
/// terminal only what is needed there, unless somebody has chosen what to log.
pub(crate) fn init_dev(loaded: &Loaded, log_file: PathBuf) -> anyhow::Result<Telemetry> {
    let mut options = options("work-api", &loaded.settings);
    options.log_file = Some(LogFile {
        path: log_file,
        filter: options.log_filter.clone(),
    });
    if *loaded.origin("log") == Origin::Default {
        TERMINAL.clone_into(&mut options.log_filter);
    }
    install(&options)
}

fn options(service: &str, settings: &Settings) -> Options {
    Options {
        service: service.to_owned(),
        log_filter: settings.log.clone(),
        log_format: match settings.log_format {
            workapi_config::LogFormat::Text => LogFormat::Text,
            workapi_config::LogFormat::Json => LogFormat::Json,
        },
        log_file: None,
        otlp_endpoint: settings.otlp_endpoint.as_ref().map(ToString::to_string),
        sampling: 1.0,
    }
}

/// Names the setting that is to blame.
fn install(options: &Options) -> anyhow::Result<Telemetry> {
    workapi_telemetry::init(options).map_err(|error| {
        let name = match &error {
            Error::LogFilter(_) => "log",
            Error::Exporter(_) => "otlp_endpoint",
            _ => return error.into(),
        };
        let problem = console::one_line(&error.into());
        workapi_config::Error::unusable(name, problem).into()
    })
}
