//! One manifest file, and the merging of files.

use toml::{Table, Value};
use workapi_types::ProviderName;

use crate::error::KeyError;
use crate::manifest::Document;
use crate::{Error, Manifest};

/// The keys of a manifest file, not yet checked.
#[derive(Debug)]
pub(crate) struct Layer {
    file: String,
    table: Table,
}

impl Layer {
    /// Reads the text of a file; `file` names it in errors.
    pub(crate) fn parse(file: String, text: &str) -> Result<Self, Error> {
        match text.parse() {
            Ok(table) => Ok(Self { file, table }),
            Err(error) => Err(syntax_error(file, text, &error)),
        }
    }

    /// Puts another file's keys over the keys of this one.
    pub(crate) fn put_over(&mut self, over: Self) {
        self.file = over.file;
        merge(&mut self.table, over.table);
    }

    /// Checks everything and makes the manifest.
    pub(crate) fn into_manifest(self, name: ProviderName) -> Result<Manifest, Error> {
        document(self.table)
            .and_then(|document| document.validate(name))
            .map_err(|error| error.in_file(&self.file))
    }
}

/// Merges key by key; what is no table replaces what was there.
fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(base)), Value::Table(over)) => merge(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

fn document(table: Table) -> Result<Document, KeyError> {
    serde_path_to_error::deserialize(Value::Table(table))
        .map_err(|error| key_error(&error.path().to_string(), error.inner().message()))
}

/// Names the key that an error is about. For a missing key serde gives the path
/// of the table that lacks it, and the key in the message only; for a key of a map
/// that cannot be read, it ends the path with a question mark.
fn key_error(path: &str, message: &str) -> KeyError {
    let path = path.trim_end_matches(".?");
    let missing = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.strip_suffix('`'));
    match missing {
        None => KeyError::new(path, message),
        Some(key) if path == "." => KeyError::new(key, "is missing"),
        Some(key) => KeyError::new(format!("{path}.{key}"), "is missing"),
    }
}

fn syntax_error(file: String, text: &str, error: &toml::de::Error) -> Error {
    let start = error.span().map_or(0, |span| span.start);
    Error::Syntax {
        file,
        line: 1 + text
            .bytes()
            .take(start)
            .filter(|&byte| byte == b'\n')
            .count(),
        reason: error.message().to_owned(),
    }
}
