//! What can go wrong before a statement runs, and how to tell "away" from "wrong".

/// A failure to reach or prepare a database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL does not parse.
    #[error(
        "the PostgreSQL URL is not valid; expected postgres://user:password@host:port/database"
    )]
    InvalidUrl,
    /// The server did not accept a connection.
    #[error("failed to connect to PostgreSQL at {server}")]
    Connect {
        /// Host and port, without credentials.
        server: String,
        /// The driver's error.
        source: sqlx::Error,
    },
    /// A database could not be created.
    #[error("failed to create the database {name}")]
    Create {
        /// The database's name.
        name: String,
        /// The driver's error.
        source: sqlx::Error,
    },
    /// The database lacks migrations.
    #[error("the database {database} lacks migrations ({}): run `work-api migrate`", .missing.join(", "))]
    Unmigrated {
        /// The database's name.
        database: String,
        /// The versions and descriptions of what is missing.
        missing: Vec<String>,
    },
    /// A migration failed, or the database has others than this program.
    #[error("failed to migrate the database {name}")]
    Migrate {
        /// The database's name.
        name: String,
        /// The migrator's error.
        source: sqlx::migrate::MigrateError,
    },
}

/// Returns whether `error` says that the server can't be reached or can't serve this now, so
/// that the same request may succeed later.
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(database) => database.code().is_some_and(|code| is_passing(&code)),
        _ => false,
    }
}

/// Returns whether an SQLSTATE tells of something that passes by itself.
fn is_passing(code: &str) -> bool {
    // 08: connection exception; 40: rolled back, as for a deadlock; 53: insufficient
    // resources; 57: operator intervention (shutdown, starting up, `statement_timeout`).
    let classes = ["08", "40", "53", "57"];
    // 25006: a read-only replica; 55P03: `lock_timeout`.
    let codes = ["25006", "55P03"];
    classes.iter().any(|class| code.starts_with(class)) || codes.contains(&code)
}
