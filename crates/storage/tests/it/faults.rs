//! A disk that fails or fills up: refused writes leave no trace, acknowledged ones stay.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;

use outcrop_storage::env::MemoryDisk;
use outcrop_storage::{Collection, Operation, StoreError, WriteError};

use crate::support::*;

#[test]
fn a_full_disk_refuses_writes_keeps_reads_and_recovers_by_itself() {
    let (disk, store, collection) = new_store();
    write(&collection, vec![put("a", 1), put("b", 1)]);
    collection.flush_blocking().unwrap();
    write(&collection, vec![put("c", 1)]);
    let before = contents(&collection);
    let seqno = collection.snapshot().seqno();

    disk.set_capacity(Some(disk.used_bytes() + 100));
    for _ in 0..3 {
        let operations = vec![
            put("a", 9),
            Operation::delete("b"),
            increment("c"),
            put("d", 9),
        ];
        let error = try_write(&collection, operations).unwrap_err();
        assert!(
            matches!(error, WriteError::DiskFull { .. }) && error.is_disk_full(),
            "{error}"
        );
        assert_eq!(contents(&collection), before);
        assert_eq!(collection.snapshot().seqno(), seqno);
    }
    let error = collection.flush_blocking().unwrap_err();
    assert!(error.is_disk_full(), "{error}");
    assert_eq!(contents(&collection), before);

    disk.set_capacity(None);
    write(&collection, vec![put("a", 2), put("d", 1)]);
    let after = map([("a", 2), ("b", 1), ("c", 1), ("d", 1)]);
    assert_eq!(contents(&collection), after);
    collection.flush_blocking().unwrap();
    drop((store, collection));
    disk.crash();
    let store = open(&disk);
    assert_eq!(contents(&store.collection(ID).unwrap()), after);
}

#[test]
fn a_store_opens_and_can_be_read_while_the_disk_is_full() {
    let (disk, store, collection) = new_store();
    write(&collection, vec![put("a", 1)]);
    drop((store, collection));
    disk.set_capacity(Some(disk.used_bytes()));
    let store = open(&disk);
    let collection = store.collection(ID).unwrap();
    assert_eq!(contents(&collection), map([("a", 1)]));
    assert!(
        try_write(&collection, vec![put("b", 1)])
            .unwrap_err()
            .is_disk_full()
    );
    disk.set_capacity(None);
    write(&collection, vec![put("b", 1)]);
    assert_eq!(contents(&collection), map([("a", 1), ("b", 1)]));
}

#[test]
fn flushes_that_fail_for_want_of_space_leave_nothing_behind() {
    let (disk, _store, collection) = new_store();
    write(&collection, vec![put("a", 1)]);
    let used = disk.used_bytes();
    for more in (0..6000).step_by(500) {
        disk.set_capacity(Some(used + more));
        match collection.flush_blocking() {
            Ok(()) => return,
            Err(error) => assert!(error.is_disk_full(), "{error}"),
        }
        assert_eq!(disk.used_bytes(), used);
    }
    panic!("the flush never had enough space");
}

#[test]
fn a_failed_sync_stops_writes_for_good_and_reads_go_on() {
    let (disk, store, collection) = new_store();
    write(&collection, vec![put("a", 1)]);
    disk.fail_syncs(Some(ErrorKind::Other));
    let error = try_write(&collection, vec![put("a", 2)]).unwrap_err();
    assert!(matches!(error, WriteError::Poisoned), "{error}");
    disk.fail_syncs(None);
    let error = try_write(&collection, vec![put("b", 1)]).unwrap_err();
    assert!(matches!(error, WriteError::Poisoned), "{error}");
    assert_eq!(contents(&collection), map([("a", 1)]));
    store.close().unwrap();
    drop((store, collection));
    disk.crash();
    let store = open(&disk);
    let collection = store.collection(ID).unwrap();
    assert_eq!(contents(&collection), map([("a", 1)]));
    write(&collection, vec![put("a", 3)]);
}

/// What a script may leave in a collection: for each document the acknowledged value, or, after a
/// write of unknown fate, any of two states.
pub(crate) struct Expected {
    pub(crate) certain: BTreeMap<String, i64>,
    /// The state if the last, unacknowledged write is there after all.
    pub(crate) possible: Option<BTreeMap<String, i64>>,
}

impl Expected {
    pub(crate) fn check(&self, found: &BTreeMap<String, i64>, failing: u64) {
        let possible = self.possible.as_ref() == Some(found);
        assert!(
            possible || self.certain == *found,
            "operation {failing}: {found:?} instead of {:?}",
            self.certain
        );
    }
}

