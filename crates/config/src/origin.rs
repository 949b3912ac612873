//! Where a setting was given, which decides how it is called there.

use std::fmt;
use std::path::PathBuf;

pub(crate) const PREFIX: &str = "WORK_API_";

/// Named by the OpenTelemetry specification, so it has no prefix of ours.
pub(crate) const OTLP_VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
pub(crate) const OTLP_KEY: &str = "otlp_endpoint";

/// Where a setting was given. Displayed as a person would look it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: it is what the programs use by themselves.
    Default,
    /// In the configuration file `path`, under `key`.
    File {
        /// The configuration file.
        path: PathBuf,
        /// The name there.
        key: String,
    },
    /// In the environment variable of that name.
    Variable(String),
}

impl Origin {
    /// Returns how the setting `key` would be written in the same place.
    pub(crate) fn name_of(&self, key: &str) -> String {
        match self {
            Self::Default | Self::File { .. } => key.to_owned(),
            Self::Variable(_) => variable(key),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, key } => write!(f, "{key} in {}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// Returns the environment variable of the setting `key`.
pub(crate) fn variable(key: &str) -> String {
    if key == OTLP_KEY {
        OTLP_VARIABLE.to_owned()
    } else {
        format!("{PREFIX}{}", key.to_ascii_uppercase())
    }
}
