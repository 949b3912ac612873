//! `dev.json`: what a running `dev` tells scripts and the other commands (interfaces section 2).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use url::Url;
use workapi_types::EnvironmentGuid;

const FILE: &str = "dev.json";

/// Where everything of a running `dev` is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DevJson {
    pub(crate) url: Url,
    pub(crate) environment_guid: EnvironmentGuid,
    pub(crate) private_key_path: PathBuf,
    pub(crate) admin_url: Url,
    pub(crate) admin_token_path: PathBuf,
    pub(crate) sandbox_url: Url,
    pub(crate) sandbox_admin_url: Url,
    pub(crate) metrics_url: Url,
    pub(crate) integrations_grpc_url: Url,
    pub(crate) auth_grpc_url: Url,
    pub(crate) postgres_url: String,
    pub(crate) redis_url: String,
    pub(crate) nats_url: String,
}

impl DevJson {
    /// Reads what the `dev` of a data directory wrote.
    pub(crate) fn read(data_dir: &Path) -> anyhow::Result<Self> {
        let file = data_dir.join(FILE);
        match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("cannot understand {}", file.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(
                "no work-api dev runs on {}: start one, or name its --data-dir",
                data_dir.display()
            ),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    /// Writes the file whole or not at all, readable by its owner only: the URLs hold passwords.
    pub(crate) fn write(&self, data_dir: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::from)?;
        crate::data_dir::write_atomically(&data_dir.join(FILE), &text)
    }

    /// Removes the file of a `dev` that runs no more.
    pub(crate) fn remove(data_dir: &Path) -> io::Result<()> {
        match fs::remove_file(data_dir.join(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
