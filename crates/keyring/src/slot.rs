//! Where a sealed value belongs: the row's salt and the value's place.

use std::fmt;

use aws_lc_rs::rand;
use uuid::Uuid;
use workapi_types::GrantId;
use zeroize::Zeroize;

use crate::Error;

/// The random salt of one row, stored with it and the same for all its columns.
///
/// Without it nothing of the row can be opened: destroying it shreds the row.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt([u8; Self::LENGTH]);

impl Salt {
    /// The length of a salt in bytes.
    pub const LENGTH: usize = 32;

    /// Makes a new random salt.
    pub fn random() -> Result<Self, Error> {
        let mut salt = [0; Self::LENGTH];
        rand::fill(&mut salt).map_err(|_| Error::Crypto("make random bytes"))?;
        Ok(Self(salt))
    }

    /// Reads a stored salt, which must be [`Salt::LENGTH`] bytes long.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| Error::SaltLength(bytes.len()))
    }

    /// Returns the bytes to store.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl Drop for Salt {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

/// The place where a sealed value belongs. A value opens in its own slot only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot<'a> {
    /// The table, or the kind of record where it is not a table.
    pub table: &'a str,
    /// The row's id.
    pub row: &'a str,
    /// The column.
    pub column: &'a str,
    /// The grant that the value belongs to, for tokens.
    pub grant: Option<GrantId>,
    /// The generation within the grant; 0 where there are none.
    pub generation: i64,
}

impl Slot<'_> {
    /// Returns what the row's key is derived for: the row, not the column, so
    /// that one salt covers the row.
    pub(crate) fn derivation(&self) -> Vec<u8> {
        let mut info = Vec::new();
        append(&mut info, self.table.as_bytes());
        append(&mut info, self.row.as_bytes());
        info
    }

    /// Returns what is authenticated together with the value.
    pub(crate) fn associated_data(&self, format: u8, instance_id: Uuid, key_id: &str) -> Vec<u8> {
        let mut data = vec![format];
        append(&mut data, instance_id.as_bytes());
        append(&mut data, self.table.as_bytes());
        append(&mut data, self.row.as_bytes());
        append(&mut data, self.column.as_bytes());
        let grant = self.grant.map(GrantId::as_uuid);
        append(
            &mut data,
            grant.as_ref().map_or(&[], |grant| grant.as_bytes()),
        );
        append(&mut data, &self.generation.to_be_bytes());
        append(&mut data, key_id.as_bytes());
        data
    }
}

/// Appends a field after its length, so that no two lists of fields have the
/// same bytes.
fn append(to: &mut Vec<u8>, field: &[u8]) {
    to.extend_from_slice(&(field.len() as u64).to_be_bytes());
    to.extend_from_slice(field);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT: Slot<'_> = Slot {
        table: "credential",
        row: "7",
        column: "sealed_access",
        grant: None,
        generation: 1,
    };

    #[test]
    fn moving_a_letter_between_fields_changes_the_associated_data() {
        let moved = Slot {
            table: "credential7",
            row: "",
            ..SLOT
        };

        let data = SLOT.associated_data(1, Uuid::nil(), "k");
        let moved_data = moved.associated_data(1, Uuid::nil(), "k");

        assert_ne!(data, moved_data);
        assert_ne!(SLOT.derivation(), moved.derivation());
    }

    #[test]
    fn a_missing_grant_is_not_the_nil_grant() {
        let nil = Slot {
            grant: Some(GrantId::from_uuid(Uuid::nil())),
            ..SLOT
        };

        assert_ne!(
            SLOT.associated_data(1, Uuid::nil(), "k"),
            nil.associated_data(1, Uuid::nil(), "k")
        );
    }

    #[test]
    fn a_salt_of_another_length_is_refused() {
        let result = Salt::from_slice(&[0; 31]);

        assert!(matches!(result, Err(Error::SaltLength(31))));
    }

    #[test]
    fn a_salt_does_not_show_itself() {
        let salt = Salt::from_slice(&[0xab; 32]).unwrap();

        assert_eq!(format!("{salt:?}"), "Salt(..)");
    }
}
