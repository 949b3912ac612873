//! A model of the refresh protocol, explored state by state.
//!
//! One integration, its provider, PostgreSQL, the journal, two refreshers with a spill file each,
//! and `auth`, which connects. [`State`](state::State) says what each of them holds,
//! [`Action`](action::Action) what may happen next. Where the protocol decides, the model asks
//! `workapi_vault::protocol`, the same functions as the product. [`Invariant`](invariant::Invariant)
//! is what must hold wherever a sequence of actions leads.
//!
//! Small worlds are searched exhaustively (`exhaustive`), large ones at random (`random`). Each
//! known way to get the protocol wrong is a [`Mutant`](rules::Mutant), and has to be found out
//! (`mutants`, `found`).
//!
//! What the model takes for granted:
//! - A tick is 30 seconds. A process that is neither dead nor stalled does within a tick what it can.
//! - A provider has handled a request, or never will, when the lease ends under which it was sent.
//! - A tombstone, an attempt and a row are written in one transaction; a transaction is atomic.
//! - The spill file of a process is read by nobody else.

mod action;
mod algebra;
mod budget;
mod connecting;
mod ending;
mod exhaustive;
mod failing;
mod found;
mod invariant;
mod mutants;
mod places;
mod provider;
mod random;
mod recovery;
mod refreshing;
mod rules;
mod search;
mod sinks;
mod state;
mod turmoil;
