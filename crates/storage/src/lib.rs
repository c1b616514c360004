//! The storage engine: documents in, durable; columns out.
//!
//! A [`Store`] is one data folder. It holds [`Collection`]s, which take batches of [`Operation`]s
//! and hand out [`Snapshot`]s to read from. Start reading in `collection.rs`; `writer.rs` carries a
//! write out, `flush.rs` turns recent documents into a segment, and `recovery.rs` opens what an
//! earlier process left.
//!
//! Storage knows nothing of SQL, HTTP, workspaces or the names of collections.

mod background;
mod chunk;
mod collection;
mod collection_id;
mod collection_options;
mod column_cache;
mod compact;
mod compaction;
mod context;
mod deletion_vector;
mod delta_memory;
pub mod env;
mod error;
mod flush;
mod fold;
mod gc;
mod hidden;
mod maintenance;
mod manifest;
mod numbered;
mod operation;
mod options;
mod part;
pub mod paths;
mod prepare;
mod recovery;
mod replay;
mod resolve;
mod retention;
mod scan;
pub mod segment;
mod segment_file;
mod shred;
mod snapshot;
mod staging;
mod state;
mod stats;
mod store;
mod sub_column;
mod type_counts;
mod unsettled;
mod verify;
mod wal;
mod writer;

pub use chunk::{Chunk, Remap};
pub use collection::Collection;
pub use collection_id::{CollectionId, ParseCollectionIdError};
pub use collection_options::CollectionOptions;
pub use column_cache::{ColumnCache, Spare};
pub use compact::compact_array;
pub use deletion_vector::{DeletionVector, DeletionVectorError};
pub use env::Environment;
pub use error::{StoreError, WriteError, is_bucket_unavailable};
pub use hidden::{HIDDEN_FIELD, without_hidden};
pub use manifest::ManifestError;
pub use numbered::{NUMBERS_KEPT, NumberedError, NumberedObject, NumberedObjects};
pub use operation::{
    Action, DecideFunction, Decision, Operation, Outcome, PatchFunction, WriteReceipt,
};
pub use options::StoreOptions;
pub use part::{Part, PartData};
pub use paths::ObjectPath;
pub use scan::{
    BATCH_ROWS, BatchIterator, ByValue, Evaluate, ScanPredicate, ScanRequest, all_rows,
};
pub use segment::{
    Direction, IndexPath, KeyRange, Matches, PathIndex, Postings, Segment, SegmentError,
    SegmentSummary, Terms,
};
pub use snapshot::Snapshot;
pub use stats::{CollectionStats, StoreStats, Work};
pub use store::Store;
pub use sub_column::{DOCUMENT_COLUMN, ParseSubColumnError, SubColumn, SubColumnKind};
pub use type_counts::{PathTypes, TypeCounts};
pub use verify::{Problem, Verification, verify};
pub use wal::WalError;
