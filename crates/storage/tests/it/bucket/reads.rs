//! Reads of segments: in parts, through the cache, with and without a folder for it.

use std::sync::Arc;

use object_store::ObjectStoreExt;
use object_store::path::Path;
use outcrop_storage::env::BucketOptions;
use outcrop_storage::{Collection, SegmentError, Store, is_bucket_unavailable};

use super::{bucket_options, environment, new_bucket};
use crate::support::{ID, block_on, collection, put, value, write};

const DOCUMENTS: u64 = 8000;

/// The id of a document: long, and random enough not to be compressed.
fn id(number: u64) -> String {
    let part = |salt: u64| (number + salt).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!(
        "{:x}{:x}{:x}{:x}",
        part(1 << 20),
        part(2 << 30),
        part(3 << 40),
        part(number << 45)
    )
}

/// Fills several blocks of the cache.
fn fill(collection: &Collection) {
    let operations = (0..DOCUMENTS).map(|number| put(&id(number), 1));
    write(collection, operations.collect());
    collection.flush_blocking().unwrap();
    assert!(
        collection.stats().segment_bytes > 512 * 1024,
        "{:?}",
        collection.stats()
    );
}

/// Every hundredth document and the size of the collection.
fn sample(collection: &Collection) -> (u64, Vec<bool>) {
    let snapshot = collection.snapshot();
    let documents = (0..DOCUMENTS).step_by(100).map(|number| {
        let document = snapshot.document(&id(number)).unwrap().unwrap();
        value(&document) == 1
    });
    (snapshot.row_count(), documents.collect())
}

#[test]
fn an_empty_cache_gives_the_same_answers() {
    let (_bucket, store) = new_bucket();
    let opened = super::open(&store, 1);
    fill(&collection(&opened));
    let expected = sample(&collection(&opened));
    drop(opened);
    let gets = store.gets();
    let opened = super::open(&store, 2);
    assert_eq!(sample(&collection(&opened)), expected);
    assert!(store.gets() > gets);
}

#[test]
fn what_is_in_the_cache_can_be_read_during_an_outage() {
    let folder = tempfile::tempdir().unwrap();
    let (_bucket, store) = new_bucket();
    let with_folder = BucketOptions {
        cache_folder: Some(folder.path().to_owned()),
        ..bucket_options(1)
    };
    let open = |seed: u64, options: &BucketOptions| -> Arc<Store> {
        let store = Arc::<super::FaultyStore>::clone(&store);
        Store::open(environment(store, seed, options), super::options()).unwrap()
    };
    let opened = open(1, &with_folder);
    fill(&collection(&opened));
    let expected = sample(&collection(&opened));
    drop(opened);

    // A new process finds the blocks in the folder.
    let opened = open(2, &with_folder);
    store.set_down(true);
    assert_eq!(sample(&opened.collection(ID).unwrap()), expected);
    store.set_down(false);
    drop(opened);

    // Without them it needs the bucket, says so, and recovers.
    let opened = open(3, &bucket_options(1));
    let snapshot = opened.collection(ID).unwrap().snapshot();
    store.set_down(true);
    let error = snapshot.document(&id(7)).unwrap_err();
    assert!(matches!(error, SegmentError::Read { .. }), "{error}");
    assert!(is_bucket_unavailable(&error));
    store.set_down(false);
    assert!(snapshot.document(&id(7)).unwrap().is_some());
}

#[test]
fn a_damaged_block_in_the_bucket_is_named() {
    let (bucket, store) = new_bucket();
    let opened = super::open(&store, 1);
    fill(&collection(&opened));
    drop(opened);
    let folder = Path::from(format!("collections/{ID}/segments"));
    let listed = block_on(object_store::ObjectStore::list_with_delimiter(
        &*bucket,
        Some(&folder),
    ));
    let segment = listed.unwrap().objects.remove(0).location;
    let mut bytes =
        block_on(async { bucket.get(&segment).await.unwrap().bytes().await.unwrap() }).to_vec();
    let body = bytes.len() - 128 * 1024;
    for byte in bytes[..body].iter_mut().step_by(16 * 1024) {
        *byte ^= 1;
    }
    block_on(bucket.put(&segment, bytes.into())).unwrap();
    let opened = super::open(&store, 2);
    let snapshot = opened.collection(ID).unwrap().snapshot();
    let found = (0..DOCUMENTS).find_map(|number| snapshot.document(&id(number)).err());
    let error = found.expect("a damaged block is met");
    assert!(matches!(error, SegmentError::Checksum { .. }), "{error}");
    assert!(
        error.to_string().contains(segment.filename().unwrap()),
        "{error}"
    );
}
