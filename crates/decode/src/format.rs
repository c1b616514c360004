//! The formats.

use serde::Deserialize;

use crate::xml::XmlOptions;

/// What a file is; as JSON `"parquet"`, `"avro"` or `{"xml": {…}}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Apache Parquet: a document for each row.
    Parquet,
    /// An object container file of Apache Avro: a document for each record.
    Avro,
    /// XML: a document for each element that is one by the options.
    Xml(XmlOptions),
}
