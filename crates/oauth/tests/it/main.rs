//! The client against a provider that answers over real sockets.

#![cfg(test)]

mod account;
mod authorization;
mod exchange;
mod golden;
mod provider;
mod refresh;
mod revoke;
mod secrets;
mod signer;
mod transport;
