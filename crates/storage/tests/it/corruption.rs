//! Damage of every kind in every kind of file: found and named by `verify`, and never a wrong
//! document or a panic when the store is opened all the same.
//!
//! `OUTCROP_CORRUPTION_CASES` and `OUTCROP_CORRUPTION_SEED` ask for more (`cargo xtask corrupt`).

use std::collections::BTreeMap;
use std::sync::Arc;

use outcrop_storage::env::MemoryDisk;
use outcrop_storage::{Environment, ObjectPath, Operation, Verification, verify};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::simulation::model::{Change, State, contents, document};
use crate::support::{ID, block_on, new_store, try_open, try_write};

const CASES_VARIABLE: &str = "OUTCROP_CORRUPTION_CASES";
const SEED_VARIABLE: &str = "OUTCROP_CORRUPTION_SEED";

/// Some seconds in a debug build.
const SHORT_CASES: u64 = 60;

/// Stores that are damaged, one after the other.
const CASES_PER_STORE: u64 = 100;

const SERIES: &str = "catalog";

/// The kinds of file, by what their paths have in them.
const KINDS: [&str; 5] = [
    "wal/",
    "/manifest/",
    "/segments/",
    "/deletions/",
    "catalog/",
];

const SECTORS: [usize; 2] = [512, 4096];

/// A stopped store, and what it holds.
struct Stopped {
    disk: Arc<MemoryDisk>,
    /// The state after each write since the last flush; the last is the newest.
    states: Vec<State>,
    /// The last file of the log, and where each group begins in it.
    log: ObjectPath,
    groups: Vec<usize>,
}

fn write(collection: &outcrop_storage::Collection, changes: &[Change]) {
    let operations: Vec<Operation> = changes.iter().map(Change::operation).collect();
    try_write(collection, operations).unwrap();
}

/// Several segments with deletion vectors, a log of several files, two catalog objects.
fn stopped_store(random: &mut StdRng) -> Stopped {
    let (disk, store, collection) = new_store();
    let catalog = store.numbered(SERIES);
    for number in 1..3 {
        let state: Vec<u8> = (0..5000).map(|_| random.random()).collect();
        catalog.create(number, &state).unwrap();
    }
    let mut state = State::default();
    let mut next_value = 0;
    let mut batch = |random: &mut StdRng, count: usize, state: &mut State| {
        let changes: Vec<Change> = (0..count)
            .map(|index| {
                let id = format!("document {}", random.random_range(0..90));
                next_value += 1;
                match random.random_range(0..6) {
                    0 if index > 0 => Change::Delete(id),
                    1 if index > 0 => Change::Increment(id),
                    _ => Change::Put(id, next_value),
                }
            })
            .collect();
        state.apply(&changes);
        write(&collection, &changes);
    };
    for _ in 0..random.random_range(2..4) {
        for _ in 0..random.random_range(1..4) {
            batch(random, 40, &mut state);
        }
        block_on(collection.flush()).unwrap();
    }
    let mut states = vec![state.clone()];
    let log = || {
        let path = disk
            .paths()
            .into_iter()
            .rfind(|path| path.as_str().starts_with("wal/"));
        let path = path.expect("there is a log");
        let bytes = disk.contents(&path).map_or(0, |bytes| bytes.len());
        (path, bytes)
    };
    let mut groups: (ObjectPath, Vec<usize>) = (log().0, Vec::new());
    for _ in 0..random.random_range(8..30) {
        let (path, end) = log();
        batch(random, 4, &mut state);
        states.push(state.clone());
        let (newest, _) = log();
        // A new file begins with a header of 24 bytes.
        let start = if newest == path { end } else { 24 };
        if newest != groups.0 {
            groups = (newest, Vec::new());
        }
        groups.1.push(start);
    }
    drop((store, collection));
    Stopped {
        disk,
        states,
        log: groups.0,
        groups: groups.1,
    }
}

/// What happens to a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    FlipBit {
        offset: usize,
        bit: u8,
    },
    Zero {
        offset: usize,
        bytes: usize,
    },
    Truncate {
        bytes: usize,
    },
    Swap {
        first: usize,
        second: usize,
        bytes: usize,
    },
}

