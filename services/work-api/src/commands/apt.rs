//! `work-api apt`: signs an account provider token (APT, contract section 1.2).

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use workapi_types::{Clock, EnvironmentGuid};

use crate::cli::{Format, Output};
use crate::console;

const ISSUER: &str = concat!("work-api CLI v", env!("CARGO_PKG_VERSION"));

/// The server refuses a longer life (interfaces section 6).
const MAX_TTL_SECONDS: i64 = 7 * 24 * 60 * 60;

/// What to sign, and with which key.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The guid of the environment
    #[arg(long, value_name = "GUID")]
    environment: EnvironmentGuid,
    /// The environment's private RSA key, as PEM (PKCS#8 or PKCS#1)
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The user that the token is for; needed to reauthorize or delete one, not to create one
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    arbitrary_id: Option<String>,
    /// How many seconds the token is good for
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(i64).range(1..=MAX_TTL_SECONDS))]
    ttl: i64,
    #[command(flatten)]
    output: Output,
}

/// The claims in the order and with the names of the original SDKs.
#[derive(Debug, Serialize)]
pub(crate) struct Claims<'a> {
    exp: i64,
    iat: i64,
    iss: &'static str,
    user: User<'a>,
}

#[derive(Debug, Serialize)]
struct User<'a> {
    environment_guid: EnvironmentGuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    arbitrary_id: Option<&'a str>,
}

/// Prints a new token.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let key = options.key.display();
    let pem = fs::read(&options.key).with_context(|| format!("cannot read the key {key}"))?;
    let now = Clock::system().unix_seconds();
    let claims = Claims::new(
        options.environment,
        options.arbitrary_id.as_deref(),
        now,
        options.ttl,
    );
    let signed = EncodingKey::from_rsa_pem(&pem).and_then(|key| sign(&claims, &key));
    let token = signed.with_context(|| {
        format!("cannot sign with {key}, which must be an RSA private key in PEM")
    })?;

    match options.output.output {
        Format::Plain => console::result(token)?,
        Format::Json => {
            let expires_at = OffsetDateTime::from_unix_timestamp(claims.exp)?.format(&Rfc3339)?;
            console::result(json!({ "token": token, "expires_at": expires_at }))?;
        }
    }
    Ok(())
}

impl<'a> Claims<'a> {
    /// Makes the claims of a token that is good for `ttl` seconds from `now` on.
    pub(crate) fn new(
        environment_guid: EnvironmentGuid,
        arbitrary_id: Option<&'a str>,
        now: i64,
        ttl: i64,
    ) -> Self {
        Self {
            exp: now + ttl,
            iat: now,
            iss: ISSUER,
            user: User {
                environment_guid,
                arbitrary_id,
            },
        }
    }
}

/// Signs with the private key of the environment.
pub(crate) fn sign(claims: &Claims<'_>, key: &EncodingKey) -> jsonwebtoken::errors::Result<String> {
    let mut header = Header::new(Algorithm::RS256);
    // The header of an APT is exactly `{"alg":"RS256"}`.
    header.typ = None;
    jsonwebtoken::encode(&header, claims, key)
}
