//! End-to-end tests: the whole stack, driven through the public REST API.
#![cfg(test)]

mod authlib;
mod connect;
