//! Any bytes through every reader of K: nothing panics, and what decodes encodes to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use outcrop_document::{json, k};

fuzz_target!(|bytes: &[u8]| {
    let _ = (k::key(bytes), k::value_type(bytes), k::element(bytes, 1));
    let _ = k::get(bytes, &["a", "b"]);
    if let Ok(members) = k::entries(bytes) {
        members.for_each(drop);
    }
    if let Ok(elements) = k::elements(bytes) {
        elements.for_each(drop);
    }
    let mut text = Vec::new();
    let written = k::write_json(bytes, &mut text);
    let Ok(value) = k::decode(bytes) else { return };
    assert_eq!(k::encode(&value), bytes, "two encodings of {value:?}");
    assert_eq!(written, Ok(()));
    assert_eq!(json::to_string(&value).as_bytes(), text);
});
