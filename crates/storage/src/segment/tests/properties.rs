//! Random documents: chunk, concat and segment all answer as the documents themselves.

use std::sync::Arc;

use outcrop_document::{Date, Datetime, Geography, Object, Position, Time, Timestamp, Value};
use proptest::prelude::*;
use roaring::RoaringBitmap;

use super::oracle::{check_scan, check_types, columns, expected, int_at_least};
use super::{chunk, encode, segment, segment_bytes};
use crate::chunk::{Chunk, PartRow};
use crate::column_cache::ColumnCache;
use crate::deletion_vector::DeletionVector;
use crate::part::Part;
use crate::scan::ScanRequest;
use crate::segment::writer::SegmentLimits;
use crate::snapshot::Snapshot;
use crate::sub_column::{SubColumn, SubColumnKind};

pub(super) fn scalar() -> impl Strategy<Value = Value> {
    let micros = -1_000_000_000_000_000_i64..4_000_000_000_000_000;
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-3_i64..10).prop_map(Value::Int),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(|float| Value::Float(if float.is_nan() { f64::NAN } else { float })),
        (-3_i32..3).prop_map(|int| Value::Float(f64::from(int))),
        Just(Value::Float(-0.0)),
        "[a-z\u{0}é]{0,30}".prop_map(Value::String),
        // Longer than what the inverted index keeps of a text.
        "a{60,66}[ab]{0,4}".prop_map(Value::String),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
        (-10_000..30_000).prop_map(|days| Value::Date(Date(days))),
        (0..86_400_000_000_i64).prop_map(|time| Value::Time(Time(time))),
        micros
            .clone()
            .prop_map(|time| Value::Datetime(Datetime(time))),
        micros.prop_map(|time| Value::Timestamp(Timestamp(time))),
        any::<i32>().prop_map(|months| Value::MonthInterval(months.into())),
        any::<i32>().prop_map(|micros| Value::MicrosecondInterval(micros.into())),
        (-180.0..180.0, -90.0..90.0).prop_map(|(longitude, latitude)| {
            Value::Geography(Geography::Point(
                Position::new(longitude, latitude).unwrap(),
            ))
        }),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[abc]",
        1 => Just(String::new()),
        1 => Just("x.y".to_owned()),
        1 => Just("say \"hi\"#i".to_owned()),
        1 => Just("\u{0}é".to_owned()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            3 => prop::collection::btree_map(name(), inner, 0..5).prop_map(Value::Object),
        ]
    })
}

/// Documents with an `_id` of their own each.
pub(super) fn documents(
    count: impl Into<prop::collection::SizeRange>,
) -> impl Strategy<Value = Vec<Object>> {
    let members = prop::collection::btree_map(name(), value(), 0..6);
    prop::collection::vec(members, count).prop_map(|documents| {
        let numbered = documents
            .into_iter()
            .enumerate()
            .map(|(row, mut document)| {
                document.insert(
                    "_id".to_owned(),
                    Value::String(format!("document number {row}")),
                );
                document
            });
        numbered.collect()
    })
}

fn everything(documents: &[Object], batch_rows: usize) -> ScanRequest {
    let columns = columns(documents);
    ScanRequest {
        columns,
        document: true,
        batch_rows,
        ..ScanRequest::default()
    }
}

