//! All SQL of the vault, a module for each table.

pub(crate) mod breaker;
pub(crate) mod client_secret;
pub(crate) mod credential;
pub(crate) mod lock;
pub(crate) mod on_demand;
pub(crate) mod projection;
pub(crate) mod provider_config;
pub(crate) mod quarantine;
pub(crate) mod rejection;
pub(crate) mod restore;
pub(crate) mod rotation_attempt;
pub(crate) mod tombstone;
pub(crate) mod upkeep;
pub(crate) mod used_state;
