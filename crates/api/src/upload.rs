//! Files that are uploaded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The parts of the form.
///
/// The server reads them one by one, as files are no JSON.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
pub struct UploadForm {
    /// The file: JSON, JSON by lines or CSV, which may be compressed by gzip.
    #[schemars(extend("format" = "binary"))]
    pub file: String,
    /// How the file becomes documents; where it is left out, the name of the file tells.
    pub params: Option<Value>,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UploadedFile {
    /// Workspace of the collection.
    pub workspace: String,
    /// The collection that has the documents.
    pub collection: String,
    /// The name that the client gave the file.
    pub file_name: String,
    /// Its size as it was sent.
    pub file_size: usize,
    /// When it came; ISO 8601.
    pub file_upload_time: String,
    /// Records that became documents.
    pub doc_count: usize,
    /// Records that did not.
    pub error_count: usize,
    /// What was wrong with the last of those.
    pub last_error: Option<String>,
}
