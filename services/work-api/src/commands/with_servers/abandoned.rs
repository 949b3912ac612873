//! Temporary data directories, and those of runs that were killed.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::geteuid;
use tempfile::TempDir;
use workapi_config::Settings;

use crate::data_dir::DataDir;
use crate::servers;

const PREFIX: &str = "work-api-test-";

/// A younger folder may belong to a run that has not locked it yet.
const MIN_AGE: Duration = Duration::from_mins(1);

/// Makes the folder of a run; it is removed when the value is dropped.
pub(super) fn new_folder() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix(PREFIX).tempdir()
}

/// Returns the settings of the run in `folder`: a chosen home of PostgreSQL is
/// that of `dev`, so a run has its own inside it.
pub(super) fn settings_of(settings: &Settings, folder: &Path) -> Settings {
    let mut settings = settings.clone();
    if let (Some(home), Some(name)) = (&mut settings.postgres_home, folder.file_name()) {
        home.push(name);
    }
    settings
}

/// Stops and removes what killed runs of this user left behind.
pub(super) async fn remove(settings: &Settings) {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let is_ours = entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PREFIX.as_bytes())
            && is_old_folder_of_this_user(&path).unwrap_or(false);
        if !is_ours {
            continue;
        }
        // A run that still goes on holds the lock.
        if let Ok(data_dir) = DataDir::open(&path) {
            servers::stop_leftovers(&data_dir).await;
            servers::remove_postgres_home(data_dir.path(), &settings_of(settings, &path));
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Everyone can make folders there, with notes of processes for us to stop.
fn is_old_folder_of_this_user(path: &Path) -> io::Result<bool> {
    let metadata = fs::symlink_metadata(path)?;
    let age = metadata.modified()?.elapsed().unwrap_or_default();
    Ok(metadata.is_dir() && metadata.uid() == geteuid().as_raw() && age >= MIN_AGE)
}
