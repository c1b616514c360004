//! CSV with the options of the API's format parameters.

use csv::{ReaderBuilder, StringRecord};
use outcrop_document::{Date, Datetime, Object, Time, Timestamp, Value};
use serde_json::Value as Json;

use super::Record;
use super::encoding::Encoding;

/// How a file is taken apart.
#[derive(Debug)]
pub(super) struct Options {
    has_header: bool,
    separator: u8,
    quote: u8,
    escape: Option<u8>,
    encoding: Encoding,
    /// Names, which come before those of a header.
    names: Vec<String>,
    /// Types of the columns, as far as they are given.
    types: Vec<Type>,
}

/// What a cell becomes. An empty one becomes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Text,
    Int,
    Float,
    Bool,
    Date,
    Time,
    Datetime,
    Timestamp,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            has_header: true,
            separator: b',',
            quote: b'"',
            escape: None,
            encoding: Encoding::Utf8,
            names: Vec::new(),
            types: Vec::new(),
        }
    }
}

impl Options {
    /// The options of checked format parameters.
    ///
    /// # Errors
    /// What cannot be.
    pub(super) fn of(params: &Json) -> Result<Self, String> {
        let text = |name: &str| params[name].as_str().filter(|text| !text.is_empty());
        let byte = |name: &str| match text(name).map(str::as_bytes) {
            None => Ok(None),
            Some([byte]) => Ok(Some(*byte)),
            Some(_) => Err(format!("`csv.{name}` has to be one ASCII character")),
        };
        let texts = |name: &str| {
            let texts = params[name].as_array().into_iter().flatten();
            texts.filter_map(Json::as_str).map(str::to_owned)
        };
        let encoding = text("encoding").map(Encoding::of).transpose()?;
        let names: Vec<String> = texts("columnNames").collect();
        let types = texts("columnTypes").map(|name| Type::of(&name));
        Ok(Self {
            has_header: params["firstLineAsColumnNames"]
                .as_bool()
                .unwrap_or(names.is_empty()),
            separator: byte("separator")?.unwrap_or(b','),
            quote: byte("quoteChar")?.unwrap_or(b'"'),
            escape: byte("escapeChar")?,
            encoding: encoding.unwrap_or(Encoding::Utf8),
            names,
            types: types.collect::<Result<_, _>>()?,
        })
    }
}

impl Type {
    fn of(name: &str) -> Result<Self, String> {
        Ok(match name.to_ascii_uppercase().as_str() {
            "STRING" | "UNKNOWN" => Self::Text,
            "INTEGER" => Self::Int,
            "FLOAT" => Self::Float,
            "BOOLEAN" => Self::Bool,
            "DATE" => Self::Date,
            "TIME" => Self::Time,
            "DATETIME" => Self::Datetime,
            "TIMESTAMP" => Self::Timestamp,
            _ => return Err(format!("there is no column type `{name}`")),
        })
    }

    fn value(self, cell: &str) -> Option<Value> {
        let bare = cell.trim();
        match self {
            Self::Text => Some(Value::String(cell.to_owned())),
            Self::Int => bare.parse().ok().map(Value::Int),
            Self::Float => bare.parse().ok().map(Value::Float),
            Self::Bool => match bare.to_ascii_lowercase().as_str() {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                _ => None,
            },
            Self::Date => Date::parse(bare).ok().map(Value::Date),
            Self::Time => Time::parse(bare).ok().map(Value::Time),
            Self::Datetime => Datetime::parse(bare).ok().map(Value::Datetime),
            Self::Timestamp => Timestamp::parse(bare).ok().map(Value::Timestamp),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Text => "STRING",
            Self::Int => "INTEGER",
            Self::Float => "FLOAT",
            Self::Bool => "BOOLEAN",
            Self::Date => "DATE",
            Self::Time => "TIME",
            Self::Datetime => "DATETIME",
            Self::Timestamp => "TIMESTAMP",
        }
    }
}

