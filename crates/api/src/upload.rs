//! Files that are uploaded.

use serde::{Deserialize, Serialize};

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
