//! Many clients that write at once, each with one connection and one batch on its way.

use super::events;
use crate::client::{Client, Connection, segment};
use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use outcrop_api::document::{DocumentsResponse, Status};
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Write generated events with many clients at once.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Collection in `commons`; it must be there
    #[arg(long)]
    collection: String,
    /// Clients that write at the same time
    #[arg(long, default_value_t = 8)]
    clients: u32,
    /// Documents in one request
    #[arg(long, default_value_t = 1000)]
    batch: u64,
    /// Documents in all; they are made in memory before the first is written
    #[arg(long, default_value_t = 100_000)]
    count: u64,
    /// Index of the first event
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Draw each event at random from so many, in place of one after another; `--first` counts the
    /// draws then
    #[arg(long, value_name = "EVENTS")]
    among: Option<u64>,
    /// Seed of the events
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    connection: Connection,
}

/// The figures, times in milliseconds.
#[derive(Serialize)]
struct Figures {
    documents: u64,
    seconds: f64,
    documents_per_second: f64,
    request_p50_ms: f64,
    request_p99_ms: f64,
    request_max_ms: f64,
}

/// Runs all clients to the end and prints the figures as one JSON object.
///
/// Documents are generated and encoded before the clock starts, so that the figures are the server's.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let bodies = bodies(arguments);
    let next = AtomicU64::new(0);
    let start = Instant::now();
    let outcomes: Vec<Result<Vec<Duration>>> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..arguments.clients)
            .map(|_| scope.spawn(|| write(arguments, &bodies, &next)))
            .collect();
        let join = |client: std::thread::ScopedJoinHandle<'_, _>| {
            client
                .join()
                .unwrap_or_else(|_| Err(anyhow!("a client panicked")))
        };
        clients.into_iter().map(join).collect()
    });
    let seconds = start.elapsed().as_secs_f64();
    let mut times = Vec::with_capacity(bodies.len());
    for outcome in outcomes {
        times.extend(outcome?);
    }
    times.sort_unstable();
    println!(
        "{}",
        serde_json::to_string(&figures(arguments.count, seconds, &times))?
    );
    Ok(())
}

fn bodies(arguments: &Arguments) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    let mut number = 0;
    while number < arguments.count {
        let end = (number + arguments.batch.max(1)).min(arguments.count);
        let documents: Vec<Vec<u8>> = (number..end)
            .map(|number| events::event(arguments.seed, index(arguments, number)))
            .collect();
        bodies.push([b"{\"data\":[".as_slice(), &documents.join(&b','), b"]}"].concat());
        number = end;
    }
    bodies
}

/// The index of the event that is written as the one of this number.
fn index(arguments: &Arguments, number: u64) -> u64 {
    let number = arguments.first + number;
    match arguments.among {
        Some(events) => events::drawn(arguments.seed, number, events),
        None => number,
    }
}

fn write(arguments: &Arguments, bodies: &[Vec<u8>], next: &AtomicU64) -> Result<Vec<Duration>> {
    let client = Client::new(&arguments.connection)?;
    let path = format!(
        "ws/commons/collections/{}/docs",
        segment(&arguments.collection)
    );
    let mut times = Vec::new();
    loop {
        let index =
            usize::try_from(next.fetch_add(1, Ordering::Relaxed)).context("too many bodies")?;
        let Some(body) = bodies.get(index) else {
            return Ok(times);
        };
        let start = Instant::now();
        let response: DocumentsResponse = client.post(&path, body)?;
        times.push(start.elapsed());
        if let Some(failed) = response
            .data
            .iter()
            .find(|status| status.status == Status::Error)
        {
            bail!("a document was refused: {:?}", failed.error);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn figures(documents: u64, seconds: f64, times: &[Duration]) -> Figures {
    let at = |percent: usize| {
        let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times
            .get(index)
            .map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    Figures {
        documents,
        seconds,
        documents_per_second: documents as f64 / seconds,
        request_p50_ms: at(50),
        request_p99_ms: at(99),
        request_max_ms: at(100),
    }
}