/// A document for each row. A row that is none does not hold up the others.
///
/// # Errors
/// An encoding that it is not in, a header that cannot be read.
pub(super) fn read(content: &[u8], options: &Options) -> Result<Vec<Record>, String> {
    let content = options.encoding.utf8(content)?;
    let mut reader = ReaderBuilder::new()
        .has_headers(options.has_header)
        .delimiter(options.separator)
        .quote(options.quote)
        .escape(options.escape)
        .double_quote(options.escape.is_none())
        .flexible(true)
        .from_reader(content.as_ref());
    let header = match options.has_header {
        false => StringRecord::new(),
        true => {
            let header = reader.headers();
            header
                .map_err(|error| format!("the header cannot be read: {error}"))?
                .clone()
        }
    };
    let name = |index: usize| {
        let given = options.names.get(index).map(String::as_str);
        let name = given.or_else(|| header.get(index)).unwrap_or_default();
        match name {
            "" => format!("_{}", index + 1),
            name => name.to_owned(),
        }
    };
    let records = reader.records().map(|row| {
        let row = row.map_err(|error| error.to_string())?;
        let mut document = Object::new();
        for (index, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let kind = options.types.get(index).copied().unwrap_or(Type::Text);
            let value = kind.value(cell).ok_or_else(|| {
                let line = row.position().map_or(0, csv::Position::line);
                format!("line {line}: `{}` is no {}", name(index), kind.name())
            })?;
            document.insert(name(index), value);
        }
        Ok(Value::Object(document))
    });
    Ok(records.collect())
}

#[cfg(test)]
mod tests {
    use outcrop_document::json;
    use serde_json::json as params;

    use super::*;

    fn check(text: impl AsRef<[u8]>, params: &Json, expected: &[&str]) {
        let options = Options::of(params).unwrap();
        let records = read(text.as_ref(), &options).unwrap().into_iter();
        let shown = records.map(|record| match record {
            Ok(document) => json::to_string(&document),
            Err(error) => error,
        });
        assert_eq!(shown.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn cells_are_texts_unless_their_column_has_a_type() {
        check(
            "\u{feff}a,b,c\n1,,\"x \"\"y\"\"\"\n2,3\n",
            &params!({}),
            &[r#"{"a":"1","c":"x \"y\""}"#, r#"{"a":"2","b":"3"}"#],
        );
        check(
            "1;1.5;TRUE;x\none;;;\n",
            &params!({
                "separator": ";",
                "columnNames": ["a", "b", "c"],
                "columnTypes": ["INTEGER", "FLOAT", "BOOLEAN"],
            }),
            &[
                r#"{"_4":"x","a":1,"b":1.5,"c":true}"#,
                "line 2: `a` is no INTEGER",
            ],
        );
    }

    #[test]
    fn names_come_before_those_of_the_header() {
        check(
            "x,y\n'1,2',3\n",
            &params!({ "firstLineAsColumnNames": true, "columnNames": ["a"], "quoteChar": "'" }),
            &[r#"{"a":"1,2","y":"3"}"#],
        );
    }

    #[test]
    fn text_may_be_in_another_encoding() {
        let expected = [r#"{"ä":"ö😀"}"#];
        let utf16 = |order: fn(u16) -> [u8; 2], text: &str| {
            text.encode_utf16().flat_map(order).collect::<Vec<u8>>()
        };
        let params = params!({ "encoding": "UTF-16" });
        check(
            utf16(u16::to_le_bytes, "\u{feff}ä\nö😀\n"),
            &params,
            &expected,
        );
        check(
            utf16(u16::to_be_bytes, "\u{feff}ä\nö😀\n"),
            &params,
            &expected,
        );
        check(utf16(u16::to_be_bytes, "ä\nö😀\n"), &params, &expected);
        check(
            b"\xe4\n\xf6\n",
            &params!({ "encoding": "ISO 8859-1" }),
            &[r#"{"ä":"ö"}"#],
        );
        let options = Options::of(&params).unwrap();
        for damaged in [&b"abc"[..], b"\xd8\x00"] {
            assert_eq!(
                read(damaged, &options).unwrap_err(),
                "the file is not in UTF-16"
            );
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for params in [
            params!({ "separator": "ab" }),
            params!({ "encoding": "EBCDIC" }),
            params!({ "columnTypes": ["WORD"] }),
        ] {
            assert!(Options::of(&params).is_err(), "{params}");
        }
    }
}
