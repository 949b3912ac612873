//! The key ring's file: made, written, read and checked.

use std::fmt::{self, Write as _};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::Path;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use uuid::Uuid;
use workapi_types::Clock;
use zeroize::Zeroizing;

use crate::ring::Key;
use crate::{Error, KeyRing, Purpose};

const HEAD: &str = "\
# The keys that seal every secret Work API stores. Keep a copy of this file, and
# keep it apart from the backups of the databases: without it nothing that was
# sealed can be opened.
#
# The first key of a purpose seals, all keys of it open. To rotate, put a new key
# before the old one. `instance_id` never changes.
";

/// The text of a key ring file. It holds the keys and shows them only through
/// [`KeyRingFile::as_str`].
pub struct KeyRingFile(Zeroizing<String>);

impl KeyRingFile {
    /// Makes the file of a new ring with one key for every purpose.
    pub(crate) fn generate() -> Result<Self, Error> {
        // Reserved for the whole file, so that no key is left behind in a smaller buffer.
        let mut text = Zeroizing::new(String::with_capacity(4096));
        let today = Clock::system().now().date();
        text.push_str(HEAD);
        append(
            &mut text,
            format_args!("instance_id = \"{}\"\n", Uuid::new_v4()),
        );
        for purpose in Purpose::ALL {
            let tag = hex::encode(random::<2>()?.as_slice());
            let key = Zeroizing::new(STANDARD.encode(random::<{ Key::LENGTH }>()?.as_slice()));
            append(
                &mut text,
                format_args!(
                    "\n[[keys]]\nid = \"{purpose}-{today}-{tag}\"\npurpose = \"{purpose}\"\nkey = \"{}\"\n",
                    key.as_str()
                ),
            );
        }
        Ok(Self(text))
    }

    /// Returns the text, keys included.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Writes a new file that only its owner may use, and waits until it is on
    /// the disk. An existing file is left as it is.
    ///
    /// # Errors
    /// [`Error::Write`], with the kind `AlreadyExists` if the file exists.
    pub fn write_new(&self, path: &Path) -> Result<(), Error> {
        let write = || -> io::Result<()> {
            let mut file = private_file().create_new(true).write(true).open(path)?;
            file.write_all(self.0.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|source| Error::Write {
            path: path.to_owned(),
            source,
        })
    }
}

impl fmt::Debug for KeyRingFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRingFile(..)")
    }
}

/// Reads a key ring file, if nobody but its owner may use it.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>, Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(failed)?;
    // Checked on the open file: what was checked is what is read.
    let metadata = file.metadata().map_err(failed)?;
    if let Some(mode) = exposed_mode(&metadata) {
        return Err(Error::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    let size = usize::try_from(metadata.len()).unwrap_or_default();
    let mut text = Zeroizing::new(String::with_capacity(size + 1));
    file.read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Reads a ring from the text of its file.
pub(crate) fn parse(text: &str) -> Result<KeyRing, Error> {
    let document: Document = toml::from_str(text).map_err(|error| Error::Syntax {
        line: line_of(text, error.span().map_or(0, |span| span.start)),
    })?;
    let instance_id = document
        .instance_id
        .parse()
        .map_err(|_| Error::Value("`instance_id` must be a UUID".to_owned()))?;

    let mut keys: Vec<Key> = Vec::with_capacity(document.keys.len());
    for (index, entry) in document.keys.into_iter().enumerate() {
        let key = entry.into_key(index + 1)?;
        if keys.iter().any(|other| other.id == key.id) {
            return Err(Error::Value(format!("two keys have the id `{}`", key.id)));
        }
        if let Some(other) = keys.iter().find(|other| other.secret == key.secret) {
            let message = format!("the keys `{}` and `{}` are the same", other.id, key.id);
            return Err(Error::Value(message));
        }
        keys.push(key);
    }
    Ok(KeyRing::new(instance_id, keys))
}

/// The file as it is written. Every value is a string here and is read by our
/// own code, whose errors never quote it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    instance_id: String,
    keys: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    purpose: String,
    #[serde(deserialize_with = "zeroizing")]
    key: Zeroizing<String>,
}

impl Entry {
    /// Checks the entry; `number` names it in errors, counted from 1.
    fn into_key(self, number: usize) -> Result<Key, Error> {
        if !Key::is_id(&self.id) {
            let message = format!("the `id` of key {number} must be 1 to 64 of a-z, 0-9 and -");
            return Err(Error::Value(message));
        }
        let purpose = self
            .purpose
            .parse()
            .map_err(|reason| Error::Value(format!("the key `{}`: {reason}", self.id)))?;
        let secret = decode_key(&self.key).ok_or_else(|| {
            Error::Value(format!("the key `{}` must be 32 bytes in base64", self.id))
        })?;
        Ok(Key {
            id: self.id,
            purpose,
            secret,
        })
    }
}

fn zeroizing<'de, D>(deserializer: D) -> Result<Zeroizing<String>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    String::deserialize(deserializer).map(Zeroizing::new)
}

fn decode_key(text: &str) -> Option<Zeroizing<[u8; Key::LENGTH]>> {
    let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, Error> {
    let mut bytes = Zeroizing::new([0; N]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| Error::Crypto("make random bytes"))?;
    Ok(bytes)
}

fn append(text: &mut String, arguments: fmt::Arguments<'_>) {
    #[expect(
        clippy::expect_used,
        reason = "formatting into a String has no error to return"
    )]
    text.write_fmt(arguments)
        .expect("a String takes every write");
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|&byte| byte == b'\n')
        .count()
}

#[cfg(unix)]
fn private_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;

    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(not(unix))]
fn private_file() -> OpenOptions {
    OpenOptions::new()
}

/// Returns the mode of a file that others than its owner may use.
#[cfg(unix)]
fn exposed_mode(metadata: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;

    let mode = metadata.mode() & 0o7777;
    is_exposed(mode, metadata.uid()).then_some(mode)
}

#[cfg(not(unix))]
fn exposed_mode(_metadata: &fs::Metadata) -> Option<u32> {
    None
}

/// Tells whether a mode is too wide. A file of root's may be readable by its
/// group, because it is root who chose that group.
#[cfg(unix)]
fn is_exposed(mode: u32, owner: u32) -> bool {
    let forbidden = if owner == 0 { 0o037 } else { 0o077 };
    mode & forbidden != 0
}

#[cfg(test)]
mod tests;
