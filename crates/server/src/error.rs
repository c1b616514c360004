//! The one place where errors become HTTP.
//!
//! A handler returns an [`ApiError`]. Every error of another crate has exactly one way into it here,
//! and no match has a wildcard arm: a new variant does not compile until it has its place.

use std::error::Error;

use axum::http::StatusCode;
use outcrop_api::error::{ErrorModel, ErrorType};
use outcrop_catalog::{CatalogError, ObjectKind};
use outcrop_document::{JsonError, PatchError, TypedValueError};
use outcrop_query::QueryError;
use outcrop_storage::{NumberedError, StoreError, WriteError, is_bucket_unavailable};

/// A failure with all that the response and the log need.
#[derive(Debug)]
pub(crate) struct ApiError {
    /// The body, apart from the request's ids.
    pub(crate) model: Box<ErrorModel>,
    /// What the log should say beyond the message; never sent to the client.
    pub(crate) cause: Option<Box<dyn Error + Send + Sync>>,
    /// Whether the failure belongs to a query, whose id the body then has.
    pub(crate) is_query: bool,
}

/// The result of a handler.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

/// The status of a response with this type of error.
pub(crate) fn status(error_type: ErrorType) -> StatusCode {
    match error_type {
        ErrorType::AuthException => StatusCode::UNAUTHORIZED,
        ErrorType::Forbidden => StatusCode::FORBIDDEN,
        ErrorType::NotFound => StatusCode::NOT_FOUND,
        ErrorType::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorType::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        ErrorType::QueryTimeout | ErrorType::ClientConnectionError => StatusCode::REQUEST_TIMEOUT,
        ErrorType::Conflict | ErrorType::QueryCancelled => StatusCode::CONFLICT,
        ErrorType::ContentTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorType::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorType::ResourceExceeded | ErrorType::RateLimitExceeded => StatusCode::TOO_MANY_REQUESTS,
        ErrorType::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorType::NotImplementedYet => StatusCode::NOT_IMPLEMENTED,
        ErrorType::ConnectionError => StatusCode::BAD_GATEWAY,
        ErrorType::NotReady | ErrorType::Creating | ErrorType::ServiceUnavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        // An existing name and an object in use are 400 in Rockset, and clients rely on it.
        ErrorType::InvalidInput
        | ErrorType::BadRequest
        | ErrorType::AlreadyExists
        | ErrorType::DependentResources
        | ErrorType::QueryError
        | ErrorType::VersionException => StatusCode::BAD_REQUEST,
    }
}

/// Whether the same request may succeed a little later, so that the response says `Retry-After`.
pub(crate) fn is_transient(error_type: ErrorType) -> bool {
    matches!(
        status(error_type),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    )
}

impl ApiError {
    /// A failure of which there is nothing more to say.
    pub(crate) fn new(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self {
            model: Box::new(ErrorModel::new(error_type, message)),
            cause: None,
            is_query: false,
        }
    }

    /// The request says something that is not valid.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorType::InvalidInput, message)
    }

    /// There is no such thing.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorType::NotFound, message)
    }

    /// The failure of a query that was noted before.
    pub(crate) fn of_query(model: ErrorModel) -> Self {
        Self {
            model: Box::new(model),
            cause: None,
            is_query: true,
        }
    }

    /// Something that is not built.
    pub(crate) fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(ErrorType::NotImplementedYet, message)
    }

    /// A fault of the server. The client learns nothing but the trace id.
    pub(crate) fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(
            ErrorType::InternalError,
            "internal error: the server's log has the details",
        )
        .with_cause(cause)
    }

    fn with_cause(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    fn with_key(mut self, message_key: &str) -> Self {
        self.model.message_key = Some(message_key.to_owned());
        self
    }

    /// The status of the response.
    pub(crate) fn status(&self) -> StatusCode {
        status(self.model.error_type)
    }
}

/// Text and cause of a full disk, which ends by itself once there is space.
fn disk_full(cause: impl Into<Box<dyn Error + Send + Sync>>) -> ApiError {
    ApiError::new(
        ErrorType::ServiceUnavailable,
        "the server's disk is full: nothing was written, and reads go on",
    )
    .with_cause(cause)
}

/// Text and cause of a bucket that cannot be reached, which ends by itself.
fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> ApiError {
    ApiError::new(
        ErrorType::ServiceUnavailable,
        "the server cannot reach its bucket: try again, as this write may or may not have reached it",
    )
    .with_cause(cause)
}

