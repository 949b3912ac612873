//! The secrets of an installation, made at its first start and kept ever after.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use workapi_config::Settings;
use workapi_keyring::KeyRing;

use crate::data_dir::{DataDir, write_atomically};

const KEY_RING: &str = "keyring.toml";
const ADMIN_TOKEN: &str = "admin-token";
const INTERNAL_TOKEN: &str = "internal-token";

/// Returns where the admin token is that `dev` made.
pub(super) fn admin_token_path(data_dir: &DataDir) -> PathBuf {
    data_dir.path().join(ADMIN_TOKEN)
}

/// Fills in the key ring and the tokens that the settings do not name.
pub(super) fn provide(data_dir: &DataDir, settings: &mut Settings) -> anyhow::Result<()> {
    if settings.keyring_file.is_none() {
        let path = data_dir.path().join(KEY_RING);
        keep(&path, || Ok(KeyRing::generate()?.as_str().to_owned()))?;
        settings.keyring_file = Some(path);
    }
    let admin_token = admin_token_path(data_dir);
    match &settings.admin_token {
        // The other commands find the token in the file, whoever chose it.
        Some(token) => write_atomically(&admin_token, token.expose_secret().as_bytes())?,
        None => settings.admin_token = Some(keep(&admin_token, || Ok(new_token()))?.into()),
    }
    if settings.internal_token.is_none() {
        let path = data_dir.path().join(INTERNAL_TOKEN);
        settings.internal_token = Some(SecretString::from(keep(&path, || Ok(new_token()))?));
    }
    Ok(())
}

/// Reads a file, which is made first where it is missing, for its owner's eyes only.
fn keep(path: &Path, make: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let content = make()?;
            write_atomically(path, content.as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))?;
            Ok(content)
        }
        read => read.with_context(|| format!("cannot read {}", path.display())),
    }
}

/// 256 random bits.
fn new_token() -> String {
    hex::encode(rand::random::<[u8; 32]>())
}
