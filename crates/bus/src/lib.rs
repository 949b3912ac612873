//! Typed events and jobs on NATS JetStream.
//!
//! A service appends an [`Event`] to its [`outbox`] in the transaction that changes its
//! state; the [`Relay`] publishes it; [`Bus::consume`] hands it to others at least once, so
//! consumers are idempotent. Jobs go straight to the `JOBS` stream: they are hints, and
//! PostgreSQL is the only clock that retries them (refresh protocol, section 3).
//!
//! Requests and notes go over core NATS and are stored nowhere (section 10).
//!
//! Names of streams and subjects: interfaces section 7.

mod bus;
mod consumer;
mod dead_letters;
mod event;
mod headers;
mod journal;
pub mod outbox;
mod queue;
mod relay;
mod replay;
mod requests;
mod streams;
mod watermark;

pub use bus::{Bus, Config, Error};
pub use consumer::{Delivery, Subscription, Verdict};
pub use dead_letters::DeadLetter;
pub use event::Event;
pub use journal::{Journal, Kept as KeptMessage};
pub use relay::Relay;
pub use replay::Replay;
pub use requests::{Notes, RequestError};
pub use streams::Stream;
