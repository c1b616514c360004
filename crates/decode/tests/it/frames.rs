//! What goes over the pipes.

use outcrop_document::{Object, Value, k};

fn run(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    outcrop_decode::run(input, &mut output).unwrap();
    output
}

#[test]
fn documents_are_framed_and_the_end_is_told() {
    let file = b"{\"xml\": {\"doc_tag\": \"d\", \"root_tag\": null}}\n<r><d><a>1</a></d></r>";
    let document = Value::Object(Object::from([("a".to_owned(), Value::from("1"))]));
    let document = k::encode(&document);
    let mut expected = vec![b'd'];
    expected.extend(u32::try_from(document.len()).unwrap().to_le_bytes());
    expected.extend(document);
    expected.extend(b".\0\0\0\0");
    assert_eq!(run(file), expected);
}

#[test]
fn failures_are_told() {
    for (input, expected) in [
        ("\"avro\"\nnonsense", "it does not begin as such files do"),
        ("\"parquet\"\n", "EOF"),
        ("\"pdf\"\n", "the parameters are not valid"),
        ("", "the parameters are not valid"),
        (
            "{\"xml\": {\"root_tag\": 5}}\n<a/>",
            "the parameters are not valid",
        ),
        ("{\"xml\": {}}\n<a>", "it ends inside of `<a>`"),
    ] {
        let output = run(input.as_bytes());
        assert_eq!(output[0], b'f', "{input}");
        let reason = String::from_utf8_lossy(&output[5..]);
        assert!(reason.contains(expected), "{input}: {reason}");
    }
}
