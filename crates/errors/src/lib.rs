//! One small set of error codes and what each means on every wire: the gRPC
//! status with its `ErrorInfo`, the HTTP status, and the public REST code with its
//! fixed sentence (contract section 3.3, interfaces section 6).
//!
//! A service raises an [`Error`]; gRPC carries it as a [`tonic::Status`]; the gateway
//! gets the same [`Error`] back and writes the public document.

mod code;
mod error;
mod status;

pub use code::Code;
pub use error::Error;