/// Text and cause of a bucket that another server has taken over.
fn fenced(cause: impl Into<Box<dyn Error + Send + Sync>>) -> ApiError {
    ApiError::new(
        ErrorType::ServiceUnavailable,
        "another server has taken the data over: this one takes no writes any more, send them there",
    )
    .with_cause(cause)
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> Self {
        if error.is_disk_full() {
            return disk_full(error);
        }
        if is_bucket_unavailable(&error) {
            return unavailable(error);
        }
        match &error {
            CatalogError::WorkspaceMissing { workspace } => Self::new(
                ErrorType::NotFound,
                format!("Workspace with name \"{workspace}\" does not exist"),
            )
            .with_key("WORKSPACE_NOT_FOUND"),
            CatalogError::CollectionMissing { workspace, name } => {
                collection_missing(workspace, name)
            }
            CatalogError::LambdaMissing {
                workspace,
                name,
                version,
            } => lambda_missing(workspace, name, version.as_deref()),
            CatalogError::CollectionNotReady { .. } => {
                Self::new(ErrorType::NotReady, error.to_string())
            }
            CatalogError::RoleMissing { name } => {
                Self::new(ErrorType::NotFound, format!("Role \"{name}\" not found"))
                    .with_key("ROLE_NOT_FOUND_NAME")
            }
            CatalogError::InstanceMissing { id } => Self::new(
                ErrorType::NotFound,
                format!("Virtual instance with ID \"{id}\" does not exist"),
            ),
            CatalogError::KeyMissing { .. }
            | CatalogError::UserMissing { .. }
            | CatalogError::AliasMissing { .. }
            | CatalogError::ViewMissing { .. }
            | CatalogError::IntegrationMissing { .. }
            | CatalogError::TagMissing { .. }
            | CatalogError::ScheduledLambdaMissing { .. }
            | CatalogError::PublicIdMissing
            | CatalogError::SourceMissing { .. }
            | CatalogError::EntityMissing { .. } => {
                Self::new(ErrorType::NotFound, error.to_string())
            }
            CatalogError::AlreadyExists { kind, name } => {
                Self::new(ErrorType::AlreadyExists, already_exists(*kind, name))
            }
            CatalogError::NotEmpty { .. } | CatalogError::InUse { .. } => {
                Self::new(ErrorType::DependentResources, error.to_string())
            }
            CatalogError::Protected { .. }
            | CatalogError::SystemCollection { .. }
            | CatalogError::BadName { .. }
            | CatalogError::ViewCycle { .. }
            | CatalogError::IntegrationKind { .. }
            | CatalogError::TagReserved
            | CatalogError::LastAdmin
            | CatalogError::MainInstance { .. }
            | CatalogError::InstanceIsDefault { .. }
            | CatalogError::BadRetention { .. } => Self::invalid(error.to_string()),
            CatalogError::Damaged { .. }
            | CatalogError::Version { .. }
            | CatalogError::SealingKey
            | CatalogError::DataMissing { .. } => Self::internal(error),
            CatalogError::State { source, .. } => match source {
                // Only one process writes a folder, so this is a bucket.
                NumberedError::Taken { .. } => fenced(error),
                NumberedError::Damaged { .. } | NumberedError::Io { .. } => Self::internal(error),
            },
            CatalogError::Storage { source, .. } => match source {
                StoreError::Closed => closing().with_cause(error),
                StoreError::Fenced => fenced(error),
                StoreError::Locked { .. }
                | StoreError::Io { .. }
                | StoreError::Numbered(_)
                | StoreError::Manifest(_)
                | StoreError::Wal(_)
                | StoreError::Segment(_)
                | StoreError::DeletionVector { .. }
                | StoreError::Replay { .. }
                | StoreError::FlushStopped { .. }
                | StoreError::Thread { .. }
                | StoreError::CollectionExists { .. }
                | StoreError::CollectionMissing { .. } => Self::internal(error),
            },
        }
    }
}

/// The error that LangChain.js tells from others by its key.
fn collection_missing(workspace: &str, name: &str) -> ApiError {
    ApiError::new(
        ErrorType::NotFound,
        format!("Collection \"{name}\" does not exist in workspace \"{workspace}\""),
    )
    .with_key("COLLECTION_DOES_NOT_EXIST")
}

fn already_exists(kind: ObjectKind, name: &str) -> String {
    match kind {
        ObjectKind::Workspace => format!("Workspace with name \"{name}\" already exists"),
        ObjectKind::Collection => format!("Collection \"{name}\" already exists"),
        ObjectKind::Alias => format!("Alias \"{name}\" already exists"),
        ObjectKind::View => format!("View \"{name}\" already exists"),
        ObjectKind::ApiKey => format!("API key \"{name}\" already exists"),
        ObjectKind::User => format!("User \"{name}\" already exists"),
        ObjectKind::Role => format!("Role \"{name}\" already exists"),
        ObjectKind::Integration => format!("Integration \"{name}\" already exists"),
        ObjectKind::QueryLambda => format!("Query Lambda \"{name}\" already exists"),
        ObjectKind::Tag => format!("Tag \"{name}\" already exists"),
        ObjectKind::LambdaVersion => format!("Version \"{name}\" already exists"),
        ObjectKind::VirtualInstance => format!("Virtual instance \"{name}\" already exists"),
    }
}

