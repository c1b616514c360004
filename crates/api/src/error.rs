//! The body of every response that is not a success.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What went wrong, as clients see it.
///
/// `Display` gives the name on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ErrorType {
    /// The key is missing, unknown, expired or suspended.
    AuthException,
    /// The client's version is not served.
    VersionException,
    /// A fault of the server.
    InternalError,
    /// The request does not say something valid.
    InvalidInput,
    /// The operation, or this use of it, is not built.
    NotImplementedYet,
    /// A limit of memory, size or concurrency was reached.
    ResourceExceeded,
    /// The name is taken.
    AlreadyExists,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// The `Accept` header excludes JSON.
    NotAcceptable,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// There is no such path or object.
    NotFound,
    /// Something else still needs the object.
    DependentResources,
    /// The SQL text is wrong, or fails while it runs.
    #[serde(rename = "QUERY_ERROR")]
    QueryError,
    /// The object or the server cannot be used yet.
    #[serde(rename = "NOT_READY")]
    NotReady,
    /// The key's role lacks the privilege.
    Forbidden,
    /// The query did not finish in its time.
    #[serde(rename = "QUERY_TIMEOUT")]
    QueryTimeout,
    /// Another service could not be reached.
    #[serde(rename = "CONNECTION_ERROR")]
    ConnectionError,
    /// The body is larger than the limit.
    ContentTooLarge,
    /// The object is being made.
    Creating,
    /// The request cannot be understood as HTTP or JSON.
    BadRequest,
    /// The server cannot serve this at the moment; the same request may work later.
    ServiceUnavailable,
    /// The object's state does not allow this.
    Conflict,
    /// Too many requests.
    RateLimitExceeded,
    /// The query was cancelled.
    #[serde(rename = "QUERY_CANCELLED")]
    QueryCancelled,
    /// The client went away.
    #[serde(rename = "CLIENT_CONNECTION_ERROR")]
    ClientConnectionError,
}

impl ErrorType {
    /// Every type, in the order of the specification.
    pub const ALL: [Self; 25] = [
        Self::AuthException,
        Self::VersionException,
        Self::InternalError,
        Self::InvalidInput,
        Self::NotImplementedYet,
        Self::ResourceExceeded,
        Self::AlreadyExists,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::UnsupportedMediaType,
        Self::NotFound,
        Self::DependentResources,
        Self::QueryError,
        Self::NotReady,
        Self::Forbidden,
        Self::QueryTimeout,
        Self::ConnectionError,
        Self::ContentTooLarge,
        Self::Creating,
        Self::BadRequest,
        Self::ServiceUnavailable,
        Self::Conflict,
        Self::RateLimitExceeded,
        Self::QueryCancelled,
        Self::ClientConnectionError,
    ];
}

impl std::fmt::Display for ErrorType {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(formatter)
    }
}

/// The body of an error response, and the `error` member of a document's status.
///
/// Every member is always present; what is not known is `null`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorModel {
    /// Text for people.
    pub message: String,
    /// A key that programs compare, such as `COLLECTION_DOES_NOT_EXIST`.
    #[serde(default)]
    pub message_key: Option<String>,
    /// The kind of error.
    #[serde(rename = "type")]
    pub error_type: ErrorType,
    /// Line of the SQL text, counted from 1.
    #[serde(default)]
    pub line: Option<u32>,
    /// Column of the SQL text in characters, counted from 1.
    #[serde(default)]
    pub column: Option<u32>,
    /// The request's id, which the server's log has too.
    #[serde(default)]
    pub trace_id: Option<String>,
    /// A slug such as `function_not_found`, or the empty string.
    #[serde(default)]
    pub error_id: Option<String>,
    /// The id of the failed query.
    #[serde(default)]
    pub query_id: Option<String>,
    /// Always `null`.
    #[serde(default)]
    pub internal_errors: Option<Vec<String>>,
}

impl ErrorModel {
    /// An error of which only the type and the text are known.
    pub fn new(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            message_key: None,
            error_type,
            line: None,
            column: None,
            trace_id: None,
            error_id: None,
            query_id: None,
            internal_errors: None,
        }
    }
}

impl std::fmt::Display for ErrorModel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.message)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(formatter, " (line {line}, column {column})")?;
        }
        Ok(())
    }
}

impl std::error::Error for ErrorModel {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_written_as_in_the_specification() {
        let names: Vec<String> = ErrorType::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(names[0], "AUTHEXCEPTION");
        assert_eq!(names[4], "NOTIMPLEMENTEDYET");
        assert_eq!(names[12], "QUERY_ERROR");
        assert_eq!(names[13], "NOT_READY");
        assert_eq!(names[24], "CLIENT_CONNECTION_ERROR");
    }

    #[test]
    fn every_member_is_present() {
        let json = serde_json::to_value(ErrorModel::new(ErrorType::NotFound, "gone")).unwrap();
        let names: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert_eq!(
            names,
            [
                "column",
                "error_id",
                "internal_errors",
                "line",
                "message",
                "message_key",
                "query_id",
                "trace_id",
                "type"
            ]
        );
    }
}
