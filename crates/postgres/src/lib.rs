//! PostgreSQL for every service: one pool with a role, transactions that are tried
//! again when the server asks for it, and migrations.
//!
//! It knows no table. Statements live in the `store` modules of their owners.

mod database;
mod error;
mod migrations;

pub use database::{Config, Database};
pub use error::{Error, is_unavailable};
pub use migrations::{create_database, migrate, pending_migrations};
