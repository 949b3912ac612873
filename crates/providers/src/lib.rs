//! The catalogue of providers: everything Work API knows about a provider is a
//! manifest, which is data.
//!
//! Manifests of well-known providers are built in; a directory adds others or
//! overrides single keys. [`manifest`] describes the format. This crate reads and
//! checks manifests, it talks to nobody.

mod catalogue;
mod cause;
mod error;
mod layer;
pub mod manifest;

pub use catalogue::{Catalogue, UnknownProvider};
pub use cause::{Action, Cause, UnknownName};
pub use error::Error;
pub use manifest::{
    Account, AccountSource, Authorization, BodyFormat, ClientAuth, ErrorRule, IdTokenIssuer,
    Manifest, MediaTypeRefused, MobileRedirect, Pkce, Reach, Refresh, Revocation, RevocationToken,
    RotationClass, TokenEndpoint, UserinfoMethod,
};
