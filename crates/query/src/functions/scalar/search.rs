//! Text for searching: words, and the parts of words.
//!
//! Words are those of Unicode's text segmentation (UAX #29), which ICU's rules are built on.

use super::array::elements;
use super::definition::{Evaluated, Returns, ScalarFunction};
use super::string::{int, text};
use crate::dynamic::EvaluationError;
use crate::functions::kinds::Kinds;
use crate::types::SqlType;
use outcrop_document::Value;
use std::collections::HashSet;
use std::ops::RangeInclusive;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

const S: Kinds = Kinds::STRING;
const TEXTS: Kinds = S.or(Kinds::ARRAY);
const ARRAY: Returns = Returns::Type(SqlType::Array);

/// Most bytes that the parts of one text may have together: they grow with its square.
const PARTS_BYTES_MAX: usize = 16 << 20;

pub(super) const FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction::new(
        &["TOKENIZE"],
        &[S, S],
        ARRAY,
        |x| Ok(strings(words(text(&x[0])))),
        "The words of the text in order, normalised and in lower case. The locale changes nothing.",
    )
    .requires(1),
    ScalarFunction::new(
        &["PREFIXES"],
        &[TEXTS, Kinds::INT, Kinds::INT],
        ARRAY,
        |x| {
            parts(x, "PREFIXES", |size, lengths| {
                Box::new(lengths.filter(move |n| *n <= size).map(|n| (0, n)))
            })
        },
        "The beginnings of a text, or of the texts of an array, from the least to the most \
             characters.",
    )
    .requires(1),
    ScalarFunction::new(
        &["SUFFIXES"],
        &[TEXTS, Kinds::INT, Kinds::INT],
        ARRAY,
        |x| {
            parts(x, "SUFFIXES", |size, lengths| {
                Box::new(
                    lengths
                        .filter(move |n| *n <= size)
                        .map(move |n| (size - n, size)),
                )
            })
        },
        "The ends of a text, or of the texts of an array, from the least to the most characters.",
    )
    .requires(1),
    ScalarFunction::new(
        &["NGRAMS"],
        &[TEXTS, Kinds::INT, Kinds::INT],
        ARRAY,
        |x| {
            parts(x, "NGRAMS", |size, lengths| {
                Box::new((0..size).flat_map(move |start| {
                    let ends = lengths.clone().map(move |n| start + n);
                    ends.filter(move |end| *end <= size)
                        .map(move |end| (start, end))
                }))
            })
        },
        "The pieces of a text, or of the texts of an array, that have from the least to the most \
             characters.",
    )
    .requires(2),
    ScalarFunction::new(
        &["NORMALIZE"],
        &[S, S],
        Returns::Type(SqlType::String),
        normalize,
        "The text in a normal form of Unicode: NFC unless told otherwise, or NFD, NFKC, NFKD.",
    )
    .requires(1),
];

/// The words of a text.
pub(super) fn words(text: &str) -> Vec<String> {
    let text = text.nfkc().collect::<String>().to_lowercase();
    text.unicode_words().map(str::to_owned).collect()
}

fn strings(texts: impl IntoIterator<Item = String>) -> Value {
    Value::Array(texts.into_iter().map(Value::String).collect())
}

/// Which parts of a text of so many characters to take, for these lengths: starts and ends.
type Choose = fn(usize, RangeInclusive<usize>) -> Box<dyn Iterator<Item = (usize, usize)>>;

/// The chosen parts of each text, each part once.
fn parts(x: &[Value], function: &'static str, choose: Choose) -> Evaluated {
    let fail = |message: &str| Err(EvaluationError::argument(function, message));
    let length = |index: usize| match int(x, index) {
        None => Some(None),
        Some(length) => usize::try_from(length).ok().filter(|n| *n > 0).map(Some),
    };
    let (Some(least), Some(most)) = (length(1), length(2)) else {
        return fail("a number of characters must be positive");
    };
    let is_ngrams = function == "NGRAMS";
    let least = least.unwrap_or(1);
    let texts = match &x[0] {
        Value::Array(_) => elements(&x[0]),
        _ => std::slice::from_ref(&x[0]),
    };
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    let mut bytes = 0;
    for source in texts {
        let Value::String(source) = source else {
            continue;
        };
        let mut starts: Vec<usize> = source.char_indices().map(|(at, _)| at).collect();
        let size = starts.len();
        starts.push(source.len());
        let most = most.unwrap_or(if is_ngrams { least } else { size });
        for (start, end) in choose(size, least..=most.min(size)) {
            let part = &source[starts[start]..starts[end]];
            if seen.insert(part) {
                bytes += part.len();
                if bytes > PARTS_BYTES_MAX {
                    return fail("the parts of the text are too many");
                }
                found.push(part.to_owned());
            }
        }
    }
    Ok(strings(found))
}

fn normalize(x: &[Value]) -> Evaluated {
    let source = text(&x[0]);
    let form = x.get(1).map_or("NFC", text);
    Ok(Value::String(match form.to_ascii_uppercase().as_str() {
        "NFC" => source.nfc().collect(),
        "NFD" => source.nfd().collect(),
        "NFKC" => source.nfkc().collect(),
        "NFKD" => source.nfkd().collect(),
        _ => {
            let message = format!("there is no normal form `{form}`: use NFC, NFD, NFKC or NFKD");
            return Err(EvaluationError::argument("NORMALIZE", message));
        }
    }))
}
