//! Telemetry as the settings ask for it.

use workapi_config::Settings;
use workapi_telemetry::{Error, LogFormat, Options, Telemetry};

/// Installs the logs and traces of the program `service`.
pub(crate) fn init(service: &str, settings: &Settings) -> Result<Telemetry, Error> {
    workapi_telemetry::init(&Options {
        service: service.to_owned(),
        log_filter: settings.log.clone(),
        log_format: match settings.log_format {
            workapi_config::LogFormat::Text => LogFormat::Text,
            workapi_config::LogFormat::Json => LogFormat::Json,
        },
        otlp_endpoint: settings.otlp_endpoint.as_ref().map(ToString::to_string),
        sampling: 1.0,
    })
}
