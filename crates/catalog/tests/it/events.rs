//! The collection of events: made by the catalog, also in data folders of before, and nobody's to change.

use std::sync::Arc;

use outcrop_catalog::{Catalog, CatalogError, EVENTS};
use outcrop_storage::env::MemoryDisk;
use serde_json::Value;

use crate::{create, open, reopen};

/// Changes the collections of the newest state behind the catalog's back.
fn rewrite(catalog: &Catalog, change: impl FnOnce(&mut Vec<Value>)) {
    let states = catalog.store().numbered("catalog");
    let newest = states.newest().unwrap().unwrap();
    let mut state: Value = serde_json::from_slice(&newest.payload).unwrap();
    change(state["collections"].as_array_mut().unwrap());
    let state = serde_json::to_vec(&state).unwrap();
    states.append(newest.number + 1, &state).unwrap();
}

#[test]
fn a_folder_that_was_made_without_it_gets_it() {
    let disk = Arc::new(MemoryDisk::new());
    let catalog = open(&disk).unwrap();
    create(&catalog, "c").unwrap();
    rewrite(&catalog, |collections| {
        collections.retain(|collection| collection["name"] != EVENTS);
        assert_eq!(collections.len(), 1);
    });
    let catalog = reopen(&disk, catalog);
    let events = catalog.events().unwrap();
    assert!(events.record().is_system());
    assert_eq!(events.record().full_name(), "commons._events");
    let catalog = reopen(&disk, catalog);
    assert_eq!(catalog.events().unwrap().record().id, events.record().id);
    assert!(catalog.collection("commons", "c").is_ok());
}

#[test]
fn who_had_the_name_before_keeps_it() {
    let disk = Arc::new(MemoryDisk::new());
    let catalog = open(&disk).unwrap();
    create(&catalog, "c").unwrap();
    rewrite(&catalog, |collections| {
        collections.retain(|collection| collection["name"] != EVENTS);
        collections[0]["name"] = EVENTS.into();
    });
    let catalog = reopen(&disk, catalog);
    assert!(
        !catalog
            .collection("commons", EVENTS)
            .unwrap()
            .record()
            .is_system()
    );
    assert!(matches!(
        catalog.events(),
        Err(CatalogError::CollectionMissing { .. })
    ));
    catalog.delete_collection("commons", EVENTS).unwrap();
}

#[test]
fn nobody_changes_or_deletes_it() {
    let catalog = open(&Arc::new(MemoryDisk::new())).unwrap();
    let refused = [
        catalog.delete_collection("commons", EVENTS).err(),
        catalog.update_collection("commons", EVENTS, |_| {}).err(),
        catalog.collection_to_change("commons", EVENTS).err(),
        create(&catalog, EVENTS).err(),
    ];
    let [deleted, updated, changed, made] = refused.map(Option::unwrap);
    for error in [deleted, updated, changed] {
        assert!(
            matches!(error, CatalogError::SystemCollection { .. }),
            "{error}"
        );
    }
    assert!(matches!(made, CatalogError::AlreadyExists { .. }), "{made}");
}
