//! The key ring: seals every secret that Work API stores, and opens it again.
//!
//! A [`KeyRing`] is a TOML file of named keys, each for one [`Purpose`]. The
//! first key of a purpose seals, every key of it opens, so a key is rotated by
//! putting a new one before it. A program is given a ring with the keys of its
//! own purposes only.
//!
//! Sealing is AES-256-GCM. Each row has its own key, derived from the ring key
//! with the row's random [`Salt`]: the limit on random nonces then counts per
//! row, and whoever destroys the salt has shredded every copy of the row. The
//! place of a value, its [`Slot`], is authenticated with it, so a ciphertext
//! moved to another row, column, grant, generation or installation does not open.
//!
//! This crate does not store anything and does not fetch keys from a key
//! service.

mod error;
mod file;
mod purpose;
mod ring;
mod seal;
mod slot;

pub use error::Error;
pub use file::KeyRingFile;
pub use purpose::Purpose;
pub use ring::KeyRing;
pub use seal::key_id;
pub use slot::{Salt, Slot};
