//! Any text through the parser of SQL: nothing panics, and an error points into the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use outcrop_query::dialect;

fuzz_target!(|text: &str| {
    let Err(error) = dialect::parse(text) else {
        return;
    };
    if let Some(place) = error.position() {
        let lines = text.split('\n').count() as u64;
        assert!(place.line >= 1 && place.line <= lines, "{place:?} of {lines} lines: {text:?}");
    }
    assert!(!error.to_string().is_empty());
});
