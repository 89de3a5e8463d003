//! Encryption of what is kept: XChaCha20-Poly1305, its key by HKDF-SHA256 (RFC 5869). Pure but for random numbers.
//!
//! ```text
//! "tillwatch session 2\n" │ salt, 32 │ nonce, 24 │ ciphertext with its tag
//! ```
//! Format 1, which lacks what was added in 2, is still opened; another head is not.
//! Salt and nonce are new with every write. The head and whose session it is are authenticated with it.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Another format is another line.
const HEAD: &[u8] = b"tillwatch session 2\n";
pub(super) const OLD_HEAD: &[u8] = b"tillwatch session 1\n";
/// What keys and owners are told apart by from those of other programs; the same in all formats.
const PURPOSE: &[u8] = OLD_HEAD;
const SALT: usize = 32;
const NONCE: usize = 24;

/// Opens what is kept. Made from the account's secret, or from one of the configuration's; holds neither.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// The key that `secret` stands for.
    #[must_use]
    pub fn of(secret: &SecretString) -> Self {
        Self(derived(
            b"tillwatch session key",
            secret.expose_secret().as_bytes(),
        ))
    }
}

/// Whose session it is: none is opened for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Our name of the account.
    pub account: String,
    /// Short code, till or wallet.
    pub number: String,
    /// The portal user; empty where there is none.
    pub user: String,
    /// The pinned origin.
    pub origin: String,
}

impl Owner {
    /// After `head`, each part with its length, so that no two owners give the same bytes.
    fn bytes(&self, head: &[u8]) -> Vec<u8> {
        let parts = [&self.account, &self.number, &self.user, &self.origin];
        let mut bytes = head.to_vec();
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }

    /// A word that is another one for another owner, or for another `way` to the browser.
    #[must_use]
    pub fn tag(&self, way: &str) -> String {
        let digest = Sha256::new()
            .chain_update(self.bytes(PURPOSE))
            .chain_update(way)
            .finalize();
        data_encoding::HEXLOWER.encode(digest.get(..16).unwrap_or_default())
    }
}

fn derived(salt: &[u8], from: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    #[expect(
        clippy::expect_used,
        reason = "HKDF gives up to 255 times 32 bytes; 32 are asked for"
    )]
    Hkdf::<Sha256>::new(Some(salt), from)
        .expand(PURPOSE, &mut *key)
        .expect("a short key");
    key
}

fn cipher(key: &Key, salt: &[u8]) -> XChaCha20Poly1305 {
    let key = derived(salt, &*key.0);
    XChaCha20Poly1305::new((&*key).into())
}

/// `None` without random numbers.
pub(super) fn seal(key: &Key, owner: &Owner, plain: &[u8]) -> Option<Vec<u8>> {
    seal_as(HEAD, key, owner, plain)
}

pub(super) fn seal_as(head: &[u8], key: &Key, owner: &Owner, plain: &[u8]) -> Option<Vec<u8>> {
    let mut random = [0; SALT + NONCE];
    getrandom::fill(&mut random).ok()?;
    let (salt, nonce) = random.split_at(SALT);
    let payload = Payload {
        msg: plain,
        aad: &owner.bytes(head),
    };
    let nonce = XNonce::try_from(nonce).ok()?;
    let sealed = cipher(key, salt).encrypt(&nonce, payload).ok()?;
    Some([head, &random, &sealed].concat())
}

/// `None` when it was not sealed with this key for this owner, or not in this format.
pub(super) fn open(key: &Key, owner: &Owner, bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut heads = [HEAD, OLD_HEAD].into_iter();
    let (head, rest) = heads.find_map(|head| Some((head, bytes.strip_prefix(head)?)))?;
    let (salt, rest) = rest.split_at_checked(SALT)?;
    let (nonce, sealed) = rest.split_at_checked(NONCE)?;
    let payload = Payload {
        msg: sealed,
        aad: &owner.bytes(head),
    };
    let nonce = XNonce::try_from(nonce).ok()?;
    let plain = cipher(key, salt).decrypt(&nonce, payload).ok()?;
    Some(Zeroizing::new(plain))
}
