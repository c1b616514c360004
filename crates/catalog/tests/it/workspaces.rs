use std::sync::Arc;

use outcrop_catalog::CatalogError;
use outcrop_storage::env::MemoryDisk;

use crate::{open, reopen};

#[test]
fn commons_is_always_there_and_stays() {
    let catalog = open(&Arc::new(MemoryDisk::new())).unwrap();
    let commons = catalog.workspace("commons").unwrap();
    assert_eq!(
        commons.record.description.as_deref(),
        Some("default workspace")
    );
    assert_eq!(commons.record.created_by, None);
    let refused = catalog.delete_workspace("commons");
    assert!(matches!(refused, Err(CatalogError::Protected { .. })));
}

#[test]
fn workspaces_come_and_go_durably() {
    let disk = Arc::new(MemoryDisk::new());
    let catalog = open(&disk).unwrap();
    catalog
        .create_workspace("a.b", Some("text".to_owned()), "me@localhost")
        .unwrap();
    let again = catalog.create_workspace("a.b", None, "me@localhost");
    assert!(matches!(again, Err(CatalogError::AlreadyExists { .. })));
    let catalog = reopen(&disk, catalog);
    let names: Vec<String> = catalog
        .workspaces()
        .into_iter()
        .map(|workspace| workspace.record.name)
        .collect();
    assert_eq!(names, ["a.b", "commons"]);
    catalog.delete_workspace("a.b").unwrap();
    let catalog = reopen(&disk, catalog);
    assert!(matches!(
        catalog.workspace("a.b"),
        Err(CatalogError::WorkspaceMissing { .. })
    ));
    assert!(matches!(
        catalog.delete_workspace("a.b"),
        Err(CatalogError::WorkspaceMissing { .. })
    ));
}

#[test]
fn a_workspace_with_collections_is_not_deleted() {
    let catalog = open(&Arc::new(MemoryDisk::new())).unwrap();
    catalog.create_workspace("w", None, "me@localhost").unwrap();
    catalog
        .create_collection("w", "c", Default::default(), "me@localhost", "key")
        .unwrap();
    let refused = catalog.delete_workspace("w");
    assert!(matches!(
        refused,
        Err(CatalogError::NotEmpty {
            collection_count: 1,
            ..
        })
    ));
    catalog.delete_collection("w", "c").unwrap();
    catalog.delete_workspace("w").unwrap();
}
