//! What can go wrong with a key ring or a sealed value.

use std::io;
use std::path::PathBuf;

use crate::Purpose;

/// Why a key ring could not be read, or a value not be sealed or opened.
///
/// No message holds key material or plaintext.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read.
    #[error("failed to read the key ring {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file could not be written, for example because it exists.
    #[error("failed to write the key ring {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Others than the file's owner may use the file.
    #[error(
        "refused to read the key ring {path}: its mode is {mode:04o}, which lets others use it; \
         run `chmod 600` on it"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The text is not a key ring. The TOML library's own message is left out
    /// because it quotes the line, and the line may be a key.
    #[error(
        "failed to parse the key ring at line {line}: it holds `instance_id` and, for every key, \
         [[keys]] with `id`, `purpose` and `key`"
    )]
    Syntax {
        /// The line, counted from 1.
        line: usize,
    },
    /// A value in the key ring is not what it has to be.
    #[error("failed to parse the key ring: {0}")]
    Value(String),
    /// A purpose has no key.
    #[error("the key ring has no key for the purpose `{0}`")]
    MissingPurpose(Purpose),
    /// A salt is not 32 bytes long.
    #[error("failed to read a salt: it has {0} bytes instead of 32")]
    SaltLength(usize),
    /// A sealed value has a format that this version does not know.
    #[error("failed to open a sealed value: its format is unknown")]
    UnknownFormat,
    /// A sealed value was sealed with a key that the ring does not have.
    #[error(
        "failed to open a sealed value: the ring has no key `{id}` for the purpose `{purpose}`"
    )]
    UnknownKey {
        /// What the value was sealed for.
        purpose: Purpose,
        /// The key it was sealed with.
        id: String,
    },
    /// A sealed value was changed, or belongs to another place.
    #[error("failed to open a sealed value: it was changed or belongs to another place")]
    Rejected,
    /// The cryptographic library failed, which no input of ours can cause.
    #[error("the cryptographic library failed to {0}")]
    Crypto(&'static str),
}
