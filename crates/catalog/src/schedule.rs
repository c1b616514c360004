//! How the runs of scheduled query lambdas went.
//!
//! A tick is claimed durably before it runs, so that it never runs twice, also not after a crash. This changes
//! far more often than the catalog and is therefore a series of numbered objects of its own, `schedule/<n>`,
//! each with the runs of all scheduled query lambdas as JSON, by id. It is replaced as a whole; where another process has
//! taken the bucket over meanwhile, its state counts.

use std::collections::BTreeMap;

use outcrop_storage::{NumberedError, NumberedObject, Store};
use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::series::Series;

/// The prefix of the numbered objects.
const PREFIX: &str = "schedule";

/// How often a change is tried again on what another process has written.
const TRIES_MAX: usize = 3;

/// How the runs of one scheduled query lambda went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleRuns {
    /// Runs that were begun.
    pub execution_count: u64,
    /// Ticks up to then are done with, whether they ran or were passed over; microseconds since 1970.
    pub done_until_micros: Option<i64>,
    /// Whether it runs now.
    pub is_running: bool,
    /// When a run last went well; microseconds since 1970.
    pub last_completion_micros: Option<i64>,
    /// The query of the last run.
    pub last_query_id: Option<String>,
    /// What was wrong with the query of the last run.
    pub query_status: Option<RunStatus>,
    /// What was wrong with the webhook of the last run.
    pub webhook_status: Option<RunStatus>,
    /// Whether it failed in a way that the next tick would not mend, so that it has no next tick.
    pub is_suspended: bool,
    /// Whether it shall run again after such a failure; until it has.
    pub is_resumed: bool,
}

/// What was wrong with a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStatus {
    /// How bad it is.
    pub state: RunState,
    /// What it is.
    pub message: String,
}

/// How bad a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RunState {
    /// The next tick may go well.
    Warning,
    /// Somebody has to do something.
    Error,
}

type AllRuns = BTreeMap<String, ScheduleRuns>;

/// The runs of all scheduled query lambdas.
#[derive(Debug)]
pub(crate) struct Schedule {
    series: Series,
    runs: AllRuns,
}

impl Schedule {
    /// Those of `store`. What a stop or crash broke off counts as failed.
    ///
    /// # Errors
    /// [`CatalogError::Damaged`], and those of storage.
    pub(crate) fn open(store: &Store) -> Result<Self, CatalogError> {
        let (series, newest) =
            Series::open(store, PREFIX).map_err(|source| CatalogError::State {
                action: "read the schedule of",
                source,
            })?;
        let mut runs = decode(newest)?;
        for run in runs.values_mut().filter(|run| run.is_running) {
            run.is_running = false;
            run.query_status = Some(RunStatus {
                state: RunState::Warning,
                message: "the server stopped while it ran".to_owned(),
            });
        }
        Ok(Self { series, runs })
    }

    /// Changes the runs of all by `change` and makes that durable, unless it answers `None`.
    fn change<T>(
        &mut self,
        mut change: impl FnMut(&mut AllRuns) -> Option<T>,
    ) -> Result<Option<T>, CatalogError> {
        let failed = |source| CatalogError::State {
            action: "write the schedule of",
            source,
        };
        for _ in 0..TRIES_MAX {
            let mut runs = self.runs.clone();
            let Some(answer) = change(&mut runs) else {
                return Ok(None);
            };
            let payload = serde_json::to_vec(&runs).expect("runs have string keys only");
            match self.series.append(&payload) {
                Ok(()) => {
                    self.runs = runs;
                    return Ok(Some(answer));
                }
                Err(NumberedError::Taken { .. }) => {
                    let newest = self.series.newest().map_err(failed)?;
                    self.runs = decode(newest)?;
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(None)
    }
}

fn decode(newest: Option<NumberedObject>) -> Result<AllRuns, CatalogError> {
    let Some(NumberedObject { number, payload }) = newest else {
        return Ok(AllRuns::new());
    };
    serde_json::from_slice(&payload).map_err(|source| CatalogError::Damaged { number, source })
}

impl Catalog {
    /// How the runs of the scheduled query lambda went.
    pub fn schedule_runs(&self, id: &str) -> ScheduleRuns {
        let schedule = self.schedule.lock();
        schedule.runs.get(id).cloned().unwrap_or_default()
    }

    /// Takes the tick, and with it all before, for a run of this process, and tells whether that was possible. Blocks
    /// until it is durable.
    ///
    /// # Errors
    /// Those of storage.
    pub fn claim_tick(&self, id: &str, tick_micros: i64) -> Result<bool, CatalogError> {
        let now = self.now_micros();
        let claimed = self.schedule.lock().change(|runs| {
            let run = runs.entry(id.to_owned()).or_default();
            let is_done = run
                .done_until_micros
                .is_some_and(|done| done >= tick_micros);
            if is_done || run.is_running || run.is_suspended {
                return None;
            }
            run.done_until_micros = Some(now.max(tick_micros));
            run.execution_count += 1;
            run.is_running = true;
            Some(())
        })?;
        Ok(claimed.is_some())
    }

    /// Changes what is known of the runs of a scheduled query lambda, whose ticks until now are done with then. Blocks
    /// until it is durable.
    ///
    /// # Errors
    /// Those of storage.
    pub fn update_schedule_runs(
        &self,
        id: &str,
        change: impl Fn(&mut ScheduleRuns),
    ) -> Result<(), CatalogError> {
        let now = self.now_micros();
        let view = self.view();
        let exists = |id: &String| {
            let mut records = view.state.scheduled_lambdas.iter();
            records.any(|record| record.id == *id)
        };
        self.schedule.lock().change(|runs| {
            let run = runs.entry(id.to_owned()).or_default();
            run.done_until_micros = Some(run.done_until_micros.map_or(now, |done| done.max(now)));
            change(run);
            runs.retain(|id, _| exists(id));
            Some(())
        })?;
        Ok(())
    }
}
