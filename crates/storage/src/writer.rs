//! The writer thread: one per store, it carries out all writes.
//!
//! 1. It takes the batches that wait, up to a bound: a *group*.
//! 2. With the collections' locks held it stages each batch (`resolve.rs`) and makes its record.
//! 3. It appends all records to the write-ahead log with one write and one sync.
//! 4. It applies what was staged, publishes the new snapshots and answers.
//!
//! If step 3 fails, nothing has changed but the answer. In a bucket it may then be unknown whether the
//! group is in the log; `unsettled.rs` finds out before the next one.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::MutexGuard;
use tokio::sync::{mpsc, oneshot};

use crate::CollectionId;
use crate::collection::Collection;
use crate::context::Context;
use crate::error::WriteError;
use crate::fold;
use crate::operation::WriteReceipt;
use crate::prepare::PreparedBatch;
use crate::resolve::{ResolvedBatch, resolve};
use crate::staging::Staging;
use crate::state::State;
use crate::unsettled::Unsettled;
use crate::wal::{AppendError, Group};

/// How many batches may wait. Each is held by a request that waits too, so the bound is only
/// against a flood; it is some groups deep.
pub(crate) const QUEUE_BATCHES_MAX: usize = 1024;

/// A group is closed when its records have this many bytes, so that the first batch of a group
/// does not wait for the last one's megabytes.
const GROUP_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// A batch on its way to the writer thread.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) collection: Arc<Collection>,
    pub(crate) batch: PreparedBatch,
    pub(crate) reply: oneshot::Sender<Result<WriteReceipt, WriteError>>,
}

/// Carries out writes until every sender of the queue is gone.
pub(crate) fn run(context: &Context, mut queue: mpsc::Receiver<Request>) {
    let mut pace = Pace::default();
    let mut unsettled = Unsettled::default();
    loop {
        if unsettled.exists() && !unsettled.settle(context, &mut queue) {
            return;
        }
        let Some(first) = queue.blocking_recv() else {
            return;
        };
        pace.wait(context, !queue.is_empty());
        let mut requests = collect_group(first, &mut queue);
        pace.begin(context, requests.len());
        while !requests.is_empty() && !unsettled.exists() {
            requests = commit(context, requests, &mut unsettled);
        }
        // The log takes nothing more until the unknown outcome is known.
        for request in requests {
            answer(request.reply, Err(unsettled.error()));
        }
    }
}

/// Keeps groups apart in time where each costs a request.
#[derive(Default)]
struct Pace {
    /// When the last group began.
    begun: Duration,
    /// Whether it had more than one batch: then others are likely to come and share the next one.
    shared: bool,
}

impl Pace {
    /// Waits until the next group may begin. A single writer that waits for each answer is not
    /// held up: nobody would join its batch.
    fn wait(&self, context: &Context, others_wait: bool) {
        if !context.environment.disk.is_shared() || !(self.shared || others_wait) {
            return;
        }
        let next = self.begun + context.options.wal_interval;
        std::thread::sleep(next.saturating_sub(context.now()));
    }

    fn begin(&mut self, context: &Context, batches: usize) {
        self.begun = context.now();
        self.shared = batches > 1;
    }
}

fn collect_group(first: Request, queue: &mut mpsc::Receiver<Request>) -> Vec<Request> {
    let mut bytes = first.batch.document_bytes;
    let mut requests = vec![first];
    while bytes < GROUP_BYTES_MAX {
        let Ok(request) = queue.try_recv() else { break };
        bytes += request.batch.document_bytes;
        requests.push(request);
    }
    requests
}

/// A collection that takes part in a group.
struct Member<'a> {
    collection: &'a Collection,
    state: MutexGuard<'a, State>,
    staging: Staging,
    inserted_bytes: u64,
    replaced_count: u64,
}

/// An answer that waits for the log.
struct Pending {
    reply: oneshot::Sender<Result<WriteReceipt, WriteError>>,
    receipt: WriteReceipt,
}

