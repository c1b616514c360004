//! Paths as the inverted index spells them.

use std::fmt;

use outcrop_document::FieldPath;

/// Starts a step into a member of an object; the escaped name and its end follow.
const MEMBER: u8 = 0x01;
/// A step into any element of an array.
const ELEMENT: u8 = 0x02;
/// Ends a name. A zero byte inside a name is followed by [`ESCAPE`].
const END: u8 = 0x00;
const ESCAPE: u8 = 0xFF;

/// The steps from a document to values in it: into members of objects, as a [`FieldPath`] goes, and
/// into the elements of arrays, any of them.
///
/// Kept as bytes whose order is the order of the steps, members before elements.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexPath(Vec<u8>);

impl IndexPath {
    /// The values at `path`.
    #[must_use]
    pub fn of(path: &FieldPath) -> Self {
        path.steps()
            .iter()
            .fold(Self::default(), |path, step| path.member(step))
    }

    /// The member `name` of the objects at this path.
    #[must_use]
    pub fn member(&self, name: &str) -> Self {
        let mut bytes = Vec::with_capacity(self.0.len() + name.len() + 2);
        bytes.extend_from_slice(&self.0);
        bytes.push(MEMBER);
        for byte in name.bytes() {
            bytes.push(byte);
            if byte == END {
                bytes.push(ESCAPE);
            }
        }
        bytes.push(END);
        Self(bytes)
    }

    /// The elements of the arrays at this path.
    #[must_use]
    pub fn elements(&self) -> Self {
        let mut bytes = self.0.clone();
        bytes.push(ELEMENT);
        Self(bytes)
    }

    /// The bytes, as they stand in a segment.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path of these bytes; none if no path has them.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        while let Some((first, after)) = rest.split_first() {
            rest = match *first {
                ELEMENT => after,
                MEMBER => split_name(after)?.1,
                _ => return None,
            };
        }
        Some(Self(bytes.to_vec()))
    }
}

/// The escaped name that `bytes` start with, and what follows its end.
fn split_name(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == END)?;
        if bytes.get(at + 1) != Some(&ESCAPE) {
            let name = &bytes[..at];
            let text: Vec<u8> = unescape(name).collect();
            str::from_utf8(&text).ok()?;
            return Some((name, &bytes[at + 1..]));
        }
        at += 2;
    }
}

fn unescape(name: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut after_zero = false;
    name.iter().copied().filter(move |byte| {
        let is_escape = after_zero && *byte == ESCAPE;
        after_zero = *byte == END;
        !is_escape
    })
}

impl fmt::Display for IndexPath {
    /// As a field path, with `[*]` for a step into elements.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = &self.0[..];
        let mut first = true;
        while let Some((kind, after)) = rest.split_first() {
            rest = match (*kind, split_name(after)) {
                (MEMBER, Some((name, after))) => {
                    let name: Vec<u8> = unescape(name).collect();
                    let step = FieldPath::from_steps([String::from_utf8_lossy(&name)]);
                    write!(f, "{}{step}", if first { "" } else { "." })?;
                    after
                }
                _ => {
                    f.write_str("[*]")?;
                    after
                }
            };
            first = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_back_and_show_their_steps() {
        let path = IndexPath::of(&FieldPath::from_steps(["a\0", "", "x.y"]));
        let path = path.elements().elements().member("b");
        assert_eq!(IndexPath::from_bytes(path.as_bytes()).as_ref(), Some(&path));
        assert_eq!(path.to_string(), "\"a\0\".\"\".\"x.y\"[*][*].b");
        for bytes in [&b"\x03"[..], b"\x01a", b"\x01\xFF\0", b"a"] {
            assert_eq!(IndexPath::from_bytes(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn bytes_order_as_field_paths_do() {
        let path = |steps: &[&str]| FieldPath::from_steps(steps.iter().copied());
        let paths = [
            &["a"][..],
            &["a", "b"],
            &["a\0"],
            &["a\0b"],
            &["a\u{1}"],
            &["b"],
        ]
        .map(path);
        assert!(paths.is_sorted());
        assert!(paths.map(|path| IndexPath::of(&path)).is_sorted());
    }
}
