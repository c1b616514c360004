//! Any bytes through the JSON parser: nothing panics, and what is read survives being written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use outcrop_document::{Patch, json, k};

fuzz_target!(|bytes: &[u8]| {
    let value = match json::parse(bytes) {
        Ok(value) => value,
        Err(error) => {
            assert!(error.offset <= bytes.len());
            return;
        }
    };
    let text = json::to_string(&value);
    assert_eq!(json::parse(text.as_bytes()).as_ref(), Ok(&value));
    assert_eq!(k::decode(&k::encode(&value)).as_ref(), Ok(&value));
    if let Ok(patch) = Patch::parse(&value) {
        let _ = patch.apply(&Default::default());
    }
    let _ = json::resolve_typed(value);
});
