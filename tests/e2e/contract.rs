//! Contract tests: what the original SDKs send is answered as they need it (wire contract sections
//! 3, 7 and 8), whole answers compared, status line and headers included.

mod apt;
mod authorization;
mod errors;
mod kotlin;
mod requests;
mod ruby_documents;
mod ruby_integrations;
mod ruby_users;
mod sdk;
