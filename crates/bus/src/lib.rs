//! Typed events and jobs on NATS JetStream.
//!
//! A service appends an [`Event`] to its [`outbox`] in the transaction that changes its
//! state; the [`Relay`] publishes it; [`Bus::consume`] hands it to others at least once, so
//! consumers are idempotent. Jobs go straight to the `JOBS` stream: they are hints, and
//! PostgreSQL is the only clock that retries them (refresh protocol, section 3).
//!
//! Names of streams and subjects: interfaces section 7.

mod bus;
mod consumer;
mod event;
mod headers;
mod journal;
pub mod outbox;
mod relay;
mod replay;
mod streams;
mod watermark;

pub use bus::{Bus, Config, Error};
pub use consumer::{Delivery, Subscription, Verdict};
pub use event::Event;
pub use journal::Journal;
pub use relay::Relay;
pub use replay::Replay;
pub use streams::Stream;
