//! Parquet, as the library's own writer makes it.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array,
    FixedSizeBinaryArray, Float32Array, Int8Array, Int32Array, Int64Array, IntervalDayTimeArray,
    ListArray, MapArray, RecordBatch, StringArray, StringDictionaryBuilder, StructArray,
    Time32MillisecondArray, Time64NanosecondArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int32Type, Schema, i256};
use outcrop_decode::Format;
use outcrop_document::{Datetime, Object, Value};
use parquet::arrow::ArrowWriter;
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::data_type::{Int96, Int96Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::{failure, records, shown};

fn write(columns: Vec<(&str, ArrayRef)>, compression: Compression) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    write_batch(&batch, compression)
}

fn write_batch(batch: &RecordBatch, compression: Compression) -> Vec<u8> {
    let properties = WriterProperties::builder().set_compression(compression);
    let mut file = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut file, batch.schema(), Some(properties.build())).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    file
}

/// Each column alone, and how its cells are shown.
#[track_caller]
fn check(column: ArrayRef, expected: &[&str]) {
    let file = write(vec![("c", column)], Compression::UNCOMPRESSED);
    let records = records(&Format::Parquet, &file).into_iter();
    let shown = records.map(|record| match record {
        Ok(Value::Object(mut document)) => format!("{:?}", document.remove("c").unwrap()),
        Ok(other) => format!("{other:?}"),
        Err(error) => error,
    });
    assert_eq!(shown.collect::<Vec<_>>(), expected);
}

#[test]
fn numbers_keep_their_types() {
    let ints = Int64Array::from(vec![Some(i64::MIN), None, Some((1 << 53) + 1)]);
    check(
        Arc::new(ints),
        &["Int(-9223372036854775808)", "Null", "Int(9007199254740993)"],
    );
    check(Arc::new(Int8Array::from(vec![-128])), &["Int(-128)"]);
    let unsigned = UInt64Array::from(vec![1, u64::MAX]);
    check(
        Arc::new(unsigned),
        &["Int(1)", "Float(1.8446744073709552e19)"],
    );
    check(
        Arc::new(Float32Array::from(vec![0.5, f32::NAN])),
        &["Float(0.5)", "Float(NaN)"],
    );
    let half = cast(&Float32Array::from(vec![1.5]), &DataType::Float16).unwrap();
    check(half, &["Float(1.5)"]);
    check(
        Arc::new(BooleanArray::from(vec![Some(true), None])),
        &["Bool(true)", "Null"],
    );
    let decimals = Decimal128Array::from(vec![12345, -100]);
    let decimals = decimals.with_precision_and_scale(10, 2).unwrap();
    check(Arc::new(decimals), &["Float(123.45)", "Float(-1.0)"]);
    let whole = Decimal128Array::from(vec![i128::from(i64::MAX), i128::from(i64::MAX) + 1]);
    let whole = whole.with_precision_and_scale(38, 0).unwrap();
    check(
        Arc::new(whole),
        &["Int(9223372036854775807)", "Float(9.223372036854776e18)"],
    );
    let wide = Decimal256Array::from(vec![i256::from_i128(-15)]);
    let wide = wide.with_precision_and_scale(76, 1).unwrap();
    check(Arc::new(wide), &["Float(-1.5)"]);
}

#[test]
fn times_keep_their_types() {
    check(
        Arc::new(Date32Array::from(vec![19_000, i32::MAX])),
        &[
            "Date(Date(19000))",
            "row 2: `c`: the date is not within the years 1 to 9999",
        ],
    );
    let millis = Time32MillisecondArray::from(vec![86_399_999]);
    check(Arc::new(millis), &["Time(Time(86399999000))"]);
    check(
        Arc::new(Time64NanosecondArray::from(vec![1_999])),
        &["Time(Time(1))"],
    );
    let civil = TimestampMillisecondArray::from(vec![Some(1), None]);
    check(Arc::new(civil), &["Datetime(Datetime(1000))", "Null"]);
    let instant = TimestampMicrosecondArray::from(vec![-1]).with_timezone("Europe/Berlin");
    check(Arc::new(instant), &["Timestamp(Timestamp(-1))"]);
    let nanos = TimestampNanosecondArray::from(vec![-1]).with_timezone("UTC");
    check(Arc::new(nanos), &["Timestamp(Timestamp(-1))"]);
}

