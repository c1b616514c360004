//! Avro, as `arrow-avro` writes it, and by hand what it does not write.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array,
    Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    Time32MillisecondArray, TimestampMicrosecondArray, UnionArray,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, UnionFields};
use arrow_avro::compression::CompressionCodec;
use arrow_avro::writer::WriterBuilder;
use arrow_avro::writer::format::AvroOcfFormat;
use outcrop_decode::Format;
use outcrop_document::Value;

use crate::{failure, records, shown};

fn write(columns: Vec<(&str, ArrayRef)>, codec: Option<CompressionCodec>) -> Vec<u8> {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| {
            let nullable = column.null_count() > 0;
            (name, column, nullable)
        }))
        .unwrap();
    let builder = WriterBuilder::new(batch.schema().as_ref().clone()).with_compression(codec);
    let mut writer = builder.build::<_, AvroOcfFormat>(Vec::new()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    writer.into_inner()
}

/// A file of one block.
fn by_hand(schema: &str, codec: &str, count: u8, block: &[u8]) -> Vec<u8> {
    let long = |value: usize| {
        let mut bits = value << 1;
        let mut bytes = Vec::new();
        while bits >= 0x80 {
            bytes.push(u8::try_from(bits & 0x7f).unwrap() | 0x80);
            bits >>= 7;
        }
        bytes.push(u8::try_from(bits).unwrap());
        bytes
    };
    let bytes = |bytes: &[u8]| [long(bytes.len()), bytes.to_vec()].concat();
    let sync = [0xab; 16];
    [
        b"Obj\x01".to_vec(),
        long(2),
        bytes(b"avro.schema"),
        bytes(schema.as_bytes()),
        bytes(b"avro.codec"),
        bytes(codec.as_bytes()),
        long(0),
        sync.to_vec(),
        long(count.into()),
        bytes(block),
        sync.to_vec(),
    ]
    .concat()
}

#[test]
fn values_keep_their_types() {
    let decimals = Decimal128Array::from(vec![-12345, 100]);
    let utc = TimestampMicrosecondArray::from(vec![1, -1]).with_timezone("+00:00");
    let file = write(
        vec![
            (
                "bool",
                Arc::new(BooleanArray::from(vec![true, false])) as ArrayRef,
            ),
            (
                "bytes",
                Arc::new(BinaryArray::from(vec![&b"\xff"[..], b""])),
            ),
            ("date", Arc::new(Date32Array::from(vec![19_000, i32::MIN]))),
            (
                "decimal",
                Arc::new(decimals.with_precision_and_scale(10, 2).unwrap()),
            ),
            ("double", Arc::new(Float64Array::from(vec![0.1, f64::NAN]))),
            ("float", Arc::new(Float32Array::from(vec![0.5, -0.0]))),
            (
                "int",
                Arc::new(Int32Array::from(vec![Some(i32::MIN), None])),
            ),
            (
                "long",
                Arc::new(Int64Array::from(vec![(1 << 53) + 1, i64::MIN])),
            ),
            ("text", Arc::new(StringArray::from(vec![Some("ä"), None]))),
            (
                "time",
                Arc::new(Time32MillisecondArray::from(vec![1, 86_399_999])),
            ),
            ("utc", Arc::new(utc)),
        ],
        None,
    );
    let expected = r#"Object({"bool": Bool(true), "bytes": Bytes([255]), "date": Date(Date(19000)), "decimal": Float(-123.45), "double": Float(0.1), "float": Float(0.5), "int": Int(-2147483648), "long": Int(9007199254740993), "text": String("ä"), "time": Time(Time(1000)), "utc": Timestamp(Timestamp(1))})"#;
    let problem = "record 2: the date is not within the years 1 to 9999";
    assert_eq!(shown(&records(&Format::Avro, &file)), [expected, problem]);
}

#[test]
fn records_arrays_and_unions_nest() {
    let fields = UnionFields::try_new(
        [0, 1],
        [
            Field::new("i", DataType::Int32, false),
            Field::new("s", DataType::Utf8, false),
        ],
    )
    .unwrap();
    let union = UnionArray::try_new(
        fields,
        ScalarBuffer::from(vec![1_i8, 0, 1]),
        Some(ScalarBuffer::from(vec![0, 0, 1])),
        vec![
            Arc::new(Int32Array::from(vec![5])),
            Arc::new(StringArray::from(vec!["a", "b"])),
        ],
    )
    .unwrap();
    let element = Arc::new(Field::new("item", union.data_type().clone(), false));
    let list = ListArray::new(
        element,
        OffsetBuffer::from_lengths([2, 1]),
        Arc::new(union),
        None,
    );
    let inner = StructArray::from(vec![(
        Arc::new(Field::new("list", list.data_type().clone(), false)),
        Arc::new(list) as ArrayRef,
    )]);
    let file = write(vec![("in", Arc::new(inner))], None);
    let expected = [
        r#"Object({"in": Object({"list": Array([String("a"), Int(5)])})})"#,
        r#"Object({"in": Object({"list": Array([String("b")])})})"#,
    ];
    assert_eq!(shown(&records(&Format::Avro, &file)), expected);
}

