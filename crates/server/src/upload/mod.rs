//! Files that are uploaded: what a form holds, and the documents that a file holds.
//!
//! Nothing here writes. Everything is bounded: the form by the limit of a write's body, and so is what a compressed
//! file unpacks to.

mod csv;
mod multipart;

use std::io::Read;

use flate2::read::MultiGzDecoder;
use outcrop_api::error::ErrorType;
use outcrop_document::{Value, json};
use serde_json::Value as Json;

use crate::error::{ApiError, ApiResult};

/// What gzip begins with.
const GZIP: &[u8] = &[0x1f, 0x8b];

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

/// How the file is read.
enum Format {
    /// One JSON value, whose elements are the documents if it is a list, or one on each line.
    Json,
    Csv(csv::Options),
}

/// Reads a form; `check` brings the format parameters into their shape.
///
/// # Errors
/// `INVALIDINPUT` for what is no form with a file, or cannot be read as what it is said to be, `CONTENTTOOLARGE` for
/// what unpacks to more than `bytes_max`.
pub(crate) fn read(
    body: &[u8],
    bytes_max: usize,
    check: impl FnOnce(&Json) -> ApiResult<Json>,
) -> ApiResult<Upload> {
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
    let format = format(params.as_ref(), &file_name)?;
    let unpacked = unpacked(file.content, bytes_max)?;
    let content = unpacked.as_deref().unwrap_or(file.content);
    let records = match format {
        Format::Json => documents(content),
        Format::Csv(options) => csv::read(content, &options).map_err(ApiError::invalid)?,
    };
    Ok(Upload {
        file_name,
        bytes: file.content.len(),
        records,
    })
}

/// The format that the parameters name, else that of the file's name.
fn format(params: Option<&Json>, file_name: &str) -> ApiResult<Format> {
    let given = |name: &str| {
        let value = params.and_then(|params| params.get(name));
        value.filter(|value| !value.is_null() && **value != Json::Bool(false))
    };
    if let Some(options) = given("csv") {
        let options = csv::Options::of(options).map_err(ApiError::invalid)?;
        return Ok(Format::Csv(options));
    }
    if given("json").is_some() {
        return Ok(Format::Json);
    }
    let other = params.and_then(Json::as_object);
    let mut other = other.into_iter().flatten().map(|(name, _)| name.as_str());
    if let Some(name) = other.find(|name| given(name).is_some()) {
        return Err(ApiError::invalid(format!(
            "files of the format `{name}` cannot be uploaded"
        )));
    }
    let name = file_name.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    Ok(match name.ends_with(".csv") {
        true => Format::Csv(csv::Options::default()),
        false => Format::Json,
    })
}

/// What a compressed file unpacks to; `None` if it is not compressed.
fn unpacked(content: &[u8], bytes_max: usize) -> ApiResult<Option<Vec<u8>>> {
    if !content.starts_with(GZIP) {
        return Ok(None);
    }
    let mut unpacked = Vec::new();
    let bound = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    MultiGzDecoder::new(content)
        .take(bound.saturating_add(1))
        .read_to_end(&mut unpacked)
        .map_err(|error| ApiError::invalid(format!("the file cannot be unpacked: {error}")))?;
    match unpacked.len() > bytes_max {
        false => Ok(Some(unpacked)),
        true => Err(ApiError::new(
            ErrorType::ContentTooLarge,
            format!("the file unpacks to more than the limit of {bytes_max} bytes"),
        )),
    }
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
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

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

    #[test]
    fn what_unpacks_to_too_much_is_refused() {
        let packed = gzip(&vec![b' '; 10_000]);
        assert_eq!(unpacked(&packed, 10_000).unwrap().unwrap().len(), 10_000);
        let error = unpacked(&packed, 9_999).unwrap_err();
        assert_eq!(error.model.error_type, ErrorType::ContentTooLarge);
        let error = unpacked(&packed[..packed.len() - 9], 10_000).unwrap_err();
        assert_eq!(error.model.error_type, ErrorType::InvalidInput);
    }

    #[test]
    fn the_format_is_that_of_the_parameters_then_of_the_name() {
        let is_csv = |params: Option<Json>, name: &str| {
            matches!(format(params.as_ref(), name), Ok(Format::Csv(_)))
        };
        assert!(is_csv(None, "a.CSV"));
        assert!(is_csv(None, "a.csv.gz"));
        assert!(!is_csv(None, "a.json"));
        assert!(is_csv(Some(serde_json::json!({"csv": {}})), "a.json"));
        assert!(!is_csv(Some(serde_json::json!({"json": true})), "a.csv"));
        assert!(format(Some(&serde_json::json!({"xml": {}})), "a").is_err());
    }
}
