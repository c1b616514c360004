//! How often each rare path was taken: a run that never takes one proves nothing about it.

use std::collections::BTreeMap;

/// The paths that a long run has to take. Counting another name is a mistake.
pub(super) const RARE_PATHS: [&str; 23] = [
    "crash during a write",
    "crash during a flush",
    "crash between a segment and its manifest",
    "crash during a compaction",
    "crash during recovery",
    "crash while a collection is made",
    "crash while a collection is dropped",
    "crash while the store is closed",
    "kill without a crash",
    "write torn by a crash",
    "torn tail cut at recovery",
    "empty log file removed at recovery",
    "orphan removed at recovery",
    "replay over a half flush",
    "unacknowledged write came back whole",
    "deletion carried over a flush",
    "deletion carried over a compaction",
    "flush beside a compaction",
    "several batches in one sync",
    "failed sync, then recovery",
    "refused write on a full disk",
    "failed flush that worked later",
    "failed open that worked later",
];

/// Figures of a run, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counters {
    /// Documents put, patched or deleted by writes that were tried.
    pub(super) operations: u64,
    /// Steps of runs: batches, flushes, compactions, restarts and so on.
    pub(super) steps: u64,
    /// Calls to the disk.
    pub(super) disk_calls: u64,
    /// Power cuts, each of which is followed by a recovery that is checked.
    pub(super) crashes: u64,
    /// Calls that failed without a crash.
    pub(super) faults: u64,
    /// Times that the store was opened and its documents were compared with the model.
    pub(super) recoveries: u64,
    rare: BTreeMap<&'static str, u64>,
    /// The rare paths that there are.
    paths: &'static [&'static str],
}

impl Default for Counters {
    fn default() -> Self {
        Self::new(&RARE_PATHS)
    }
}

impl Counters {
    pub(super) fn new(paths: &'static [&'static str]) -> Self {
        Self {
            operations: 0,
            steps: 0,
            disk_calls: 0,
            crashes: 0,
            faults: 0,
            recoveries: 0,
            rare: BTreeMap::new(),
            paths,
        }
    }

    pub(super) fn count(&mut self, path: &'static str) {
        assert!(self.paths.contains(&path), "`{path}` is not in the list");
        *self.rare.entry(path).or_default() += 1;
    }

    pub(super) fn of(&self, path: &str) -> u64 {
        self.rare.get(path).copied().unwrap_or(0)
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.operations += other.operations;
        self.steps += other.steps;
        self.disk_calls += other.disk_calls;
        self.crashes += other.crashes;
        self.faults += other.faults;
        self.recoveries += other.recoveries;
        for (path, count) in &other.rare {
            *self.rare.entry(path).or_default() += count;
        }
    }

    /// The paths that were never taken.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let paths = self.paths.iter().copied();
        paths.filter(|path| self.of(path) == 0).collect()
    }

    /// The figures as lines of text.
    pub(super) fn table(&self) -> String {
        let figures = [
            ("document operations", self.operations),
            ("steps", self.steps),
            ("disk calls", self.disk_calls),
            ("crashes", self.crashes),
            ("injected faults", self.faults),
            ("recoveries checked", self.recoveries),
        ];
        let rare = self.paths.iter().map(|path| (*path, self.of(path)));
        figures
            .into_iter()
            .chain(rare)
            .map(|(name, count)| format!("{name:<42} {count:>10}\n"))
            .collect()
    }
}
