//! Batches without the bytes around their values.
//!
//! Strings and bytes come as views into whole pages of a segment, or into all documents of a chunk. An
//! operator that keeps a few of them would keep the pages as well, and count them once for each of
//! its batches.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::error::ArrowError;
use outcrop_storage::compact_array;

/// The same batch; columns that keep much more than they need are copied.
///
/// # Errors
/// None that is known: the columns keep their types and lengths.
pub(super) fn compact(batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    let compacted: Vec<Option<ArrayRef>> = batch.columns().iter().map(compact_array).collect();
    if compacted.iter().all(Option::is_none) {
        return Ok(batch);
    }
    let columns = compacted.into_iter().zip(batch.columns());
    let columns = columns.map(|(copy, column)| copy.unwrap_or_else(|| Arc::clone(column)));
    RecordBatch::try_new(batch.schema(), columns.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{AsArray, Int64Array, StringViewArray};

    #[test]
    fn few_values_of_a_large_buffer_are_copied_and_many_are_not() {
        let texts =
            (0..1000).map(|number| Some(format!("a text that is not inlined, {number:070}")));
        let texts: StringViewArray = texts.collect();
        let numbers = Int64Array::from_iter_values(0..1000);
        let batch = RecordBatch::try_from_iter([
            ("text", Arc::new(texts) as ArrayRef),
            ("number", Arc::new(numbers) as ArrayRef),
        ]);
        let batch = batch.unwrap();
        assert!(bytes(&compact(batch.clone()).unwrap()) > 90_000);
        let few = batch.slice(7, 3);
        assert!(bytes(&few) > 90_000);
        let compacted = compact(few.clone()).unwrap();
        assert!(bytes(&compacted) < 1000);
        assert_eq!(compacted, few);
    }

    fn bytes(batch: &RecordBatch) -> usize {
        let texts = batch.column(0).as_string_view();
        texts.data_buffers().iter().map(|buffer| buffer.len()).sum()
    }
}
