//! RSA keys as environments have them.

use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::DecodingKey;

/// What PKCS#8 puts before the PKCS#1 key, for RSA with 2048 bits.
const PKCS8_HEADER_BYTES: usize = 26;

/// A key pair, with the private half in files of both forms.
pub(crate) struct Key {
    pub(crate) pkcs8: PathBuf,
    pub(crate) pkcs1: PathBuf,
    pub(crate) public_pem: PathBuf,
    pub(crate) public: DecodingKey,
}

impl Key {
    pub(crate) fn new_in(folder: &Path) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
        let public = pem("PUBLIC KEY", public.as_ref());
        let key = Self {
            pkcs8: folder.join("pkcs8.pem"),
            pkcs1: folder.join("pkcs1.pem"),
            public_pem: folder.join("public.pem"),
            public: DecodingKey::from_rsa_pem(public.as_bytes()).unwrap(),
        };
        let pkcs1 = &private.as_ref()[PKCS8_HEADER_BYTES..];
        fs::write(&key.pkcs8, pem("PRIVATE KEY", private.as_ref())).unwrap();
        fs::write(&key.public_pem, public).unwrap();
        fs::write(&key.pkcs1, pem("RSA PRIVATE KEY", pkcs1)).unwrap();
        key
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}
