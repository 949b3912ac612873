//! What the servers of a data directory keep from run to run: ports and passwords.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Error;
use crate::data_dir::{DataDir, write_atomically};

const FILE: &str = "servers.json";

/// The ports and passwords of the servers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    #[serde(skip)]
    file: PathBuf,
    pub(super) postgres: Access,
    pub(super) nats: Access,
    pub(super) valkey: Access,
}

/// How one server is reached on the loopback interface.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Access {
    /// The port of the last run, used again while it is free: URLs that a
    /// person has noted keep working.
    pub(super) port: u16,
    pub(super) password: String,
}

impl State {
    /// Reads the state of `data_dir`, or makes one with new passwords.
    pub(super) fn load(data_dir: &DataDir) -> Result<Self, Error> {
        let file = data_dir.path().join(FILE);
        let unusable = |source| Error::State {
            path: file.clone(),
            source,
        };
        match fs::read(&file) {
            Ok(text) => {
                let state: Self =
                    serde_json::from_slice(&text).map_err(|error| unusable(error.into()))?;
                Ok(Self { file, ..state })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(file),
            Err(error) => Err(unusable(error)),
        }
    }

    /// Saved at once: PostgreSQL is set up with the password, and needs it ever after.
    fn create(file: PathBuf) -> Result<Self, Error> {
        let state = Self {
            file,
            postgres: Access::new(),
            nats: Access::new(),
            valkey: Access::new(),
        };
        state.save()?;
        Ok(state)
    }

    /// Writes the state, readable by its owner only.
    pub(super) fn save(&self) -> Result<(), Error> {
        serde_json::to_vec_pretty(self)
            .map_err(io::Error::from)
            .and_then(|text| write_atomically(&self.file, &text))
            .map_err(|source| Error::State {
                path: self.file.clone(),
                source,
            })
    }
}

impl Access {
    fn new() -> Self {
        Self {
            port: 0,
            password: hex::encode(rand::random::<[u8; 32]>()),
        }
    }

    /// Chooses the port of this run: the last one, or else any that is free.
    pub(super) fn choose_port(&mut self) -> io::Result<()> {
        if self.port == 0 || !is_free(self.port) {
            self.port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
                .local_addr()?
                .port();
        }
        Ok(())
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// Tells whether a server could listen on `port` now.
pub(super) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_passwords_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(folder.path()).unwrap();
        let mut first = State::load(&data_dir).unwrap();
        first.nats.choose_port().unwrap();
        first.save().unwrap();

        let mut second = State::load(&data_dir).unwrap();
        second.nats.choose_port().unwrap();

        assert_eq!(second.nats.port, first.nats.port);
        assert_eq!(second.nats.password, first.nats.password);
    }

    #[test]
    fn a_port_that_somebody_took_is_given_up() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut access = Access::new();
        access.port = taken.local_addr().unwrap().port();

        access.choose_port().unwrap();

        assert_ne!(access.port, taken.local_addr().unwrap().port());
    }
}
