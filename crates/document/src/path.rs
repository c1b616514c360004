//! Field paths: the steps from a document to a value inside its objects.

use std::fmt::{self, Write as _};
use std::str::FromStr;

/// The steps through nested objects to one value, such as `user.address."zip code"`.
///
/// Steps are any texts, the empty one included, and case-sensitive. The text form separates steps
/// by `.`; a step that is not a plain identifier stands in double quotes, with `"` doubled. Text
/// and path convert into each other without loss. The empty path (the document itself) is the
/// empty text.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<String>);

/// A text that is not a field path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a field path: {reason} at byte {offset}")]
pub struct ParsePathError {
    text: String,
    reason: &'static str,
    offset: usize,
}

impl FieldPath {
    /// The path made of these steps.
    pub fn from_steps<S: Into<String>>(steps: impl IntoIterator<Item = S>) -> Self {
        Self(steps.into_iter().map(Into::into).collect())
    }

    /// The steps, outermost first.
    pub fn steps(&self) -> &[String] {
        &self.0
    }

    /// Whether this is the path of the document itself.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The path with one more step at its end.
    #[must_use]
    pub fn child(&self, step: impl Into<String>) -> Self {
        let mut steps = Vec::with_capacity(self.0.len() + 1);
        steps.extend_from_slice(&self.0);
        steps.push(step.into());
        Self(steps)
    }

    /// The path without its last step; `None` for the empty path.
    pub fn parent(&self) -> Option<Self> {
        let (_, steps) = self.0.split_last()?;
        Some(Self(steps.to_vec()))
    }

    /// The last step; `None` for the empty path.
    pub fn last(&self) -> Option<&str> {
        self.0.last().map(String::as_str)
    }

    /// Whether `prefix` leads to an object around this path's value, or to that value itself.
    pub fn starts_with(&self, prefix: &Self) -> bool {
        self.0.starts_with(&prefix.0)
    }
}

/// Whether a step is written without quotes: letters, digits, `_` and `@`, no digit first.
fn is_plain(step: &str) -> bool {
    let mut characters = step.chars();
    characters
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|c| c.is_alphanumeric() || c == '_' || c == '@')
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            if is_plain(step) {
                f.write_str(step)?;
            } else {
                write!(f, "\"{}\"", step.replace('"', "\"\""))?;
            }
        }
        Ok(())
    }
}

impl FromStr for FieldPath {
    type Err = ParsePathError;

    /// Reads the text form. Unquoted steps may hold anything but `.` and `"`.
    fn from_str(text: &str) -> Result<Self, ParsePathError> {
        let fail = |reason, rest: &str| ParsePathError {
            text: text.to_owned(),
            reason,
            offset: text.len() - rest.len(),
        };
        let mut steps = Vec::new();
        let mut rest = text;
        while !text.is_empty() {
            let (step, after) = match rest.strip_prefix('"') {
                Some(quoted) => {
                    quoted_step(quoted).ok_or_else(|| fail("a quote is not closed", rest))?
                }
                None => {
                    let (step, after) = rest.split_at(rest.find(['.', '"']).unwrap_or(rest.len()));
                    (step.to_owned(), after)
                }
            };
            if step.is_empty() && !rest.starts_with('"') {
                return Err(fail("a step is empty", rest));
            }
            steps.push(step);
            match after.strip_prefix('.') {
                Some(next) => rest = next,
                None if after.is_empty() => break,
                None => return Err(fail("`.` is missing", after)),
            }
        }
        Ok(Self(steps))
    }
}

/// The step up to its closing quote, and the text after that.
fn quoted_step(text: &str) -> Option<(String, &str)> {
    let mut step = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        step.push_str(before);
        match after.strip_prefix('"') {
            Some(next) => {
                step.push('"');
                rest = next;
            }
            None => return Some((step, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn odd_steps_are_quoted() {
        let path = FieldPath::from_steps(["a", "x.y", "say \"hi\"", "", "1st", "été", "_id"]);
        let text = r#"a."x.y"."say ""hi"""."".  "#.trim_end().to_owned() + r#""1st".été._id"#;
        assert_eq!(path.to_string(), text);
        assert_eq!(text.parse(), Ok(path));
        assert_eq!("".parse(), Ok(FieldPath::default()));
    }

    #[test]
    fn bad_texts_say_where() {
        let error = |text: &str| text.parse::<FieldPath>().unwrap_err().to_string();
        assert_eq!(
            error("a..b"),
            "`a..b` is not a field path: a step is empty at byte 2"
        );
        assert_eq!(
            error("a."),
            "`a.` is not a field path: a step is empty at byte 2"
        );
        assert_eq!(
            error("a.\"b"),
            "`a.\"b` is not a field path: a quote is not closed at byte 2"
        );
        assert_eq!(
            error("\"a\"b"),
            "`\"a\"b` is not a field path: `.` is missing at byte 3"
        );
    }

    proptest! {
        #[test]
        fn text_and_path_convert_without_loss(steps in prop::collection::vec("(?s).{0,6}", 0..5)) {
            let path = FieldPath::from_steps(steps);
            prop_assert_eq!(path.to_string().parse(), Ok(path));
        }

        #[test]
        fn any_text_that_parses_means_what_it_prints(text in "[a\".]{0,10}") {
            if let Ok(path) = text.parse::<FieldPath>() {
                prop_assert_eq!(path.to_string().parse(), Ok(path));
            }
        }
    }
}
