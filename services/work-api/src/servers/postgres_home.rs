//! Where PostgreSQL's data lives and, where we are root, its programs too: the
//! user that runs them must be able to reach both.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use rustix::process::geteuid;
use tempfile::TempDir;
use workapi_config::Settings;

use super::Error;
use super::account::Account;
use super::binaries::{Binaries, POSTGRES_BIN, POSTGRES_FOLDERS, VERSIONS};
use super::plan::detached;
use super::postgres::give_to;

/// Where homes are when we are root: a place that every user can reach, unlike
/// root's own home or a private temporary directory.
const SHARED_PARENT: &str = "/var/lib/work-api";

/// The folder of one data directory's PostgreSQL.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub(super) path: PathBuf,
    /// The folder of `postgres` and `initdb`.
    pub(super) bin: PathBuf,
    /// Who runs them, when it is not ourselves.
    pub(super) account: Option<Account>,
}

/// Returns the folder for the data directory `data_dir`, unless one is `chosen`.
pub(super) fn path(data_dir: &Path, chosen: Option<&Path>) -> PathBuf {
    match chosen {
        Some(chosen) => chosen.to_path_buf(),
        None if geteuid().is_root() => Path::new(SHARED_PARENT).join(hash(data_dir)),
        None => data_dir.join("postgres"),
    }
}

/// Removes what is outside the data directory `data_dir`, whose servers have stopped.
pub(crate) fn remove(data_dir: &Path, settings: &Settings) {
    let home = path(data_dir, settings.postgres_home.as_deref());
    if !home.starts_with(data_dir) {
        // It is not there when PostgreSQL was replaced by a URL.
        let _ = fs::remove_dir_all(home);
    }
}

/// Returns a short name that no two data directories share.
fn hash(data_dir: &Path) -> String {
    let digest = digest::digest(&digest::SHA256, data_dir.as_os_str().as_encoded_bytes());
    hex::encode(&digest.as_ref()[..8])
}

impl Home {
    /// Makes the folder and puts into it what is missing.
    pub(super) async fn prepare(path: PathBuf, binaries: &Binaries) -> Result<Self, Error> {
        let account = Account::for_postgres()?;
        let mut home = Self {
            bin: binaries.dir.join(POSTGRES_BIN),
            account,
            path,
        };
        home.create().map_err(|source| home.error(source))?;
        if home.account.is_some() {
            home.install(binaries).await?;
        }
        Ok(home)
    }

    /// Returns the folder of the database cluster.
    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// Returns a new empty folder that the account owns and that can be renamed
    /// to [`Home::data`].
    pub(super) fn staging(&self) -> io::Result<TempDir> {
        let staging = tempfile::Builder::new()
            .prefix("staging.")
            .tempdir_in(&self.path)?;
        give_to(staging.path(), self.account.as_ref())?;
        Ok(staging)
    }

    pub(super) fn error(&self, source: io::Error) -> Error {
        Error::PostgresHome {
            home: self.path.clone(),
            source,
        }
    }

    fn create(&self) -> io::Result<()> {
        let mode = if self.account.is_some() { 0o755 } else { 0o700 };
        DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(&self.path)?;
        // The umask may have closed what was just made.
        let parent = self
            .path
            .parent()
            .filter(|parent| *parent == Path::new(SHARED_PARENT));
        for made in parent.into_iter().chain([self.path.as_path()]) {
            fs::set_permissions(made, Permissions::from_mode(mode))?;
        }
        // What an interrupted start left behind.
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(b"staging.")
            {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// Copies the programs here, unless this version is here already, and sees
    /// whether the account can run them.
    async fn install(&mut self, binaries: &Binaries) -> Result<(), Error> {
        let programs = self.path.join("programs");
        self.bin = programs.join(POSTGRES_BIN);
        if !is_same_version(&binaries.dir, &programs) {
            let from = binaries.dir.clone();
            let to = programs.clone();
            tokio::task::spawn_blocking(move || copy_programs(&from, &to))
                .await
                .map_err(io::Error::other)
                .flatten()
                .map_err(|source| self.error(source))?;
        }
        self.check_reachable().await
    }

    async fn check_reachable(&self) -> Result<(), Error> {
        let version = detached(&self.bin.join("postgres"), self.account.as_ref())
            .arg("--version")
            .output()
            .await;
        match (&self.account, version) {
            (Some(account), Err(_)) => Err(self.unreachable(account)),
            (Some(account), Ok(output)) if !output.status.success() => {
                Err(self.unreachable(account))
            }
            _ => Ok(()),
        }
    }

    fn unreachable(&self, account: &Account) -> Error {
        Error::Unreachable {
            user: account.name.clone(),
            home: self.path.clone(),
        }
    }
}

/// The list of versions is copied last: a copy that was interrupted has none.
fn is_same_version(from: &Path, to: &Path) -> bool {
    let ours = fs::read(from.join(VERSIONS));
    let theirs = fs::read(to.join(VERSIONS));
    matches!((ours, theirs), (Ok(ours), Ok(theirs)) if ours == theirs)
}

fn copy_programs(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    create_open_folder(to)?;
    for folder in POSTGRES_FOLDERS {
        // The libraries have no folder of their own on macOS.
        if from.join(folder).exists() {
            copy_folder(&from.join(folder), &to.join(folder))?;
        }
    }
    fs::copy(from.join(VERSIONS), to.join(VERSIONS))?;
    Ok(())
}

/// Copies a folder so that every user can read it, whatever our umask was.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    create_open_folder(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if fs::metadata(entry.path())?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            let mode = fs::metadata(&target)?.permissions().mode();
            let for_all = if mode & 0o100 == 0 { 0o644 } else { 0o755 };
            fs::set_permissions(&target, Permissions::from_mode(for_all))?;
        }
    }
    Ok(())
}

fn create_open_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
}
