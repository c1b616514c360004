//! What a scan of one part asks for: columns, predicates and rows.
//!
//! A scan evaluates its predicates in the order given, each on its own columns only, and reads the
//! columns of the result for the surviving rows alone (late materialisation). Chunks and segments
//! answer the same requests in the same way.

use std::fmt;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use roaring::RoaringBitmap;

use crate::deletion_vector::DeletionVector;
use crate::segment::SegmentError;
use crate::sub_column::{DOCUMENT_COLUMN, SubColumn};

/// Rows of a batch where the request does not say otherwise.
pub const BATCH_ROWS: usize = 8192;

/// Most rows of a batch with whole documents, whatever the request says: a megabyte or two, which
/// stays in a core's cache and is not far too much where only a few documents are wanted.
const DOCUMENT_BATCH_ROWS: usize = 1024;

/// Batches of a scan, in row order.
pub type BatchIterator = Box<dyn Iterator<Item = Result<RecordBatch, SegmentError>> + Send>;

/// Decides for each row of a batch whether it stays; null counts as false.
pub type Evaluate = Arc<dyn Fn(&RecordBatch) -> Result<BooleanArray, ArrowError> + Send + Sync>;

/// Which columns of which rows of a part to read.
#[derive(Clone, Debug)]
pub struct ScanRequest {
    /// Sub-columns of the result, in this order. One that the part lacks comes as nulls.
    pub columns: Vec<SubColumn>,
    /// Whether `_doc`, each whole document as K, comes as the last column.
    pub document: bool,
    /// Conditions that every row of the result meets, evaluated in this order.
    pub predicates: Vec<ScanPredicate>,
    /// Restricts the scan to these rows; others, and deleted ones among these, are left out.
    pub rows: Option<RoaringBitmap>,
    /// Most rows of one batch, at least one; batches may be smaller.
    pub batch_rows: usize,
}

impl Default for ScanRequest {
    fn default() -> Self {
        Self {
            columns: Vec::new(),
            document: false,
            predicates: Vec::new(),
            rows: None,
            batch_rows: BATCH_ROWS,
        }
    }
}

impl ScanRequest {
    /// The schema of the batches: the sub-columns by name, nullable, then `_doc`.
    pub fn schema(&self) -> SchemaRef {
        batch_schema(&self.columns, self.document)
    }

    /// Rows of a batch, at least one.
    pub(crate) fn rows_per_batch(&self) -> usize {
        let most = if self.document {
            DOCUMENT_BATCH_ROWS
        } else {
            usize::MAX
        };
        self.batch_rows.clamp(1, most)
    }
}

/// A condition whose answer for a row follows from the values of its columns alone, and is never an error.
#[derive(Clone)]
pub struct ByValue {
    /// The condition. It may be asked about values that no row of the scan has.
    pub evaluate: Evaluate,
    /// Is told of how many rows the condition was asked and how many passed, when that did not happen in
    /// [`ScanPredicate::evaluate`].
    pub note: Arc<dyn Fn(usize, usize) + Send + Sync>,
}

/// One condition of a scan with the columns that it needs.
#[derive(Clone)]
pub struct ScanPredicate {
    /// Sub-columns of the batch that `evaluate` sees, in this order.
    pub columns: Vec<SubColumn>,
    /// Whether that batch has `_doc` as its last column.
    pub document: bool,
    /// The condition. It may be called on many batches, of any length.
    pub evaluate: Evaluate,
    /// The same condition for whoever knows which values there are, if that is enough to answer it.
    pub by_value: Option<ByValue>,
}

impl ScanPredicate {
    /// The schema of the batches that `evaluate` sees.
    pub fn schema(&self) -> SchemaRef {
        batch_schema(&self.columns, self.document)
    }
}

impl fmt::Debug for ScanPredicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanPredicate")
            .field("columns", &self.columns)
            .field("document", &self.document)
            .finish_non_exhaustive()
    }
}

fn batch_schema(columns: &[SubColumn], document: bool) -> SchemaRef {
    let document = document.then(|| Field::new(DOCUMENT_COLUMN, DataType::BinaryView, false));
    let fields = columns.iter().map(SubColumn::field).chain(document);
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rows `0..row_count`, in a form from which others are taken out quickly.
///
/// A range would be kept as runs, and to take rows out of runs one by one is quadratic.
pub fn all_rows(row_count: u32) -> RoaringBitmap {
    let mut rows = RoaringBitmap::new();
    rows.insert_range(0..row_count);
    rows.remove_run_compression();
    rows
}

/// The rows of `0..row_count` that a scan looks at.
pub(crate) fn live_rows(
    row_count: u32,
    deletions: &DeletionVector,
    wanted: Option<&RoaringBitmap>,
) -> RoaringBitmap {
    let Some(wanted) = wanted else {
        return all_rows(row_count) - deletions.rows();
    };
    let mut rows = wanted.clone();
    rows.remove_range(row_count..);
    if !deletions.is_empty() {
        // As above: a range may be wanted.
        rows.remove_run_compression();
        rows -= deletions.rows();
    }
    rows
}
