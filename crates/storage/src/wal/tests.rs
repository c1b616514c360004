//! The log as a whole: what was appended comes back, and what did not reach the disk does not.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::Arc;

use super::*;
use crate::CollectionId;
use crate::env::{Disk, MemoryDisk};
use crate::paths::{self, ObjectPath};

const FILE_BYTES: u64 = 1024;

fn collection(number: u8) -> CollectionId {
    CollectionId::from_bytes([number; 16])
}

fn disk_of(disk: &Arc<MemoryDisk>) -> Arc<dyn Disk> {
    Arc::<MemoryDisk>::clone(disk)
}

fn writer(disk: &Arc<MemoryDisk>) -> WalWriter {
    WalWriter::new(disk_of(disk), FILE_BYTES, Vec::new())
}

/// A group of records of collection 1, with these sequence numbers and payloads.
fn group(records: &[(u64, &[u8])]) -> Group {
    let mut group = Group::default();
    for (seqno, payload) in records {
        group.push(collection(1), *seqno, payload);
    }
    group
}

type Records = Vec<(u64, Vec<u8>)>;

fn read(disk: &Arc<MemoryDisk>) -> Result<(Records, Vec<SealedFile>), WalError> {
    let mut records = Vec::new();
    let files = read_log::<WalError>(&disk_of(disk), |record| {
        records.push((record.seqno, record.payload.to_vec()));
        Ok(())
    })?;
    Ok((records, files))
}

fn file(number: u64) -> ObjectPath {
    paths::wal().numbered(number)
}

