//! Digests and keyed digests of bytes; strings are hashed as UTF-8.

use super::conversion::{bytes, hex};
use super::definition::{Evaluated, Returns, ScalarFunction};
use super::sha1;
use super::string::text;
use crate::dynamic::EvaluationError;
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use md5::Md5;
use outcrop_document::{Value, k};
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};

const T: Kinds = Kinds::TEXT;
const BYTES: Returns = Returns::Type(SqlType::Bytes);

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["MD5"],
        &[T],
        BYTES,
        |x| Ok(hashed(Digest::Md5, x)),
        "The MD5 digest.",
    ),
    ScalarFunction::new(
        &["SHA1"],
        &[T],
        BYTES,
        |x| Ok(hashed(Digest::Sha1, x)),
        "The SHA-1 digest.",
    ),
    ScalarFunction::new(
        &["SHA256"],
        &[T],
        BYTES,
        |x| Ok(hashed(Digest::Sha256, x)),
        "The SHA-256 digest.",
    ),
    ScalarFunction::new(
        &["SHA512"],
        &[T],
        BYTES,
        |x| Ok(hashed(Digest::Sha512, x)),
        "The SHA-512 digest.",
    ),
    ScalarFunction::new(
        &["HASH"],
        &[T, Kinds::STRING],
        BYTES,
        |x| Ok(hashed(named("HASH", &x[1])?, x)),
        "The digest of that name.",
    ),
    ScalarFunction::new(
        &["HMAC"],
        &[T, T, Kinds::STRING],
        BYTES,
        |x| Ok(keyed(named("HMAC", &x[2])?, x)),
        "The keyed digest of that name.",
    ),
    ScalarFunction::new(
        &["HMAC_MD5"],
        &[T, T],
        BYTES,
        |x| Ok(keyed(Digest::Md5, x)),
        "The keyed MD5 digest.",
    ),
    ScalarFunction::new(
        &["HMAC_SHA1"],
        &[T, T],
        BYTES,
        |x| Ok(keyed(Digest::Sha1, x)),
        "The keyed SHA-1 digest.",
    ),
    ScalarFunction::new(
        &["HMAC_SHA256"],
        &[T, T],
        BYTES,
        |x| Ok(keyed(Digest::Sha256, x)),
        "The keyed SHA-256 digest.",
    ),
    ScalarFunction::new(
        &["HMAC_SHA512"],
        &[T, T],
        BYTES,
        |x| Ok(keyed(Digest::Sha512, x)),
        "The keyed SHA-512 digest.",
    ),
    ScalarFunction::new(
        &["ID_HASH"],
        &[Kinds::ANY],
        Returns::Type(SqlType::String),
        id_hash,
        "A string that depends on the values and their types, for composing \
             `_id`.",
    )
    .rest(Kinds::ANY)
    .takes_nulls(),
];

#[derive(Clone, Copy)]
enum Digest {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => Md5::digest(message).to_vec(),
            Self::Sha1 => sha1::digest(message).to_vec(),
            Self::Sha224 => Sha224::digest(message).to_vec(),
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    fn block_bytes(self) -> usize {
        match self {
            Self::Sha384 | Self::Sha512 => 128,
            _ => 64,
        }
    }
}

fn named(function: &'static str, name: &Value) -> Result<Digest, EvaluationError> {
    let plain: String = text(name)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    Ok(match plain.as_str() {
        "md5" => Digest::Md5,
        "sha1" => Digest::Sha1,
        "sha224" => Digest::Sha224,
        "sha256" => Digest::Sha256,
        "sha384" => Digest::Sha384,
        "sha512" => Digest::Sha512,
        _ => {
            let message = format!("digest `{}` is not known", text(name));
            return Err(EvaluationError::argument(function, message));
        }
    })
}

fn hashed(digest: Digest, x: &[Value]) -> Value {
    Value::Bytes(digest.of(bytes(&x[0])))
}

/// HMAC as RFC 2104 has it.
fn keyed(digest: Digest, x: &[Value]) -> Value {
    let (message, key) = (bytes(&x[0]), bytes(&x[1]));
    let mut block = if key.len() > digest.block_bytes() {
        digest.of(key)
    } else {
        key.to_vec()
    };
    block.resize(digest.block_bytes(), 0);
    let pad = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = digest.of(&[pad(0x36).as_slice(), message].concat());
    Value::Bytes(digest.of(&[pad(0x5c).as_slice(), &inner].concat()))
}

fn id_hash(x: &[Value]) -> Evaluated {
    Ok(Value::String(hex(&Sha256::digest(k::encode(
        &Value::Array(x.to_vec()),
    )))))
}
