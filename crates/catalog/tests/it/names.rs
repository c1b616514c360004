//! Aliases and views: what they need, and who shares whose names.

use std::sync::Arc;

use outcrop_catalog::{
    Catalog, CatalogError, CollectionName, Creator, Definer, ObjectKind, ViewQuery,
};
use outcrop_storage::env::MemoryDisk;

use crate::{create, open, reopen};

fn creator() -> Creator {
    Creator {
        email: "me@localhost".to_owned(),
        key: "key".to_owned(),
        role: None,
    }
}

fn target(name: &str) -> CollectionName {
    CollectionName::parse(name).unwrap()
}

fn alias(catalog: &Catalog, name: &str, collection: &str) -> Result<(), CatalogError> {
    let alias = catalog.create_alias("commons", name, None, target(collection), creator());
    alias.map(|_| ())
}

fn query(entities: &[&str]) -> ViewQuery {
    ViewQuery {
        sql: "SELECT 1".to_owned(),
        entities: entities.iter().map(|name| (*name).to_owned()).collect(),
        definer: Definer::from(&creator()),
    }
}

fn view(catalog: &Catalog, name: &str, entities: &[&str]) -> Result<(), CatalogError> {
    let view = catalog.create_view("commons", name, None, query(entities), creator());
    view.map(|_| ())
}

#[test]
fn aliases_and_views_survive_a_restart() {
    let disk = Arc::new(MemoryDisk::new());
    let catalog = open(&disk).unwrap();
    create(&catalog, "c").unwrap();
    create(&catalog, "d").unwrap();
    alias(&catalog, "a", "commons.c").unwrap();
    view(&catalog, "v", &["commons.a"]).unwrap();
    catalog
        .update_alias("commons", "a", Some("text".to_owned()), target("commons.d"))
        .unwrap();
    let catalog = reopen(&disk, catalog);
    let kept = catalog.alias("commons", "a").unwrap();
    assert_eq!(kept.collection, target("commons.d"));
    assert_eq!(kept.description.as_deref(), Some("text"));
    let kept = catalog.stored_view("commons", "v").unwrap();
    assert_eq!(kept.query, query(&["commons.a"]));
    assert_eq!(
        (catalog.aliases().len(), catalog.stored_views().len()),
        (1, 1)
    );
    catalog.delete_view("commons", "v").unwrap();
    catalog.delete_alias("commons", "a").unwrap();
    let catalog = reopen(&disk, catalog);
    assert!(matches!(
        catalog.alias("commons", "a"),
        Err(CatalogError::AliasMissing { .. })
    ));
    assert!(matches!(
        catalog.stored_view("commons", "v"),
        Err(CatalogError::ViewMissing { .. })
    ));
}

#[test]
fn collections_aliases_and_views_share_their_names() {
    let catalog = open(&Arc::new(MemoryDisk::new())).unwrap();
    create(&catalog, "c").unwrap();
    alias(&catalog, "a", "commons.c").unwrap();
    view(&catalog, "v", &["commons.c"]).unwrap();
    let taken = |result: Result<(), CatalogError>| match result {
        Err(CatalogError::AlreadyExists { kind, .. }) => kind,
        other => panic!("{other:?}"),
    };
    let kinds = [
        ("c", ObjectKind::Collection),
        ("a", ObjectKind::Alias),
        ("v", ObjectKind::View),
    ];
    for (name, kind) in kinds {
        assert_eq!(taken(create(&catalog, name)), kind);
        assert_eq!(taken(alias(&catalog, name, "commons.c")), kind);
        assert_eq!(taken(view(&catalog, name, &[])), kind);
    }
    assert!(matches!(
        alias(&catalog, "_input", "commons.c"),
        Err(CatalogError::BadName { .. })
    ));
}

#[test]
fn what_is_used_stays() {
    let catalog = open(&Arc::new(MemoryDisk::new())).unwrap();
    catalog.create_workspace("w", None, "me@localhost").unwrap();
    create(&catalog, "c").unwrap();
    alias(&catalog, "a", "commons.c").unwrap();
    view(&catalog, "v", &["commons.a"]).unwrap();
    view(&catalog, "v2", &["commons.v"]).unwrap();
    let users = |result: Result<(), CatalogError>| match result {
        Err(CatalogError::InUse { users, .. }) => {
            let texts = users.into_iter().filter_map(|user| user.text);
            texts.collect::<Vec<String>>()
        }
        other => panic!("{other:?}"),
    };
    let collection = catalog.delete_collection("commons", "c").map(|_| ());
    assert_eq!(users(collection), ["alias `commons.a`"]);
    let deleted = catalog.delete_alias("commons", "a").map(|_| ());
    assert_eq!(users(deleted), ["view `commons.v`"]);
    let deleted = catalog.delete_view("commons", "v").map(|_| ());
    assert_eq!(users(deleted), ["view `commons.v2`"]);
    catalog.delete_view("commons", "v2").unwrap();
    catalog.delete_view("commons", "v").unwrap();
    let moved = catalog.create_alias("w", "x", None, target("commons.c"), creator());
    moved.unwrap();
    assert!(matches!(
        catalog.delete_workspace("w"),
        Err(CatalogError::NotEmpty { alias_count: 1, .. })
    ));
    catalog.delete_alias("w", "x").unwrap();
    catalog.delete_alias("commons", "a").unwrap();
    catalog.delete_collection("commons", "c").unwrap();
    catalog.delete_workspace("w").unwrap();
}

#[test]
fn views_never_come_to_use_themselves() {
    let catalog = open(&Arc::new(MemoryDisk::new())).unwrap();
    view(&catalog, "a", &[]).unwrap();
    view(&catalog, "b", &["commons.a"]).unwrap();
    view(&catalog, "c", &["commons.b", "commons.a"]).unwrap();
    for entity in ["commons.a", "commons.b", "commons.c"] {
        let updated = catalog.update_view("commons", "a", None, query(&[entity]));
        assert!(
            matches!(updated, Err(CatalogError::ViewCycle { .. })),
            "{entity}"
        );
    }
    catalog
        .update_view("commons", "c", None, query(&["commons.a"]))
        .unwrap();
    let missing = catalog.update_view("commons", "c", None, query(&["commons.none"]));
    assert!(matches!(missing, Err(CatalogError::EntityMissing { .. })));
}
