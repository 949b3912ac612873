//! The gateway: the public REST API in, gRPC out.
//!
//! For the developers' applications and their SDKs it speaks the JSON:API of the wire contract,
//! for browsers it ends authorizations with a page or a redirect, for operators a second port
//! forwards the admin services. It verifies user tokens and limits what reaches the services; it
//! owns no data and decides nothing about any.

mod admin;
mod config;
mod rest;
mod service;
mod upstream;
mod user_tokens;

pub use config::Config;
pub use service::{Error, Service};
