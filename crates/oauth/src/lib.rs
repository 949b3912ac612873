//! The OAuth 2.0 client: everything that Work API says to a provider's
//! authorization server, and what it makes of the answers.
//!
//! It builds authorization URLs, exchanges codes, refreshes and revokes tokens,
//! learns which account was connected, and classifies errors. How a provider
//! wants to be spoken to comes from its manifest. It is built on the `oauth2` crate
//! and adds what real providers do beside the standard: errors with status 200,
//! forms for answers, numbers as strings, JSON for requests.
//!
//! It stores nothing, and retries nothing but a client secret that was refused: a call that was not
//! answered may have taken effect, and only its caller knows what that means. A
//! caller must not drop a call that was begun (refresh protocol, section 4).

mod account;
mod answer;
mod authorize;
mod classify;
mod client;
mod error;
mod exchange;
mod http_client;
mod id_token;
mod keys;
mod protocol;
mod refusal;
mod retry_after;
mod revoke;
mod secrets;

pub use account::{Account, AccountError};
pub use answer::TokenAnswer;
pub use authorize::{AuthorizationRequest, authorization_url, new_code_verifier, new_state};
pub use classify::{Classification, classify};
pub use client::Client;
pub use error::{ErrorCode, TokenError, TransportError};
pub use exchange::{ExchangeRequest, RedirectUri, RefreshRequest};
pub use http_client::{HttpClient, HttpClientError};
pub use id_token::IdTokenFault;
pub use revoke::{RevocableToken, RevokeError, RevokeRequest, Revoked};
