//! The vault on a real PostgreSQL. Each call is made with the role of the program that makes
//! it, so that a missing privilege fails the test of what needs it.
#![cfg(test)]

mod breaker;
mod client_secret;
mod concurrency;
mod connect;
mod credential;
mod delete;
mod exchange;
mod exchange_in_flight;
mod expiring;
mod failure;
mod fixture;
mod inspection;
mod keep_alive;
mod late_answer;
mod listing;
mod model;
mod new_grant;
mod on_demand;
mod outage;
mod poisoned_revocation;
mod postpone;
mod probe;
mod projection;
mod provider_config;
mod refresh_token;
mod restore;
mod revocation;
mod roles;
mod rotation;
mod schedule;
mod scopes;
mod secrecy;
mod siblings;
mod sinks;
mod status;
mod stuck;
mod telling;
mod unknown_rejection;
mod unresolved;
mod upkeep;
mod urgency;
