use std::sync::Arc;

use outcrop_catalog::{
    Action, Catalog, CatalogError, CreateApiKey, Creator, Definer, KeyState, NewUser, Privilege,
};
use outcrop_storage::env::MemoryDisk;

use crate::{open, reopen};

fn creator() -> Creator {
    Creator {
        email: "admin@localhost".to_owned(),
        key: "bootstrap".to_owned(),
        role: None,
    }
}

fn user(catalog: &Catalog, email: &str, role: &str) -> Result<(), CatalogError> {
    let new = NewUser {
        email: email.to_owned(),
        first_name: None,
        last_name: None,
        roles: vec![role.to_owned()],
    };
    catalog.create_user(new, creator()).map(drop)
}

fn key(
    catalog: &Catalog,
    owner: &str,
    name: &str,
    role: Option<&str>,
) -> Result<String, CatalogError> {
    let new = CreateApiKey {
        name: name.to_owned(),
        owner: owner.to_owned(),
        role: role.map(str::to_owned),
        ..CreateApiKey::default()
    };
    Ok(catalog.create_api_key(new, creator())?.secret)
}

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
    let (key, rights) = catalog.authenticate(&made.secret).unwrap();
    assert_eq!(key.owner, "admin@localhost");
    assert!(rights.allow_global(Action::AllGlobalActions));
    assert_eq!(catalog.authenticate("wrong"), None);
}

#[test]
fn the_secret_is_nowhere_on_the_disk() {
    let disk = Arc::new(MemoryDisk::new());
    let catalog = open(&disk).unwrap();
    let first = catalog.bootstrap(None).unwrap().unwrap().secret;
    let new = CreateApiKey {
        name: "k".to_owned(),
        owner: "admin@localhost".to_owned(),
        is_revealable: true,
        ..CreateApiKey::default()
    };
    let sealed = catalog.create_api_key(new, creator()).unwrap();
    assert_eq!(
        catalog.reveal_api_key(&sealed.key).as_ref(),
        Some(&sealed.secret)
    );
    for path in disk.paths() {
        let contents = disk.contents(&path).unwrap();
        for secret in [&first, &sealed.secret] {
            let mut windows = contents.windows(secret.len());
            assert!(!windows.any(|window| window == secret.as_bytes()), "{path}");
        }
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
    user(&catalog, "Me@Localhost", "read-only").unwrap();
    let secret = key(&catalog, "me@localhost", "k", None).unwrap();
    assert!(matches!(
        key(&catalog, "me@localhost", "k", None),
        Err(CatalogError::AlreadyExists { .. })
    ));
    assert!(catalog.authenticate(&secret).is_some());
    let set = |state| catalog.update_api_key("ME@localhost", "k", |key| key.state = state);
    set(KeyState::Suspended).unwrap();
    assert_eq!(catalog.authenticate(&secret), None);
    set(KeyState::Active).unwrap();
    assert!(catalog.authenticate(&secret).is_some());
    let changed = catalog.update_api_key("me@localhost", "k", |key| {
        key.expires_at_micros = Some(1);
    });
    assert_eq!(
        catalog.api_key_state(&changed.unwrap()),
        KeyState::Suspended
    );
    assert_eq!(catalog.authenticate(&secret), None);
    catalog.delete_api_key("me@localhost", "k").unwrap();
    assert!(matches!(
        catalog.api_key("me@localhost", "k"),
        Err(CatalogError::KeyMissing { .. })
    ));
    assert!(matches!(
        key(&catalog, "nobody@localhost", "k", None),
        Err(CatalogError::UserMissing { .. })
    ));
    assert!(matches!(
        key(&catalog, "me@localhost", "k", Some("none")),
        Err(CatalogError::RoleMissing { .. })
    ));
}

#[test]
fn users_of_one_name_each_have_their_keys_and_lose_them_with_themselves() {
    let disk = Arc::new(MemoryDisk::new());
    let catalog = open(&disk).unwrap();
    catalog.bootstrap(None).unwrap();
    for email in ["a@x", "b@x"] {
        user(&catalog, email, "member").unwrap();
        assert!(!catalog.user(email).unwrap().is_active);
    }
    let [a, b] = ["a@x", "b@x"].map(|email| key(&catalog, email, "k", None).unwrap());
    assert!(catalog.user("a@x").unwrap().is_active);
    catalog.delete_user("a@x").unwrap();
    let catalog = reopen(&disk, catalog);
    assert_eq!(catalog.authenticate(&a), None);
    assert!(catalog.authenticate(&b).is_some());
    assert!(matches!(
        catalog.delete_user("admin@localhost"),
        Err(CatalogError::LastAdmin)
    ));
    let demoted = catalog.update_user("admin@localhost", |user| user.roles.clear());
    assert!(matches!(demoted, Err(CatalogError::LastAdmin)));
}

#[test]
fn what_a_role_allows_is_what_its_holders_may_do() {
    let catalog = open(&Arc::new(MemoryDisk::new())).unwrap();
    catalog.bootstrap(None).unwrap();
    let on = |workspace: &str| Privilege {
        action: Action::QueryData,
        resource_name: Some(workspace.to_owned()),
        cluster: None,
    };
    let role = catalog.create_role("r", None, vec![on("a")], creator());
    assert_eq!(role.unwrap().privileges.len(), 1);
    for taken in ["r", "admin", "member", "read-only"] {
        let again = catalog.create_role(taken, None, Vec::new(), creator());
        assert!(matches!(again, Err(CatalogError::AlreadyExists { .. })));
    }
    user(&catalog, "me@x", "r").unwrap();
    let secret = key(&catalog, "me@x", "k", None).unwrap();
    let may_query = |workspace: &str| {
        let (_, rights) = catalog.authenticate(&secret).unwrap();
        rights.allow(Action::QueryData, workspace)
    };
    assert!(may_query("a") && !may_query("b"));
    let changed = catalog.update_role("r", |role| role.privileges = vec![on("b")]);
    assert_eq!(changed.unwrap().privileges, [on("b")]);
    assert!(may_query("b") && !may_query("a"));
    assert!(matches!(
        catalog.delete_role("r"),
        Err(CatalogError::InUse { .. })
    ));
    // What was written with a key of a role that is no more reads nothing.
    let definer = Definer {
        email: "admin@localhost".to_owned(),
        role: Some("gone".to_owned()),
    };
    let rights = catalog.rights_of_definer(&definer);
    assert!(!rights.allow(Action::QueryData, "a"));
}

#[test]
fn a_key_is_not_printed_by_debug() {
    let catalog = open(&Arc::new(MemoryDisk::new())).unwrap();
    let made = catalog.bootstrap(None).unwrap().unwrap();
    assert!(!format!("{made:?}").contains(&made.secret));
}