proptest! {
    // An eighth of the usual number, which `PROPTEST_CASES` sets: each case is many scans.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 8))]

    #[test]
    fn a_chunk_and_its_segment_answer_as_the_documents(
        documents in documents(1..30),
        limits in (1_usize..40, 1_usize..12, 1_usize..20),
    ) {
        let (columns, row_group_rows, batch_rows) = limits;
        let chunk = chunk(&documents);
        let segment = segment(&chunk, SegmentLimits { columns, row_group_rows });
        prop_assert!(segment.stored_columns().count() <= columns);
        let request = everything(&documents, batch_rows);
        let rows: Vec<&Object> = documents.iter().collect();
        for part in [
            Part::from_chunk(Arc::clone(&chunk), DeletionVector::default()),
            Part::from_segment(segment, DeletionVector::default()),
        ] {
            check_types(part.types(), &documents);
            check_scan(&part, &request, &rows);
            for (row, document) in (0..).zip(&documents) {
                prop_assert_eq!(part.document(row).unwrap(), encode(document));
                let id = document["_id"].as_str().unwrap();
                prop_assert_eq!(part.row_of(id).unwrap(), Some(row));
            }
            prop_assert!(part.document(part.row_count()).is_err());
            prop_assert_eq!(part.row_of("document number").unwrap(), None);
        }
    }

    #[test]
    fn deleted_unwanted_and_failing_rows_stay_away(
        documents in documents(1..40),
        dead in prop::collection::btree_set(0_u32..40, 0..20),
        wanted in prop::option::of(prop::collection::btree_set(0_u32..45, 0..20)),
        low in -3_i64..10,
        limits in (1_usize..30, 1_usize..50, 1_usize..9),
    ) {
        let (columns, row_group_rows, batch_rows) = limits;
        let dead: DeletionVector =
            dead.into_iter().filter(|row| (*row as usize) < documents.len()).collect();
        let chunk = chunk(&documents);
        let segment = segment(&chunk, SegmentLimits { columns, row_group_rows });
        let a = SubColumn::new("a".parse().unwrap(), SubColumnKind::Int);
        let b = SubColumn::new("b".parse().unwrap(), SubColumnKind::Null);
        let is_low = |document: &Object| match document.get("a") {
            Some(Value::Int(int)) => *int >= low,
            _ => false,
        };
        let rows: Option<RoaringBitmap> = wanted.map(|rows| rows.into_iter().collect());
        let live = |row: &u32| {
            !dead.contains(*row) && rows.as_ref().is_none_or(|rows| rows.contains(*row))
        };
        let live: Vec<&Object> = (0..)
            .zip(&documents)
            .filter_map(|(row, document)| live(&row).then_some(document))
            .collect();
        let passing: Vec<&Object> =
            live.iter().copied().filter(|document| is_low(document)).collect();
        let plain = ScanRequest { rows: rows.clone(), ..everything(&documents, batch_rows) };
        let filtered = ScanRequest { predicates: vec![int_at_least(&a, low)], ..plain.clone() };
        let columns_alone =
            ScanRequest { document: false, batch_rows: 8192, ..filtered.clone() };
        // No column at all: what `COUNT(*)` asks for.
        let counted =
            ScanRequest { columns: vec![], document: false, ..filtered.clone() };
        let narrow = ScanRequest { columns: vec![b], ..counted.clone() };
        let cache = ColumnCache::new(1 << 20, 2);
        let cached = super::segment(&chunk, SegmentLimits { columns, row_group_rows });
        let cached = Arc::into_inner(cached).unwrap().with_cache(&cache);
        let cached = Part::from_segment(Arc::new(cached), dead.clone());
        // The first scan reads the file, the second fills the cache, and the third reads that.
        for part in [
            Part::from_chunk(chunk, dead.clone()),
            Part::from_segment(segment, dead.clone()),
            cached.clone(),
            cached.clone(),
            cached,
        ] {
            check_scan(&part, &plain, &live);
            check_scan(&part, &filtered, &passing);
            check_scan(&part, &columns_alone, &passing);
            let as_wide = ScanRequest { batch_rows: 8192, ..filtered.clone() };
            check_scan(&part, &as_wide, &passing);
            check_scan(&part, &counted, &passing);
            check_scan(&part, &narrow, &passing);
            let alive = documents.len() - usize::try_from(dead.len()).unwrap();
            prop_assert_eq!(part.live_row_count() as usize, alive);
            for row in dead.iter() {
                let id = documents[row as usize]["_id"].as_str().unwrap();
                prop_assert_eq!(part.row_of(id).unwrap(), None);
            }
        }
    }

    #[test]
    fn joined_chunks_hold_the_live_documents_of_each(
        documents in documents(2..40),
        cut in 0.0..1.0,
        dead in prop::collection::btree_set(0_u32..40, 0..20),
    ) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 40")]
        let cut = (documents.len() as f64 * cut) as usize;
        let halves = [&documents[..cut], &documents[cut..]];
        let dead_in = |documents: &[Object]| -> DeletionVector {
            dead.iter().copied().filter(|row| (*row as usize) < documents.len()).collect()
        };
        let parts = halves.map(|documents| (chunk(documents), dead_in(documents)));
        let (joined, remaps) = Chunk::concat(&parts).unwrap();

        let mut live = Vec::new();
        for (index, (documents, (_, dead))) in halves.iter().zip(&parts).enumerate() {
            for (row, document) in (0..).zip(*documents) {
                let new_row = remaps[index][row as usize];
                prop_assert_eq!(new_row.is_none(), dead.contains(row));
                if let Some(new_row) = new_row {
                    prop_assert_eq!(new_row as usize, live.len());
                    live.push(document.clone());
                }
            }
        }
        check_types(joined.types(), &live);
        let rows: Vec<&Object> = live.iter().collect();
        let part = Part::from_chunk(Arc::new(joined), DeletionVector::default());
        check_scan(&part, &everything(&documents, 8192), &rows);

        // Written from the parts, a segment has the same rows.
        let mut bytes = Vec::new();
        let summary = crate::segment::write(&parts, &mut bytes).unwrap();
        prop_assert_eq!(summary.rows as usize, live.len());
        let part = Part::from_segment(
            Arc::new(super::open(bytes).unwrap()), DeletionVector::default(),
        );
        check_types(part.types(), &live);
        check_scan(&part, &everything(&documents, 8192), &rows);
    }

    #[test]
    fn gathered_chunks_hold_the_wanted_rows_in_their_order(
        documents in documents(2..40),
        cut in any::<prop::sample::Index>(),
        order in prop::collection::vec(any::<u32>(), 40),
        left_out in 0_usize..10,
    ) {
        let halves = documents.split_at(cut.index(documents.len()));
        let parts = [chunk(halves.0), chunk(halves.1)];
        let first = halves.0.len();
        let mut rows: Vec<usize> = (0..documents.len()).collect();
        rows.sort_by_key(|row| order[*row]);
        rows.truncate(documents.len().saturating_sub(left_out));
        let wanted: Vec<&Object> = rows.iter().map(|row| &documents[*row]).collect();
        let rows: Vec<PartRow> = rows
            .into_iter()
            .map(|row| {
                let (part, row) = if row < first { (0, row) } else { (1, row - first) };
                PartRow { part, row: u32::try_from(row).unwrap() }
            })
            .collect();
        let gathered = Chunk::gather(&parts, &rows).unwrap();
        let owned: Vec<Object> = wanted.iter().map(|document| (*document).clone()).collect();
        check_types(gathered.types(), &owned);
        let part = Part::from_chunk(Arc::new(gathered), DeletionVector::default());
        check_scan(&part, &everything(&documents, 8192), &wanted);
    }

    #[test]
    fn damaged_documents_are_refused_or_still_documents(
        documents in documents(2..6),
        row in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut encoded: Vec<Vec<u8>> = documents.iter().map(encode).collect();
        let document = row.get_mut(&mut encoded);
        *at.get_mut(document) = byte;
        let Ok(chunk) = Chunk::build(&encoded) else { return Ok(()) };
        let part = Part::from_chunk(Arc::new(chunk), DeletionVector::default());
        let batches = part.scan(&everything(&documents, 3)).unwrap();
        let rows: usize = batches.map(|batch| batch.unwrap().num_rows()).sum();
        prop_assert_eq!(rows, documents.len());
    }

    #[test]
    fn a_snapshot_finds_each_live_document_in_its_part(
        documents in documents(3..30),
        dead in prop::collection::btree_set(0_u32..10, 0..5),
    ) {
        let third = documents.len() / 3;
        let groups = [&documents[..third], &documents[third..2 * third], &documents[2 * third..]];
        let dead: DeletionVector =
            dead.into_iter().filter(|row| (*row as usize) < third).collect();
        let first = segment(&chunk(groups[0]), SegmentLimits::default());
        let parts = vec![
            Arc::new(Part::from_segment(first, dead.clone())),
            Arc::new(Part::from_chunk(chunk(groups[1]), DeletionVector::default())),
            Arc::new(Part::from_chunk(chunk(groups[2]), DeletionVector::default())),
        ];
        let empty = Snapshot::new(1, Vec::new());
        prop_assert_eq!((empty.row_count(), empty.types().len()), (0, 0));
        let before = empty.next(2, parts[..1].to_vec());
        check_types(before.types(), groups[0]);
        let snapshot = before.next(3, parts);
        check_types(snapshot.types(), &documents);
        prop_assert_eq!(snapshot.seqno(), 3);
        prop_assert_eq!(snapshot.row_count(), documents.len() as u64 - dead.len());
        for (row, document) in (0..).zip(&documents) {
            let id = document["_id"].as_str().unwrap();
            let found = snapshot.document(id).unwrap();
            let alive = !((row as usize) < third && dead.contains(row));
            prop_assert_eq!(found.as_ref().map(encode), alive.then(|| encode(document)));
        }
        prop_assert_eq!(snapshot.document("absent").unwrap(), None);
    }
}

#[test]
fn the_oracle_itself_tells_types_apart() {
    let document: Object = [("a".to_owned(), Value::Float(1.0))].into();
    let column = |kind| SubColumn::new("a".parse().unwrap(), kind);
    assert!(expected(&document, &column(SubColumnKind::Float)).is_some());
    assert!(expected(&document, &column(SubColumnKind::Int)).is_none());
    let with_id = |mut document: Object| {
        document.insert("_id".to_owned(), Value::String("1".to_owned()));
        document
    };
    let (_, summary) = segment_bytes(&chunk(&[with_id(document)]), SegmentLimits::default());
    assert_eq!(summary.rows, 1);
}
