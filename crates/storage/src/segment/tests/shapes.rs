//! Segments of particular shapes: empty, wide, long; and how other programs see them.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use bytes::Bytes;
use outcrop_document::{Object, Timestamp, Value};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use roaring::RoaringBitmap;

use super::oracle::{check_scan, columns, int_at_least};
use super::{chunk, encode, open, segment, segment_bytes, segment_part};
use crate::chunk::Chunk;
use crate::deletion_vector::DeletionVector;
use crate::part::Part;
use crate::scan::ScanRequest;
use crate::segment::writer::SegmentLimits;
use crate::segment::{SUB_COLUMNS_MAX, SegmentError, write};
use crate::sub_column::{SubColumn, SubColumnKind};

fn document(id: impl ToString, members: impl IntoIterator<Item = (&'static str, Value)>) -> Object {
    let members = members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    members
        .chain([("_id".to_owned(), Value::String(id.to_string()))])
        .collect()
}

#[test]
fn a_segment_without_rows_is_valid() {
    let dead = DeletionVector::from_iter([0]);
    let sources = [(chunk(&[document("a", [])]), dead)];
    let mut bytes = Vec::new();
    let summary = write(&sources, &mut bytes).unwrap();
    assert_eq!((summary.rows, summary.types.len()), (0, 0));
    let part = Part::from_segment(Arc::new(open(bytes).unwrap()), DeletionVector::default());
    assert_eq!(part.row_of("a").unwrap(), None);
    assert!(part.document(0).is_err());
    assert_eq!(part.scan(&ScanRequest::default()).unwrap().count(), 0);
}

#[test]
fn more_paths_than_a_segment_stores_are_all_answered() {
    let names: Vec<&'static str> = (0..SUB_COLUMNS_MAX + 300)
        .map(|n| &*format!("field {n}").leak())
        .collect();
    let mut documents: Vec<Object> = (0..3)
        .map(|row| {
            let row = i64::from(row);
            document(row, names.iter().map(|name| (*name, Value::Int(row * 7))))
        })
        .collect();
    documents.push(document("last", [(names[1200], Value::Int(99))]));
    let part = segment_part(&chunk(&documents), SegmentLimits::default());
    let crate::part::PartData::Segment(segment) = part.data() else {
        unreachable!()
    };
    assert_eq!(segment.stored_columns().count(), SUB_COLUMNS_MAX);
    let request = ScanRequest {
        columns: columns(&documents),
        ..ScanRequest::default()
    };
    check_scan(&part, &request, &documents.iter().collect::<Vec<_>>());
    for name in [names[0], names[1200], names[1299]] {
        let column = SubColumn::new(
            outcrop_document::FieldPath::from_steps([name]),
            SubColumnKind::Int,
        );
        assert!(part.has(&column));
        let predicates = vec![int_at_least(&column, 10)];
        let request = ScanRequest {
            predicates,
            ..request.clone()
        };
        let passes = |document: &&Object| match document.get(name) {
            Some(Value::Int(int)) => *int >= 10,
            _ => false,
        };
        check_scan(
            &part,
            &request,
            &documents.iter().filter(passes).collect::<Vec<_>>(),
        );
    }
}

#[test]
fn many_pages_and_row_groups_are_read_by_row_and_by_list() {
    let documents: Vec<Object> = (0..30_000_i64)
        .map(|row| {
            let text = Value::String(format!("text {} of row {row}", row % 13));
            document(
                row,
                [
                    ("n", Value::Int(row)),
                    ("m", Value::Int(row % 5)),
                    ("t", text),
                ],
            )
        })
        .collect();
    let limits = SegmentLimits {
        row_group_rows: 20_000,
        ..SegmentLimits::default()
    };
    let part = segment_part(&chunk(&documents), limits);
    for row in [0, 1, 8_191, 8_192, 19_999, 20_000, 29_999] {
        assert_eq!(
            part.document(row).unwrap(),
            encode(&documents[row as usize])
        );
        assert_eq!(part.row_of(&row.to_string()).unwrap(), Some(row));
    }
    assert!(matches!(
        part.document(30_000),
        Err(SegmentError::NoSuchRow { row: 30_000 })
    ));

    let few = RoaringBitmap::from_iter([5_u32, 9_000, 9_001, 25_000]);
    let many: RoaringBitmap = (0..30_000).filter(|row| row % 3 != 0).collect();
    for rows in [few, many] {
        let request = ScanRequest {
            columns: columns(&documents[..1]),
            rows: Some(rows.clone()),
            ..ScanRequest::default()
        };
        let expected: Vec<&Object> = rows.iter().map(|row| &documents[row as usize]).collect();
        check_scan(&part, &request, &expected);
        let m = SubColumn::new("m".parse().unwrap(), SubColumnKind::Int);
        let request = ScanRequest {
            predicates: vec![int_at_least(&m, 4)],
            ..request
        };
        let passes = |document: &&Object| document["m"] == Value::Int(4);
        check_scan(
            &part,
            &request,
            &expected.into_iter().filter(passes).collect::<Vec<_>>(),
        );
    }
}

#[test]
fn predicates_see_only_rows_that_passed_the_ones_before() {
    let documents: Vec<Object> = (0..1000_i64)
        .map(|row| document(row, [("n", Value::Int(row))]))
        .collect();
    let chunk = chunk(&documents);
    let n = SubColumn::new("n".parse().unwrap(), SubColumnKind::Int);
    let mut second = int_at_least(&n, 995);
    let evaluate = Arc::clone(&second.evaluate);
    second.evaluate = Arc::new(move |batch| {
        let smallest = batch
            .column(0)
            .as_primitive::<Int64Type>()
            .values()
            .iter()
            .min()
            .copied();
        assert!(smallest.is_none_or(|smallest| smallest >= 990));
        evaluate(batch)
    });
    let request = ScanRequest {
        columns: vec![n.clone()],
        predicates: vec![int_at_least(&n, 990), second],
        batch_rows: 3,
        ..ScanRequest::default()
    };
    let rows: Vec<&Object> = documents[995..].iter().collect();
    check_scan(
        &Part::from_chunk(Arc::clone(&chunk), DeletionVector::default()),
        &request,
        &rows,
    );
    check_scan(
        &segment_part(&chunk, SegmentLimits::default()),
        &request,
        &rows,
    );
}

#[test]
fn an_error_of_a_predicate_is_the_error_of_the_scan() {
    use arrow::error::ArrowError;
    let chunk = chunk(&[document("a", [])]);
    let mut predicate = int_at_least(&SubColumn::new("n".parse().unwrap(), SubColumnKind::Int), 0);
    predicate.evaluate = Arc::new(|_| Err(ArrowError::DivideByZero));
    let request = ScanRequest {
        predicates: vec![predicate],
        ..ScanRequest::default()
    };
    for part in [
        Part::from_chunk(Arc::clone(&chunk), DeletionVector::default()),
        segment_part(&chunk, SegmentLimits::default()),
    ] {
        let result: Vec<_> = part.scan(&request).unwrap().collect();
        assert!(
            matches!(
                result[..],
                [Err(SegmentError::Scan {
                    source: ArrowError::DivideByZero
                })]
            ),
            "{result:?}"
        );
    }
}

#[test]
fn documents_that_cannot_be_stored_are_refused() {
    let no_id = Object::from([("a".to_owned(), Value::Int(1))]);
    let int_id = Object::from([("_id".to_owned(), Value::Int(1))]);
    for bad in [no_id, int_id] {
        let built = Chunk::build(&[encode(&document("a", [])), encode(&bad)]);
        assert!(matches!(built, Err(SegmentError::MissingId { row: 1 })));
    }
    let not_object = outcrop_document::k::encode(&Value::Int(1));
    assert!(matches!(
        Chunk::build(&[not_object]),
        Err(SegmentError::MissingId { row: 0 })
    ));
    let mut cut = encode(&document("a", [("b", Value::String("text".to_owned()))]));
    cut.truncate(cut.len() - 3);
    assert!(matches!(
        Chunk::build(&[cut]),
        Err(SegmentError::Document { row: 0, .. })
    ));

    let twice = chunk(&[document("a", []), document("a", [])]);
    let written = write(
        &[(Arc::clone(&twice), DeletionVector::default())],
        &mut Vec::new(),
    );
    assert!(matches!(written, Err(SegmentError::DuplicateId { id }) if id == "a"));
    let live = DeletionVector::from_iter([0]);
    assert_eq!(twice.live_row_of("a", &live), Some(1));
    assert!(write(&[(twice, live)], &mut Vec::new()).is_ok());
}

#[test]
fn the_range_of_event_times_is_reported() {
    let at = |id: i64, time| document(id, [("_event_time", Value::Timestamp(Timestamp(time)))]);
    let (_, summary) = segment_bytes(
        &chunk(&[at(1, 50), at(2, -7), at(3, 9)]),
        SegmentLimits::default(),
    );
    assert_eq!(
        (summary.event_time_min, summary.event_time_max),
        (Some(-7), Some(50))
    );
    let (_, summary) = segment_bytes(&chunk(&[document("a", [])]), SegmentLimits::default());
    assert_eq!(
        (summary.event_time_min, summary.event_time_max),
        (None, None)
    );
}

#[test]
fn a_full_sink_is_an_error() {
    let mut room = [0; 100];
    let sources = [(chunk(&[document("a", [])]), DeletionVector::default())];
    let result = write(&sources, &mut room.as_mut_slice());
    assert!(matches!(result, Err(SegmentError::Write { .. })));
}

/// Any Parquet reader sees one nullable column per path and type, under the name `path#letter`.
#[test]
fn a_plain_parquet_reader_reads_the_columns() {
    let documents = [
        document(1, [("x.y", Value::Int(5)), ("b", Value::Bool(true))]),
        document(2, [("x.y", Value::String("five".to_owned()))]),
    ];
    let (bytes, _) = segment_bytes(&chunk(&documents), SegmentLimits::default());
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes))
        .unwrap()
        .build()
        .unwrap();
    let batch = reader.next().unwrap().unwrap();
    let schema = batch.schema();
    let names: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(names, ["_id#s", "b#b", "\"x.y\"#i", "\"x.y\"#s", "_doc"]);
    assert_eq!(batch.column(0).data_type(), &DataType::Utf8);
    assert_eq!(
        batch
            .column(2)
            .as_primitive::<Int64Type>()
            .iter()
            .collect::<Vec<_>>(),
        [Some(5), None]
    );
    assert_eq!(batch.column(3).as_string::<i32>().value(1), "five");
    assert_eq!(
        batch.column(4).as_binary::<i32>().value(0),
        encode(&documents[0])
    );
}