impl Damage {
    /// A damage of each kind in turn.
    fn draw(kind: u64, length: usize, random: &mut StdRng) -> Self {
        let offset = random.random_range(0..length);
        // A file that is smaller has smaller blocks.
        let bytes = SECTORS[random.random_range(0..2)].min(length.div_ceil(4));
        let sector = |offset: usize| offset / bytes * bytes;
        match kind % 4 {
            0 => Self::FlipBit {
                offset,
                bit: random.random_range(0..8),
            },
            1 => Self::Zero {
                offset: sector(offset),
                bytes,
            },
            2 => Self::Truncate { bytes: offset },
            _ => Self::Swap {
                first: sector(offset),
                second: sector(random.random_range(0..length)),
                bytes,
            },
        }
    }

    /// The damaged bytes, and the first that is not what it was; none if none is.
    fn apply(self, whole: &[u8]) -> Option<(Vec<u8>, usize)> {
        let mut bytes = whole.to_vec();
        match self {
            Self::FlipBit { offset, bit } => bytes[offset] ^= 1 << bit,
            Self::Zero {
                offset,
                bytes: count,
            } => {
                let end = (offset + count).min(bytes.len());
                bytes[offset..end].fill(0);
            }
            Self::Truncate { bytes: length } => bytes.truncate(length),
            Self::Swap {
                first,
                second,
                bytes: count,
            } => {
                let (first, second) = (first.min(second), first.max(second));
                let count = count.min(bytes.len() - second);
                if first + count > second {
                    return None;
                }
                let (left, right) = bytes.split_at_mut(second);
                left[first..first + count].swap_with_slice(&mut right[..count]);
            }
        }
        let same = whole.iter().zip(&bytes).take_while(|(a, b)| a == b).count();
        (bytes != whole).then_some((bytes, same))
    }
}

/// Whether nothing tells a damage from a power cut during the last write: the last file of the log
/// ends early, or is damaged from some group on to the end. The bytes differ from `first` on.
fn is_torn_tail(stopped: &Stopped, path: &ObjectPath, damaged: &[u8], first: usize) -> bool {
    const RECORD_HEADER_BYTES: usize = 64;
    if *path != stopped.log {
        return false;
    }
    let whole = stopped.disk.contents(path).unwrap();
    let bad = stopped.groups.iter().rfind(|start| **start <= first);
    let bad = bad.copied().unwrap_or(0);
    let later = stopped.groups.iter().filter(|start| **start > bad);
    let is_intact = |start: &usize| {
        let header = *start..*start + RECORD_HEADER_BYTES;
        damaged.get(header.clone()) == whole.get(header)
    };
    !later.into_iter().any(is_intact)
}

fn verified(disk: &Arc<MemoryDisk>) -> Verification {
    verify(&Environment::in_memory(Arc::clone(disk), 1), &[SERIES]).unwrap()
}

/// Opens the store and reads everything: each document is one that was written, or an error says
/// why there is none.
fn read_all(stopped: &Stopped, only_prefix: bool, case: &str) {
    let Ok(store) = try_open(&stopped.disk) else {
        return;
    };
    let Some(collection) = store.collection(ID) else {
        panic!("{case}: the collection is gone without a word");
    };
    let snapshot = collection.snapshot();
    let newest = stopped.states.last().expect("there are states");
    let is_whole = snapshot.seqno() == newest.seqno;
    let states = stopped.states.iter();
    let state = states
        .rev()
        .find(|state| state.seqno == snapshot.seqno())
        .unwrap_or_else(|| panic!("{case}: recovered up to write {}", snapshot.seqno()));
    assert!(
        is_whole || only_prefix,
        "{case}: writes are lost without a word"
    );
    for (id, value) in &state.documents {
        if let Ok(found) = snapshot.document(id) {
            assert_eq!(found, Some(document(id, *value)), "{case}: `{id}`");
        }
    }
    for part in snapshot.parts() {
        for row in (0..part.row_count()).filter(|row| !part.deletions().contains(*row)) {
            if let Ok(bytes) = part.document(row) {
                let found = outcrop_document::k::decode(&bytes).unwrap();
                let outcrop_document::Value::Object(found) = found else {
                    panic!("{case}: row {row} is not an object");
                };
                let outcrop_document::Value::String(id) = &found["_id"] else {
                    panic!("{case}: row {row} has no id");
                };
                let expected = state.documents.get(id).map(|value| document(id, *value));
                assert_eq!(Some(&found), expected.as_ref(), "{case}: row {row}");
            }
        }
    }
}

#[derive(Debug, Default)]
struct Figures {
    /// Damages by kind of file: all, and those that were a torn tail.
    by_kind: BTreeMap<&'static str, (u64, u64)>,
    with_offset: u64,
}

