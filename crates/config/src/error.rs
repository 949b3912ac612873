//! Why the settings cannot be used.

use std::io;
use std::path::PathBuf;

use crate::Origin;
use crate::origin::variable;

/// Says which setting is wrong, where it was given, and what is allowed there.
///
/// No message contains the value of a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration file is not there or cannot be read.
    #[error("cannot read the configuration file {path}")]
    File {
        /// The file that was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The configuration file is not TOML.
    #[error("the configuration file {path} is not valid TOML: {problem}")]
    Syntax {
        /// The file that was named.
        path: PathBuf,
        /// Where and what the parser stumbled over.
        problem: String,
    },
    /// A setting that no program knows, most often a misspelt one.
    #[error("{name} is not a setting{}", similar.as_ref().map(|known| format!(": is {known} meant?")).unwrap_or_default())]
    Unknown {
        /// As it was written, with the file if it stood in one.
        name: String,
        /// The known name that is nearest, if one is near.
        similar: Option<String>,
    },
    /// A value that cannot be used.
    #[error("{name}: {problem}")]
    Invalid {
        /// As it was written, with the file if it stood in one.
        name: String,
        /// What is wrong, and what is allowed.
        problem: String,
    },
    /// A secret given both as a value and as a file.
    #[error("{value} and {file} are both set: give one of them")]
    Twice {
        /// The name that holds the value.
        value: String,
        /// The name that holds the path.
        file: String,
    },
    /// The file that should hold a secret cannot be read.
    #[error("cannot read {path}, which {name} names")]
    SecretFile {
        /// The setting that names the file.
        name: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A setting that this program cannot do without.
    #[error("{name}{} must be set", or.as_ref().map(|other| format!(" or {other}")).unwrap_or_default())]
    Missing {
        /// The environment variable to set.
        name: String,
        /// Another one that would do.
        or: Option<String>,
    },
}

impl Error {
    pub(crate) fn invalid(origin: &Origin, problem: &str) -> Self {
        Self::Invalid {
            name: origin.to_string(),
            problem: problem.to_owned(),
        }
    }

    /// Says that what was given for the setting `name` turned out to be of no use.
    pub fn unusable(name: &str, problem: impl Into<String>) -> Self {
        Self::Invalid {
            name: variable(name),
            problem: problem.into(),
        }
    }

    /// Says that the setting `name`, or else `or`, must be given.
    pub fn missing(name: &str, or: Option<&str>) -> Self {
        Self::Missing {
            name: variable(name),
            or: or.map(variable),
        }
    }
}
