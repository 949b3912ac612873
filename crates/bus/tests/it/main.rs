//! The bus on a real NATS, under a prefix that no other test uses.
#![cfg(test)]

mod connection;
mod consumer;
mod dead_letter;
mod dead_letters;
mod fixture;
mod job;
mod outage;
mod outbox;
mod queue;
mod replay;
mod requests;
mod streams;
