//! Decoded columns of segments in memory, so that a scan of what was scanned before decodes nothing.
//!
//! What is kept is the whole column of one row group, cut into pieces of [`PIECE_ROWS`] rows, each with buffers of
//! its own: a scan hands them out as they are, and they stay in a core's cache from one filter to the next. A column of
//! up to 256 different texts is kept as a byte per row, and a filter that goes by its values alone looks at each of
//! them once. A column is
//! decoded for the cache when scans have wanted most of its rows for the second time. Which ones leave when the
//! space is used up is decided by `quick_cache` (S3-FIFO: what was read once goes before what is read again and again).

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, UInt8Array};
use arrow::compute::{FilterPredicate, take};
use arrow::error::ArrowError;
use hashbrown::HashMap;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::scan::BATCH_ROWS;

/// Rows of a piece; the last one of a row group may have fewer.
pub(crate) const PIECE_ROWS: usize = BATCH_ROWS;

/// A column of more than this part of the space is not kept.
const LARGEST_PART: u64 = 8;

/// Whether the process has so many bytes to spare.
pub type Spare = Arc<dyn Fn(u64) -> bool + Send + Sync>;

/// Kept columns of all segments of a store, in a bounded space.
pub struct ColumnCache {
    columns: Cache<Key, Arc<CachedColumn>, ColumnBytes>,
    /// Asked before anything is kept.
    spare: OnceLock<Spare>,
    /// How often scans have to want a column before it is kept.
    wanted_min: u8,
    next_segment: AtomicU64,
}

/// A column of a row group of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    segment: u64,
    group: usize,
    column: usize,
}

/// A decoded column of a row group.
pub(crate) struct CachedColumn {
    pieces: Pieces,
    bytes: u64,
}

/// The values of a column, piece by piece.
enum Pieces {
    Plain(Vec<ArrayRef>),
    /// Few different texts, which stand once, and for each row the place of its own.
    Coded {
        values: ArrayRef,
        codes: Vec<UInt8Array>,
    },
}

#[derive(Clone)]
struct ColumnBytes;

impl Weighter<Key, Arc<CachedColumn>> for ColumnBytes {
    fn weight(&self, _key: &Key, column: &Arc<CachedColumn>) -> u64 {
        column.bytes.max(1)
    }
}

impl ColumnCache {
    /// A cache of `bytes`, which takes what has been wanted `wanted_min` times.
    pub fn new(bytes: u64, wanted_min: u8) -> Arc<Self> {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(1024)
            .weight_capacity(bytes)
            // One takes the space for granted that the others leave.
            .shards(1)
            .build()
            .expect("all that is required is set");
        let columns = Cache::with_options(
            options,
            ColumnBytes,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        );
        Arc::new(Self {
            columns,
            spare: OnceLock::new(),
            wanted_min,
            next_segment: AtomicU64::new(0),
        })
    }

    /// Keeps nothing more while `spare` says no, whatever space is left. The first to be set stays.
    pub fn ask_before_keeping(&self, spare: Spare) {
        // Nobody sets two.
        let _ = self.spare.set(spare);
    }

    /// Bytes of what is kept.
    pub fn bytes(&self) -> u64 {
        self.columns.weight()
    }

    /// Lets go of everything; scans that read it go on.
    pub fn clear(&self) {
        self.columns.clear();
    }
}

impl fmt::Debug for ColumnCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ColumnCache")
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

impl CachedColumn {
    /// A column in pieces that share no more than they have to with each other.
    pub(crate) fn new(pieces: Vec<ArrayRef>) -> Self {
        match coded(&pieces) {
            Some((values, codes)) => {
                let arrays = codes
                    .iter()
                    .map(|codes| Arc::new(codes.clone()) as ArrayRef);
                let arrays: Vec<ArrayRef> = arrays.chain([Arc::clone(&values)]).collect();
                Self {
                    bytes: shared_bytes(&arrays),
                    pieces: Pieces::Coded { values, codes },
                }
            }
            None => Self {
                bytes: shared_bytes(&pieces),
                pieces: Pieces::Plain(pieces),
            },
        }
    }

    /// The values of a piece.
    ///
    /// # Errors
    /// None that is known.
    pub(crate) fn piece(&self, piece: usize) -> Result<ArrayRef, ArrowError> {
        match &self.pieces {
            Pieces::Plain(pieces) => Ok(Arc::clone(&pieces[piece])),
            Pieces::Coded { values, codes } => take(values, &codes[piece], None),
        }
    }

