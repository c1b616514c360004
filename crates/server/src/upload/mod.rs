//! Files that are uploaded: what a form holds, and the documents that a file holds.
//!
//! Nothing here writes. Everything is bounded: the form by the limit of a write's body, and so is what a compressed
//! file unpacks to. JSON and CSV are read here, other formats by a process of their own (`decoder.rs`).

mod csv;
mod decoder;
mod encoding;
mod format;
mod frames;
mod multipart;
mod unpack;

use bytes::Bytes;
use outcrop_document::{Value, json};
use serde_json::Value as Json;

use crate::app::App;
use crate::blocking;
use crate::error::{ApiError, ApiResult};
use format::{Foreign, Format};

pub(crate) use decoder::Decoder;
pub use decoder::DecoderCommand;

/// The parts of the form that are looked at.
const FILE: &str = "file";
const PARAMS: &str = "params";

/// A file out of a form.
pub(crate) struct Upload {
    /// The name that the client gives it.
    pub(crate) file_name: String,
    /// Its size as it was sent.
    pub(crate) bytes: usize,
    /// A document, or why there is none, for each record.
    pub(crate) records: Vec<Record>,
}

/// A document, or what is wrong with it.
pub(crate) type Record = Result<Value, String>;

/// A file whose form and compression are gone.
struct Opened {
    file_name: String,
    bytes: usize,
    content: Content,
}

/// What is in it.
enum Content {
    Records(Vec<Record>),
    Foreign(Foreign, Vec<u8>),
}

/// Reads a form; `check` brings the format parameters into their shape.
///
/// # Errors
/// `INVALIDINPUT` for what is no form with a file, or cannot be read as what it is said to be, `CONTENTTOOLARGE` for
/// what unpacks to more than a body may have.
pub(crate) async fn read(
    app: &App,
    body: Bytes,
    check: fn(&Json) -> ApiResult<Json>,
) -> ApiResult<Upload> {
    let bytes_max = app.limits.write_body_bytes_max;
    let opened = blocking::run_for(body.len(), move || open(&body, bytes_max, check));
    let Opened {
        file_name,
        bytes,
        content,
    } = opened.await??;
    let records = match content {
        Content::Records(records) => records,
        Content::Foreign(format, content) => {
            app.decoder.records(&file_name, content, &format).await?
        }
    };
    Ok(Upload {
        file_name,
        bytes,
        records,
    })
}

fn open(
    body: &[u8],
    bytes_max: usize,
    check: impl FnOnce(&Json) -> ApiResult<Json>,
) -> ApiResult<Opened> {
    let parts = multipart::parts(body).map_err(ApiError::invalid)?;
    let part = |name: &str| parts.iter().find(|part| part.name == name);
    let file = part(FILE).ok_or_else(|| ApiError::invalid("the form has no part `file`"))?;
    let file_name = file.file_name.clone().unwrap_or_default();
    let params = match part(PARAMS) {
        None => None,
        Some(part) => {
            let params = serde_json::from_slice(part.content)
                .map_err(|error| ApiError::invalid(format!("`params` is not valid: {error}")))?;
            Some(check(&params)?)
        }
    };
    let unpacked = unpack::unpacked(file.content, bytes_max)?;
    let content = unpacked.as_deref().unwrap_or(file.content);
    let content = match Format::of(params.as_ref(), &file_name, content)? {
        Format::Json => Content::Records(documents(content)),
        Format::Csv(options) => {
            Content::Records(csv::read(content, &options).map_err(ApiError::invalid)?)
        }
        Format::Foreign(format) => {
            Content::Foreign(format, unpacked.unwrap_or_else(|| file.content.to_vec()))
        }
    };
    Ok(Opened {
        file_name,
        bytes: file.content.len(),
        content,
    })
}

/// The documents of JSON text. What is not one value is read line by line.
fn documents(content: &[u8]) -> Vec<Record> {
    match json::parse(content) {
        Ok(Value::Array(elements)) => elements.into_iter().map(Ok).collect(),
        Ok(value) => vec![Ok(value)],
        Err(_) => {
            let lines = content.split(|byte| *byte == b'\n').enumerate();
            let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
            let records = lines.map(|(index, line)| {
                json::parse(line).map_err(|error| format!("line {}: {error}", index + 1))
            });
            records.collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_of(content: &str) -> Vec<String> {
        let records = documents(content.as_bytes()).into_iter();
        let records =
            records.map(|record| record.map_or_else(|error| error, |v| json::to_string(&v)));
        records.collect()
    }

    #[test]
    fn json_is_a_list_or_one_document_or_one_on_each_line() {
        assert_eq!(json_of("[{\"a\":1}, 2]"), ["{\"a\":1}", "2"]);
        assert_eq!(json_of("{\n\"a\": 1\n}"), ["{\"a\":1}"]);
        assert_eq!(
            json_of("{\"a\":1}\n\n{\"a\":2}\r\n"),
            ["{\"a\":1}", "{\"a\":2}"]
        );
        let lines = json_of("{\"a\":1}\n{");
        assert_eq!(lines.len(), 2);
        assert!(lines[1].starts_with("line 2: "), "{}", lines[1]);
        assert_eq!(json_of(""), [""; 0]);
    }
}
