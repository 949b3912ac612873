//! Drives a running sandbox over HTTP as browsers, clients and tests do.

#![cfg(test)]

mod admin;
mod authorization;
mod clients;
mod discovery;
mod exchange;
mod faults;
mod journal;
mod provider;
mod restart;
mod revocation;
mod rotation;
mod userinfo;
