//! Ticks of scheduled query lambdas: claimed once, whatever comes between.

use std::io::ErrorKind;
use std::sync::Arc;
use std::thread;

use object_store::memory::InMemory;
use outcrop_catalog::query_lambda::LATEST;
use outcrop_catalog::{
    Catalog, CatalogError, Creator, LambdaQuery, LambdaTarget, NewLambdaVersion,
    NewScheduledLambda, RunState, ScheduleOptions,
};
use outcrop_storage::env::{
    BucketDisk, BucketOptions, ManualClock, MemoryDisk, Random, SeededRandom,
};
use outcrop_storage::{Environment, Store, StoreOptions};

use crate::{open, reopen};

/// A tick of every schedule here; microseconds since 1970.
const TICK: i64 = 1_800_000_000_000_000;

fn me() -> Creator {
    Creator {
        email: "me@localhost".to_owned(),
        key: "key".to_owned(),
        role: None,
    }
}

/// Schedules a new query lambda of this name, and returns the id.
fn schedule(catalog: &Catalog, lambda: &str) -> String {
    let query = LambdaQuery {
        description: None,
        sql: "SELECT 1".to_owned(),
        default_parameters: Vec::new(),
        entities: Vec::new(),
        is_valid: true,
    };
    let version = NewLambdaVersion {
        workspace: "commons".to_owned(),
        name: lambda.to_owned(),
        query,
        is_public: false,
        creator: me(),
    };
    catalog.create_query_lambda(version).unwrap();
    let new = NewScheduledLambda {
        workspace: "commons".to_owned(),
        lambda: lambda.to_owned(),
        target: LambdaTarget::Tag(LATEST.to_owned()),
        cron: "* * * * *".to_owned(),
        options: ScheduleOptions::default(),
    };
    catalog.create_scheduled_lambda(new, me()).unwrap().id
}

#[test]
fn of_many_at_once_one_gets_the_tick() {
    let catalog = open(&Arc::new(MemoryDisk::new())).unwrap();
    let id = schedule(&catalog, "q");
    let claimed = thread::scope(|scope| {
        let claims: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| catalog.claim_tick(&id, TICK).unwrap()))
            .collect();
        let claims = claims.into_iter().map(|claim| claim.join().unwrap());
        claims.filter(|claimed| *claimed).count()
    });
    assert_eq!(claimed, 1);
    assert_eq!(catalog.schedule_runs(&id).execution_count, 1);
    assert!(!catalog.claim_tick(&id, TICK - 1).unwrap());
    assert!(catalog.claim_tick(&id, TICK + 1).unwrap());
}

#[test]
fn a_claim_outlives_a_power_cut() {
    let disk = Arc::new(MemoryDisk::new());
    let catalog = open(&disk).unwrap();
    let id = schedule(&catalog, "q");
    assert!(catalog.claim_tick(&id, TICK).unwrap());
    let catalog = reopen(&disk, catalog);
    assert!(!catalog.claim_tick(&id, TICK).unwrap());
    let runs = catalog.schedule_runs(&id);
    assert_eq!(runs.execution_count, 1);
    assert_eq!(runs.query_status.unwrap().state, RunState::Warning);
}

#[test]
fn a_claim_that_fails_counts_at_most_once() {
    // Each operation of a claim fails in turn, and a power cut takes along what was not synced.
    for operation in 0..20 {
        let disk = Arc::new(MemoryDisk::new());
        let catalog = open(&disk).unwrap();
        let id = schedule(&catalog, "q");
        disk.fail_nth(operation, ErrorKind::Other);
        let first = catalog.claim_tick(&id, TICK).is_ok_and(|claimed| claimed);
        let catalog = reopen(&disk, catalog);
        let again = catalog.claim_tick(&id, TICK).unwrap();
        assert!(
            !(first && again),
            "claimed twice around operation {operation}"
        );
        assert!(catalog.claim_tick(&id, TICK + 1).unwrap());
    }
}

#[test]
fn runs_of_deleted_schedules_are_forgotten_and_others_stay() {
    let catalog = open(&Arc::new(MemoryDisk::new())).unwrap();
    let [gone, stays] = ["p", "q"].map(|lambda| schedule(&catalog, lambda));
    for id in [&gone, &stays] {
        assert!(catalog.claim_tick(id, TICK).unwrap());
    }
    catalog.delete_scheduled_lambda("commons", &gone).unwrap();
    catalog.update_schedule_runs(&gone, |_| {}).unwrap();
    assert_eq!(catalog.schedule_runs(&gone).execution_count, 0);
    assert_eq!(catalog.schedule_runs(&stays).execution_count, 1);
}

/// A process that takes the bucket over.
fn take_over(bucket: &Arc<InMemory>, seed: u64) -> Arc<Catalog> {
    let random: Arc<dyn Random> = Arc::new(SeededRandom::new(seed));
    let options = BucketOptions::default();
    let bucket = Arc::<InMemory>::clone(bucket);
    let disk = BucketDisk::new(bucket, Arc::clone(&random), &options).unwrap();
    let environment = Environment {
        clock: Arc::new(ManualClock::new()),
        random,
        disk: Arc::new(disk),
    };
    let options = StoreOptions {
        background_flush: false,
        ..StoreOptions::default()
    };
    Catalog::open(Store::open(environment, options).unwrap()).unwrap()
}

#[test]
fn who_has_lost_the_bucket_claims_nothing() {
    let bucket = Arc::new(InMemory::new());
    let first = take_over(&bucket, 1);
    let id = schedule(&first, "q");
    assert!(first.claim_tick(&id, TICK).unwrap());
    let second = take_over(&bucket, 2);
    assert!(!second.claim_tick(&id, TICK).unwrap());
    let claimed = first.claim_tick(&id, TICK + 1);
    assert!(
        matches!(claimed, Err(CatalogError::State { .. })),
        "{claimed:?}"
    );
    assert!(second.claim_tick(&id, TICK + 1).unwrap());
    assert_eq!(second.schedule_runs(&id).execution_count, 2);
}

#[test]
fn a_bucket_that_changes_hands_before_the_first_claim_has_one_schedule() {
    let bucket = Arc::new(InMemory::new());
    let first = take_over(&bucket, 1);
    let id = schedule(&first, "q");
    let second = take_over(&bucket, 2);
    assert!(first.claim_tick(&id, TICK).is_err());
    assert!(second.claim_tick(&id, TICK).unwrap());
}
