//! Writing to a store whose threads take turns: at any time one of them does something.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use outcrop_storage::{Collection, WriteError, WriteReceipt};

use super::disk::SimulatedDisk;
use super::model::Change;

/// The name of the thread that writes to the log.
pub(super) const WRITER: &str = "outcrop-writer";

type Answer = Result<WriteReceipt, WriteError>;

/// Writes all batches and waits for their answers.
///
/// More than one, if they `reach_log`, become two groups of the writer thread, always the same: it
/// takes the first batch and is held before the log while the others queue up.
pub(super) fn write_all(
    disk: &SimulatedDisk,
    requests: Vec<(Arc<Collection>, &[Change])>,
    reach_log: bool,
) -> Vec<Answer> {
    let is_held = reach_log && requests.len() > 1;
    let mut futures: Vec<_> = requests
        .iter()
        .map(|(collection, changes)| {
            let operations = changes.iter().map(Change::operation).collect();
            Box::pin(collection.write(operations))
        })
        .collect();
    if !is_held {
        return futures.into_iter().map(block_on).collect();
    }
    disk.log_gate().shut(WRITER, "wal/");
    let mut context = Context::from_waker(Waker::noop());
    let mut answers: Vec<Option<Answer>> = Vec::with_capacity(futures.len());
    for (index, future) in futures.iter_mut().enumerate() {
        answers.push(match future.as_mut().poll(&mut context) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        });
        if index == 0 {
            disk.log_gate().wait_for_arrival(|| false);
        }
    }
    disk.log_gate().open();
    let both = answers.into_iter().zip(futures);
    both.map(|(answer, future)| answer.unwrap_or_else(|| block_on(future)))
        .collect()
}

/// Wakes a thread that waits for an answer.
pub(super) struct Unpark(pub(super) Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end. There is no runtime, so that nothing moves to another thread.
fn block_on<F: Future + Unpin>(mut future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match std::pin::Pin::new(&mut future).poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
