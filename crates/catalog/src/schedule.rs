//! How the runs of scheduled query lambdas went.
//!
//! A tick is claimed durably before it runs, so that it never runs twice, also not after a crash. This changes
//! far more often than the catalog and is therefore a series of numbered objects of its own, `schedule/<n>`,
//! each with the runs of all scheduled query lambdas as JSON, by id. Who takes a bucket over takes the series over too, so
//! that the process before claims no tick any more.

use std::collections::{BTreeMap, HashSet};

use outcrop_storage::{NumberedError, NumberedObject, Store};
use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::series::Series;

/// The prefix of the numbered objects.
const PREFIX: &str = "schedule";

/// How the runs of one scheduled query lambda went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleRuns {
    /// Runs that were begun.
    pub execution_count: u64,
    /// Ticks up to then are done with, whether they ran or were passed over; microseconds since 1970.
    pub done_until_micros: Option<i64>,
    /// Whether a run was begun whose outcome is not known.
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

impl ScheduleRuns {
    /// Ticks until then neither run nor are made up for.
    pub fn pass_over(&mut self, until_micros: i64) {
        self.done_until_micros = self.done_until_micros.max(Some(until_micros));
    }
}

type AllRuns = BTreeMap<String, ScheduleRuns>;

/// The runs of all scheduled query lambdas.
#[derive(Debug)]
pub(crate) struct Schedule {
    series: Series,
    runs: AllRuns,
}

impl Schedule {
    /// Those of `store`, of which the first start makes an empty series, so that it can be taken over. What a stop or
    /// crash broke off counts as failed.
    ///
    /// # Errors
    /// [`CatalogError::Damaged`], and those of storage.
    pub(crate) fn open(store: &Store) -> Result<Self, CatalogError> {
        let opened = Series::open(store, PREFIX);
        let (mut series, newest) = opened.map_err(failed("read the schedule of"))?;
        let Some(NumberedObject { number, payload }) = newest else {
            let runs = AllRuns::new();
            write(&mut series, &runs)?;
            return Ok(Self { series, runs });
        };
        let runs = serde_json::from_slice(&payload);
        let mut runs: AllRuns = runs.map_err(|source| CatalogError::Damaged { number, source })?;
        for run in runs.values_mut().filter(|run| run.is_running) {
            run.is_running = false;
            run.query_status = Some(RunStatus {
                state: RunState::Warning,
                message: "the server stopped while it ran".to_owned(),
            });
        }
        Ok(Self { series, runs })
    }

    /// Makes `runs` those that count, durably.
    fn replace(&mut self, runs: AllRuns) -> Result<(), CatalogError> {
        write(&mut self.series, &runs)?;
        self.runs = runs;
        Ok(())
    }
}

fn write(series: &mut Series, runs: &AllRuns) -> Result<(), CatalogError> {
    let payload = serde_json::to_vec(runs).expect("runs have string keys only");
    let written = series.append(&payload);
    written.map_err(failed("write the schedule of"))
}

fn failed(action: &'static str) -> impl Fn(NumberedError) -> CatalogError {
    move |source| CatalogError::State { action, source }
}

impl Catalog {
    /// How the runs of the scheduled query lambda went.
    pub fn schedule_runs(&self, id: &str) -> ScheduleRuns {
        let schedule = self.schedule.lock();
        schedule.runs.get(id).cloned().unwrap_or_default()
    }

    /// Takes the tick, and with it all before, for a run of this process. False if it was taken before, or the
    /// schedule stands still. Blocks until it is durable.
    ///
    /// # Errors
    /// Those of storage, also if another process has taken the bucket over.
    pub fn claim_tick(&self, id: &str, tick_micros: i64) -> Result<bool, CatalogError> {
        let mut schedule = self.schedule.lock();
        let mut runs = schedule.runs.clone();
        let run = runs.entry(id.to_owned()).or_default();
        if run.is_suspended || run.done_until_micros >= Some(tick_micros) {
            return Ok(false);
        }
        run.pass_over(self.now_micros().max(tick_micros));
        run.execution_count += 1;
        run.is_running = true;
        schedule.replace(runs)?;
        Ok(true)
    }

    /// Changes what is known of the runs of a scheduled query lambda by `change`, and forgets those of deleted ones.
    /// Blocks until it is durable.
    ///
    /// # Errors
    /// As [`Self::claim_tick`].
    pub fn update_schedule_runs(
        &self,
        id: &str,
        change: impl FnOnce(&mut ScheduleRuns),
    ) -> Result<(), CatalogError> {
        let mut schedule = self.schedule.lock();
        let mut runs = schedule.runs.clone();
        change(runs.entry(id.to_owned()).or_default());
        // Looked at under the lock: what has claimed a tick by now is among them.
        let view = self.view();
        let records = view.state.scheduled_lambdas.iter();
        let ids: HashSet<&str> = records.map(|record| record.id.as_str()).collect();
        runs.retain(|id, _| ids.contains(id.as_str()));
        schedule.replace(runs)
    }
}
