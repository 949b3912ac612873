//! A real OAuth 2.0 authorization server for development and tests.
//!
//! It does what the providers that Work API connects to do: discovery, a
//! consent page, PKCE, single-use authorization codes, ID tokens, refresh token
//! rotation of the classes A to D, revocation with its reach, userinfo. On its
//! admin listener it can be told to fail, and it answers how often it really
//! saw what, which is what tests of a client want to know.
//!
//! Two fixed accounts replace signing in, and everything is in memory, or in
//! one file with [`Config::state_file`]: this is no server for real users.

mod accounts;
mod admin;
mod app;
mod authorize;
mod bearer;
mod chance;
mod clients;
mod concurrency;
mod config;
mod control;
mod counters;
mod credentials;
mod discovery;
mod error;
mod faults;
mod grant;
mod journal;
mod ledger;
mod page;
mod parameters;
mod pkce;
mod refusal;
mod revoke;
mod sandbox;
mod scope;
mod serve;
mod signing;
mod store;
mod token;
mod token_key;
mod userinfo;
mod witness;

pub use chance::{FaultCounts, FaultRates};
pub use clients::{Client, ClientChange, InvalidClient, RevocationReach, RotationClass};
pub use config::Config;
pub use control::{Control, NewGrant, Standing};
pub use error::Error;
pub use journal::{Answer, Presentation};
pub use sandbox::{Clients, Sandbox};