#[test]
fn a_shared_segment_is_scanned_by_many_threads() {
    let documents: Vec<Object> = (0..2000_i64)
        .map(|row| document(row, [("n", Value::Int(row))]))
        .collect();
    let segment = segment(
        &chunk(&documents),
        SegmentLimits {
            row_group_rows: 500,
            ..SegmentLimits::default()
        },
    );
    std::thread::scope(|scope| {
        for group in segment.row_groups() {
            let part = Part::from_segment(Arc::clone(&segment), DeletionVector::default());
            let documents = &documents[group.start as usize..group.end as usize];
            scope.spawn(move || {
                let rows = Some(RoaringBitmap::from_iter(group));
                let columns = columns(&documents[..1]);
                let request = ScanRequest {
                    columns,
                    rows,
                    ..ScanRequest::default()
                };
                check_scan(&part, &request, &documents.iter().collect::<Vec<_>>());
            });
        }
    });
}
/// A batch of a few rows must not pin, or be counted as, the whole chunk it came from.
#[test]
fn a_small_batch_of_a_chunk_holds_little_memory() {
    let text = "text ".repeat(200);
    let documents: Vec<Object> = (0..500)
        .map(|row| document(row, [("t", Value::String(text.clone()))]))
        .collect();
    let chunk = chunk(&documents);
    assert!(chunk.bytes() > 500 * 1000);
    let request = ScanRequest {
        columns: columns(&documents[..1]),
        document: true,
        rows: Some(RoaringBitmap::from_iter([7, 300])),
        ..ScanRequest::default()
    };
    let part = Part::from_chunk(chunk, DeletionVector::default());
    let batch = part.scan(&request).unwrap().next().unwrap().unwrap();
    assert_eq!(batch.num_rows(), 2);
    let held: usize = batch
        .columns()
        .iter()
        .map(|column| column.get_buffer_memory_size())
        .sum();
    assert!(held < 20_000, "{held} bytes");
}