#[test]
fn records_come_back_in_order_over_several_files() {
    let disk = Arc::new(MemoryDisk::new());
    let mut writer = writer(&disk);
    for seqno in 1..=100 {
        writer.append(group(&[(seqno, &[1; 100])])).unwrap();
    }
    let (records, files) = read(&disk).unwrap();
    assert_eq!(records.len(), 100);
    assert!(
        records
            .iter()
            .zip(1..)
            .all(|(record, seqno)| record.0 == seqno)
    );
    assert!(files.len() > 5, "{}", files.len());
    assert_eq!(
        files.last().unwrap().newest,
        HashMap::from([(collection(1), 100)])
    );
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_the_records_before_it_stay() {
    let whole = Arc::new(MemoryDisk::new());
    let mut log = writer(&whole);
    log.append(group(&[(1, b"first"), (2, b"second")])).unwrap();
    let kept = whole.contents(&file(1)).unwrap().len();
    log.append(group(&[(3, b"third, and the last")])).unwrap();
    let bytes = whole.contents(&file(1)).unwrap();
    for length in kept..bytes.len() {
        let disk = Arc::new(MemoryDisk::new());
        disk.set_contents(&file(1), bytes[..length].to_vec());
        let (records, files) = read(&disk).unwrap();
        assert_eq!(records.len(), 2, "cut at {length}");
        assert_eq!(disk.contents(&file(1)).unwrap().len(), kept);
        // The next process goes on in a new file, and both are readable.
        let mut next = WalWriter::new(disk_of(&disk), FILE_BYTES, files);
        next.append(group(&[(3, b"again")])).unwrap();
        assert_eq!(read(&disk).unwrap().0[2], (3, b"again".to_vec()));
    }
}

#[test]
fn a_file_torn_within_its_header_is_removed() {
    for length in 0..24 {
        let disk = Arc::new(MemoryDisk::new());
        let mut log = writer(&disk);
        log.append(group(&[(1, b"payload")])).unwrap();
        let header = disk.contents(&file(1)).unwrap()[..length].to_vec();
        disk.set_contents(&file(1), header);
        let (records, files) = read(&disk).unwrap();
        assert!(records.is_empty() && files.is_empty(), "{length}");
        assert_eq!(disk.contents(&file(1)), None);
    }
}

#[test]
fn any_flipped_bit_before_the_last_group_is_damage_with_its_place() {
    let disk = Arc::new(MemoryDisk::new());
    let mut log = writer(&disk);
    log.append(group(&[(1, b"first")])).unwrap();
    log.append(group(&[(2, b"second"), (3, b"third")])).unwrap();
    let synced = disk.contents(&file(1)).unwrap().len() as u64;
    log.append(group(&[(4, b"fourth")])).unwrap();
    for offset in 0..synced {
        disk.flip_bit(&file(1), offset);
        match read(&disk) {
            Err(WalError::Damaged {
                path,
                offset: found,
                ..
            }) => {
                assert_eq!(path, file(1));
                assert!(found <= offset, "flipped {offset}, found {found}");
            }
            other => panic!("flipped {offset}: {other:?}"),
        }
        disk.flip_bit(&file(1), offset);
    }
    assert_eq!(read(&disk).unwrap().0.len(), 4);
}

#[test]
fn a_hole_in_the_last_group_is_a_torn_tail_even_if_later_records_of_it_are_whole() {
    let disk = Arc::new(MemoryDisk::new());
    let mut log = writer(&disk);
    log.append(group(&[(1, b"first")])).unwrap();
    let hole = disk.contents(&file(1)).unwrap().len() as u64;
    log.append(group(&[(2, b"second"), (3, b"third")])).unwrap();
    disk.flip_bit(&file(1), hole + 66);
    assert_eq!(read(&disk).unwrap().0, [(1, b"first".to_vec())]);
}

#[test]
fn a_short_file_in_the_middle_is_damage_and_a_missing_one_is_named() {
    let disk = Arc::new(MemoryDisk::new());
    let mut log = writer(&disk);
    for seqno in 1..=30 {
        log.append(group(&[(seqno, &[0; 200])])).unwrap();
    }
    let whole = disk.contents(&file(2)).unwrap();
    disk.set_contents(&file(2), whole[..whole.len() - 1].to_vec());
    let error = read(&disk).unwrap_err();
    assert!(
        matches!(&error, WalError::Damaged { path, .. } if *path == file(2)),
        "{error}"
    );
    disk.remove(&file(2)).unwrap();
    let error = read(&disk).unwrap_err();
    assert_eq!(
        error.to_string(),
        "write-ahead log `wal/00000000000000000002` is missing"
    );
}

#[test]
fn a_record_that_is_part_of_a_payload_is_not_taken_for_one() {
    let disk = Arc::new(MemoryDisk::new());
    let mut log = writer(&disk);
    log.append(group(&[(1, b"inner")])).unwrap();
    let inner = disk.contents(&file(1)).unwrap()[24..].to_vec();
    log.append(group(&[(2, &inner)])).unwrap();
    let start = 24 + inner.len() as u64;
    // The header of the outer record is broken; what follows looks like a record.
    disk.flip_bit(&file(1), start);
    assert_eq!(read(&disk).unwrap().0.len(), 1);
}

#[test]
fn a_failed_append_leaves_nothing_and_the_next_one_works() {
    let disk = Arc::new(MemoryDisk::new());
    let mut log = writer(&disk);
    log.append(group(&[(1, b"first")])).unwrap();
    disk.set_capacity(Some(disk.used_bytes() + 80));
    let error = log.append(group(&[(2, &[7; 100]), (3, b"x")])).unwrap_err();
    assert!(matches!(error, AppendError::Undone(error) if error.kind() == ErrorKind::StorageFull));
    disk.set_capacity(None);
    log.append(group(&[(2, b"second")])).unwrap();
    disk.crash();
    assert_eq!(
        read(&disk).unwrap().0,
        [(1, b"first".to_vec()), (2, b"second".to_vec())]
    );
}

#[test]
fn a_full_disk_does_not_stop_a_file_from_taking_more_when_a_new_one_is_due() {
    let disk = Arc::new(MemoryDisk::new());
    let mut log = writer(&disk);
    log.append(group(&[(1, &[0; 2000])])).unwrap();
    disk.fail_nth(0, ErrorKind::StorageFull);
    log.append(group(&[(2, b"second")])).unwrap();
    log.append(group(&[(3, b"third")])).unwrap();
    let (records, files) = read(&disk).unwrap();
    assert_eq!((records.len(), files.len()), (3, 2));
}

#[test]
fn after_a_failed_sync_nothing_is_written_any_more() {
    let disk = Arc::new(MemoryDisk::new());
    let mut log = writer(&disk);
    log.append(group(&[(1, b"first")])).unwrap();
    disk.fail_syncs(Some(ErrorKind::Other));
    assert!(matches!(
        log.append(group(&[(2, b"2")])),
        Err(AppendError::Poisoned(_))
    ));
    disk.fail_syncs(None);
    assert!(matches!(
        log.append(group(&[(2, b"2")])),
        Err(AppendError::Poisoned(_))
    ));
    assert!(log.is_poisoned());
}

#[test]
fn files_go_when_every_collection_has_passed_them() {
    let disk = Arc::new(MemoryDisk::new());
    let mut log = writer(&disk);
    for seqno in 1..=10 {
        let mut group = Group::default();
        group.push(collection(1), seqno, &[0; 500]);
        group.push(collection(2), seqno, &[0; 500]);
        log.append(group).unwrap();
    }
    let count = || disk.list(&paths::wal()).unwrap().len();
    let all = count();
    log.remove_flushed(|id| Some(if id == collection(1) { 10 } else { 0 }))
        .unwrap();
    assert_eq!(count(), all, "collection 2 needs them");
    log.remove_flushed(|id| Some(if id == collection(1) { 10 } else { 4 }))
        .unwrap();
    assert!(count() < all);
    log.seal();
    log.remove_flushed(|id| (id == collection(1)).then_some(10))
        .unwrap();
    assert_eq!(count(), 0, "collection 2 was dropped");
}
