//! `/v1/orgs/self/ws/{workspace}/collections/{collection}/docs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::ErrorModel;

/// `POST …/docs`.
///
/// The server reads the same shape with its own parser, which keeps 64-bit integers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AddDocumentsRequest")]
pub struct AddDocumentsRequest<D = Value> {
    /// The documents, each an object.
    pub data: Vec<D>,
}

/// `PATCH …/docs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PatchDocumentsRequest {
    /// One entry per document.
    pub data: Vec<PatchDocument>,
}

/// The changes to one document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PatchDocument {
    /// Which document.
    #[serde(rename = "_id")]
    pub id: String,
    /// Operations, applied in order, all or none.
    pub patch: Vec<PatchOperation>,
}

/// One operation of RFC 6902, or `INCREMENT`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PatchOperation {
    /// `ADD`, `REPLACE`, `REMOVE`, `COPY`, `MOVE`, `TEST` or `INCREMENT`, in any case.
    pub op: String,
    /// JSON pointer to the target.
    pub path: String,
    /// JSON pointer to the source of `COPY` and `MOVE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The operand of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// `DELETE …/docs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeleteDocumentsRequest {
    /// One entry per document.
    pub data: Vec<DocumentId>,
}

/// Names a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentId {
    /// The document's primary key.
    #[serde(rename = "_id")]
    pub id: String,
}

/// The answer to all three calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentsResponse {
    /// One status per entry of the request, in its order.
    pub data: Vec<DocumentStatus>,
    /// The fence of this write, for `offsets/commit`.
    pub last_offset: String,
}

/// What became of one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentStatus {
    /// Name of the collection, without its workspace.
    #[serde(rename = "_collection")]
    pub collection: Option<String>,
    /// Why, when the status is `ERROR`.
    pub error: Option<ErrorModel>,
    /// The document's primary key; `null` when it has no valid one.
    #[serde(rename = "_id")]
    pub id: Option<String>,
    /// The outcome.
    pub status: Status,
    /// A UUID for a patch.
    pub patch_id: Option<String>,
}

/// Outcome of writing one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// The id was new.
    Added,
    /// The id existed; the document was replaced as a whole.
    Replaced,
    /// The document is not there any more, or never was.
    Deleted,
    /// All operations were applied.
    Patched,
    /// Nothing was changed.
    Error,
}
