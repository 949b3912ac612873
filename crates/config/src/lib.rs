//! The settings of every program: defaults, then an optional TOML file, then
//! the `WORK_API_*` environment, each layer over the one before.
//!
//! There is one flat set of names for all programs, so that a name means the
//! same thing everywhere: `postgres_url` in the file is `WORK_API_POSTGRES_URL`
//! in the environment. A secret can also be named by a file: `postgres_url_file`,
//! `WORK_API_POSTGRES_URL_FILE`. A name that nobody knows is refused.
//!
//! Loading opens no socket and reads no environment but the one it is given.
//! Which settings a program needs is decided where its own configuration is
//! made from these.

mod database;
mod error;
mod layer;
mod load;
mod origin;
mod parse;
mod settings;

pub use error::Error;
pub use load::{Entry, Loaded};
pub use origin::Origin;
pub use settings::{LogFormat, Settings};
