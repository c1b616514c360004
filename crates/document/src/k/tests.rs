use std::cmp::Ordering;

use proptest::prelude::*;

use super::*;
use crate::{Object, json, strategies};

/// The page that draws the format; its tables of examples are checked here.
const FORMAT_PAGE: &str = include_str!("../../../../docs/formats/k.md");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parse(text: &str) -> Value {
    json::resolve_typed(json::parse(text.as_bytes()).unwrap()).unwrap()
}

/// Structural equality in which every NaN is the same.
fn same(a: &Value, b: &Value) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

#[test]
fn examples_of_the_format_page_hold() {
    // | `JSON` | `key, in hex` | `trailer, in hex, or none` | … |
    let rows: Vec<Vec<&str>> = FORMAT_PAGE
        .lines()
        .skip_while(|line| *line != "## Examples")
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            line.split('|')
                .map(|cell| cell.trim().trim_matches('`'))
                .collect()
        })
        .collect();
    assert!(rows.len() >= 20, "only {} examples were found", rows.len());
    for row in rows {
        let [_, text, key_hex, trailer, ..] = row.as_slice() else {
            panic!("an example has too few cells: {row:?}");
        };
        let value = parse(text);
        let k = encode(&value);
        let (key_hex, trailer) = (key_hex.replace(' ', ""), trailer.replace("none", ""));
        assert_eq!(hex(key(&k).unwrap()), key_hex, "key of {text}");
        assert_eq!(hex(&k), format!("{key_hex}{trailer}"), "K of {text}");
        assert!(same(&decode(&k).unwrap(), &value), "value of {text}");
    }
}

#[test]
fn floats_and_ints_share_keys_but_not_bytes() {
    let one = encode(&Value::Int(1));
    let one_float = encode(&Value::Float(1.0));
    assert_ne!(one, one_float);
    assert_eq!(key(&one).unwrap(), key(&one_float).unwrap());
    assert_eq!(value_type(&one).unwrap(), ValueType::Int);
    assert_eq!(value_type(&one_float).unwrap(), ValueType::Float);
    assert_eq!(
        value_type(&encode(&Value::Float(0.5))).unwrap(),
        ValueType::Float
    );
    let negative_zero = decode(&encode(&Value::Float(-0.0))).unwrap();
    assert!(matches!(negative_zero, Value::Float(zero) if zero.is_sign_negative()));
}

#[test]
fn members_are_found_and_carry_their_marks() {
    let k = encode(&parse(
        r#"{"a":1.0,"b":[1,2.0,"x"],"c":{"d":{"e":-0.0,"f":7}},"é":null}"#,
    ));
    let at = |steps: &[&str]| get(&k, steps).unwrap().map(|k| decode(&k).unwrap());
    assert!(same(&at(&["a"]).unwrap(), &Value::Float(1.0)));
    assert!(same(&at(&["c", "d", "e"]).unwrap(), &Value::Float(-0.0)));
    assert_eq!(at(&["c", "d", "f"]), Some(Value::Int(7)));
    assert_eq!(at(&["é"]), Some(Value::Null));
    assert_eq!(at(&["c", "x"]), None);
    assert_eq!(at(&["a", "x"]), None);
    assert_eq!(at(&["b", "x"]), None);
    assert_eq!(
        get(&k, &[] as &[&str]).unwrap().as_deref(),
        Some(k.as_slice())
    );

    let list = get(&k, &["b"]).unwrap().unwrap();
    assert_eq!(
        decode(&element(&list, 1).unwrap().unwrap()),
        Ok(Value::Float(2.0))
    );
    assert_eq!(element(&list, 3), Ok(None));
    assert_eq!(element(&k, 0), Ok(None));
    assert_eq!(elements(&k).unwrap().count(), 0);
    assert_eq!(entries(&list).unwrap().count(), 0);
}

