//! Puts the layers over each other.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use figment::Figment;
use figment::providers::Serialized;
use figment::value::{Dict, Empty, Value};

use crate::{Error, Origin, Settings, layer};

/// Settings, and where each of them was given.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    origins: BTreeMap<String, Origin>,
}

/// A setting as `check-config` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name in the file.
    pub name: String,
    /// The value, or `(hidden)` for a secret; nothing where none is set.
    pub value: Option<String>,
    /// Where it was given.
    pub origin: Origin,
}

impl Settings {
    /// Reads `file`, if one is named, and then `variables` over it.
    ///
    /// # Errors
    /// The first thing that is wrong in either; nothing is half used.
    pub fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Loaded, Error> {
        let known = Self::default().shown()?.into_keys().collect();
        let mut given = match file {
            Some(path) => layer::from_file(path, &known)?,
            None => BTreeMap::new(),
        };
        given.extend(layer::from_environment(variables, &known)?);

        let mut values = Dict::new();
        let mut origins = BTreeMap::new();
        for (key, setting) in given {
            values.insert(key.clone(), setting.value);
            origins.insert(key, setting.origin);
        }
        let settings = Figment::from(Serialized::globals(values))
            .extract()
            .map_err(|error| invalid(&error, &origins))?;
        Ok(Loaded { settings, origins })
    }

    /// Returns every setting with its value as it may be shown.
    fn shown(&self) -> Result<Dict, Error> {
        let value = Value::serialize(self).map_err(|error| invalid(&error, &BTreeMap::new()))?;
        Ok(value.into_dict().unwrap_or_default())
    }
}

impl Loaded {
    /// Returns where the setting `name` was given.
    pub fn origin(&self, name: &str) -> &Origin {
        self.origins.get(name).unwrap_or(&Origin::Default)
    }

    /// Returns every setting, by name, without the secrets.
    ///
    /// # Errors
    /// Never for settings that were loaded.
    pub fn entries(&self) -> Result<Vec<Entry>, Error> {
        let shown = self.settings.shown()?;
        let entries = shown.into_iter().map(|(name, value)| Entry {
            value: text_of(&value),
            origin: self.origin(&name).clone(),
            name,
        });
        Ok(entries.collect())
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Empty(_, Empty::None | Empty::Unit) => None,
        Value::Num(_, number) => number.to_u128().map(|number| number.to_string()),
        value => value.as_str().map(str::to_owned),
    }
}

fn invalid(error: &figment::Error, origins: &BTreeMap<String, Origin>) -> Error {
    let key = error.path.first().map_or("settings", String::as_str);
    let name = origins
        .get(key)
        .map_or_else(|| key.to_owned(), Origin::to_string);
    let problem = error.kind.to_string();
    Error::Invalid { name, problem }
}
