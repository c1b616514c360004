//! Damaged files are reported by name, and never make the store panic or invent documents.

use std::sync::Arc;

use outcrop_storage::env::{Disk, MemoryDisk};
use outcrop_storage::{ObjectPath, StoreError};
use proptest::prelude::*;

use crate::support::*;

/// A store that was stopped without closing: two segments, a deletion vector, and a log.
fn stopped_store() -> Arc<MemoryDisk> {
    let (disk, store, collection) = new_store();
    write(&collection, vec![put("a", 1), put("b", 1)]);
    block_on(collection.flush()).unwrap();
    write(&collection, vec![put("a", 2)]);
    block_on(collection.flush()).unwrap();
    write(&collection, vec![put("c", 1)]);
    write(&collection, vec![put("d", 1)]);
    drop((store, collection));
    disk
}

/// The chain of messages of an error.
fn chain(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(|cause| format!(": {}", chain(cause)));
    format!("{error}{}", cause.unwrap_or_default())
}

fn newest(disk: &MemoryDisk, folder: &str) -> ObjectPath {
    let folder = ObjectPath::new(format!("collections/{ID}/{folder}"));
    let name = disk.list(&folder).unwrap().pop().unwrap();
    folder.child(&name)
}

#[test]
fn a_flipped_bit_in_the_middle_of_the_log_is_an_error_with_file_and_offset() {
    let disk = stopped_store();
    let log = ObjectPath::new("wal/00000000000000000001");
    disk.flip_bit(&log, 100);
    let error = try_open(&disk).unwrap_err();
    assert!(matches!(error, StoreError::Wal(_)), "{error}");
    let message = error.to_string();
    assert!(
        message.contains(log.as_str()) && message.contains("byte 24"),
        "{message}"
    );
}

#[test]
fn any_flipped_bit_of_manifest_and_deletion_vector_is_an_error_that_names_the_file() {
    for folder in ["manifest", "deletions"] {
        let disk = stopped_store();
        let path = newest(&disk, folder);
        for offset in 0..disk.contents(&path).unwrap().len() as u64 {
            disk.flip_bit(&path, offset);
            let error = try_open(&disk).unwrap_err();
            assert!(
                chain(&error).contains(path.as_str()),
                "{offset}: {}",
                chain(&error)
            );
            disk.flip_bit(&path, offset);
        }
        open(&disk);
    }
}

/// A flipped bit either keeps the store from opening, or is met when the rows are read, or hits
/// bytes that nobody needs; wrong documents never come out.
#[test]
fn a_flipped_bit_of_a_segment_never_gives_wrong_documents() {
    let disk = stopped_store();
    let path = newest(&disk, "segments");
    let length = disk.contents(&path).unwrap().len() as u64;
    let mut noticed = 0;
    for offset in 0..length {
        disk.flip_bit(&path, offset);
        match try_open(&disk) {
            Err(error) => {
                assert!(
                    chain(&error).contains(path.as_str()),
                    "{offset}: {}",
                    chain(&error)
                );
                noticed += 1;
            }
            Ok(store) => {
                let snapshot = store.collection(ID).unwrap().snapshot();
                match snapshot.document("a") {
                    Ok(document) => assert_eq!(document, Some(document_a()), "byte {offset}"),
                    Err(error) => {
                        assert!(chain(&error).contains(path.as_str()), "{}", chain(&error));
                        noticed += 1;
                    }
                }
            }
        }
        disk.flip_bit(&path, offset);
    }
    assert!(noticed > length / 4, "{noticed} of {length}");
}

fn document_a() -> outcrop_document::Object {
    document("a", 2)
}

#[test]
fn missing_files_are_named() {
    for folder in ["segments", "deletions"] {
        let disk = stopped_store();
        let path = newest(&disk, folder);
        disk.remove(&path).unwrap();
        let error = try_open(&disk).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot read `{path}`"));
    }
}

#[test]
fn a_write_missing_from_the_log_is_noticed() {
    let disk = stopped_store();
    // The first file of the log, with writes that the manifest does not have, is gone.
    let folder = ObjectPath::new("wal");
    let files = disk.list(&folder).unwrap();
    let first = disk.contents(&folder.child(&files[0])).unwrap();
    assert_eq!(files.len(), 1);
    let store = open(&disk);
    write(&store.collection(ID).unwrap(), vec![put("e", 1)]);
    drop(store);
    disk.remove(&folder.child(&files[0])).unwrap();
    let error = try_open(&disk).unwrap_err();
    assert!(
        error.to_string().contains("the next one to come is 3"),
        "{error}"
    );
    disk.set_contents(&folder.child(&files[0]), first);
    open(&disk);
}

#[test]
fn folders_that_are_not_ours_are_left_alone() {
    let disk = stopped_store();
    let other = ObjectPath::new("collections/lost+found/x");
    disk.set_contents(&other, b"mine".to_vec());
    open(&disk);
    assert!(disk.contents(&other).is_some());
}

/// What can happen to the bytes of a file.
#[derive(Clone, Debug)]
enum Damage {
    Cut(usize),
    Insert(usize, Vec<u8>),
    Overwrite(usize, Vec<u8>),
    Empty,
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = prop::collection::vec(any::<u8>(), 1..20);
    prop_oneof![
        any::<usize>().prop_map(Damage::Cut),
        (any::<usize>(), bytes.clone()).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (any::<usize>(), bytes).prop_map(|(at, bytes)| Damage::Overwrite(at, bytes)),
        Just(Damage::Empty),
    ]
}

fn apply(damage: &Damage, mut contents: Vec<u8>) -> Vec<u8> {
    let place = |at: usize| at % (contents.len() + 1);
    match damage {
        Damage::Cut(at) => contents.truncate(place(*at)),
        Damage::Insert(at, bytes) => {
            let at = place(*at);
            contents.splice(at..at, bytes.iter().copied());
        }
        Damage::Overwrite(at, bytes) => {
            let at = place(*at);
            let end = (at + bytes.len()).min(contents.len());
            contents.splice(at..end, bytes.iter().copied());
        }
        Damage::Empty => contents.clear(),
    }
    contents
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever happened to whichever file: opening and reading give an error or documents that
    /// were written, never a panic.
    #[test]
    fn damaged_files_never_make_the_store_panic(file in any::<prop::sample::Index>(), damage in damage()) {
        let disk = stopped_store();
        let paths = disk.paths();
        let path = file.get(&paths);
        disk.set_contents(path, apply(&damage, disk.contents(path).unwrap()));
        if let Ok(store) = try_open(&disk) {
            let snapshot = store.collection(ID).map(|collection| collection.snapshot());
            for (id, written) in [("a", 2), ("b", 1), ("c", 1), ("d", 1)] {
                let found = snapshot.as_ref().map(|snapshot| snapshot.document(id));
                if let Some(Ok(Some(found))) = found {
                    assert_eq!(found, document(id, written), "{}", path);
                }
            }
            drop(store.close());
        }
    }
}
