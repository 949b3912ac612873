//! PostgreSQL for every service: one pool with a role, migrations, and how to tell a server
//! that is away from a request that is wrong.
//!
//! It knows no table. Statements live in the `store` modules of their owners.

mod connection;
mod database;
mod error;
mod migrations;

pub use database::{Config, Database};
pub use error::{Error, is_unavailable};
pub use migrations::{create_database, migrate, pending_migrations};