/// What the calls to a disk fail with: EIO, ENOSPC, EDQUOT, EACCES, EROFS, EINTR and ETIMEDOUT.
const ERROR_KINDS: [ErrorKind; 7] = [
    ErrorKind::Other,
    ErrorKind::StorageFull,
    ErrorKind::QuotaExceeded,
    ErrorKind::PermissionDenied,
    ErrorKind::ReadOnlyFilesystem,
    ErrorKind::Interrupted,
    ErrorKind::TimedOut,
];

/// A script has 11 operations on documents per round. 20 rounds are `cargo xtask fail`.
pub(crate) const ROUNDS_VARIABLE: &str = "OUTCROP_FAULTS_ROUNDS";

/// Batches: for each document its new value, or none to delete it.
fn script() -> Vec<Vec<(&'static str, Option<i64>)>> {
    let rounds = std::env::var(ROUNDS_VARIABLE).map_or(1, |text| text.parse().unwrap());
    let round = |round: i64| {
        let value = |value: i64| Some(10 * round + value);
        [
            vec![("a", value(1)), ("b", value(1)), ("c", value(1))],
            vec![("a", value(2)), ("b", None)],
            vec![("d", value(3)), ("c", value(3))],
            vec![("d", None), ("a", value(4)), ("e", value(4))],
            vec![("e", value(5))],
        ]
    };
    (0..rounds).flat_map(round).collect()
}

/// Writes, flushes, compacts, and writes again, going on after every error.
fn run_script(collection: &Collection, expected: &mut Expected) {
    run_script_with(collection, expected, contents, |_| {});
}

/// As above. `read` looks at the collection, and `settle` waits until it is known whether a write
/// has come about of which that is unknown.
pub(crate) fn run_script_with(
    collection: &Collection,
    expected: &mut Expected,
    read: impl Fn(&Collection) -> BTreeMap<String, i64>,
    settle: impl Fn(&Collection),
) {
    for (index, step) in script().into_iter().enumerate() {
        let operations = step
            .iter()
            .map(|(id, value)| value.map_or_else(|| Operation::delete(*id), |value| put(id, value)))
            .collect();
        let mut after = expected.certain.clone();
        for (id, value) in step {
            match value {
                Some(value) => drop(after.insert(id.to_owned(), value)),
                None => drop(after.remove(id)),
            }
        }
        match try_write(collection, operations) {
            Ok(_) => expected.certain = after,
            Err(WriteError::Poisoned) => {
                expected.possible.get_or_insert(after);
            }
            Err(WriteError::Unavailable { .. }) => {
                settle(collection);
                if read(collection) == after {
                    expected.certain = after;
                }
            }
            Err(error @ WriteError::Fenced) => panic!("there is no other process: {error}"),
            Err(_) => {}
        }
        assert_eq!(read(collection), expected.certain);
        if index % 2 == 1 {
            drop(collection.flush_blocking());
            assert_eq!(read(collection), expected.certain);
        }
        if index % 20 == 19 {
            drop(collection.compact_blocking());
            assert_eq!(read(collection), expected.certain);
        }
    }
}

/// Fails each disk operation of the script in turn. The store goes on, and after a crash it opens
/// with exactly what was acknowledged.
#[test]
fn any_single_failing_disk_operation_loses_and_invents_nothing() {
    let mut failures = 0;
    for kind in ERROR_KINDS {
        for failing in 0.. {
            let disk = Arc::new(MemoryDisk::new());
            disk.fail_nth(failing, kind);
            let mut expected = Expected {
                certain: BTreeMap::new(),
                possible: None,
            };
            if let Ok(store) = try_open(&disk)
                && let Ok(collection) = store.create_collection(ID)
            {
                run_script(&collection, &mut expected);
            }
            let finished = disk.clear_fault();
            disk.crash();
            let store = open(&disk);
            let found = store.collection(ID).map(|collection| contents(&collection));
            expected.check(&found.unwrap_or_default(), failing);
            if finished {
                assert!(
                    failing > 20,
                    "the script has more operations than {failing}"
                );
                failures += failing;
                break;
            }
        }
    }
    let batches = script().len();
    eprintln!("{batches} batches, {failures} failing calls to the disk, nothing lost");
}

/// As above, for the operations of opening a store that crashed.
#[test]
fn an_open_that_fails_at_any_operation_can_be_tried_again() {
    for failing in 0.. {
        let (disk, store, collection) = new_store();
        let mut expected = Expected {
            certain: BTreeMap::new(),
            possible: None,
        };
        run_script(&collection, &mut expected);
        drop((store, collection));
        disk.crash();
        disk.fail_nth(failing, ErrorKind::Other);
        let result: Result<_, StoreError> = try_open(&disk);
        let failed = result.is_err();
        drop(result);
        let finished = disk.clear_fault();
        let store = open(&disk);
        expected.check(&contents(&store.collection(ID).unwrap()), failing);
        if finished {
            assert!(!failed && failing > 5);
            break;
        }
    }
}
