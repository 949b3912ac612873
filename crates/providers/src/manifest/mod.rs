//! A provider's manifest, and the format of its file.
//!
//! The file is `<provider>.toml`; the name matches `[a-z][a-z0-9_]{0,31}` and is
//! the provider's code in the API. A key that is not listed here is refused.
//!
//! | key | meaning | default |
//! |---|---|---|
//! | `display_name` | the name for people | required |
//! | `media_types` | which of `email`, `event`, `file` it serves | required, at least one |
//! | `issuer` | the issuer identifier: the `iss` of ID tokens and of callbacks, which are checked | none |
//! | `endpoints.authorize` | where the browser is sent | required |
//! | `endpoints.token` | where codes and refresh tokens are exchanged | required |
//! | `endpoints.userinfo` | who the account is | needed for `account.source = "userinfo"` |
//! | `endpoints.revoke` | where tokens are revoked | needed for `revocation.style = "rfc7009"` |
//! | `endpoints.jwks` | the keys that sign ID tokens | needed for `account.source = "id_token"` |
//! | `api.<media type>` | base URL of the API for a media type | none |
//! | `scopes.base` | scopes asked for in every case | `[]` |
//! | `scopes.<media type>` | scopes asked for in addition; one list for each media type | required |
//! | `authorization.pkce` | `S256`, or `none` where the provider rejects it | `S256` |
//! | `authorization.offline` | whether a refresh token is asked for, and its absence an error | `true` |
//! | `authorization.params` | further parameters of the authorization request | `{}` |
//! | `authorization.iss_required` | whether a callback without `iss` is refused; needs `issuer` | `false` |
//! | `token.client_auth` | how the client authenticates: `post`, `basic`, `none` | `post` |
//! | `token.body` | format of the token request: `form`, `json` | `form` |
//! | `token.default_expires_in_seconds` | life of an access token whose answer does not tell it | 3600 |
//! | `token.deadline_seconds` | the longest that an exchange may take, 1 to 300 | 30 |
//! | `mobile.redirect_uri` | `redirect_uri` for codes from mobile devices: `empty`, `omit`, `postmessage` | absent: refused |
//! | `account.source` | who tells the account: `id_token`, `userinfo` | required |
//! | `account.subject` | the member with the account's stable id | `sub` |
//! | `account.claim` | the member that is shown to people | `email` |
//! | `account.method` | how the userinfo endpoint is asked: `GET`, `POST` | `GET` |
//! | `account.headers` | further headers of that request | `{}` |
//! | `revocation.style` | `rfc7009`, or `none` where tokens can't be revoked | `none` |
//! | `revocation.token` | which token is sent: `refresh`, `access` | `refresh` |
//! | `revocation.reach` | what else dies with it: `none`, `token`, `grant`, `project` | `grant` |
//! | `refresh.class` | how refresh tokens rotate: `A`, `B`, `C`, `D` | `D` |
//! | `refresh.grace_seconds` | how long a used refresh token still works; needed for class C | none |
//! | `refresh.max_concurrency` | exchanges at one time for one client | 16 |
//! | `refresh.max_per_second` | exchanges a second for one client | none |
//! | `refresh.idle_days` | life of a refresh token that is not used | none |
//! | `refresh.absolute_days` | life of a grant | none |
//! | `refresh.max_grants` | grants of one account that the provider keeps for one client | no limit |
//! | `refresh.keep_fresh_days` | how long after its last use a credential is refreshed ahead; 0: always | 7 |
//! | `[[errors]]` | rules for the errors of the token endpoint, first match first: `status` and `error` (one or both), `subtype` with `error`, `cause`, `action` | `[]` |
//!
//! In a rule, `error` is the member `error`, or `code` where an answer has no `error`;
//! `subtype` is the member `error_subtype` or `suberror`. The text for people is never
//! looked at. `cause = "provider_unavailable"` says as well that the provider may have
//! acted on the request; every other refusal with a status below 500 had no effect.
//!
//! Every URL is `https://`, or `http://` to a loopback host. The values of `cause`
//! are those of [`Cause`](crate::Cause), of `action` those of
//! [`Action`](crate::Action). A file with the name of a built-in manifest is
//! merged over it key by key, and an array replaces the array.

mod account;
mod authorization;
mod document;
mod error_rule;
mod refresh;
mod revocation;
mod scopes;
mod secure_url;
mod token;
mod validated;

pub use account::{Account, AccountSource, IdTokenIssuer, UserinfoMethod};
pub use authorization::{Authorization, Pkce};
pub(crate) use document::Document;
pub use error_rule::ErrorRule;
pub use refresh::{Refresh, RotationClass};
pub use revocation::{Reach, Revocation, RevocationToken};
pub use token::{BodyFormat, ClientAuth, TokenEndpoint};
pub use validated::{Manifest, MediaTypeRefused, MobileRedirect};
