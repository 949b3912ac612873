//! End-to-end tests: the whole stack, driven through the public REST API.

mod connect;