fn damage_one(stopped: &Stopped, case: u64, random: &mut StdRng, figures: &mut Figures) -> bool {
    let kind = KINDS[usize::try_from(case % 5).expect("below 5")];
    let paths = stopped.disk.paths();
    let paths: Vec<_> = paths
        .iter()
        .filter(|path| path.as_str().contains(kind))
        .collect();
    let path = paths[random.random_range(0..paths.len())];
    let whole = stopped.disk.contents(path).unwrap();
    let damage = Damage::draw(case / 5, whole.len(), random);
    let Some((damaged, first)) = damage.apply(&whole) else {
        return false;
    };
    let everything: Vec<_> = stopped.disk.paths();
    let everything: Vec<_> = everything
        .into_iter()
        .map(|path| (stopped.disk.contents(&path).unwrap(), path))
        .collect();
    let is_torn_tail = is_torn_tail(stopped, path, &damaged, first);
    let is_other = |place: &usize| damaged.get(*place) != whole.get(*place);
    let last = (0..whole.len()).rfind(is_other).unwrap_or(0);
    stopped.disk.set_contents(path, damaged);

    let text = format!("{damage:?} of `{path}`");
    let found = verified(&stopped.disk);
    let named = found.problems.iter().find(|problem| problem.path == *path);
    let counts = figures.by_kind.entry(kind).or_default();
    counts.0 += 1;
    if is_torn_tail {
        counts.1 += 1;
    } else {
        let Some(named) = named else {
            panic!(
                "{text} was not found: {:?} {:?}",
                found.problems, found.remarks
            );
        };
        figures.with_offset += u64::from(named.offset.is_some());
        // The place of a damaged block, record or tail is where it begins.
        if let Some(offset) = named.offset {
            assert!(offset <= last as u64, "{text}: {named}");
        }
    }
    read_all(stopped, is_torn_tail, &text);

    for path in stopped.disk.paths() {
        outcrop_storage::env::Disk::remove(&*stopped.disk, &path).unwrap();
    }
    for (bytes, path) in everything {
        stopped.disk.set_contents(&path, bytes);
    }
    true
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

#[test]
fn every_damage_is_found_and_named_and_no_document_is_wrong() {
    let cases = variable(CASES_VARIABLE).unwrap_or(SHORT_CASES);
    let mut random = StdRng::seed_from_u64(variable(SEED_VARIABLE).unwrap_or(1));
    let mut figures = Figures::default();
    let mut stopped = stopped_store(&mut random);
    let mut done = 0;
    while done < cases {
        if done % CASES_PER_STORE == CASES_PER_STORE - 1 {
            stopped = stopped_store(&mut random);
            let sound = verified(&stopped.disk);
            assert!(sound.is_sound(), "{:?}", sound.problems);
        }
        done += u64::from(damage_one(&stopped, done, &mut random, &mut figures));
    }
    eprintln!("{:<12} {:>8} {:>10}", "file", "damages", "torn tails");
    for (kind, (all, torn)) in &figures.by_kind {
        eprintln!("{kind:<12} {all:>8} {torn:>10}");
    }
    eprintln!(
        "found and named: all others; with an offset {}",
        figures.with_offset
    );
}

#[test]
fn a_sound_store_has_no_problems_and_verifying_changes_nothing() {
    let stopped = stopped_store(&mut StdRng::seed_from_u64(7));
    let before: Vec<_> = all_contents(&stopped.disk);
    let found = verified(&stopped.disk);
    assert_eq!(found.problems, []);
    assert_eq!(found.remarks, []);
    assert_eq!(found.objects, before.len() as u64);
    assert_eq!(all_contents(&stopped.disk), before);
    let store = try_open(&stopped.disk).unwrap();
    let snapshot = store.collection(ID).unwrap().snapshot();
    assert_eq!(Some(&contents(&snapshot)), stopped.states.last());
}

fn all_contents(disk: &MemoryDisk) -> Vec<(ObjectPath, Option<Vec<u8>>)> {
    let paths = disk.paths().into_iter();
    paths
        .map(|path| (path.clone(), disk.contents(&path)))
        .collect()
}

#[test]
fn a_store_that_is_open_is_not_verified() {
    let (disk, store, collection) = new_store();
    let environment = Environment::in_memory(Arc::clone(&disk), 1);
    let error = verify(&environment, &[]).unwrap_err();
    assert!(matches!(error, outcrop_storage::StoreError::Locked { .. }));
    drop((store, collection));
    assert!(verify(&environment, &[]).is_ok());
}
