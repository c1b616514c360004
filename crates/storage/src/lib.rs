//! The storage engine.

mod chunk;
mod deletion_vector;
mod part;
mod scan;
pub mod segment;
mod shred;
mod snapshot;
mod sub_column;
mod type_counts;

pub use chunk::{Chunk, Remap};
pub use deletion_vector::{DeletionVector, DeletionVectorError};
pub use part::{Part, PartData};
pub use scan::{BATCH_ROWS, BatchIterator, Evaluate, ScanPredicate, ScanRequest};
pub use segment::{Segment, SegmentError, SegmentSummary};
pub use snapshot::Snapshot;
pub use sub_column::{DOCUMENT_COLUMN, ParseSubColumnError, SubColumn, SubColumnKind};
pub use type_counts::{PathTypes, TypeCounts};
