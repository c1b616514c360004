//! What a part must answer, computed one row at a time from decoded documents.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    Date32Type, Float64Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use outcrop_document::{Date, Datetime, FieldPath, Object, Time, Timestamp, Value, ValueType, k};

use crate::part::Part;
use crate::scan::ScanRequest;
use crate::sub_column::{SubColumn, SubColumnKind};
use crate::type_counts::PathTypes;

/// The value at `path`, through objects only.
fn value_at<'a>(document: &'a Object, path: &FieldPath) -> Option<&'a Value> {
    let (first, rest) = path.steps().split_first()?;
    let mut value = document.get(first)?;
    for step in rest {
        value = value.as_object()?.get(step)?;
    }
    Some(value)
}

/// K of the value of `column`, none where the document has no value of that type there.
pub(super) fn expected(document: &Object, column: &SubColumn) -> Option<Vec<u8>> {
    value_at(document, &column.path)
        .filter(|value| value.value_type() == column.kind.value_type())
        .map(k::encode)
}

/// K of the value in row `row` of a scanned column.
pub(super) fn cell(array: &ArrayRef, kind: SubColumnKind, row: usize) -> Option<Vec<u8>> {
    if array.is_null(row) {
        return None;
    }
    let value = match kind {
        SubColumnKind::Null => {
            assert!(
                array.as_boolean().value(row),
                "the mark of an explicit null is true"
            );
            Value::Null
        }
        SubColumnKind::Bool => Value::Bool(array.as_boolean().value(row)),
        SubColumnKind::Int => Value::Int(array.as_primitive::<Int64Type>().value(row)),
        SubColumnKind::Float => Value::Float(array.as_primitive::<Float64Type>().value(row)),
        SubColumnKind::String => Value::String(array.as_string_view().value(row).to_owned()),
        SubColumnKind::Bytes => Value::Bytes(array.as_binary::<i32>().value(row).to_vec()),
        SubColumnKind::Date => Value::Date(Date(array.as_primitive::<Date32Type>().value(row))),
        SubColumnKind::Time => Value::Time(Time(
            array.as_primitive::<Time64MicrosecondType>().value(row),
        )),
        SubColumnKind::Datetime => Value::Datetime(Datetime(
            array.as_primitive::<TimestampMicrosecondType>().value(row),
        )),
        SubColumnKind::Timestamp => Value::Timestamp(Timestamp(
            array.as_primitive::<TimestampMicrosecondType>().value(row),
        )),
        SubColumnKind::MonthInterval
        | SubColumnKind::MicrosecondInterval
        | SubColumnKind::Array
        | SubColumnKind::Geography => return Some(array.as_binary_view().value(row).to_vec()),
    };
    Some(k::encode(&value))
}

/// Every path of every document.
fn paths(documents: &[Object]) -> BTreeSet<FieldPath> {
    fn visit(object: &Object, parent: &FieldPath, paths: &mut BTreeSet<FieldPath>) {
        for (name, value) in object {
            let path = parent.child(name);
            if let Value::Object(object) = value {
                visit(object, &path, paths);
            }
            paths.insert(path);
        }
    }
    let mut paths = BTreeSet::new();
    documents
        .iter()
        .for_each(|document| visit(document, &FieldPath::default(), &mut paths));
    paths
}

/// Every kind of sub-column of every path, and some that no document has.
pub(super) fn columns(documents: &[Object]) -> Vec<SubColumn> {
    let mut paths = paths(documents);
    paths.insert(FieldPath::from_steps(["no", "such", "path"]));
    let kinds = |path: FieldPath| {
        SubColumnKind::ALL
            .into_iter()
            .map(move |kind| SubColumn::new(path.clone(), kind))
    };
    paths.into_iter().flat_map(kinds).collect()
}

/// Checks that `types` holds the exact counts of these documents.
pub(super) fn check_types(types: &PathTypes, documents: &[Object]) {
    let paths = paths(documents);
    assert_eq!(
        types
            .iter()
            .map(|(path, _)| path.clone())
            .collect::<BTreeSet<_>>(),
        paths
    );
    for path in paths {
        let values: Vec<&Value> = documents
            .iter()
            .filter_map(|document| value_at(document, &path))
            .collect();
        let counts = types.get(&path).unwrap();
        for value_type in ValueType::ALL {
            let count = values
                .iter()
                .filter(|value| value.value_type() == value_type)
                .count();
            assert_eq!(counts.get(value_type), count as u64, "{path} {value_type}");
        }
        let ints = values.iter().filter_map(|value| match value {
            Value::Int(int) => Some(*int),
            _ => None,
        });
        let range = ints.clone().min().zip(ints.max());
        assert_eq!(counts.int_range(), range, "{path}");
    }
}

/// Scans `part` and checks every cell against `rows`, the documents that must come out in order.
pub(super) fn check_scan(part: &Part, request: &ScanRequest, rows: &[&Object]) {
    let batches: Vec<RecordBatch> = part
        .scan(request)
        .unwrap()
        .map(|batch| batch.unwrap())
        .collect();
    let mut rows = rows.iter();
    for batch in &batches {
        assert!((1..=request.batch_rows).contains(&batch.num_rows()));
        assert_eq!(batch.schema(), request.schema());
        for row in 0..batch.num_rows() {
            let document = rows.next().expect("no more rows than there are documents");
            for (column, array) in request.columns.iter().zip(batch.columns()) {
                let found = cell(array, column.kind, row);
                assert_eq!(
                    found,
                    expected(document, column),
                    "{column} of {document:?}"
                );
            }
            if request.document {
                let found = batch.columns().last().unwrap().as_binary_view().value(row);
                assert_eq!(found, k::encode(&Value::Object((*document).clone())));
            }
        }
    }
    assert_eq!(rows.next(), None, "rows are missing");
}

/// A predicate on one int sub-column: is it there and at least `low`?
pub(super) fn int_at_least(column: &SubColumn, low: i64) -> crate::scan::ScanPredicate {
    use arrow::array::Int64Array;
    use arrow::compute::kernels::cmp::gt_eq;
    crate::scan::ScanPredicate {
        columns: vec![column.clone()],
        document: false,
        evaluate: Arc::new(move |batch| gt_eq(batch.column(0), &Int64Array::new_scalar(low))),
        by_value: None,
    }
}
