//! The binary as people and scripts use it.

#![cfg(test)]

mod admin;
mod admin_credentials;
mod admin_jobs;
mod application;
mod apt;
mod binary;
mod configuration;
mod demo;
mod dev;
mod healthcheck;
mod help;
mod key;
mod lifecycle;
mod process;
mod programs;
mod provider;
mod refusals;
mod with_servers;
