//! What the journal and the spill file keep of an answer: enough to store it where nothing else is.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use sqlx::types::time::OffsetDateTime;
use workapi_keyring::{KeyRing, Purpose, Salt, Slot};
use workapi_types::{AttemptId, Clock, GrantId, IntegrationId};
use zeroize::Zeroizing;

use crate::answer::{Origin, SealedAnswer};
use crate::protocol::Answer;
use crate::sealing::SealedPair;
use crate::tokens::Deadlines;
use crate::{Error, Grant};

/// The format of an entry. Another one is refused: what it holds may be the only copy.
const FORMAT: u32 = 1;

/// A provider's answer as the second and third sink keep it.
///
/// Only names stand in the open. The sealed part holds the pair as it was sealed for its row, the
/// row's salt, and the grant, so that the whole credential can be stored again. It opens with the
/// key ring's refresh keys only.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    format: u32,
    pub(crate) integration_id: IntegrationId,
    pub(crate) grant_id: GrantId,
    pub(crate) generation: i64,
    attempt_id: Option<AttemptId>,
    salt: String,
    sealed: String,
}

/// The sealed part.
#[derive(Serialize, Deserialize)]
struct Content {
    origin: Origin,
    grant: Grant,
    access: String,
    refresh: Option<String>,
    key_id: String,
    salt: String,
    scopes: String,
    scopes_changed: bool,
    has_new_refresh_token: bool,
    /// When the deadlines were counted, in seconds since 1970.
    counted_at: f64,
    deadlines: Deadlines,
}

impl Entry {
    /// Makes an entry of an answer.
    pub(crate) fn seal(keyring: &KeyRing, answer: &SealedAnswer) -> Result<Self, Error> {
        let salt = Salt::random()?;
        let content = Content {
            origin: answer.origin.clone(),
            grant: answer.grant.clone(),
            access: BASE64.encode(&answer.pair.access),
            refresh: answer
                .pair
                .refresh
                .as_ref()
                .map(|token| BASE64.encode(token)),
            key_id: answer.pair.key_id.clone(),
            salt: BASE64.encode(answer.salt.as_bytes()),
            scopes: answer.scopes.clone(),
            scopes_changed: answer.scopes_changed,
            has_new_refresh_token: answer.has_new_refresh_token,
            counted_at: unix_now(),
            deadlines: answer.deadlines_now(),
        };
        let mut entry = Self {
            format: FORMAT,
            integration_id: answer.integration_id.clone(),
            grant_id: answer.grant_id,
            generation: answer.generation,
            attempt_id: answer.origin.attempt_id(),
            salt: BASE64.encode(salt.as_bytes()),
            sealed: String::new(),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&content).map_err(corrupt)?);
        let sealed = keyring.seal(Purpose::Refresh, &salt, &entry.slot(), &plain)?;
        entry.sealed = BASE64.encode(sealed);
        Ok(entry)
    }

    /// Returns the answer of which the entry was made.
    pub(crate) fn open(self, keyring: &KeyRing) -> Result<SealedAnswer, Error> {
        let salt = Salt::from_slice(&decode(&self.salt)?)?;
        let sealed = decode(&self.sealed)?;
        let plain = Zeroizing::new(keyring.open(Purpose::Refresh, &salt, &self.slot(), &sealed)?);
        let content: Content = serde_json::from_slice(&plain).map_err(corrupt)?;
        let elapsed = Duration::from_secs_f64((unix_now() - content.counted_at).max(0.0));
        Ok(SealedAnswer {
            origin: content.origin,
            grant: content.grant,
            pair: SealedPair {
                access: decode(&content.access)?,
                refresh: content.refresh.as_deref().map(decode).transpose()?,
                key_id: content.key_id,
            },
            salt: Salt::from_slice(&decode(&content.salt)?)?,
            has_new_refresh_token: content.has_new_refresh_token,
            scopes: content.scopes,
            scopes_changed: content.scopes_changed,
            deadlines: content.deadlines.later(elapsed),
            sealed_at: Instant::now(),
            integration_id: self.integration_id,
            grant_id: self.grant_id,
            generation: self.generation,
        })
    }

    /// Names the answer of which the entry was made.
    pub(crate) fn named(&self) -> Answer {
        Answer {
            grant_id: self.grant_id,
            generation: self.generation,
            attempt_id: self.attempt_id,
        }
    }

    /// Reads an entry as [`Entry::to_bytes`] writes it.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let entry: Self = serde_json::from_slice(bytes).map_err(corrupt)?;
        if entry.format == FORMAT {
            Ok(entry)
        } else {
            Err(Error::Corrupt("format of a journal entry"))
        }
    }

    /// Returns the entry as it is stored.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(corrupt)
    }

    fn slot(&self) -> Slot<'_> {
        Slot {
            table: "journal",
            row: self.integration_id.as_str(),
            column: "entry",
            grant: Some(self.grant_id),
            generation: self.generation,
        }
    }
}

fn decode(text: &str) -> Result<Vec<u8>, Error> {
    BASE64.decode(text).map_err(corrupt)
}

/// The source may quote what is sealed, so it is left out.
fn corrupt<Source>(_: Source) -> Error {
    Error::Corrupt("journal entry")
}

/// The wall clock: an entry is read by other processes, and monotonic clocks are not shared.
fn unix_now() -> f64 {
    (Clock::system().now() - OffsetDateTime::UNIX_EPOCH).as_seconds_f64()
}