#[test]
fn blocks_are_unpacked() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["abcdefgh".repeat(50); 20]));
    let plain = write(vec![("c", ArrayRef::clone(&texts))], None);
    let expected = shown(&records(&Format::Avro, &plain));
    assert_eq!(expected.len(), 20);
    for codec in [
        CompressionCodec::Deflate,
        CompressionCodec::Snappy,
        CompressionCodec::ZStandard,
        CompressionCodec::Bzip2,
    ] {
        let packed = write(vec![("c", ArrayRef::clone(&texts))], Some(codec));
        assert!(packed.len() < plain.len() / 2, "{codec:?}");
        assert_eq!(
            shown(&records(&Format::Avro, &packed)),
            expected,
            "{codec:?}"
        );
        let damaged_at = packed.len() - 22;
        let mut damaged = packed;
        damaged[damaged_at] ^= 0x55;
        assert_ne!(failure(&Format::Avro, &damaged), "", "{codec:?}");
    }
}

#[test]
fn what_is_seldom_written_is_read() {
    let tree = r#"{"type": "record", "name": "T", "fields": [{"name": "n", "type": "int"}, {"name": "next", "type": ["null", "T"]}]}"#;
    let file = by_hand(tree, "null", 1, &[2, 2, 4, 0]);
    let expected = r#"Object({"n": Int(1), "next": Object({"n": Int(2), "next": Null})})"#;
    assert_eq!(shown(&records(&Format::Avro, &file)), [expected]);
    let map = r#"{"type": "map", "values": {"type": "enum", "name": "E", "symbols": ["A", "B"]}}"#;
    let block = [1, 6, 2, b'x', 2, 2, 2, b'y', 0, 0];
    let file = by_hand(map, "null", 1, &block);
    let expected = r#"Object({"x": String("B"), "y": String("A")})"#;
    assert_eq!(shown(&records(&Format::Avro, &file)), [expected]);
    let uuid = r#"{"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}"#;
    let file = by_hand(uuid, "null", 1, &[0x11; 16]);
    let expected = Value::from("11111111-1111-1111-1111-111111111111");
    assert_eq!(records(&Format::Avro, &file), [Ok(expected)]);
    assert_eq!(
        records(&Format::Avro, &by_hand("\"int\"", "null", 2, &[1, 2])),
        [Ok(Value::Int(-1)), Ok(Value::Int(1))]
    );
}

#[test]
fn what_is_not_of_the_schema_says_where() {
    let record = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": ["null", {"type": "array", "items": "boolean"}]}]}"#;
    let endless = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "R"}]}"#;
    for (schema, codec, block, expected) in [
        (
            record,
            "null",
            &[4][..],
            "record 1: `a`: there is no branch 2",
        ),
        (
            record,
            "null",
            &[2, 2, 7],
            "record 1: `a`: element 1: 7 is no truth value",
        ),
        (
            record,
            "null",
            &[2, 2],
            "record 1: `a`: element 1: it ends at byte 2 where 1 more are due",
        ),
        (record, "null", &[0, 0], "it holds more than its records"),
        (record, "lzo", &[0], "its codec `lzo` is not supported"),
        (record, "snappy", &[0], "it is too short"),
        (record, "deflate", &[0xff], "it cannot be unpacked"),
        (endless, "null", &[], "it is nested deeper than 128 levels"),
        (
            "\"int\"",
            "null",
            &[255, 255, 255, 255, 255, 1],
            "is no int",
        ),
        ("5", "null", &[0], "its schema is not valid: `5` is no type"),
    ] {
        let error = failure(&Format::Avro, &by_hand(schema, codec, 1, block));
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_file_that_is_cut_off_is_refused() {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let file = write(vec![("id", ids)], None);
    // Between the header and the block it is a file without records.
    let header = file.len() - 16 - 3 - 2;
    for end in (0..file.len()).filter(|end| *end != header) {
        assert_ne!(failure(&Format::Avro, &file[..end]), "", "{end}");
    }
    let mut damaged = file.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(failure(&Format::Avro, &damaged).contains("no sync marker"));
}
