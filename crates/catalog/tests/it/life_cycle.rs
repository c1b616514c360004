use std::io::ErrorKind;
use std::sync::Arc;

use outcrop_catalog::{CatalogError, CollectionStatus};
use outcrop_storage::env::MemoryDisk;

use crate::{create, open, reopen};

#[test]
fn a_collection_is_ready_when_its_creation_returns_and_after_a_restart() {
    let disk = Arc::new(MemoryDisk::new());
    let catalog = open(&disk).unwrap();
    create(&catalog, "c").unwrap();
    let id = catalog.collection("commons", "c").unwrap().record().id;
    let catalog = reopen(&disk, catalog);
    let record = catalog.collection_record("commons", "c").unwrap();
    assert_eq!((record.status, record.id), (CollectionStatus::Ready, id));
    // And that of events.
    assert_eq!(catalog.workspace("commons").unwrap().collection_count, 2);
}

#[test]
fn a_name_is_taken_once_and_free_after_the_drop() {
    let disk = Arc::new(MemoryDisk::new());
    let catalog = open(&disk).unwrap();
    create(&catalog, "c").unwrap();
    assert!(matches!(
        create(&catalog, "c"),
        Err(CatalogError::AlreadyExists { .. })
    ));
    catalog.delete_collection("commons", "c").unwrap();
    let missing = catalog.collection("commons", "c");
    assert!(matches!(
        missing,
        Err(CatalogError::CollectionMissing { .. })
    ));
    create(&catalog, "c").unwrap();
    assert!(catalog.collection("commons", "c").is_ok());
}

#[test]
fn a_collection_of_a_missing_workspace_is_missing_and_cannot_be_created() {
    let catalog = open(&Arc::new(MemoryDisk::new())).unwrap();
    let missing = catalog.collection_record("nowhere", "c");
    assert!(matches!(
        missing,
        Err(CatalogError::CollectionMissing { .. })
    ));
    let refused = catalog.create_collection("nowhere", "c", Default::default(), "me", "key");
    assert!(matches!(
        refused,
        Err(CatalogError::WorkspaceMissing { .. })
    ));
    let refused = catalog.create_collection("commons", "a b", Default::default(), "me", "key");
    assert!(matches!(refused, Err(CatalogError::BadName { .. })));
}

/// Whichever operation of the disk fails, the name works again after a power cut and without one.
#[test]
fn no_failure_while_creating_costs_the_name() {
    for crash in [true, false] {
        let mut nth = 0;
        loop {
            let disk = Arc::new(MemoryDisk::new());
            let mut catalog = open(&disk).unwrap();
            disk.fail_nth(nth, ErrorKind::Other);
            let created = create(&catalog, "c").is_ok();
            let was_reached = !disk.clear_fault();
            if crash {
                catalog = reopen(&disk, catalog);
            }
            let exists = catalog.collection("commons", "c").is_ok();
            assert!(
                exists || !created,
                "operation {nth}: an acknowledged collection is lost"
            );
            if !exists {
                create(&catalog, "c").unwrap_or_else(|error| panic!("operation {nth}: {error:?}"));
            }
            assert!(
                catalog.collection("commons", "c").is_ok(),
                "operation {nth}"
            );
            if !was_reached {
                break;
            }
            nth += 1;
        }
        assert!(nth > 3, "the test reached only {nth} operations");
    }
}

#[test]
fn no_failure_while_dropping_costs_the_name() {
    for crash in [true, false] {
        let mut nth = 0;
        loop {
            let disk = Arc::new(MemoryDisk::new());
            let mut catalog = open(&disk).unwrap();
            create(&catalog, "c").unwrap();
            disk.fail_nth(nth, ErrorKind::Other);
            let dropped = catalog.delete_collection("commons", "c").is_ok();
            let was_reached = !disk.clear_fault();
            if crash {
                catalog = reopen(&disk, catalog);
            }
            let exists = catalog.collection("commons", "c").is_ok();
            assert!(
                !(exists && dropped),
                "operation {nth}: a dropped collection is back"
            );
            if exists {
                catalog.delete_collection("commons", "c").unwrap();
            }
            create(&catalog, "c").unwrap_or_else(|error| panic!("operation {nth}: {error:?}"));
            assert!(
                catalog.collection("commons", "c").is_ok(),
                "operation {nth}"
            );
            if !was_reached {
                break;
            }
            nth += 1;
        }
        assert!(nth > 2, "the test reached only {nth} operations");
    }
}

#[test]
fn a_full_disk_refuses_creation_and_recovers_by_itself() {
    let disk = Arc::new(MemoryDisk::new());
    let catalog = open(&disk).unwrap();
    create(&catalog, "old").unwrap();
    disk.set_capacity(Some(disk.used_bytes()));
    let error = create(&catalog, "new").unwrap_err();
    assert!(error.is_disk_full(), "{error:?}");
    assert!(catalog.collection("commons", "old").is_ok());
    disk.set_capacity(None);
    create(&catalog, "new").unwrap();
    assert!(catalog.collection("commons", "new").is_ok());
}

#[test]
fn concurrent_changes_take_turns() {
    let disk = Arc::new(MemoryDisk::new());
    let catalog = open(&disk).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let catalog = &catalog;
            scope.spawn(move || {
                for number in 0..5 {
                    create(catalog, &format!("c{thread}_{number}")).unwrap();
                }
            });
        }
    });
    // And that of events.
    assert_eq!(catalog.collections().len(), 21);
    let catalog = reopen(&disk, catalog);
    assert_eq!(catalog.workspace("commons").unwrap().collection_count, 21);
}

#[test]
fn a_damaged_state_refuses_to_open() {
    let disk = Arc::new(MemoryDisk::new());
    let catalog = open(&disk).unwrap();
    create(&catalog, "c").unwrap();
    drop(catalog);
    disk.crash();
    let paths = disk.paths();
    let newest = paths
        .iter()
        .rfind(|path| path.as_str().starts_with("catalog/"))
        .unwrap();
    disk.flip_bit(newest, 30);
    let error = format!("{:#}", open(&disk).unwrap_err());
    assert!(error.contains(newest.as_str()), "{error}");
}