/// Carries out as many of the requests as make a group, and returns the others: how long a record
/// becomes is only known once its patches are applied.
fn commit(context: &Context, requests: Vec<Request>, unsettled: &mut Unsettled) -> Vec<Request> {
    let collections: BTreeMap<CollectionId, Arc<Collection>> = requests
        .iter()
        .map(|request| (request.collection.id(), Arc::clone(&request.collection)))
        .collect();
    let mut members: BTreeMap<CollectionId, Member<'_>> = collections
        .iter()
        .map(|(id, collection)| {
            let state = collection.state.lock();
            let staging = Staging::new(&state);
            let member = Member {
                collection,
                state,
                staging,
                inserted_bytes: 0,
                replaced_count: 0,
            };
            (*id, member)
        })
        .collect();
    let mut group = Group::default();
    let mut pending = Vec::with_capacity(requests.len());
    let mut requests = requests.into_iter();
    while group.bytes() < GROUP_BYTES_MAX {
        let Some(Request {
            collection,
            batch,
            reply,
        }) = requests.next()
        else {
            break;
        };
        let member = members
            .get_mut(&collection.id())
            .expect("every collection is a member");
        match stage(member, batch, &mut group) {
            Ok(receipt) => pending.push(Pending { reply, receipt }),
            Err(error) => answer(reply, Err(error)),
        }
    }
    if let Err(failure) = append(context, group) {
        drop(members);
        let error = match failure {
            Failure::Final(error) => error,
            Failure::Unsettled(error) => {
                unsettled.begin(collections, error);
                unsettled.error()
            }
        };
        for Pending { reply, .. } in pending {
            answer(reply, Err(error.clone()));
        }
        return requests.collect();
    }
    for member in members.into_values() {
        publish(context, member);
    }
    for Pending { reply, receipt } in pending {
        answer(reply, Ok(receipt));
    }
    requests.collect()
}

fn stage(
    member: &mut Member<'_>,
    batch: PreparedBatch,
    group: &mut Group,
) -> Result<WriteReceipt, WriteError> {
    let id = member.collection.id();
    if member.collection.is_dropped() {
        return Err(WriteError::Dropped { id });
    }
    let document_bytes = batch.document_bytes;
    let ResolvedBatch {
        outcomes,
        payload,
        replaced_count,
    } = resolve(&member.state, &mut member.staging, batch)?;
    if let Some(payload) = payload {
        let seqno = member.staging.next_seqno();
        group.push(id, seqno, &payload);
        member.inserted_bytes += document_bytes;
        member.replaced_count += replaced_count;
    }
    Ok(WriteReceipt {
        seqno: member.staging.seqno(),
        outcomes,
    })
}

/// Why a group is not in the log.
enum Failure {
    Final(WriteError),
    /// It may be.
    Unsettled(io::Error),
}

fn append(context: &Context, group: Group) -> Result<(), Failure> {
    let mut wal = context.wal.lock();
    let bytes = group.bytes();
    let appended = if group.is_empty() {
        wal.check()
    } else {
        let appended = wal.append(group);
        if appended.is_ok() {
            context.counters.add_group(bytes);
        }
        appended
    };
    appended.map_err(|error| match error {
        AppendError::Undone(error) => {
            tracing::warn!(%error, bytes, "cannot write to the write-ahead log");
            Failure::Final(WriteError::from(error))
        }
        AppendError::Poisoned(error) => {
            tracing::error!(%error, bytes, "the write-ahead log takes no more writes");
            Failure::Final(WriteError::Poisoned)
        }
        AppendError::Fenced => {
            context.fence();
            Failure::Final(WriteError::Fenced)
        }
        AppendError::Unsettled(error) => {
            tracing::warn!(%error, bytes, "it is unknown whether a write is in the log");
            Failure::Unsettled(error)
        }
    })
}

fn publish(context: &Context, member: Member<'_>) {
    let Member {
        collection,
        mut state,
        staging,
        inserted_bytes,
        replaced_count,
    } = member;
    if staging.seqno() == state.seqno {
        return;
    }
    state.apply(staging, context.now());
    if state.active().len() > fold::CHUNKS_MAX {
        fold::run_locked(&mut state);
    }
    collection.publish(&state);
    let chunks = state.active().len();
    drop(state);
    let counters = &collection.counters;
    counters
        .bytes_inserted
        .fetch_add(inserted_bytes, Ordering::Relaxed);
    counters
        .replaced_count
        .fetch_add(replaced_count, Ordering::Relaxed);
    counters
        .last_write_micros
        .store(context.environment.clock.now_micros(), Ordering::Relaxed);
    if chunks >= fold::FAN_IN {
        context.fold_signal.wake();
    }
    if collection.flush_is_due() || context.deltas.is_tight() {
        context.flush_signal.wake();
    }
}

pub(crate) fn answer(
    reply: oneshot::Sender<Result<WriteReceipt, WriteError>>,
    result: Result<WriteReceipt, WriteError>,
) {
    // A caller that went away has its write all the same.
    drop(reply.send(result));
}