/// The day of 9999-12-31, in the old encoding: nanoseconds of the day, and the Julian day.
#[test]
fn old_timestamps_reach_beyond_the_nanoseconds_of_64_bits() {
    let schema = parse_message_type("message m { required group g { optional int96 t; } }");
    let mut file = Vec::new();
    let properties = Arc::default();
    let schema = Arc::new(schema.unwrap());
    let mut writer = SerializedFileWriter::new(&mut file, schema, properties).unwrap();
    let mut rows = writer.next_row_group().unwrap();
    let mut column = rows.next_column().unwrap().unwrap();
    let mut last = Int96::new();
    last.set_data(5_000, 0, 5_373_484);
    let typed = column.typed::<Int96Type>();
    typed.write_batch(&[last], Some(&[1, 0]), None).unwrap();
    column.close().unwrap();
    rows.close().unwrap();
    writer.close().unwrap();
    let last = Datetime::parse("9999-12-31T00:00:00.000005").unwrap();
    let expected = [
        format!(r#"Object({{"g": Object({{"t": Datetime({last:?})}})}})"#),
        r#"Object({"g": Object({"t": Null})})"#.to_owned(),
    ];
    assert_eq!(shown(&records(&Format::Parquet, &file)), expected);
}

#[test]
fn texts_and_bytes_are_told_apart() {
    check(
        Arc::new(StringArray::from(vec!["ä\u{0}", ""])),
        &["String(\"ä\\0\")", "String(\"\")"],
    );
    check(
        Arc::new(BinaryArray::from(vec![&b"\xff\x00"[..]])),
        &["Bytes([255, 0])"],
    );
    let mut symbols = StringDictionaryBuilder::<Int32Type>::new();
    symbols.extend(["a", "b", "a"].map(Some));
    check(
        Arc::new(symbols.finish()),
        &["String(\"a\")", "String(\"b\")", "String(\"a\")"],
    );
    let fixed = FixedSizeBinaryArray::try_from_iter([[7_u8; 16]].iter()).unwrap();
    let expected = format!("{:?}", Value::Bytes(vec![7; 16]));
    check(Arc::new(fixed.clone()), &[&expected]);
    let field = Field::new("c", DataType::FixedSizeBinary(16), false);
    let extension = [("ARROW:extension:name", "arrow.uuid")];
    let field = field.with_metadata(extension.map(|(k, v)| (k.into(), v.into())).into());
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = RecordBatch::try_new(schema, vec![Arc::new(fixed)]).unwrap();
    let file = write_batch(&batch, Compression::UNCOMPRESSED);
    let uuid = r#"Object({"c": String("07070707-0707-0707-0707-070707070707")})"#;
    assert_eq!(shown(&records(&Format::Parquet, &file)), [uuid]);
}

#[test]
fn columns_nest() {
    let points = StructArray::from(vec![
        (
            Arc::new(Field::new("x", DataType::Int32, false)),
            Arc::new(Int32Array::from(vec![1, 2, 3])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("name", DataType::Utf8, true)),
            Arc::new(StringArray::from(vec![Some("p"), None, Some("q")])) as ArrayRef,
        ),
    ]);
    let element = Arc::new(Field::new("element", points.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths([2, 0, 1]);
    let list = ListArray::new(
        element,
        offsets,
        Arc::new(points),
        Some(vec![true, false, true].into()),
    );
    let keys = Int64Array::from(vec![7, 7, 8]);
    let values = StringArray::from(vec![Some("old"), Some("new"), None]);
    let entries = StructArray::from(vec![
        (
            Arc::new(Field::new("key", DataType::Int64, false)),
            Arc::new(keys) as ArrayRef,
        ),
        (
            Arc::new(Field::new("value", DataType::Utf8, true)),
            Arc::new(values) as ArrayRef,
        ),
    ]);
    let entry = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    let map = MapArray::new(
        entry,
        OffsetBuffer::from_lengths([2, 0, 1]),
        entries,
        None,
        false,
    );
    let file = write(
        vec![("list", Arc::new(list) as ArrayRef), ("map", Arc::new(map))],
        Compression::SNAPPY,
    );
    let object = |members: &[(&str, Value)]| {
        let members = members.iter();
        Value::Object(
            members
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect::<Object>(),
        )
    };
    let point = |x: i64, name: Value| object(&[("x", Value::Int(x)), ("name", name)]);
    let row =
        |list: Value, map: &[(&str, Value)]| Ok(object(&[("list", list), ("map", object(map))]));
    let expected = [
        row(
            Value::Array(vec![point(1, "p".into()), point(2, Value::Null)]),
            &[("7", "new".into())],
        ),
        row(Value::Null, &[]),
        row(
            Value::Array(vec![point(3, "q".into())]),
            &[("8", Value::Null)],
        ),
    ];
    assert_eq!(records(&Format::Parquet, &file), expected);
}

#[test]
fn pages_are_unpacked() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["abcdefgh".repeat(50); 20]));
    let plain = write(
        vec![("c", ArrayRef::clone(&texts))],
        Compression::UNCOMPRESSED,
    );
    let expected = shown(&records(&Format::Parquet, &plain));
    assert_eq!(expected.len(), 20);
    for compression in [
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4_RAW,
    ] {
        let packed = write(vec![("c", ArrayRef::clone(&texts))], compression);
        assert_ne!(packed, plain);
        assert_eq!(
            shown(&records(&Format::Parquet, &packed)),
            expected,
            "{compression}"
        );
    }
}

#[test]
fn what_documents_have_nothing_for_is_refused() {
    let intervals: ArrayRef = Arc::new(IntervalDayTimeArray::from(vec![None]));
    let file = write(vec![("i", intervals)], Compression::UNCOMPRESSED);
    let error = failure(&Format::Parquet, &file);
    assert!(
        error.starts_with("the column `i` has the type `Interval"),
        "{error}"
    );
}

#[test]
fn columns_are_nested_to_a_depth() {
    let deep = || {
        let mut column: ArrayRef = Arc::new(Int32Array::from(vec![1]));
        for _ in 0..128 {
            let field = Arc::new(Field::new("s", column.data_type().clone(), false));
            column = Arc::new(StructArray::from(vec![(field, column)]));
        }
        let file = write(vec![("deep", column)], Compression::UNCOMPRESSED);
        let error = failure(&Format::Parquet, &file);
        assert!(error.ends_with("nested deeper than 128 levels"), "{error}");
    };
    // The library recurses too, and threads of tests have a small stack.
    let thread = std::thread::Builder::new().stack_size(64 << 20);
    thread.spawn(deep).unwrap().join().unwrap();
}

#[test]
fn a_file_that_is_cut_off_is_refused() {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let file = write(vec![("id", ids)], Compression::SNAPPY);
    for end in 0..file.len() {
        assert_ne!(failure(&Format::Parquet, &file[..end]), "", "{end}");
    }
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int32, true)]));
    let empty = write_batch(&RecordBatch::new_empty(schema), Compression::SNAPPY);
    assert_eq!(records(&Format::Parquet, &empty), []);
}
