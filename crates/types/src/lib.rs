//! The vocabulary of Work API: ids, secrets, scopes, media types and the clock.
//!
//! Every crate speaks in these types. They validate on construction, so a value
//! that exists is well formed, and they do no I/O.

mod clock;
mod id;
mod media_type;
mod provider_name;
mod scopes;
mod secret;

pub use clock::Clock;
pub use id::{
    AttemptId, EnvironmentGuid, GrantId, IntegrationId, InvalidId, ProviderConfigId, UserId,
};
pub use media_type::{MediaType, UnknownMediaType};
pub use provider_name::{InvalidProviderName, ProviderName};
pub use scopes::Scopes;
pub use secret::{
    AccessToken, AuthorizationCode, AuthorizationState, ClientSecret, CodeVerifier, IdToken,
    RefreshToken,
};
