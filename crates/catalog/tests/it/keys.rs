use std::sync::Arc;

use outcrop_catalog::{CatalogError, KeyState, Role};
use outcrop_storage::env::MemoryDisk;

use crate::{open, reopen};

#[test]
fn the_first_start_makes_one_admin_key_and_later_ones_none() {
    let disk = Arc::new(MemoryDisk::new());
    let catalog = open(&disk).unwrap();
    let made = catalog.bootstrap(None).unwrap().unwrap();
    assert_eq!(made.secret.len(), 64);
    assert!(made.secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(made.key.prefix, made.secret[..6]);
    let catalog = reopen(&disk, catalog);
    assert_eq!(catalog.bootstrap(None).unwrap(), None);
    assert_eq!(
        catalog.authenticate(&made.secret).unwrap().role,
        Role::Admin
    );
    assert_eq!(catalog.authenticate("wrong"), None);
}

#[test]
fn the_secret_is_nowhere_on_the_disk() {
    let disk = Arc::new(MemoryDisk::new());
    let catalog = open(&disk).unwrap();
    let secret = catalog.bootstrap(None).unwrap().unwrap().secret;
    for path in disk.paths() {
        let contents = disk.contents(&path).unwrap();
        let found = contents
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "{path}");
    }
}

#[test]
fn a_configured_key_replaces_the_one_before() {
    let disk = Arc::new(MemoryDisk::new());
    let catalog = open(&disk).unwrap();
    let first = catalog.bootstrap(None).unwrap().unwrap().secret;
    assert!(catalog.bootstrap(Some("chosen")).unwrap().is_some());
    assert!(catalog.bootstrap(Some("chosen")).unwrap().is_none());
    let catalog = reopen(&disk, catalog);
    assert!(catalog.authenticate("chosen").is_some());
    assert_eq!(catalog.authenticate(&first), None);
}

#[test]
fn suspended_expired_and_deleted_keys_are_refused() {
    let catalog = open(&Arc::new(MemoryDisk::new())).unwrap();
    let key = catalog
        .create_api_key("k", "me@localhost", Role::ReadOnly, None)
        .unwrap();
    let again = catalog.create_api_key("k", "me@localhost", Role::ReadOnly, None);
    assert!(matches!(again, Err(CatalogError::AlreadyExists { .. })));
    assert!(catalog.authenticate(&key.secret).is_some());
    catalog.set_api_key_state("k", KeyState::Suspended).unwrap();
    assert_eq!(catalog.authenticate(&key.secret), None);
    catalog.set_api_key_state("k", KeyState::Active).unwrap();
    assert!(catalog.authenticate(&key.secret).is_some());
    catalog.delete_api_key("k").unwrap();
    assert_eq!(catalog.authenticate(&key.secret), None);
    let old = catalog
        .create_api_key("old", "me@localhost", Role::Member, Some(1))
        .unwrap();
    assert_eq!(catalog.authenticate(&old.secret), None);
}

#[test]
fn a_key_is_not_printed_by_debug() {
    let catalog = open(&Arc::new(MemoryDisk::new())).unwrap();
    let made = catalog.bootstrap(None).unwrap().unwrap();
    assert!(!format!("{made:?}").contains(&made.secret));
}
