//! The RSA key pair of an environment. The private half never leaves the
//! machine of whoever runs the command.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::EncodingKey;
use secrecy::{ExposeSecret, SecretString};

/// A line of PEM (RFC 7468, section 2).
const PEM_LINE: usize = 64;

/// A new RSA-2048 key pair.
#[derive(Debug)]
pub(crate) struct KeyPair {
    private_pem: SecretString,
    public_pem: String,
}

/// Why there is no new key pair.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot make an RSA key pair")]
    Generate,
    #[error("{0} exists already and is not overwritten: choose another file for the key")]
    Exists(PathBuf),
    #[error("{0} holds no RSA private key in PEM (PKCS#8)")]
    Read(PathBuf),
    #[error("cannot write the private key to {path}")]
    Write { path: PathBuf, source: io::Error },
}

impl From<Unspecified> for Error {
    fn from(_: Unspecified) -> Self {
        Self::Generate
    }
}

impl KeyPair {
    /// Makes a key pair.
    pub(crate) fn generate() -> Result<Self, Error> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
        let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair)?;
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key())?;
        Ok(Self {
            private_pem: pem("PRIVATE KEY", private.as_ref()).into(),
            public_pem: pem("PUBLIC KEY", public.as_ref()),
        })
    }

    /// Returns the public key (SPKI, PEM).
    pub(crate) fn public_pem(&self) -> &str {
        &self.public_pem
    }

    /// Returns the private key as what signs with it.
    pub(crate) fn signing_key(&self) -> Result<EncodingKey, Error> {
        let pem = self.private_pem.expose_secret().as_bytes();
        EncodingKey::from_rsa_pem(pem).map_err(|_| Error::Generate)
    }

    /// Writes the private key (PKCS#8, PEM) to a new file that only its owner can read.
    pub(crate) fn write_private_key(&self, path: &Path) -> Result<(), Error> {
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| {
                file.write_all(self.private_pem.expose_secret().as_bytes())?;
                file.sync_all()
            });
        written.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => Error::Exists(path.into()),
            _ => Error::Write {
                path: path.into(),
                source,
            },
        })
    }
}

impl KeyPair {
    /// Returns the public key (SPKI, PEM) of the private key in a file that
    /// [`KeyPair::write_private_key`] has written.
    pub(crate) fn read_public_pem(path: &Path) -> Result<String, Error> {
        let unreadable = || Error::Read(path.into());
        let text = SecretString::from(fs::read_to_string(path).map_err(|_| unreadable())?);
        let body: String = text
            .expose_secret()
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .collect();
        let der = STANDARD.decode(body).map_err(|_| unreadable())?;
        let pair = RsaKeyPair::from_pkcs8(&der).map_err(|_| unreadable())?;
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key())?;
        Ok(pem("PUBLIC KEY", public.as_ref()))
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let mut text = STANDARD.encode(der);
    let mut body = String::new();
    while text.len() > PEM_LINE {
        let rest = text.split_off(PEM_LINE);
        body.push_str(&text);
        body.push('\n');
        text = rest;
    }
    format!("-----BEGIN {label}-----\n{body}{text}\n-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};

    use super::*;

    #[test]
    fn what_the_private_key_signs_the_public_key_verifies() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        let pair = KeyPair::generate().unwrap();
        pair.write_private_key(&file).unwrap();
        let claims = serde_json::json!({ "exp": 4_000_000_000_u64 });

        let private = EncodingKey::from_rsa_pem(&fs::read(&file).unwrap()).unwrap();
        let token =
            jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &private).unwrap();

        let public = DecodingKey::from_rsa_pem(pair.public_pem().as_bytes()).unwrap();
        let validation = Validation::new(Algorithm::RS256);
        let verified = jsonwebtoken::decode::<serde_json::Value>(&token, &public, &validation);
        assert_eq!(verified.unwrap().claims, claims);
    }

    #[test]
    fn the_private_key_is_for_its_owner_only_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        let pair = KeyPair::generate().unwrap();
        pair.write_private_key(&file).unwrap();
        let before = fs::read(&file).unwrap();

        let again = KeyPair::generate().unwrap().write_private_key(&file);

        assert!(matches!(again, Err(Error::Exists(_))));
        assert_eq!(fs::read(&file).unwrap(), before);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
