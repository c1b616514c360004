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
use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::RangeInclusive;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

const S: Kinds = Kinds::STRING;
const TEXTS: Kinds = S.or(Kinds::ARRAY);
const BOOL: Returns = Returns::Type(SqlType::Bool);
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
        &["HAS_TERM"],
        &[Kinds::ARRAY, Kinds::ANY],
        BOOL,
        |x| Ok(Value::Bool(elements(&x[0]).iter().any(|e| e.equals(&x[1])))),
        "Whether the array has an element that equals the term.",
    ),
    ScalarFunction::new(
        &["CONTAINS"],
        &[TEXTS, S, S],
        BOOL,
        |x| {
            let wanted = words(text(&x[1])).into_iter().map(Value::String);
            let terms = terms(&x[0]);
            Ok(Value::Bool(wanted.into_iter().all(|term| terms.contains(&term))))
        },
        "Whether the array of words, or the text, has all words of a text. The locale changes nothing.",
    )
    .requires(2),
    ScalarFunction::new(
        &["OUTCROP_HAS_TERMS"],
        &[TEXTS, Kinds::ARRAY, Kinds::BOOL],
        BOOL,
        |x| {
            let terms = terms(&x[0]);
            let mut wanted = elements(&x[1]).iter();
            let found = |term: &Value| terms.iter().any(|known| known.equals(term));
            Ok(Value::Bool(match x[2] {
                Value::Bool(true) => wanted.all(found),
                _ => wanted.any(found),
            }))
        },
        "Whether the array has all, or any, of the terms.",
    ),
    ScalarFunction::new(
        &["OUTCROP_SEARCH_SCORE"],
        &[
            TEXTS,
            Kinds::ARRAY,
            Kinds::NUMBER.or(Kinds::ARRAY),
            Kinds::NUMBER,
            Kinds::NUMBER,
        ],
        Returns::Type(SqlType::Float),
        search_score,
        "What a range of terms adds to the score of a row.",
    )
    .takes_nulls(),
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

/// The terms of a field: the elements of an array, the words of a text.
fn terms(field: &Value) -> Cow<'_, [Value]> {
    match field {
        Value::String(text) => words(text).into_iter().map(Value::String).collect(),
        other => Cow::Borrowed(elements(other)),
    }
}

/// The weights of the terms that the field has, times a weight for all; and, times a boost, how much
/// longer than one term the longest run of the terms in the field is, as a share of the range.
#[expect(clippy::cast_precision_loss, reason = "nobody searches for 2⁵³ words")]
fn search_score(x: &[Value]) -> Evaluated {
    let number = |value: &Value| match value {
        Value::Int(value) => *value as f64,
        Value::Float(value) => *value,
        _ => 0.0,
    };
    let (field, range) = (terms(&x[0]), elements(&x[1]));
    let weight = |place: usize| match &x[2] {
        Value::Array(weights) => weights.get(place).map_or(0.0, number),
        other => number(other),
    };
    let has = |term: &Value| field.iter().any(|known| known.equals(term));
    let found = range.iter().enumerate().filter(|(_, term)| has(term));
    let terms: f64 = found.map(|(place, _)| weight(place)).sum();
    let (mut run, mut longest) = (vec![0_usize; range.len() + 1], 0);
    for known in field.iter() {
        // The longest run that ends here, for each term as the last one of it.
        for place in (0..range.len()).rev() {
            run[place + 1] = match known.equals(&range[place]) {
                true => run[place] + 1,
                false => 0,
            };
            longest = longest.max(run[place + 1]);
        }
    }
    let extra = longest.saturating_sub(1) as f64 / range.len().max(1) as f64;
    Ok(Value::Float(number(&x[3]) * terms + number(&x[4]) * extra))
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
