//! The real servers that `dev` and the tests run on: PostgreSQL, NATS and
//! Valkey as child processes, on loopback ports that were free, with passwords
//! of their own. Each can be replaced by a URL.
//!
//! They are started in a process group each, so that a Ctrl-C reaches only us
//! and nothing loses its server before it has stopped. What outlives a `kill -9`
//! is found by the next start through its pid file and stopped first.

mod account;
mod binaries;
mod error;
mod identity;
mod nats;
mod pid_file;
mod plan;
mod postgres;
mod postgres_home;
mod probe;
mod process;
mod set;
mod start;
mod state;
mod supervise;
mod valkey;

pub(crate) use error::Error;
pub(crate) use postgres_home::remove as remove_postgres_home;
pub(crate) use set::{Durability, Servers, Urls, to_start};
pub(crate) use start::stop_leftovers;

use std::path::PathBuf;

use pid_file::PidFile;

/// The log and the pid file of one server.
#[derive(Clone, Debug)]
struct Files {
    log: PathBuf,
    pid_file: PidFile,
}
