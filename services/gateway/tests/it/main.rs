//! The gateway over real sockets, with servers of our own contract behind it.

#![cfg(test)]

mod admin;
mod authorization;
mod backend;
mod callback;
mod errors;
mod integration_status;
mod integrations;
mod limits;
mod schema;
mod stack;
mod user_tokens;
mod users;
