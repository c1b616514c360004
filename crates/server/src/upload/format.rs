//! What a file is.

use serde_json::{Value as Json, json};

use super::csv;
use crate::error::{ApiError, ApiResult};

/// How a file is read.
#[derive(Debug)]
pub(super) enum Format {
    /// One JSON value, whose elements are the documents if it is a list, or one on each line.
    Json,
    Csv(csv::Options),
    /// What a process of its own decodes.
    Foreign(Foreign),
}

/// A format that the decoder knows.
#[derive(Debug)]
pub(super) struct Foreign {
    /// Its name for people.
    pub(super) name: &'static str,
    /// Its name and options for the decoder.
    pub(super) request: Json,
}

impl Format {
    /// The format that the parameters name, else that of the file's name, else the one that it begins as.
    ///
    /// # Errors
    /// `INVALIDINPUT` for options that cannot be, and for formats that cannot be uploaded.
    pub(super) fn of(params: Option<&Json>, file_name: &str, content: &[u8]) -> ApiResult<Self> {
        match params.map(by_params) {
            Some(Ok(None)) | None => Ok(by_name(file_name).unwrap_or_else(|| by_content(content))),
            Some(Ok(Some(format))) => Ok(format),
            Some(Err(error)) => Err(error),
        }
    }

    fn parquet() -> Self {
        Self::Foreign(Foreign {
            name: "Parquet",
            request: json!("parquet"),
        })
    }

    fn avro() -> Self {
        Self::Foreign(Foreign {
            name: "Avro",
            request: json!("avro"),
        })
    }

    fn xml(options: &Json) -> Self {
        Self::Foreign(Foreign {
            name: "XML",
            request: json!({ "xml": options }),
        })
    }
}

fn by_params(params: &Json) -> ApiResult<Option<Format>> {
    let members = params.as_object().into_iter().flatten();
    let mut given = members.filter(|(_, value)| !value.is_null() && **value != Json::Bool(false));
    let Some((name, options)) = given.next() else {
        return Ok(None);
    };
    if let Some((other, _)) = given.next() {
        return Err(ApiError::invalid(format!(
            "a file is of one format, and `params` has `{name}` and `{other}`"
        )));
    }
    Ok(Some(match name.as_str() {
        "csv" => Format::Csv(csv::Options::of(options).map_err(ApiError::invalid)?),
        "json" => Format::Json,
        "parquet" => Format::parquet(),
        "avro" => Format::avro(),
        "xml" => Format::xml(options),
        _ => {
            return Err(ApiError::invalid(format!(
                "files of the format `{name}` cannot be uploaded"
            )));
        }
    }))
}

fn by_name(file_name: &str) -> Option<Format> {
    let name = file_name.to_ascii_lowercase();
    let packed = [".gz", ".gzip", ".zst", ".zstd"];
    let name = packed
        .iter()
        .find_map(|extension| name.strip_suffix(extension))
        .unwrap_or(&name);
    let (_, extension) = name.rsplit_once('.')?;
    Some(match extension {
        "json" | "jsonl" | "ndjson" => Format::Json,
        "csv" => Format::Csv(csv::Options::default()),
        "parquet" => Format::parquet(),
        "avro" => Format::avro(),
        "xml" => Format::xml(&json!({})),
        _ => return None,
    })
}

fn by_content(content: &[u8]) -> Format {
    match content {
        [b'P', b'A', b'R', b'1', ..] => Format::parquet(),
        [b'O', b'b', b'j', 1, ..] => Format::avro(),
        _ => Format::Json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(params: Json, name: &str, content: &[u8], expected: &str) {
        let shown = match Format::of(Some(&params), name, content) {
            Ok(Format::Json) => "JSON".to_owned(),
            Ok(Format::Csv(_)) => "CSV".to_owned(),
            Ok(Format::Foreign(foreign)) => foreign.request.to_string(),
            Err(error) => error.model.message,
        };
        assert_eq!(shown, expected, "{params} {name}");
    }

    #[test]
    fn the_format_is_that_of_the_parameters_then_of_the_name_then_of_the_content() {
        check(json!({ "csv": {}, "json": null }), "a.json", b"", "CSV");
        check(
            json!({ "json": true, "parquet": false }),
            "a.csv",
            b"PAR1",
            "JSON",
        );
        check(json!({ "avro": {} }), "a", b"", r#""avro""#);
        check(json!({ "parquet": true }), "a.avro", b"", r#""parquet""#);
        let xml = json!({ "xml": { "doc_tag": "d" } });
        check(xml, "a", b"", r#"{"xml":{"doc_tag":"d"}}"#);
        for (name, expected) in [
            ("a.CSV", "CSV"),
            ("a.csv.gz", "CSV"),
            ("b.ndjson.zst", "JSON"),
            ("a.parquet", r#""parquet""#),
            ("a.avro", r#""avro""#),
            ("a.xml.gz", r#"{"xml":{}}"#),
            ("a.txt", "JSON"),
            ("", "JSON"),
        ] {
            check(json!({}), name, b"[", expected);
        }
        check(json!({}), "a.csv", b"PAR1,b\n", "CSV");
        check(json!({}), "a", b"PAR1", r#""parquet""#);
        check(json!({}), "a.data", b"Obj\x01", r#""avro""#);
    }

    #[test]
    fn a_file_is_of_one_format_that_can_be_uploaded() {
        let bson = json!({ "bson": true });
        check(
            bson,
            "a",
            b"",
            "files of the format `bson` cannot be uploaded",
        );
        let two = json!({ "csv": {}, "json": true });
        let message = "a file is of one format, and `params` has `csv` and `json`";
        check(two, "a", b"", message);
    }
}
