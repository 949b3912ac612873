//! The ring itself.

use std::fmt;
use std::path::Path;

use uuid::Uuid;
use zeroize::Zeroizing;

use crate::seal::{self, Sealed};
use crate::{Error, KeyRingFile, Purpose, Salt, Slot, file};

/// The keys of one installation, or those of one program.
pub struct KeyRing {
    instance_id: Uuid,
    keys: Vec<Key>,
}

/// One named key.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) purpose: Purpose,
    pub(crate) secret: Zeroizing<[u8; Key::LENGTH]>,
}

impl Key {
    pub(crate) const LENGTH: usize = 32;
    const MAX_ID_LENGTH: u8 = 64;

    /// Tells whether `id` may name a key: 1 to 64 of `a-z`, `0-9` and `-`.
    pub(crate) fn is_id(id: &str) -> bool {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        (1..=Self::MAX_ID_LENGTH.into()).contains(&id.len()) && id.bytes().all(allowed)
    }

    /// Returns the length of the id as the sealed format writes it.
    pub(crate) fn id_len(&self) -> u8 {
        // Invariant: the parser let only ids pass that `is_id` accepts.
        u8::try_from(self.id.len()).unwrap_or(Self::MAX_ID_LENGTH)
    }
}

impl KeyRing {
    /// Makes a new ring with one key for every purpose and a new instance id.
    pub fn generate() -> Result<KeyRingFile, Error> {
        KeyRingFile::generate()
    }

    /// Reads the ring from a file that nobody but its owner may use.
    ///
    /// # Errors
    /// [`Error::Exposed`] if the mode allows more than `0600`, or more than
    /// `0640` for a file of root's, which is how Kubernetes mounts a secret for a
    /// program that does not run as root.
    pub fn load(path: &Path) -> Result<Self, Error> {
        Self::parse(&file::read(path)?)
    }

    /// Reads the ring from the text of its file.
    pub fn parse(text: &str) -> Result<Self, Error> {
        file::parse(text)
    }

    /// Makes a ring of keys that the parser has checked.
    pub(crate) fn new(instance_id: Uuid, keys: Vec<Key>) -> Self {
        Self { instance_id, keys }
    }

    /// Checks that the ring has a key for each of `purposes`.
    ///
    /// # Errors
    /// [`Error::MissingPurpose`] names the first one without a key.
    pub fn require(&self, purposes: &[Purpose]) -> Result<(), Error> {
        purposes
            .iter()
            .try_for_each(|&purpose| self.sealing_key(purpose).map(|_| ()))
    }

    /// Returns the id of the key that seals for `purpose`.
    pub fn sealing_key_id(&self, purpose: Purpose) -> Result<&str, Error> {
        Ok(&self.sealing_key(purpose)?.id)
    }

    /// Seals `plaintext` for its slot with the first key of `purpose`.
    pub fn seal(
        &self,
        purpose: Purpose,
        salt: &Salt,
        slot: &Slot<'_>,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let key = self.sealing_key(purpose)?;
        seal::seal(key, self.instance_id, salt, slot, plaintext)
    }

    /// Opens what was sealed for `slot` with any key of `purpose`.
    ///
    /// # Errors
    /// [`Error::UnknownFormat`], [`Error::UnknownKey`], or [`Error::Rejected`]
    /// when the value was changed or sealed for another place.
    pub fn open(
        &self,
        purpose: Purpose,
        salt: &Salt,
        slot: &Slot<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let sealed = Sealed::parse(sealed)?;
        let key = self
            .keys_for(purpose)
            .find(|key| key.id == sealed.key_id)
            .ok_or_else(|| Error::UnknownKey {
                purpose,
                id: sealed.key_id.to_owned(),
            })?;
        seal::open(key, self.instance_id, salt, slot, &sealed)
    }

    fn sealing_key(&self, purpose: Purpose) -> Result<&Key, Error> {
        self.keys_for(purpose)
            .next()
            .ok_or(Error::MissingPurpose(purpose))
    }

    fn keys_for(&self, purpose: Purpose) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.purpose == purpose)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.keys.iter().map(|key| &key.id).collect();
        f.debug_struct("KeyRing")
            .field("keys", &ids)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
