//! Posting one batch and telling what became of its documents.

use super::batch::{Batch, Document};
use super::report::Report;
use crate::client::{Client, ClientError};
use outcrop_api::document::{DocumentsResponse, Status};
use std::time::Duration;

/// A busy server is asked again this many times, with the wait doubling from [`RETRY_WAIT`]: half a minute in all.
const RETRIES_MAX: u32 = 7;
const RETRY_WAIT: Duration = Duration::from_millis(250);

/// Sends the documents of a batch; each is told to `report` as loaded or failed.
///
/// A request that the server refuses as a whole (400, 413) is cut in halves until the documents at fault are
/// found, so that one of them does not take its neighbours along.
///
/// # Errors
/// What would happen to every other document too: the server is gone, the key is wrong, there is no such
/// collection. Nothing is sent twice in that case, because documents without `_id` would then be stored twice.
pub(crate) fn send(
    client: &Client,
    path: &str,
    batch: Batch,
    report: &Report,
) -> Result<(), ClientError> {
    let mut waiting = vec![batch];
    while let Some(batch) = waiting.pop() {
        match post(client, path, &batch) {
            Ok(response) => tell(&batch, &response, report),
            Err(ClientError::Refused {
                status: 400 | 413,
                error,
            }) => {
                if let [document] = batch.documents() {
                    fail(report, document, &error.message);
                } else {
                    let (first, second) = batch.halves();
                    // The first half is popped first, which keeps the order of the documents.
                    waiting.extend([second, first]);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Posts a batch; asks again while the server says that it cannot take it at the moment.
fn post(client: &Client, path: &str, batch: &Batch) -> Result<DocumentsResponse, ClientError> {
    let body = batch.body();
    let mut wait = RETRY_WAIT;
    for _ in 0..RETRIES_MAX {
        match client.post(path, &body) {
            Err(ClientError::Refused {
                status: 429 | 503, ..
            }) => {
                std::thread::sleep(wait);
                wait *= 2;
            }
            settled => return settled,
        }
    }
    client.post(path, &body)
}

fn tell(batch: &Batch, response: &DocumentsResponse, report: &Report) {
    let mut loaded = 0;
    for (document, status) in batch.documents().iter().zip(&response.data) {
        if status.status == Status::Error {
            let reason = status
                .error
                .as_ref()
                .map_or("the server gave no reason", |error| &error.message);
            fail(report, document, reason);
        } else {
            loaded += 1;
        }
    }
    for document in batch.documents().iter().skip(response.data.len()) {
        fail(
            report,
            document,
            "the server did not tell what became of it",
        );
    }
    report.loaded(loaded);
}

fn fail(report: &Report, document: &Document, reason: &str) {
    report.line_failed(&document.file, document.line, reason);
}
