//! A pinned version of a collection: what one query sees.

use std::sync::{Arc, OnceLock};

use outcrop_document::{Object, Value, k};

use crate::part::{Part, PartData};
use crate::segment::SegmentError;
use crate::type_counts::PathTypes;

/// The parts of a collection after all writes up to a sequence number.
///
/// A live document is in exactly one part.
#[derive(Debug)]
pub struct Snapshot {
    seqno: u64,
    parts: Vec<Arc<Part>>,
    row_count: u64,
    types: OnceLock<PathTypes>,
    /// Types of the segments alone: shared by all snapshots between two changes of the segments,
    /// since adding up the counts of many paths costs more than a small write.
    segment_types: Arc<OnceLock<PathTypes>>,
}

impl Snapshot {
    /// The version `seqno` made of `parts`, oldest first.
    pub fn new(seqno: u64, parts: Vec<Arc<Part>>) -> Self {
        Self::with_segment_types(seqno, parts, Arc::default())
    }

    /// The version that follows this one.
    ///
    /// The same as [`Snapshot::new`], but work done for this snapshot is used again where it can.
    pub fn next(&self, seqno: u64, parts: Vec<Arc<Part>>) -> Self {
        let same = segments(&self.parts).eq(segments(&parts));
        let types = if same {
            Arc::clone(&self.segment_types)
        } else {
            Arc::default()
        };
        Self::with_segment_types(seqno, parts, types)
    }

    fn with_segment_types(
        seqno: u64,
        parts: Vec<Arc<Part>>,
        segment_types: Arc<OnceLock<PathTypes>>,
    ) -> Self {
        let row_count = parts
            .iter()
            .map(|part| u64::from(part.live_row_count()))
            .sum();
        Self {
            seqno,
            parts,
            row_count,
            types: OnceLock::new(),
            segment_types,
        }
    }

    /// Number of live documents.
    pub fn row_count(&self) -> u64 {
        self.row_count
    }

    /// The last write that this snapshot contains.
    pub fn seqno(&self) -> u64 {
        self.seqno
    }

    /// The types of every path of every document; added up when first asked for.
    pub fn types(&self) -> &PathTypes {
        self.types.get_or_init(|| {
            let segments = self.segment_types.get_or_init(|| {
                sum(
                    self.parts.iter().filter(|part| is_segment(part)),
                    PathTypes::default(),
                )
            });
            sum(
                self.parts.iter().filter(|part| !is_segment(part)),
                segments.clone(),
            )
        })
    }

    /// The parts, oldest first.
    pub fn parts(&self) -> &[Arc<Part>] {
        &self.parts
    }

    /// The part and the row that hold the document `id`.
    ///
    /// # Errors
    /// [`SegmentError::Checksum`] if an index is damaged.
    pub fn find(&self, id: &str) -> Result<Option<(&Arc<Part>, u32)>, SegmentError> {
        for part in self.parts.iter().rev() {
            if let Some(row) = part.row_of(id)? {
                return Ok(Some((part, row)));
            }
        }
        Ok(None)
    }

    /// The document `id`.
    ///
    /// # Errors
    /// [`SegmentError`] if an index or the document's bytes are damaged.
    pub fn document(&self, id: &str) -> Result<Option<Object>, SegmentError> {
        let Some((part, row)) = self.find(id)? else {
            return Ok(None);
        };
        let bytes = part.document(row)?;
        match k::decode(&bytes).map_err(|source| SegmentError::Document { row, source })? {
            Value::Object(object) => Ok(Some(object)),
            _ => Err(SegmentError::MissingId { row }),
        }
    }
}

fn is_segment(part: &Part) -> bool {
    matches!(part.data(), PartData::Segment(_))
}

fn segments(parts: &[Arc<Part>]) -> impl Iterator<Item = *const crate::segment::Segment> + '_ {
    parts.iter().filter_map(|part| match part.data() {
        PartData::Segment(segment) => Some(Arc::as_ptr(segment)),
        PartData::Chunk(_) => None,
    })
}

fn sum<'a>(parts: impl Iterator<Item = &'a Arc<Part>>, mut types: PathTypes) -> PathTypes {
    for part in parts {
        types.merge(part.types());
    }
    types
}
