//! All manifests of an installation.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;
use workapi_types::ProviderName;

use crate::layer::Layer;
use crate::{Error, Manifest};

/// The built-in manifests of real providers.
const BUILT_IN: [(&str, &str); 3] = [
    ("gmail.toml", include_str!("../manifests/gmail.toml")),
    ("gcal.toml", include_str!("../manifests/gcal.toml")),
    ("gdrive.toml", include_str!("../manifests/gdrive.toml")),
];
const SANDBOX: (&str, &str) = ("sandbox.toml", include_str!("../manifests/sandbox.toml"));
/// Stands for the sandbox's address in its manifest.
const SANDBOX_PLACEHOLDER: &str = "{sandbox}";

/// The manifests of an installation, checked.
#[derive(Clone, Debug)]
pub struct Catalogue(BTreeMap<ProviderName, Arc<Manifest>>);

impl Catalogue {
    /// Reads the built-in manifests and those of `directory`.
    ///
    /// Without the address of a running sandbox there is no provider `sandbox`.
    /// Every `*.toml` in the directory adds a provider, or is merged over the
    /// built-in one of its name; other files are left alone.
    ///
    /// # Errors
    /// Names the file, the key and the reason.
    pub fn load(sandbox_url: Option<&Url>, directory: Option<&Path>) -> Result<Self, Error> {
        let mut layers = built_in(sandbox_url)?;
        for path in manifest_files(directory)? {
            let (name, layer) = read(&path)?;
            match layers.entry(name) {
                Entry::Vacant(vacant) => {
                    vacant.insert(layer);
                }
                Entry::Occupied(mut occupied) => occupied.get_mut().put_over(layer),
            }
        }
        let mut manifests = BTreeMap::new();
        for (name, layer) in layers {
            manifests.insert(name.clone(), Arc::new(layer.into_manifest(name)?));
        }
        Ok(Self(manifests))
    }

    /// Returns the manifest of a provider.
    pub fn get(&self, name: &ProviderName) -> Option<&Arc<Manifest>> {
        self.0.get(name)
    }

    /// Returns the manifest of the provider that a request names.
    ///
    /// # Errors
    /// The message lists the providers that there are.
    pub fn find(&self, name: &str) -> Result<&Arc<Manifest>, UnknownProvider> {
        name.parse()
            .ok()
            .and_then(|name| self.get(&name))
            .ok_or_else(|| UnknownProvider {
                allowed: self
                    .names()
                    .map(ProviderName::as_str)
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }

    /// Returns the names of all providers in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &ProviderName> {
        self.0.keys()
    }

    /// Returns all manifests in the alphabetical order of their names.
    pub fn manifests(&self) -> impl Iterator<Item = &Arc<Manifest>> {
        self.0.values()
    }
}

/// A request names a provider that is not in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the provider must be one of: {allowed}")]
pub struct UnknownProvider {
    allowed: String,
}

fn built_in(sandbox_url: Option<&Url>) -> Result<BTreeMap<ProviderName, Layer>, Error> {
    let mut layers = BTreeMap::new();
    for (file, text) in BUILT_IN {
        layers.insert(
            provider_name(Path::new(file))?,
            Layer::parse(label(file), text)?,
        );
    }
    if let Some(url) = sandbox_url {
        let (file, text) = SANDBOX;
        let text = text.replace(SANDBOX_PLACEHOLDER, url.as_str().trim_end_matches('/'));
        layers.insert(
            provider_name(Path::new(file))?,
            Layer::parse(label(file), &text)?,
        );
    }
    Ok(layers)
}

fn label(file: &str) -> String {
    format!("{file} (built in)")
}

fn read(path: &Path) -> Result<(ProviderName, Layer), Error> {
    let name = provider_name(path)?;
    let text = fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok((name, Layer::parse(path.display().to_string(), &text)?))
}

fn provider_name(path: &Path) -> Result<ProviderName, Error> {
    path.file_stem()
        .and_then(|stem| stem.to_str()?.parse().ok())
        .ok_or_else(|| Error::Name {
            file: path.display().to_string(),
        })
}

/// Lists the manifests of a directory, in order, so that an error is the same
/// at every start.
fn manifest_files(directory: Option<&Path>) -> Result<Vec<PathBuf>, Error> {
    let Some(directory) = directory else {
        return Ok(Vec::new());
    };
    let failed = |source| Error::Read {
        path: directory.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod examples;
#[cfg(test)]
mod tests;
