//! Reads the live documents of one segment in a given order, a batch at a time.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryViewArray};
use roaring::RoaringBitmap;

use crate::part::Part;
use crate::scan::{BatchIterator, ScanRequest, live_rows};
use crate::segment::{SegmentError, SortKeys, SortOrder};
use crate::state::SegmentPart;

/// Bytes of a segment's file that one batch stands for, about; unpacked it is a few times that.
const BATCH_FILE_BYTES: u64 = 256 * 1024;

/// Rows of a batch. The upper bound is that of scans with documents.
const BATCH_ROWS_MIN: u64 = 16;
const BATCH_ROWS_MAX: u64 = 1024;

/// Stands at one document of a segment, or before the first, or behind the last.
pub(super) struct Cursor {
    order: SortOrder,
    source: Source,
    batch: Batch,
    /// Sort keys of the batch.
    keys: SortKeys,
    place: usize,
}

/// Documents with their rows.
struct Batch {
    documents: BinaryViewArray,
    rows: Vec<u32>,
}

/// Where the batches come from.
enum Source {
    /// The rows of the file are in order.
    InOrder {
        scan: BatchIterator,
        rows: roaring::bitmap::IntoIter,
    },
    /// They are not: the file was written before the order was chosen. Its rows were sorted by
    /// their keys, and documents are looked up one by one.
    Sorted {
        part: Arc<Part>,
        rows: std::vec::IntoIter<u32>,
        batch_rows: usize,
    },
}

impl Cursor {
    /// Before the first live document of `segment` by `order`.
    ///
    /// # Errors
    /// Those of reading the segment.
    pub(super) fn open(segment: &SegmentPart, order: &SortOrder) -> Result<Self, SegmentError> {
        let part = &segment.part;
        let batch_rows = batch_rows(part);
        let source = if segment.segment.order() == Some(order) {
            Source::InOrder {
                scan: part.scan(&documents(batch_rows, None))?,
                rows: live_rows(part.row_count(), part.deletions(), None).into_iter(),
            }
        } else {
            Source::Sorted {
                part: Arc::clone(part),
                rows: sorted_rows(part, order, batch_rows)?.into_iter(),
                batch_rows,
            }
        };
        Ok(Self {
            order: order.clone(),
            source,
            batch: Batch {
                documents: BinaryViewArray::from_iter_values(std::iter::empty::<&[u8]>()),
                rows: Vec::new(),
            },
            keys: SortKeys::default(),
            place: 0,
        })
    }

    /// Moves to the next document; false if there is none.
    ///
    /// # Errors
    /// Those of reading the segment.
    pub(super) fn advance(&mut self) -> Result<bool, SegmentError> {
        self.place += 1;
        while self.place >= self.batch.rows.len() {
            let Some(batch) = self.source.next_batch()? else {
                return Ok(false);
            };
            self.place = 0;
            self.keys.clear();
            for (row, document) in batch.rows.iter().zip(batch.documents.iter()) {
                let document = document.unwrap_or_default();
                self.keys.push(&self.order, *row, document)?;
            }
            self.batch = batch;
        }
        Ok(true)
    }

    /// The sort key of the document.
    pub(super) fn key(&self) -> &[u8] {
        self.keys.get(self.place)
    }

    /// K of the document.
    pub(super) fn document(&self) -> &[u8] {
        self.batch.documents.value(self.place)
    }

    /// The row of the document.
    pub(super) fn row(&self) -> u32 {
        self.batch.rows[self.place]
    }
}

impl Source {
    fn next_batch(&mut self) -> Result<Option<Batch>, SegmentError> {
        match self {
            Self::InOrder { scan, rows } => {
                let Some(batch) = scan.next().transpose()? else {
                    return Ok(None);
                };
                let documents = batch.column(0).as_binary_view().clone();
                let rows = rows.take(documents.len()).collect();
                Ok(Some(Batch { documents, rows }))
            }
            Self::Sorted {
                part,
                rows,
                batch_rows,
            } => {
                let rows: Vec<u32> = rows.take(*batch_rows).collect();
                if rows.is_empty() {
                    return Ok(None);
                }
                look_up(part, rows, *batch_rows).map(Some)
            }
        }
    }
}

/// How many rows make a batch, so that it takes about the same memory whatever documents there are.
fn batch_rows(part: &Part) -> usize {
    let row_bytes = part.bytes() / u64::from(part.row_count()).max(1);
    let rows = BATCH_FILE_BYTES / row_bytes.max(1);
    let rows = rows.clamp(BATCH_ROWS_MIN, BATCH_ROWS_MAX);
    usize::try_from(rows).expect("it was clamped")
}

fn documents(batch_rows: usize, rows: Option<RoaringBitmap>) -> ScanRequest {
    ScanRequest {
        document: true,
        rows,
        batch_rows,
        ..ScanRequest::default()
    }
}

/// The live rows of `part` by `order`. Reads all documents once.
fn sorted_rows(
    part: &Part,
    order: &SortOrder,
    batch_rows: usize,
) -> Result<Vec<u32>, SegmentError> {
    let rows: Vec<u32> = live_rows(part.row_count(), part.deletions(), None)
        .into_iter()
        .collect();
    let mut keys = SortKeys::default();
    for batch in part.scan(&documents(batch_rows, None))? {
        for document in batch?.column(0).as_binary_view() {
            let row = rows.get(keys.len()).copied().unwrap_or_default();
            keys.push(order, row, document.unwrap_or_default())?;
        }
    }
    let mut places: Vec<usize> = (0..rows.len()).collect();
    places.sort_by_key(|place| keys.get(*place));
    Ok(places.into_iter().map(|place| rows[place]).collect())
}

/// The documents of `rows`, which are live and in any order.
fn look_up(part: &Part, rows: Vec<u32>, batch_rows: usize) -> Result<Batch, SegmentError> {
    let wanted: RoaringBitmap = rows.iter().copied().collect();
    let mut found = Vec::with_capacity(rows.len());
    for batch in part.scan(&documents(batch_rows, Some(wanted.clone())))? {
        let batch = batch?;
        let column = batch.column(0).as_binary_view();
        found.extend(
            column
                .iter()
                .map(|document| document.unwrap_or_default().to_vec()),
        );
    }
    let in_order = rows.iter().map(|row| {
        // The rank of a row counts itself.
        let place = usize::try_from(wanted.rank(*row)).unwrap_or_default();
        let document = place.checked_sub(1).and_then(|place| found.get(place));
        document.ok_or(SegmentError::NoSuchRow { row: *row })
    });
    let documents = in_order.collect::<Result<Vec<_>, _>>()?;
    Ok(Batch {
        documents: BinaryViewArray::from_iter_values(documents),
        rows,
    })
}
