//! The public REST API: one file a resource, and what all of them need.

mod authorization;
mod bearer;
mod body;
mod callback;
mod envelope;
mod error;
mod guard;
mod health;
mod integration_status;
mod integrations;
mod json_api;
mod linger;
mod openapi;
mod page;
mod parameters;
mod router;
mod tracked;
mod users;

pub(crate) use router::{Gateway, router};