fn lambda_missing(workspace: &str, name: &str, version: Option<&str>) -> ApiError {
    let version = version.map(|version| format!(" (version \"{version}\")"));
    let version = version.unwrap_or_default();
    ApiError::new(
        ErrorType::NotFound,
        format!("Query Lambda \"{name}\"{version} not found in workspace \"{workspace}\"."),
    )
    .with_key("QUERY_NOT_FOUND")
}

fn closing() -> ApiError {
    ApiError::new(ErrorType::ServiceUnavailable, "the server is shutting down")
}

impl From<WriteError> for ApiError {
    fn from(error: WriteError) -> Self {
        if error.is_disk_full() {
            return disk_full(error);
        }
        if is_bucket_unavailable(&error) {
            return unavailable(error);
        }
        match &error {
            WriteError::DiskFull { .. } => disk_full(error),
            WriteError::Unavailable { .. } => unavailable(error),
            WriteError::Fenced => fenced(error),
            WriteError::Poisoned => Self::new(
                ErrorType::ServiceUnavailable,
                "the server takes no writes until it is restarted, because its disk failed",
            )
            .with_cause(error),
            WriteError::Closed => closing(),
            WriteError::Dropped { .. } => Self::new(
                ErrorType::NotFound,
                "the collection was deleted while it was written to",
            )
            .with_key("COLLECTION_DOES_NOT_EXIST"),
            WriteError::TooLarge { bytes, bytes_max } => Self::new(
                ErrorType::ContentTooLarge,
                format!("the documents take {bytes} bytes, more than the {bytes_max} of one write"),
            ),
            WriteError::Refused { message } => Self::invalid(message.clone()),
            WriteError::FlushFails { .. } => Self::new(
                ErrorType::ServiceUnavailable,
                "the server takes no writes at the moment, because it cannot flush earlier ones",
            )
            .with_cause(error),
            WriteError::Io { .. } | WriteError::IdMismatch { .. } | WriteError::Segment { .. } => {
                Self::internal(error)
            }
        }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        if let QueryError::Write(error) = error {
            return Self {
                is_query: true,
                ..Self::from(error)
            };
        }
        let error_type = query_error_type(&error);
        let mut api_error = match error_type {
            ErrorType::InternalError => {
                Self::new(error_type, "internal error while running the query")
            }
            _ => Self::new(error_type, error.to_string()),
        };
        if let Some(position) = error.position() {
            api_error.model.line = u32::try_from(position.line).ok();
            api_error.model.column = u32::try_from(position.column).ok();
        }
        api_error.model.error_id = Some(error.error_id().unwrap_or_default().to_owned());
        api_error.is_query = true;
        api_error.with_cause(error)
    }
}

fn query_error_type(error: &QueryError) -> ErrorType {
    match error {
        QueryError::Syntax { .. }
        | QueryError::Semantic { .. }
        | QueryError::UnknownFunction { .. }
        | QueryError::UnknownCollection { .. }
        | QueryError::Script(_)
        | QueryError::Runtime { .. } => ErrorType::QueryError,
        QueryError::Timeout => ErrorType::QueryTimeout,
        QueryError::Cancelled => ErrorType::QueryCancelled,
        QueryError::MemoryLimit { .. } | QueryError::ResultTooLarge { .. } => {
            ErrorType::ResourceExceeded
        }
        QueryError::NotImplemented { .. } => ErrorType::NotImplementedYet,
        QueryError::Forbidden { .. } => ErrorType::Forbidden,
        QueryError::Unavailable => ErrorType::ServiceUnavailable,
        QueryError::Write(_) | QueryError::Storage(_) | QueryError::Internal { .. } => {
            ErrorType::InternalError
        }
    }
}

impl From<JsonError> for ApiError {
    fn from(error: JsonError) -> Self {
        Self::invalid(format!("the body is not valid JSON: {error}"))
    }
}

/// A document that cannot be read: the error of its status, not of the request.
impl From<TypedValueError> for ApiError {
    fn from(error: TypedValueError) -> Self {
        Self::invalid(error.to_string())
    }
}

/// A patch that cannot be read or does not apply: the error of its status, not of the request.
impl From<PatchError> for ApiError {
    fn from(error: PatchError) -> Self {
        Self::invalid(error.to_string())
    }
}

