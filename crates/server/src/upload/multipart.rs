//! `multipart/form-data` (RFC 7578), as far as clients send it: no preamble, no nested parts.

/// Most parts of a form; clients send three.
const PARTS_MAX: usize = 16;

/// One part of a form.
pub(super) struct Part<'a> {
    pub(super) name: String,
    pub(super) file_name: Option<String>,
    pub(super) content: &'a [u8],
}

/// The parts of a body, which begins with the delimiter that stands between them.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parts(body: &[u8]) -> Result<Vec<Part<'_>>, String> {
    let (delimiter, mut rest) = split(body, b"\r\n").ok_or("the body is no form")?;
    if !delimiter.starts_with(b"--") || delimiter.len() <= 2 {
        return Err("the body is no form".to_owned());
    }
    let end = [b"\r\n", delimiter].concat();
    let mut parts = Vec::new();
    loop {
        if parts.len() == PARTS_MAX {
            return Err(format!("the form has more than {PARTS_MAX} parts"));
        }
        let (headers, content) = split(rest, b"\r\n\r\n").ok_or("a part of the form has no end")?;
        let (content, after) = split(content, &end).ok_or("a part of the form has no end")?;
        let headers = std::str::from_utf8(headers)
            .map_err(|_| "the header of a part is not in UTF-8".to_owned())?;
        let disposition = disposition(headers).ok_or("a part of the form has no name")?;
        parts.push(Part {
            name: parameter(disposition, "name").ok_or("a part of the form has no name")?,
            file_name: parameter(disposition, "filename"),
            content,
        });
        match after.strip_prefix(b"\r\n") {
            Some(next) => rest = next,
            None if after.starts_with(b"--") => return Ok(parts),
            None => return Err("the form has no end".to_owned()),
        }
    }
}

/// What stands before and after the first `mark`.
fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let first = *mark.first()?;
    let mut from = 0;
    loop {
        let offset = bytes.get(from..)?.iter().position(|byte| *byte == first)?;
        let at = from + offset;
        if bytes[at..].starts_with(mark) {
            return Some((&bytes[..at], &bytes[at + mark.len()..]));
        }
        from = at + 1;
    }
}

/// The parameters of `Content-Disposition`.
fn disposition(headers: &str) -> Option<&str> {
    let mut headers = headers
        .split("\r\n")
        .filter_map(|line| line.split_once(':'));
    let (_, value) =
        headers.find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))?;
    let (kind, parameters) = value.split_once(';')?;
    kind.trim()
        .eq_ignore_ascii_case("form-data")
        .then_some(parameters)
}

/// A parameter, whose value may be in quotes and then have any character behind a backslash.
fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters;
    loop {
        let (name, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = value.find(';').unwrap_or(value.len());
                (value[..end].trim().to_owned(), &value[end..])
            }
        };
        let name = name.trim().trim_start_matches(';').trim();
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
}

/// The text up to the closing quote, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "--X-1\r\nContent-Disposition: form-data; name=\"size\"\r\n\r\n5\r\n--X-1\r\n\
        content-disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\".csv\"\r\nContent-Type: text/csv\r\n\r\n\
        a,b\r\n--X\r\n\r\n--X-1--\r\n";

    #[test]
    fn parts_are_told_apart_by_the_delimiter() {
        let parts = parts(FORM.as_bytes()).unwrap();
        let shown: Vec<_> = parts
            .iter()
            .map(|part| (part.name.as_str(), part.file_name.as_deref(), part.content))
            .collect();
        let file = ("file", Some("a \"b\".csv"), &b"a,b\r\n--X\r\n"[..]);
        assert_eq!(shown, [("size", None, &b"5"[..]), file]);
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        for end in 0..FORM.len() - 4 {
            assert!(parts(&FORM.as_bytes()[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for body in [
            "",
            "{}",
            "--\r\n",
            "--X\r\n\r\n\r\n--X--",
            "--X\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n\r\n--X--",
            "--X\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\n\r\n--X--",
        ] {
            assert!(parts(body.as_bytes()).is_err(), "{body}");
        }
        let part = "--X\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n";
        assert!(parts(format!("{}--X--", part.repeat(16)).as_bytes()).is_ok());
        assert!(parts(format!("{}--X--", part.repeat(17)).as_bytes()).is_err());
    }
}
