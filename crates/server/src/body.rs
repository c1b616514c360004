//! Reading a request's body within a limit.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use outcrop_api::error::ErrorType;

use crate::error::{ApiError, ApiResult};

/// How much of a body that is too large is read and thrown away before the answer.
///
/// Clients read the answer only when they have sent everything; closing the connection earlier
/// would show them a broken pipe in place of the reason.
const DISCARD_BYTES_MAX: u64 = 256 << 20;

/// How long a client may take for the next piece of its body.
const PIECE_TIMEOUT: Duration = Duration::from_secs(60);

/// The length that the headers declare, if they do.
pub(crate) fn declared_bytes(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// Whether there is a body, by the headers.
pub(crate) fn is_present(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || declared_bytes(headers).is_some_and(|bytes| bytes > 0)
}

/// Reads the whole body.
///
/// # Errors
/// `CONTENTTOOLARGE` if it has more than `bytes_max`, `BADREQUEST` or `CLIENT_CONNECTION_ERROR` if
/// the client breaks off or falls silent.
pub(crate) async fn read(
    mut body: Body,
    headers: &HeaderMap,
    bytes_max: usize,
) -> ApiResult<Bytes> {
    let declared = declared_bytes(headers);
    if declared.is_some_and(|declared| declared > bytes_max as u64) {
        discard(body, headers).await;
        return Err(too_large(bytes_max));
    }
    let capacity = usize::try_from(declared.unwrap_or_default()).unwrap_or_default();
    let mut bytes = BytesMut::new();
    while let Some(piece) = next_piece(&mut body).await? {
        if bytes.is_empty() && piece.len() == capacity {
            // The usual small body: one piece, no copy.
            return Ok(piece);
        }
        if bytes.len() + piece.len() > bytes_max {
            discard(body, headers).await;
            return Err(too_large(bytes_max));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// Reads what is left of a body that nobody wants, within bounds. A client that waits for the
/// server's consent (`Expect: 100-continue`) has not sent it and is not asked to.
pub(crate) async fn discard(mut body: Body, headers: &HeaderMap) {
    let declared = declared_bytes(headers);
    if headers.contains_key(header::EXPECT)
        || declared.is_some_and(|declared| declared > DISCARD_BYTES_MAX)
    {
        return;
    }
    let mut discarded = 0;
    while let Ok(Some(piece)) = next_piece(&mut body).await {
        discarded += piece.len() as u64;
        if discarded > DISCARD_BYTES_MAX {
            return;
        }
    }
}

/// The next piece of data, or none at the end.
async fn next_piece(body: &mut Body) -> ApiResult<Option<Bytes>> {
    loop {
        let frame = tokio::time::timeout(PIECE_TIMEOUT, body.frame())
            .await
            .map_err(|_| {
                ApiError::new(
                    ErrorType::ClientConnectionError,
                    "the rest of the body did not arrive",
                )
            })?;
        let Some(frame) = frame else { return Ok(None) };
        let frame = frame.map_err(|error| {
            ApiError::new(
                ErrorType::BadRequest,
                format!("the body cannot be read: {error}"),
            )
        })?;
        // Trailers are not data and say nothing here.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
}

fn too_large(bytes_max: usize) -> ApiError {
    ApiError::new(
        ErrorType::ContentTooLarge,
        format!("the body is larger than the limit of {bytes_max} bytes"),
    )
}
