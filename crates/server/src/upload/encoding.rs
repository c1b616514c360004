//! What CSV is written in.

use std::borrow::Cow;

/// An encoding of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-8, and ASCII as part of it.
    Utf8,
    /// UTF-16, the higher byte first if no mark says otherwise.
    Utf16,
    /// ISO 8859-1: each byte is the character of its number.
    Latin1,
}

impl Encoding {
    /// The encoding of this name.
    ///
    /// # Errors
    /// If it is not supported.
    pub(super) fn of(name: &str) -> Result<Self, String> {
        let plain = name.to_ascii_lowercase().replace(['-', '_', ' '], "");
        Ok(match plain.as_str() {
            "utf8" | "usascii" | "ascii" => Self::Utf8,
            "utf16" => Self::Utf16,
            "iso88591" | "latin1" => Self::Latin1,
            _ => return Err(format!("the encoding `{name}` is not supported")),
        })
    }

    /// The content in UTF-8, without a byte order mark. That it is in UTF-8 if it is said to be is not checked.
    ///
    /// # Errors
    /// If it is not in UTF-16.
    pub(super) fn utf8(self, content: &[u8]) -> Result<Cow<'_, [u8]>, String> {
        let text: String = match (self, content) {
            (Self::Utf8, _) => {
                let plain = content.strip_prefix(b"\xef\xbb\xbf");
                return Ok(Cow::Borrowed(plain.unwrap_or(content)));
            }
            (Self::Latin1, _) => content.iter().map(|byte| char::from(*byte)).collect(),
            (Self::Utf16, [0xff, 0xfe, rest @ ..]) => utf16(rest, u16::from_le_bytes)?,
            (Self::Utf16, [0xfe, 0xff, rest @ ..]) => utf16(rest, u16::from_be_bytes)?,
            (Self::Utf16, _) => utf16(content, u16::from_be_bytes)?,
        };
        Ok(Cow::Owned(text.into_bytes()))
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, String> {
    let (pairs, rest) = bytes.as_chunks();
    let characters = char::decode_utf16(pairs.iter().map(|pair| unit(*pair)));
    match characters.collect() {
        Ok(text) if rest.is_empty() => Ok(text),
        _ => Err("the file is not in UTF-16".to_owned()),
    }
}
