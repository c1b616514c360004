//! What blocks are packed with.

use std::borrow::Cow;
use std::io::Read;

use bzip2::read::BzDecoder;
use flate2::read::DeflateDecoder;

/// Bytes of the checksum behind a block of Snappy.
const CHECKSUM_BYTES: usize = 4;

/// A codec.
pub(super) enum Codec {
    Null,
    Deflate,
    Snappy,
    Zstandard,
    Bzip2,
}

impl Codec {
    /// The codec of this name.
    pub(super) fn of(name: &[u8]) -> Result<Self, String> {
        Ok(match name {
            b"null" => Self::Null,
            b"deflate" => Self::Deflate,
            b"snappy" => Self::Snappy,
            b"zstandard" => Self::Zstandard,
            b"bzip2" => Self::Bzip2,
            other => {
                let name = String::from_utf8_lossy(other);
                return Err(format!("its codec `{name}` is not supported"));
            }
        })
    }

    /// What a block holds.
    pub(super) fn unpack<'a>(&self, packed: &'a [u8]) -> Result<Cow<'a, [u8]>, String> {
        let unpacked = match self {
            Self::Null => return Ok(Cow::Borrowed(packed)),
            Self::Deflate => read(DeflateDecoder::new(packed)),
            Self::Bzip2 => read(BzDecoder::new(packed)),
            Self::Zstandard => zstd::stream::read::Decoder::with_buffer(packed).and_then(read),
            Self::Snappy => return snappy(packed).map(Cow::Owned),
        };
        unpacked.map(Cow::Owned).map_err(|error| unreadable(&error))
    }
}

fn read(mut decoder: impl Read) -> std::io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    decoder.read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

fn snappy(packed: &[u8]) -> Result<Vec<u8>, String> {
    let end = packed.len().checked_sub(CHECKSUM_BYTES);
    let (packed, checksum) = packed.split_at(end.ok_or("it is too short")?);
    let unpacked = snap::raw::Decoder::new()
        .decompress_vec(packed)
        .map_err(|error| unreadable(&error))?;
    match crc32fast::hash(&unpacked).to_be_bytes() == checksum {
        true => Ok(unpacked),
        false => Err("its checksum is wrong".to_owned()),
    }
}

fn unreadable(error: &dyn std::error::Error) -> String {
    format!("it cannot be unpacked: {error}")
}
