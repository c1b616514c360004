//! Damaged and foreign files: an error that names the file, never a panic, never a wrong answer.

use std::sync::Arc;

use outcrop_document::{Object, Value};

use super::{chunk, open, segment_bytes};
use crate::deletion_vector::DeletionVector;
use crate::part::Part;
use crate::scan::ScanRequest;
use crate::segment::SegmentError;
use crate::segment::hash::hash64;
use crate::segment::writer::SegmentLimits;

const LIMITS: SegmentLimits = SegmentLimits {
    columns: 3,
    row_group_rows: 300,
};

fn documents() -> Vec<Object> {
    (0..500)
        .map(|row| {
            let text = format!("outcrop-check:{row} {}", "lorem ipsum ".repeat(row % 7));
            Object::from([
                (
                    "_id".to_owned(),
                    Value::String(format!("id-{}", row * 31 % 500)),
                ),
                (
                    "count".to_owned(),
                    Value::Int(i64::try_from(row).unwrap() % 9),
                ),
                ("text".to_owned(), Value::String(text)),
                ("rare".to_owned(), Value::Bool(row % 2 == 0)),
            ])
        })
        .collect()
}

/// Everything that a segment can be asked; the bytes of all answers.
fn read_all(bytes: Vec<u8>) -> Result<Vec<String>, SegmentError> {
    let part = Part::from_segment(Arc::new(open(bytes)?), DeletionVector::default());
    let columns = super::oracle::columns(&documents()[..3]);
    let request = ScanRequest {
        columns,
        document: true,
        ..ScanRequest::default()
    };
    let mut answers = Vec::new();
    for batch in part.scan(&request)? {
        answers.push(format!("{:?}", batch?));
    }
    for row in (0..500).step_by(50) {
        answers.push(format!("{:?}", part.row_of(&format!("id-{row}"))?));
        answers.push(format!("{:?}", part.document(row)?));
    }
    answers.push(format!("{:?}", part.types()));
    Ok(answers)
}

#[test]
fn any_changed_byte_is_an_error_that_names_the_file() {
    let (bytes, _) = segment_bytes(&chunk(&documents()), LIMITS);
    let answers = read_all(bytes.clone()).unwrap();
    let mut errors = 0;
    // All of the last 100 bytes, and every 97th before.
    let last = bytes.len() - 100;
    for offset in (0..last).step_by(97).chain(last..bytes.len()) {
        let mut damaged = bytes.clone();
        damaged[offset] ^= 1 << (offset % 8);
        match read_all(damaged) {
            Ok(same) => assert_eq!(same, answers, "byte {offset} changed the answers"),
            Err(error) => {
                errors += 1;
                assert!(
                    error.to_string().contains("some/segment.parquet"),
                    "{error}"
                );
            }
        }
    }
    // Blocks cover the whole file, so hardly a byte can change unseen.
    assert!(errors * 100 > 95 * (last / 97 + 100), "{errors} errors");
}

#[test]
fn a_cut_file_is_an_error() {
    let (bytes, _) = segment_bytes(&chunk(&documents()), LIMITS);
    for length in (0..bytes.len()).step_by(61).chain([bytes.len() - 1]) {
        assert!(
            read_all(bytes[..length].to_vec()).is_err(),
            "{length} bytes"
        );
        assert!(
            read_all(bytes[bytes.len() - length..].to_vec()).is_err(),
            "last {length} bytes"
        );
    }
}

#[test]
fn damage_is_found_when_the_block_is_read_and_other_blocks_stay_readable() {
    // Texts that do not compress, so that the file has several blocks.
    let text = |row: u64| {
        (0..40)
            .map(|word| format!("{:x}", hash64(&(row * 40 + word).to_le_bytes())))
            .collect()
    };
    let documents: Vec<Object> = (0..500)
        .map(|row| {
            Object::from([
                ("_id".to_owned(), Value::String(row.to_string())),
                ("text".to_owned(), Value::String(text(row))),
            ])
        })
        .collect();
    let (mut bytes, _) = segment_bytes(&chunk(&documents), LIMITS);
    bytes[100] ^= 1;
    let segment = open(bytes).unwrap();
    let rows: Vec<_> = (0..500).map(|row| segment.document(row)).collect();
    let damaged = rows.iter().filter(|row| row.is_err()).count();
    assert!(
        damaged < rows.len(),
        "documents of other blocks can be read"
    );
    let part = Part::from_segment(Arc::new(segment), DeletionVector::default());
    let columns = super::oracle::columns(&documents[..1]);
    let request = ScanRequest {
        columns,
        ..ScanRequest::default()
    };
    let results: Vec<_> = part.scan(&request).unwrap().collect();
    assert!(matches!(
        results.last(),
        Some(Err(SegmentError::Checksum { offset: 0, .. }))
    ));
    assert_eq!(
        results.iter().filter(|result| result.is_err()).count(),
        1,
        "nothing follows"
    );
}

#[test]
fn a_plain_parquet_file_is_not_a_segment() {
    use arrow::array::{Int64Array, RecordBatch};
    let column = Arc::new(Int64Array::from(vec![1, 2, 3])) as arrow::array::ArrayRef;
    let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    assert!(matches!(open(bytes), Err(SegmentError::Format { .. })));
    assert!(matches!(open(Vec::new()), Err(SegmentError::Format { .. })));
    assert!(matches!(
        open(b"PAR1PAR1".to_vec()),
        Err(SegmentError::Format { .. })
    ));
}
