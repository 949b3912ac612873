//! End-to-end tests: the whole stack, driven through the public REST API.
#![cfg(test)]

mod authlib;
mod authorization_response;
mod bad_input;
mod breaker;
mod client_secrets;
mod connect;
mod contract;
mod deleting;
mod deleting_in_flight;
mod deleting_siblings;
mod dependencies;
mod google;
mod grpc;
mod integration_status;
mod jobs;
mod limits;
mod mobile_codes;
mod on_demand;
mod outages;
mod provider_failures;
mod refresh_failures;
mod refreshing;
mod replicas;
mod restoring;
mod scheduling;
mod secrecy;
mod traces;