#[test]
fn the_bytes_of_values_are_known_without_reading_them() {
    const ROWS: u64 = 500;
    // A text that occurs often is in the dictionary once, but in batches as often as it occurs.
    let documents: Vec<Object> = (0..ROWS)
        .map(|row| {
            let text = Value::String(format!("{:01000}", row % 3));
            document(row, [("text", text), ("n", Value::Int(7))])
        })
        .collect();
    let chunk = chunk(&documents);
    let path = |name: &str| outcrop_document::FieldPath::from_steps([name.to_owned()]);
    let number = [SubColumn::new(path("n"), SubColumnKind::Int)];
    let text = [SubColumn::new(path("text"), SubColumnKind::String)];
    let segment = segment_part(&chunk, SegmentLimits::default());
    for part in [Part::from_chunk(chunk, DeletionVector::default()), segment] {
        assert_eq!(part.value_bytes(&number, false), ROWS * 8);
        for (columns, document) in [(&text[..], false), (&[], true)] {
            let bytes = part.value_bytes(columns, document);
            assert!((ROWS * 1000..ROWS * 1100).contains(&bytes), "{bytes}");
        }
        let rare = [SubColumn::new(path("none"), SubColumnKind::Bool)];
        assert!(part.value_bytes(&rare, false) <= ROWS);
    }
}

#[test]
fn a_document_as_deep_as_may_be_is_taken_apart() {
    let mut value = Value::Array(vec![Value::Float(2.0), Value::Int(1)]);
    for depth in 0..outcrop_document::NESTING_MAX - 2 {
        value = Value::Object(Object::from([(format!("step {depth}"), value)]));
    }
    let documents = [
        document(1, [("deep", value)]),
        document(2, [("deep", Value::Null)]),
    ];
    let chunk = chunk(&documents);
    let request = ScanRequest {
        columns: columns(&documents),
        document: true,
        ..ScanRequest::default()
    };
    let rows: Vec<&Object> = documents.iter().collect();
    let stored = SegmentLimits::default();
    let rare = SegmentLimits {
        columns: 1,
        ..stored
    };
    for limits in [stored, rare] {
        check_scan(&segment_part(&chunk, limits), &request, &rows);
    }
    check_scan(
        &Part::from_chunk(chunk, DeletionVector::default()),
        &request,
        &rows,
    );
}
