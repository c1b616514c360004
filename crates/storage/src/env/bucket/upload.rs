//! Takes the contents of a new object. Small ones are kept until the end; of large ones the parts
//! are sent while the rest is still being made.

use std::io::{self, Write};

use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};

use super::disk::Requests;
use super::error::to_io;

/// Bytes of one part. S3 takes at most 10,000 parts of at least 5 MiB.
const PART_BYTES: usize = 16 * 1024 * 1024;

/// Contents of an object that is being made.
pub(super) struct Upload<'a> {
    requests: &'a Requests,
    path: &'a Path,
    /// Whether parts may be sent: the object then comes into being without a check that its name
    /// is free.
    in_parts: bool,
    buffer: Vec<u8>,
    bytes: u64,
    multipart: Option<Box<dyn MultipartUpload>>,
}

/// What was written.
pub(super) enum Uploaded {
    /// All of it, nothing of which was sent.
    Buffered(Bytes),
    /// It is an object by now, with this many bytes.
    Complete(u64),
}

impl<'a> Upload<'a> {
    pub(super) fn new(requests: &'a Requests, path: &'a Path, in_parts: bool) -> Self {
        Self {
            requests,
            path,
            in_parts,
            buffer: Vec::new(),
            bytes: 0,
            multipart: None,
        }
    }

    /// Sends the last part and puts the object together.
    pub(super) fn finish(mut self) -> io::Result<Uploaded> {
        if self.multipart.is_none() {
            return Ok(Uploaded::Buffered(self.buffer.into()));
        }
        let finished = self.send_part().and_then(|()| self.complete());
        if let Err(error) = finished {
            self.abort();
            return Err(error);
        }
        Ok(Uploaded::Complete(self.bytes))
    }

    /// Gives up what was sent, after the maker of the contents failed.
    pub(super) fn abort(mut self) {
        let Some(mut multipart) = self.multipart.take() else {
            return;
        };
        let aborted = self
            .requests
            .run(async move { multipart.abort().await.map_err(|error| to_io(error, false)) });
        if let Err(error) = aborted {
            // Buckets can be told to remove such parts after some days.
            tracing::warn!(%error, path = %self.path, "cannot give up an upload in parts");
        }
    }

    fn send_part(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let part = PutPayload::from(std::mem::take(&mut self.buffer));
        let (store, path) = (self.requests.repeating(), self.path.clone());
        let begun = self.multipart.take();
        let upload = self.requests.run(async move {
            let mut upload = match begun {
                Some(upload) => upload,
                None => store.put_multipart(&path).await?,
            };
            upload.put_part(part).await?;
            Ok(upload)
        });
        self.multipart = Some(upload.map_err(|error: object_store::Error| to_io(error, false))?);
        Ok(())
    }

    fn complete(&mut self) -> io::Result<()> {
        let Some(mut multipart) = self.multipart.take() else {
            return Ok(());
        };
        let completed = self.requests.run(async move {
            let completed = multipart.complete().await;
            completed.map_err(|error| (error, multipart))
        });
        let Err((error, multipart)) = completed else {
            return Ok(());
        };
        // The name is nobody else's: an object of this size is this one, and the answer was lost.
        if self
            .requests
            .head(self.path)
            .is_ok_and(|bytes| bytes == self.bytes)
        {
            return Ok(());
        }
        self.multipart = Some(multipart);
        Err(to_io(error, false))
    }
}

impl Write for Upload<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(data);
        self.bytes += data.len() as u64;
        if self.in_parts && self.buffer.len() >= PART_BYTES {
            self.send_part()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