/// The whole chain of an error on one line, for the log.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        // Transparent wrappers repeat what they hold.
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_status_of_the_api() {
        let documented = [
            400, 401, 403, 404, 405, 406, 408, 409, 413, 415, 429, 500, 501, 502, 503,
        ];
        for error_type in ErrorType::ALL {
            assert!(
                documented.contains(&status(error_type).as_u16()),
                "{error_type}"
            );
        }
        for code in documented {
            let used = ErrorType::ALL
                .iter()
                .any(|kind| status(*kind).as_u16() == code);
            assert!(used, "no type has the status {code}");
        }
    }

    #[test]
    fn the_chain_names_every_cause_once() {
        let io = std::io::Error::other("no space");
        let error = WriteError::Io {
            source: std::sync::Arc::new(io),
        };
        assert_eq!(
            chain(&error),
            "cannot write to the write-ahead log: no space"
        );
    }

    #[track_caller]
    fn check(error: impl Into<ApiError>, expected: u16, error_type: ErrorType) -> ApiError {
        let error = error.into();
        assert_eq!(error.model.error_type, error_type);
        assert_eq!(error.status().as_u16(), expected);
        error
    }

    #[test]
    fn failed_queries_tell_clients_what_they_can_do() {
        let message = || "text".to_owned();
        let position = Some(outcrop_query::Position { line: 2, column: 7 });
        let name = || "f".to_owned();
        let unknown = QueryError::UnknownFunction {
            name: name(),
            position,
        };
        let unknown = check(unknown, 400, ErrorType::QueryError);
        assert_eq!(
            (unknown.model.line, unknown.model.column),
            (Some(2), Some(7))
        );
        assert_eq!(
            unknown.model.error_id.as_deref(),
            Some("function_not_found")
        );
        let syntax = QueryError::Syntax {
            message: message(),
            line: 1,
            column: 1,
        };
        check(syntax, 400, ErrorType::QueryError);
        let collection = QueryError::UnknownCollection {
            name: name(),
            position,
        };
        check(collection, 400, ErrorType::QueryError);
        check(
            QueryError::Runtime { message: message() },
            400,
            ErrorType::QueryError,
        );
        let script = QueryError::Script(outcrop_query::ScriptError {
            message: message(),
            position,
        });
        let script = check(script, 400, ErrorType::QueryError);
        assert_eq!((script.model.line, script.model.column), (Some(2), Some(7)));
        check(QueryError::Cancelled, 409, ErrorType::QueryCancelled);
        let timeout = check(QueryError::Timeout, 408, ErrorType::QueryTimeout);
        assert_eq!(timeout.model.error_id.as_deref(), Some(""));
        let memory = QueryError::MemoryLimit { message: message() };
        check(memory, 429, ErrorType::ResourceExceeded);
        let large = QueryError::ResultTooLarge { limit_bytes: 1 };
        check(large, 429, ErrorType::ResourceExceeded);
        let unbuilt = QueryError::NotImplemented {
            what: name(),
            position,
        };
        check(unbuilt, 501, ErrorType::NotImplementedYet);
        check(QueryError::Unavailable, 503, ErrorType::ServiceUnavailable);
        let internal = QueryError::Internal {
            message: "secret".to_owned(),
        };
        let internal = check(internal, 500, ErrorType::InternalError);
        assert!(!internal.model.message.contains("secret"));
    }

    #[test]
    fn failed_writes_tell_clients_whether_to_try_again() {
        let io = |kind: std::io::ErrorKind| std::sync::Arc::new(std::io::Error::from(kind));
        let full = WriteError::DiskFull {
            source: io(std::io::ErrorKind::StorageFull),
        };
        let full = check(full, 503, ErrorType::ServiceUnavailable);
        assert!(is_transient(full.model.error_type));
        check(WriteError::Poisoned, 503, ErrorType::ServiceUnavailable);
        check(WriteError::Closed, 503, ErrorType::ServiceUnavailable);
        check(WriteError::Fenced, 503, ErrorType::ServiceUnavailable);
        let unavailable = WriteError::Unavailable {
            source: io(std::io::ErrorKind::Other),
        };
        let unavailable = check(unavailable, 503, ErrorType::ServiceUnavailable);
        assert!(is_transient(unavailable.model.error_type));
        let large = WriteError::TooLarge {
            bytes: 2,
            bytes_max: 1,
        };
        check(large, 413, ErrorType::ContentTooLarge);
        let other = WriteError::Io {
            source: io(std::io::ErrorKind::PermissionDenied),
        };
        check(other, 500, ErrorType::InternalError);
    }
}
