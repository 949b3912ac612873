//! What the sandbox must be told.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use url::Url;
use workapi_types::Clock;

use crate::clients::Client;

/// Configuration of the sandbox.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where browsers and clients connect; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the admin API listens. It is not protected: keep it on loopback.
    pub admin_listen: SocketAddr,
    /// The issuer, and the base of every public URL. By default it is
    /// `http://` and the bound address, so it is needed where that is none to
    /// connect to, as `0.0.0.0`.
    pub issuer: Option<Url>,
    /// Clients to register at start. The settings of one that the state file
    /// already has are replaced; its grants and counters stay.
    pub seed_clients: Vec<Client>,
    /// Where to keep the state over restarts, secrets included; the file is
    /// written with mode 0600 before any answer that depends on it is sent.
    /// `None` keeps everything in memory.
    pub state_file: Option<PathBuf>,
    /// Whether to remember every refresh token that is presented, for
    /// [`Control::journal`](crate::Control::journal). It takes memory without end.
    pub keep_journal: bool,
    /// Where the faults at random begin ([`FaultRates`](crate::FaultRates)).
    pub fault_seed: u64,
    /// What time it is when tokens are issued and when they expire.
    pub clock: Clock,
}

impl Default for Config {
    /// Listens on free loopback ports and keeps nothing.
    fn default() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen: any_port,
            admin_listen: any_port,
            issuer: None,
            seed_clients: Vec::new(),
            state_file: None,
            keep_journal: false,
            fault_seed: 0,
            clock: Clock::system(),
        }
    }
}
