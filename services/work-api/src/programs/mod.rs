//! The programs, made from the settings. `dev` runs all of them in one process, the other
//! commands one each.

mod build;
mod run;

pub(crate) use build::{Builder, catalogue, key_ring};
pub(crate) use run::{Program, run};