    /// Those of a piece that `filter` keeps.
    ///
    /// # Errors
    /// None that is known.
    pub(crate) fn filtered(
        &self,
        piece: usize,
        filter: &FilterPredicate,
    ) -> Result<ArrayRef, ArrowError> {
        match &self.pieces {
            Pieces::Plain(pieces) => filter.filter(&pieces[piece]),
            Pieces::Coded { values, codes } => {
                let codes = filter.filter(&codes[piece])?;
                take(values, &codes, None)
            }
        }
    }

    /// The different values, among them a null if there is one, if they are few.
    pub(crate) fn values(&self) -> Option<&ArrayRef> {
        match &self.pieces {
            Pieces::Plain(_) => None,
            Pieces::Coded { values, .. } => Some(values),
        }
    }

    /// For each row of a piece the place of its value in [`Self::values`]; nothing if they are not few.
    pub(crate) fn codes(&self, piece: usize) -> &[u8] {
        match &self.pieces {
            Pieces::Plain(_) => &[],
            Pieces::Coded { codes, .. } => codes[piece].values(),
        }
    }
}

/// The different texts of a column and the place of each row's among them; none if they are too many, or no
/// texts.
fn coded(pieces: &[ArrayRef]) -> Option<(ArrayRef, Vec<UInt8Array>)> {
    let mut places: HashMap<Option<&str>, u8> = HashMap::new();
    let mut values: Vec<Option<&str>> = Vec::new();
    let mut codes = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let texts = piece.as_string_view_opt()?;
        let mut of_piece = Vec::with_capacity(texts.len());
        for text in texts {
            let place = match places.get(&text) {
                Some(place) => *place,
                None => {
                    let place = u8::try_from(values.len()).ok()?;
                    places.insert(text, place);
                    values.push(text);
                    place
                }
            };
            of_piece.push(place);
        }
        codes.push(UInt8Array::from(of_piece));
    }
    Some((Arc::new(StringViewArray::from(values)), codes))
}

/// Bytes of the buffers of `arrays`, each buffer once.
fn shared_bytes(arrays: &[ArrayRef]) -> u64 {
    let mut seen = HashSet::new();
    let mut bytes = 0;
    let mut pending: Vec<_> = arrays.iter().map(|array| array.to_data()).collect();
    while let Some(data) = pending.pop() {
        let nulls = data.nulls().map(|nulls| nulls.buffer());
        for buffer in data.buffers().iter().chain(nulls) {
            if seen.insert(buffer.data_ptr()) {
                bytes += buffer.capacity() as u64;
            }
        }
        pending.extend(data.child_data().iter().cloned());
    }
    bytes
}

/// The kept columns of one segment. They go with it.
#[derive(Debug)]
pub(crate) struct SegmentColumns {
    cache: Arc<ColumnCache>,
    segment: u64,
    /// How often each column of each row group was wanted.
    wanted: Vec<AtomicU8>,
    columns: usize,
}

impl SegmentColumns {
    pub(crate) fn new(cache: &Arc<ColumnCache>, groups: usize, columns: usize) -> Self {
        let wanted = std::iter::repeat_with(AtomicU8::default).take(groups * columns);
        Self {
            cache: Arc::clone(cache),
            segment: cache.next_segment.fetch_add(1, Ordering::Relaxed),
            wanted: wanted.collect(),
            columns,
        }
    }

    /// The column, if it is kept.
    pub(crate) fn get(&self, group: usize, column: usize) -> Option<Arc<CachedColumn>> {
        self.cache.columns.get(&self.key(group, column))
    }

    /// Notes that a scan wants most rows of a column of about `bytes`, and tells whether it is to be kept.
    pub(crate) fn want(&self, group: usize, column: usize, bytes: u64) -> bool {
        let wanted = &self.wanted[group * self.columns + column];
        let before = wanted.load(Ordering::Relaxed);
        // Two scans at once may count as one.
        wanted.store(before.saturating_add(1), Ordering::Relaxed);
        let fits = bytes <= self.cache.columns.capacity() / LARGEST_PART;
        fits && before.saturating_add(1) >= self.cache.wanted_min
            && self.cache.spare.get().is_none_or(|spare| spare(bytes))
    }

    /// Keeps a column, as long as there is space.
    pub(crate) fn insert(&self, group: usize, column: usize, decoded: Arc<CachedColumn>) {
        self.cache.columns.insert(self.key(group, column), decoded);
    }

    fn key(&self, group: usize, column: usize) -> Key {
        Key {
            segment: self.segment,
            group,
            column,
        }
    }
}

impl Drop for SegmentColumns {
    fn drop(&mut self) {
        self.cache
            .columns
            .retain(|key, _| key.segment != self.segment);
    }
}
