//! The bytes of a file as text.

use std::borrow::Cow;

/// What text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, and ASCII as part of it.
    Utf8,
    /// UTF-16 of either order of bytes, which the file shows.
    Utf16,
    /// ISO 8859-1: each byte is the character of its number.
    Latin1,
}

/// Bytes within which an XML declaration ends.
const DECLARATION_BYTES_MAX: usize = 256;

impl Encoding {
    /// The encoding of this name.
    ///
    /// # Errors
    /// If there is none such here.
    pub fn of(name: &str) -> Result<Self, String> {
        let plain = name.to_ascii_lowercase().replace(['-', '_', ' '], "");
        Ok(match plain.as_str() {
            "utf8" | "usascii" | "ascii" => Self::Utf8,
            "utf16" | "utf16le" | "utf16be" => Self::Utf16,
            "iso88591" | "latin1" => Self::Latin1,
            _ => return Err(format!("the encoding `{name}` is not supported")),
        })
    }
}

/// The text of a file. What its first bytes show comes before what is `given`, and that before what it declares.
///
/// # Errors
/// If it is not in that encoding, or declares one that is not supported.
pub(super) fn text(file: &[u8], given: Option<Encoding>) -> Result<Cow<'_, str>, String> {
    match file {
        [0xef, 0xbb, 0xbf, rest @ ..] => return utf8(rest),
        [0xfe, 0xff, rest @ ..] => return utf16(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => return utf16(rest, u16::from_le_bytes),
        [0, b'<', ..] => return utf16(file, u16::from_be_bytes),
        [b'<', 0, ..] => return utf16(file, u16::from_le_bytes),
        _ => {}
    }
    let encoding = match (given, declared(file)) {
        (Some(given), _) => given,
        (None, Some(name)) => Encoding::of(name)?,
        (None, None) => Encoding::Utf8,
    };
    match encoding {
        Encoding::Utf8 => utf8(file),
        Encoding::Utf16 => utf16(file, u16::from_be_bytes),
        Encoding::Latin1 => Ok(file.iter().map(|byte| char::from(*byte)).collect()),
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    let text = std::str::from_utf8(bytes);
    text.map(Cow::Borrowed)
        .map_err(|error| format!("at byte {}: it is not in UTF-8", error.valid_up_to()))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, String> {
    let (pairs, rest) = bytes.as_chunks();
    let characters = char::decode_utf16(pairs.iter().map(|pair| unit(*pair)));
    match characters.collect::<Result<String, _>>() {
        Ok(text) if rest.is_empty() => Ok(Cow::Owned(text)),
        _ => Err("it is not in UTF-16".to_owned()),
    }
}

/// The encoding that the XML declaration names.
fn declared(file: &[u8]) -> Option<&str> {
    let declaration = file.strip_prefix(b"<?xml")?;
    let declaration = &declaration[..declaration.len().min(DECLARATION_BYTES_MAX)];
    let end = declaration.windows(2).position(|bytes| bytes == b"?>")?;
    let declaration = std::str::from_utf8(&declaration[..end]).ok()?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value[1..].split_once(quote).map(|(name, _)| name)
}
