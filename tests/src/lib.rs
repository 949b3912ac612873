//! The whole product in one process, for end-to-end tests: every service over real sockets,
//! beside the real servers and the sandbox provider.
//!
//! A [`Stack`] has a database, a NATS prefix and a Redis prefix to itself. What drives it is
//! what its users have: the public REST API through an [`Application`], and a [`Browser`].
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "test support fails by panicking"
)]

mod application;
mod browser;
mod connectors;
mod credential;
mod environment;
mod messages;
mod options;
mod parts;
mod sandbox;
mod stack;
mod wire;
mod written;

pub use application::{Answer, Application, UserSession};
pub use browser::{Browser, Landing};
pub use credential::Credential;
pub use environment::{Environment, KeyPair, bearing};
pub use messages::Message;
pub use options::Options;
pub use stack::Stack;
pub use written::Written;
