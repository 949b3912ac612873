//! The binary as people and scripts use it.

#![cfg(test)]

mod apt;
mod binary;
mod configuration;
mod healthcheck;
mod key;
mod with_servers;