#[test]
fn values_of_all_int_documents_are_borrowed() {
    let k = encode(&parse(r#"{"a":{"b":[1,2]},"s":"t","f":0.5}"#));
    assert!(matches!(get(&k, &["a", "b"]), Ok(Some(Cow::Borrowed(_)))));
    assert_eq!(key(&k).unwrap().len(), k.len());
}

#[test]
fn damaged_bytes_are_errors() {
    let cases: [(&[u8], &str); 14] = [
        (&[], "value is cut off at byte 0"),
        (&[0x00], "byte 0x00 at byte 0 starts no value"),
        (&[0xFF, 1, 2], "byte 0xff at byte 0 starts no value"),
        (&[class::STRING, b'a'], "value is cut off at byte 2"),
        (
            &[class::STRING, 0xC3, 0],
            "text at byte 1 is not valid UTF-8",
        ),
        (
            &[class::BOOL, 2],
            "bytes at 1 are not in canonical form: bool that is neither 0 nor 1",
        ),
        (
            &[class::NULL, 1],
            "bytes at 1 are not in canonical form: trailer",
        ),
        (&[class::NUMBER, 0x80, 0, 0], "value is cut off at byte 4"),
        (
            &[class::NUMBER, 0x80, 0, 0, 0, 0, 0, 0, 0, 3],
            "bytes at 0 are not in canonical form: mark that the number cannot have",
        ),
        (
            &[
                class::NUMBER,
                0x7F,
                0xFF,
                0xFF,
                0xFF,
                0xFF,
                0xFF,
                0xFF,
                0xFF,
            ],
            "bytes at 1 are not in canonical form: negative zero or a NaN of another form in a key",
        ),
        (&[class::ARRAY, class::NULL], "value is cut off at byte 2"),
        (
            &[class::OBJECT, 2, 0],
            "byte 0x02 at byte 1 starts no value",
        ),
        (
            &[class::OBJECT, 1, b'b', 0, 8, 1, b'a', 0, 8, 0],
            "bytes at 7 are not in canonical form: member names out of order",
        ),
        (
            &[class::ARRAY, 0, 0],
            "bytes at 1 are not in canonical form: bytes after the value",
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(
            decode(bytes).unwrap_err().to_string(),
            expected,
            "{bytes:?}"
        );
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth| {
        let mut k = vec![class::ARRAY; depth];
        k.resize(2 * depth, END);
        k
    };
    assert!(decode(&nested(DEPTH_MAX)).is_ok());
    for bytes in [
        nested(DEPTH_MAX + 1),
        vec![class::ARRAY; 1_000_000],
        nested(1_000_000),
    ] {
        let error = DecodeError::TooDeep;
        assert_eq!(decode(&bytes), Err(error.clone()));
        assert_eq!(write_json(&bytes, &mut Vec::new()), Err(error.clone()));
        assert_eq!(
            get(&bytes, &["a"]),
            if bytes.ends_with(&[END]) {
                Ok(None)
            } else {
                Err(error)
            }
        );
    }
}

#[test]
fn class_bounds_enclose_their_keys() {
    for value_type in ValueType::ALL {
        let start = class::of(value_type);
        let highest = vec![start, 0xFE, 0xFF, 0xFF];
        assert!(highest.as_slice() < [class::end(start)].as_slice());
    }
}

/// Reads the bytes in every way there is; only panics matter.
fn read_everything(bytes: &[u8]) {
    let _ = (
        key(bytes),
        value_type(bytes),
        get(bytes, &["a", "b"]),
        element(bytes, 1),
    );
    let _ = write_json(bytes, &mut Vec::new());
    if let Ok(members) = entries(bytes) {
        members.for_each(drop);
    }
    if let Ok(elements) = elements(bytes) {
        elements.for_each(drop);
    }
    if let Ok(value) = decode(bytes) {
        assert_eq!(encode(&value), bytes, "two encodings of {value:?}");
    }
}

/// The object that a walker is in.
fn walked(walker: &mut Walker<'_>) -> Object {
    let text = |bytes: Cow<'_, [u8]>| String::from_utf8(bytes.into_owned()).unwrap();
    let mut members = Object::new();
    while let Some(name) = walker.name().unwrap() {
        let value = match walker.value().unwrap() {
            Walked::Object => Value::Object(walked(walker)),
            Walked::String(bytes) => Value::String(text(bytes)),
            Walked::Other(node) => node.to_value().unwrap(),
        };
        members.insert(text(name), value);
    }
    members
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn round_trip(value in strategies::value()) {
        let k = encode(&value);
        prop_assert!(same(&decode(&k).unwrap(), &value));
        prop_assert_eq!(value_type(&k).unwrap(), value.value_type());
        prop_assert!(k.starts_with(key(&k).unwrap()));
    }

    #[test]
    fn byte_order_is_value_order(a in strategies::value(), b in strategies::value()) {
        let (k_a, k_b) = (encode(&a), encode(&b));
        let (key_a, key_b) = (key(&k_a).unwrap(), key(&k_b).unwrap());
        prop_assert_eq!(key_a.cmp(key_b), a.compare(&b));
        prop_assert_eq!(key_a == key_b, a.equals(&b));
        prop_assert_eq!(b.compare(&a), a.compare(&b).reverse());
        prop_assert_eq!(a.compare(&a), Ordering::Equal);
    }

    #[test]
    fn only_ff_continues_a_key_to_another(a in strategies::value(), b in strategies::value()) {
        let (k_a, k_b) = (encode(&a), encode(&b));
        let (key_a, key_b) = (key(&k_a).unwrap(), key(&k_b).unwrap());
        if let Some(rest) = key_b.strip_prefix(key_a) {
            prop_assert!(matches!(rest.first(), None | Some(0xFF)));
        }
    }

    #[test]
    fn members_and_elements_are_the_values_own(object in strategies::object()) {
        let k = encode(&Value::Object(object.clone()));
        let members = entries(&k).unwrap().map(|entry| {
            let (name, k) = entry.unwrap();
            (name.into_owned(), decode(&k).unwrap())
        });
        prop_assert!(same(&Value::Object(members.collect()), &Value::Object(object.clone())));
        for (name, member) in &object {
            let found = get(&k, &[name]).unwrap().unwrap();
            prop_assert_eq!(found.to_vec(), encode(member));
            if let Value::Array(list) = member {
                let found = elements(&found).unwrap().map(|k| k.unwrap().into_owned());
                let expected: Vec<_> = list.iter().map(encode).collect();
                prop_assert_eq!(found.collect::<Vec<_>>(), expected);
            }
        }
    }

    #[test]
    fn views_and_nodes_tell_the_whole_value(value in strategies::value()) {
        let k = encode(&value);
        prop_assert!(same(&rebuild(&Node::root(&k).unwrap()), &value));
        prop_assert!(same(&Node::root(&k).unwrap().to_value().unwrap(), &value));
    }

    #[test]
    fn a_walk_comes_to_every_member(object in strategies::object()) {
        let object = Value::Object(object);
        let k = encode(&object);
        let mut walker = Walker::new(&k).unwrap();
        prop_assert!(matches!(walker.value(), Ok(Walked::Object)));
        prop_assert!(same(&Value::Object(walked(&mut walker)), &object));
        prop_assert!(walker.name().is_err(), "the walk is over");
    }

    #[test]
    fn builders_write_what_the_encoder_writes(object in strategies::object()) {
        let mut members = ObjectBuilder::new();
        let mut array = ArrayBuilder::new();
        for (name, member) in object.iter().rev() {
            members.insert(name.clone(), encode(member));
            array.push(&encode(member)).unwrap();
        }
        let list = Value::Array(object.values().rev().cloned().collect());
        prop_assert_eq!(members.finish().unwrap(), encode(&Value::Object(object)));
        prop_assert_eq!(array.finish(), encode(&list));
    }

    #[test]
    fn json_is_that_of_the_value(value in strategies::value()) {
        let (mut from_k, mut from_value) = (Vec::new(), Vec::new());
        write_json(&encode(&value), &mut from_k).unwrap();
        json::write_json(&value, &mut from_value);
        prop_assert_eq!(from_k, from_value);
    }

    #[test]
    fn any_bytes_are_read_without_panic(
        bytes in prop::collection::vec(
            prop_oneof![prop::sample::select(vec![0u8, 1, 8, 16, 24, 32, 96, 104, 112]), any::<u8>()],
            0..40,
        ),
    ) {
        read_everything(&bytes);
    }

    #[test]
    fn damaged_values_are_read_without_panic(
        value in strategies::value(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut k = encode(&value);
        let place = place.index(k.len());
        k[place] = byte;
        read_everything(&k);
        read_everything(&k[..cut.index(k.len())]);
    }
}

/// The value of a node, through views alone.
fn rebuild(node: &Node<'_>) -> Value {
    assert_eq!(
        node.value_type().unwrap(),
        decode(&node.to_k().unwrap()).unwrap().value_type()
    );
    match node.view().unwrap() {
        View::Null => Value::Null,
        View::Bool(bool) => Value::Bool(bool),
        View::Int(int) => Value::Int(int),
        View::Float(float) => Value::Float(float),
        View::String(text) => Value::String(text.into_owned()),
        View::Bytes(bytes) => Value::Bytes(bytes.into_owned()),
        View::Date(date) => Value::Date(date),
        View::Datetime(datetime) => Value::Datetime(datetime),
        View::Time(time) => Value::Time(time),
        View::Timestamp(timestamp) => Value::Timestamp(timestamp),
        View::MonthInterval(months) => Value::MonthInterval(months),
        View::MicrosecondInterval(micros) => Value::MicrosecondInterval(micros),
        View::Array(elements) => {
            Value::Array(elements.map(|element| rebuild(&element.unwrap())).collect())
        }
        View::Object(entries) => {
            let member = |entry: Result<(Cow<'_, str>, Node<'_>), DecodeError>| {
                let (name, node) = entry.unwrap();
                (name.into_owned(), rebuild(&node))
            };
            Value::Object(entries.map(member).collect::<Object>())
        }
        View::Geography(geography) => Value::Geography(geography),
    }
}
