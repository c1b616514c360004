//! Lanes: several requests on their way at once, and still one order per `_id`.
//!
//! Each lane fills a batch and has a thread that sends one batch after another. All documents with the same
//! `_id` take the same lane, so the last version in the file is the one that stays. Documents without an
//! `_id` take turns.

use super::batch::{Batch, Document};
use super::report::Report;
use super::sender;
use crate::client::Client;
use anyhow::{Result, anyhow};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Full batches that wait in a lane while one is on its way; more would only take memory.
const WAITING_MAX: usize = 1;

/// What the lanes need to know.
pub(crate) struct Options {
    /// The server.
    pub(crate) client: Arc<Client>,
    /// Where documents are posted to.
    pub(crate) path: String,
    /// Number of lanes.
    pub(crate) parallel: usize,
    /// Documents in one request.
    pub(crate) documents_max: usize,
    /// Where outcomes are told.
    pub(crate) report: Arc<Report>,
    /// Set when nothing more can be sent.
    pub(crate) stop: Arc<AtomicBool>,
}

struct Lane {
    batch: Batch,
    queue: SyncSender<Batch>,
    thread: JoinHandle<Result<()>>,
}

/// All lanes of a load.
pub(crate) struct Lanes {
    lanes: Vec<Lane>,
    documents_max: usize,
    turn: usize,
    stop: Arc<AtomicBool>,
}

impl Lanes {
    /// Starts the threads.
    pub(crate) fn start(options: &Options) -> Self {
        let lanes = (0..options.parallel).map(|_| start_lane(options)).collect();
        Self {
            lanes,
            documents_max: options.documents_max,
            turn: 0,
            stop: Arc::clone(&options.stop),
        }
    }

    /// Takes a document; waits while its lane is full. False if nothing more can be sent.
    pub(crate) fn push(&mut self, file: &Arc<str>, line: u64, json: Vec<u8>) -> bool {
        let index = self.choose(&json);
        let lane = &mut self.lanes[index];
        if lane.batch.is_full_for(json.len(), self.documents_max) {
            let batch = std::mem::take(&mut lane.batch);
            // The thread has ended only if it met an error; `finish` tells which.
            if lane.queue.send(batch).is_err() {
                self.stop.store(true, Ordering::Relaxed);
            }
        }
        lane.batch.push(Document {
            file: Arc::clone(file),
            line,
            json,
        });
        self.keep_going()
    }

    /// Whether documents can still be sent.
    pub(crate) fn keep_going(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn choose(&mut self, json: &[u8]) -> usize {
        let count = self.lanes.len();
        if let Some(id) = document_id(json) {
            let mut hasher = DefaultHasher::new();
            id.hash(&mut hasher);
            let count = count as u64;
            return usize::try_from(hasher.finish() % count).expect("less than the count of lanes");
        }
        // Fill one batch after another rather than all at once: a small file then needs few requests.
        if self.lanes[self.turn]
            .batch
            .is_full_for(json.len(), self.documents_max)
        {
            self.turn = (self.turn + 1) % count;
        }
        self.turn
    }

    /// Sends what is left and waits for all answers.
    ///
    /// # Errors
    /// The first reason for which a lane could not go on.
    pub(crate) fn finish(self) -> Result<()> {
        let mut threads = Vec::with_capacity(self.lanes.len());
        for lane in self.lanes {
            if !lane.batch.is_empty() {
                // As in `push`: a closed queue has an error waiting in its thread.
                drop(lane.queue.send(lane.batch));
            }
            drop(lane.queue);
            threads.push(lane.thread);
        }
        let mut result = Ok(());
        for thread in threads {
            let ended = thread
                .join()
                .unwrap_or_else(|_| Err(anyhow!("a sending thread panicked")));
            result = result.and(ended);
        }
        result
    }
}

fn start_lane(options: &Options) -> Lane {
    let (queue, batches) = sync_channel::<Batch>(WAITING_MAX);
    let client = Arc::clone(&options.client);
    let report = Arc::clone(&options.report);
    let stop = Arc::clone(&options.stop);
    let path = options.path.clone();
    let thread = std::thread::spawn(move || {
        for batch in batches {
            if let Err(error) = sender::send(&client, &path, batch, &report) {
                stop.store(true, Ordering::Relaxed);
                return Err(error.into());
            }
        }
        Ok(())
    });
    Lane {
        batch: Batch::default(),
        queue,
        thread,
    }
}

/// The text of the last `_id` of an object, quotes included.
fn document_id(json: &[u8]) -> Option<&str> {
    struct Id<'a>(Option<&'a RawValue>);
    struct IdVisitor;

    impl<'de> Visitor<'de> for IdVisitor {
        type Value = Id<'de>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Id<'de>, A::Error> {
            let mut id = Id(None);
            while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                if name == "_id" {
                    id = Id(Some(map.next_value()?));
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(id)
        }
    }

    impl<'de> Deserialize<'de> for Id<'de> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(IdVisitor)
        }
    }

    let Id(value) = serde_json::from_slice(json).ok()?;
    value.map(RawValue::get)
}

#[cfg(test)]
mod tests {
    use super::document_id;

    #[test]
    fn the_id_is_found_wherever_it_stands() {
        assert_eq!(
            document_id(br#"{"a": {"_id": "x"}, "_id": "y"}"#),
            Some("\"y\"")
        );
        assert_eq!(document_id(br#"{"_id": 1, "_id": 2}"#), Some("2"));
        assert_eq!(document_id(br#"{"a\n": 1}"#), None);
    }
}
