//! Why the catalogue could not be loaded.

use std::io;
use std::path::PathBuf;

/// Why the catalogue could not be loaded. Each message names the file, the key
/// where there is one, and the reason with the allowed values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The directory of manifests, or a file in it, could not be read.
    #[error("failed to read the provider manifests at {path}")]
    Read {
        /// The directory or file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is named after no possible provider.
    #[error(
        "failed to load the provider manifest {file}: the file's name must be `<provider>.toml`, \
         where <provider> matches [a-z][a-z0-9_]{{0,31}}"
    )]
    Name {
        /// The file.
        file: String,
    },
    /// The file is not TOML.
    #[error("failed to load the provider manifest {file}: line {line}: {reason}")]
    Syntax {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A key is missing, unknown, or has a value that is not allowed.
    #[error("failed to load the provider manifest {file}: `{key}`: {reason}")]
    Key {
        /// The file.
        file: String,
        /// The key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What is wrong with one key, before it is known in which file.
#[derive(Debug)]
pub(crate) struct KeyError {
    pub(crate) key: String,
    pub(crate) reason: String,
}

impl KeyError {
    pub(crate) fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            reason: reason.into(),
        }
    }

    pub(crate) fn in_file(self, file: &str) -> Error {
        Error::Key {
            file: file.to_owned(),
            key: self.key,
            reason: self.reason,
        }
    }
}
