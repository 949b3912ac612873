//! The vault on a real PostgreSQL. Each call is made with the role of the program that makes
//! it, so that a missing privilege fails the test of what needs it.
#![cfg(test)]

mod concurrency;
mod connect;
mod credential;
mod delete;
mod exchange;
mod exchange_in_flight;
mod failure;
mod fixture;
mod late_answer;
mod new_grant;
mod outage;
mod projection;
mod provider_config;
mod refresh_token;
mod restore;
mod revocation;
mod roles;
mod rotation;
mod schedule;
mod secrecy;
mod siblings;
mod sinks;
mod unresolved;
mod upkeep;
