//! The service kit over real sockets.
#![cfg(test)]

mod client;
mod drain;
mod echo;
mod grpc;
mod http;
mod operations;
mod server;
mod signals;
mod trace;
