use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringViewArray, UInt64Array};
use outcrop_document::json;

use super::*;

fn dynamic(values: &[&str]) -> ArrayRef {
    let encode = |text: &&str| match *text {
        "" => None,
        text => Some(k::encode(&json::parse(text.as_bytes()).unwrap())),
    };
    Arc::new(values.iter().map(encode).collect::<BinaryViewArray>())
}

fn write(columns: Vec<(&str, OutputKind, ArrayRef)>) -> (String, Option<Vec<String>>) {
    let output = columns
        .iter()
        .map(|(name, kind, _)| OutputColumn {
            name: (*name).to_owned(),
            kind: *kind,
        })
        .collect::<Vec<_>>();
    let fields = columns
        .into_iter()
        .enumerate()
        .map(|(i, (_, _, array))| (format!("c{i}"), array));
    let batch = RecordBatch::try_from_iter(fields).unwrap();
    let mut writer = RowWriter::new(&output, 1 << 20);
    writer.push(&batch).unwrap();
    let rows = writer.finish();
    (String::from_utf8(rows.json).unwrap(), rows.column_fields)
}

fn names(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn named_columns_are_members_of_every_row() {
    let ints = Arc::new(Int64Array::from(vec![Some(i64::MAX), None]));
    let floats = Arc::new(Float64Array::from(vec![1.0, 0.1]));
    let texts = Arc::new(StringViewArray::from(vec![Some("a\"\n"), None]));
    let (json, fields) = write(vec![
        ("b", OutputKind::Value, ints),
        ("a", OutputKind::Value, floats),
        ("t", OutputKind::Value, texts),
        ("d", OutputKind::Value, dynamic(&["[1, null]", ""])),
    ]);
    assert_eq!(
        json,
        r#"[{"b":9223372036854775807,"a":1.0,"t":"a\"\n","d":[1,null]},{"b":null,"a":0.1,"t":null,"d":null}]"#
    );
    assert_eq!(fields, names(&["b", "a", "t", "d"]));
}

#[test]
fn a_star_spreads_the_members_that_a_document_has() {
    let documents = dynamic(&[r#"{"b": 1, "a": null}"#, r#"{"c": 2}"#]);
    let (json, fields) = write(vec![("*", OutputKind::Star, documents)]);
    assert_eq!(json, r#"[{"a":null,"b":1},{"c":2}]"#);
    assert_eq!(fields, names(&["a", "b", "c"]));
}

#[test]
fn an_explicit_item_replaces_the_field_of_its_name() {
    let documents = dynamic(&[r#"{"a": 1, "b": 2}"#, r#"{"b": 3}"#]);
    let explicit = Arc::new(Int64Array::from(vec![10, 20]));
    let (json, fields) = write(vec![
        ("*", OutputKind::Star, documents),
        ("a", OutputKind::Value, explicit),
    ]);
    assert_eq!(json, r#"[{"b":2,"a":10},{"b":3,"a":20}]"#);
    assert_eq!(fields, names(&["b", "a"]));
}

#[test]
fn of_two_stars_and_of_equal_names_the_last_wins() {
    let left = dynamic(&[r#"{"_id": "l", "x": 1}"#]);
    let right = dynamic(&[r#"{"_id": "r", "y": 2}"#]);
    let (json, fields) = write(vec![
        ("*", OutputKind::Star, left),
        ("*", OutputKind::Star, right),
    ]);
    assert_eq!(json, r#"[{"x":1,"_id":"r","y":2}]"#);
    assert_eq!(fields, names(&["x", "_id", "y"]));

    let one = Arc::new(Int64Array::from(vec![1]));
    let two = Arc::new(UInt64Array::from(vec![2]));
    let (json, fields) = write(vec![
        ("n", OutputKind::Value, one),
        ("n", OutputKind::Value, two),
    ]);
    assert_eq!((json.as_str(), fields), (r#"[{"n":2}]"#, names(&["n"])));
}

#[test]
fn a_result_beyond_its_bound_is_refused() {
    let output = [OutputColumn {
        name: "n".to_owned(),
        kind: OutputKind::Value,
    }];
    let mut writer = RowWriter::new(&output, 40);
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10));
    let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    let error = writer.push(&batch).unwrap_err();
    assert!(matches!(
        error,
        QueryError::ResultTooLarge { limit_bytes: 40 }
    ));
}

#[test]
fn no_rows_are_an_empty_array() {
    let output = [OutputColumn {
        name: "*".to_owned(),
        kind: OutputKind::Star,
    }];
    let rows = RowWriter::new(&output, 40).finish();
    assert_eq!(
        (rows.json.as_slice(), rows.row_count),
        (b"[]".as_slice(), 0)
    );
    assert_eq!(rows.column_fields, None);
}
