//! PostgreSQL: its first start, its options.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::chown;
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::digest;
use rustix::process::{Pid, Signal};
use tempfile::NamedTempFile;

use super::account::Account;
use super::identity::Identity;
use super::pid_file::StopSignals;
use super::plan::{Plan, detached};
use super::postgres_home::Home;
use super::probe::Probe;
use super::process::last_lines;
use super::state::Access;
use super::{Durability, Error, Files};
use crate::console;

const MAJOR_VERSION: &str = "18";
const USER: &str = "workapi";
/// The file in a cluster that tells whose it is: the hash of a random password.
const OWNER: &str = "work-api.owner";

/// Fast shutdown; then immediate shutdown, after which the next start recovers.
pub(super) const STOP_SIGNALS: StopSignals = [
    (Signal::INT, Duration::from_secs(3)),
    (Signal::QUIT, Duration::from_secs(1)),
    (Signal::KILL, Duration::from_secs(1)),
];

/// Says how PostgreSQL is started in `home`.
pub(super) fn plan(home: &Home, access: &Access, files: Files, durability: Durability) -> Plan {
    let data = home.data();
    let mut args = vec!["-D".into(), data.clone().into_os_string()];
    for option in options(access.port, durability) {
        args.push("-c".into());
        args.push(option.into());
    }
    Plan {
        name: "PostgreSQL",
        program: home.bin.join("postgres"),
        args,
        account: home.account.clone(),
        port: access.port,
        probe: Probe::PostmasterFile { data },
        stop_signals: STOP_SIGNALS,
        log: files.log,
        pid_file: files.pid_file,
    }
}

/// Returns the URL of the server, with its own database `postgres`.
pub(super) fn url(access: &Access) -> String {
    let Access { port, password } = access;
    format!("postgres://{USER}:{password}@127.0.0.1:{port}/postgres")
}

fn options(port: u16, durability: Durability) -> Vec<String> {
    let mut options = vec![
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        // Socket paths are limited to about 100 bytes, data directories are not.
        "unix_socket_directories=".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
    ];
    let others: &[&str] = match durability {
        Durability::Durable => &["max_connections=200"],
        Durability::Throwaway => &[
            "max_connections=500",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
        ],
    };
    options.extend(others.iter().map(ToString::to_string));
    options
}

/// Makes the database cluster in `home` at the first start, and checks it at any other.
pub(super) async fn prepare_cluster(
    home: &Home,
    durability: Durability,
    password: &str,
) -> Result<(), Error> {
    let data = home.data();
    let Ok(version) = fs::read_to_string(data.join("PG_VERSION")) else {
        return create_cluster(home, durability, password).await;
    };
    if !is_owned(&data, password) {
        set_aside(home).map_err(|source| home.error(source))?;
        return create_cluster(home, durability, password).await;
    }
    if version.trim() != MAJOR_VERSION {
        return Err(Error::OtherPostgres {
            data,
            found: version.trim().to_owned(),
            ours: MAJOR_VERSION,
        });
    }
    remove_stale_pid_file(&data);
    Ok(())
}

/// Tells whether the cluster was made for this data directory. It can be outside of it, and is
/// still there when somebody has removed the data directory to begin anew; its password and the
/// keys to what it holds are gone then.
fn is_owned(data: &Path, password: &str) -> bool {
    fs::read_to_string(data.join(OWNER)).is_ok_and(|owner| owner == owner_of(password))
}

fn owner_of(password: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, password.as_bytes()))
}

/// Keeps the last cluster without an owner: who knows what somebody wants from it.
fn set_aside(home: &Home) -> io::Result<()> {
    let data = home.data();
    let aside = data.with_extension("old");
    if aside.exists() {
        fs::remove_dir_all(&aside)?;
    }
    fs::rename(&data, &aside)?;
    console::progress(&format!(
        "{} is of a data directory that is gone: kept as {}",
        data.display(),
        aside.display()
    ));
    Ok(())
}

/// Runs `initdb` beside the final place, so that an interrupted run leaves
/// nothing that looks complete.
async fn create_cluster(home: &Home, durability: Durability, password: &str) -> Result<(), Error> {
    let unusable = |source| home.error(source);
    let staging = home.staging().map_err(unusable)?;
    let password_file = password_file(home, password).map_err(unusable)?;
    let mut initdb = detached(&home.bin.join("initdb"), home.account.as_ref());
    initdb
        .arg("--pgdata")
        .arg(staging.path())
        .arg("--pwfile")
        .arg(password_file.path())
        .args(["--username", USER, "--auth", "scram-sha-256"])
        .args(["--encoding", "UTF8", "--locale", "C"])
        .args([
            "--locale-provider",
            "builtin",
            "--builtin-locale",
            "C.UTF-8",
        ]);
    if durability == Durability::Throwaway {
        initdb.arg("--no-sync");
    }
    let output = initdb.output().await.map_err(unusable)?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        return Err(Error::Initdb {
            data: home.data(),
            output: last_lines(&said),
        });
    }
    fs::write(staging.path().join(OWNER), owner_of(password)).map_err(unusable)?;
    fs::rename(staging.keep(), home.data()).map_err(unusable)
}

/// Puts the password where `initdb`, which may run as another user, can read it.
fn password_file(home: &Home, password: &str) -> io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new_in(&home.path)?;
    file.write_all(password.as_bytes())?;
    give_to(file.path(), home.account.as_ref())?;
    Ok(file)
}

/// Makes `path` a private possession of `account`.
pub(super) fn give_to(path: &Path, account: Option<&Account>) -> io::Result<()> {
    if let Some(account) = account {
        chown(path, Some(account.uid), Some(account.gid))?;
    }
    Ok(())
}

/// Removes the pid file of a PostgreSQL that was killed, if its process id now
/// belongs to another program: PostgreSQL would take that for itself and refuse.
fn remove_stale_pid_file(data: &Path) {
    let file = data.join("postmaster.pid");
    let holder = fs::read_to_string(&file)
        .ok()
        .and_then(|text| text.lines().next()?.trim().parse().ok())
        .and_then(Pid::from_raw)
        .and_then(Identity::of);
    if holder.is_some_and(|holder| holder.program() != Some("postgres")) {
        let _ = fs::remove_file(file);
    }
}
