//! `…/offsets/commit`: is a write visible?
//!
//! A write is visible before it is acknowledged, so that a fence of this collection has always
//! passed; the answer still compares, so that a fence from elsewhere does not pass by mistake.

use axum::response::Response;
use outcrop_api::offset::{CommitData, CommitOffsets, CommitRequest, CommitResponse};

use crate::call::{self, Call};
use crate::error::{ApiError, ApiResult};

/// What stands before the number in a fence.
const FENCE_PREFIX: &str = "f2:0:1:0:";

/// What stands before the number in a commit mark.
const MARK_PREFIX: &str = "f2:0:0:1:";

/// The fence of the write that got this sequence number.
pub(crate) fn fence(seqno: u64) -> String {
    format!("{FENCE_PREFIX}{seqno}")
}

/// `POST …/offsets/commit` with the fences in the body.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn post(call: Call) -> ApiResult<Response> {
    let request: CommitRequest = call.json()?;
    commit_of_path(&call, &request.name)
}

/// `GET …/offsets/commit?fence=…`, which dbt calls.
#[expect(clippy::unused_async, reason = "every handler is an async function")]
pub(crate) async fn get(call: Call) -> ApiResult<Response> {
    let mut fences = call.query_values("fence");
    fences.extend(call.query_values("name"));
    commit_of_path(&call, &fences)
}

fn commit_of_path(call: &Call, fences: &[String]) -> ApiResult<Response> {
    commit(
        call,
        call.segment("workspace"),
        call.segment("collection"),
        fences,
    )
}

/// The answer for these fences and this collection.
pub(super) fn commit(
    call: &Call,
    workspace: &str,
    name: &str,
    fences: &[String],
) -> ApiResult<Response> {
    let visible = call
        .app
        .catalog
        .collection(workspace, name)?
        .handle()
        .snapshot()
        .seqno();
    let newest = fences
        .iter()
        .map(|fence| seqno(fence))
        .collect::<ApiResult<Vec<u64>>>()?;
    let newest = newest.into_iter().max();
    let data = CommitData {
        fence: newest.map(fence),
        passed: newest.is_none_or(|newest| newest <= visible),
    };
    let offsets = CommitOffsets {
        commit: format!("{MARK_PREFIX}{visible}"),
    };
    call::json(&CommitResponse { data, offsets })
}

/// The sequence number in a fence or a commit mark.
fn seqno(fence: &str) -> ApiResult<u64> {
    let number = fence
        .strip_prefix(FENCE_PREFIX)
        .or_else(|| fence.strip_prefix(MARK_PREFIX));
    number
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| {
            let shown: String = fence.chars().take(100).collect();
            ApiError::invalid(format!("`{shown}` is not an offset of this server"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_gives_its_number_back() {
        assert_eq!(seqno(&fence(0)).unwrap(), 0);
        assert_eq!(seqno(&fence(u64::MAX)).unwrap(), u64::MAX);
        assert_eq!(seqno("f2:0:0:1:7").unwrap(), 7);
        for text in ["", "f2:0:1:0:", "f2:0:1:0:-1", "7", "f1:0:0:0:0"] {
            assert!(seqno(text).is_err(), "{text}");
        }
    }
}
