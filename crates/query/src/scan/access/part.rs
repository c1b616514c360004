//! The access path of one part, decided and carried out.

use outcrop_storage::{Part, PartData, Segment, SegmentError};
use roaring::RoaringBitmap;

use super::choose::{Candidate, Choice, Kind, Scan, choose};
use super::condition::Estimate;
use super::read::Reading;
use super::{AccessKind, AccessPath};

/// How one part is read.
#[derive(Clone, Debug)]
pub(in crate::scan) struct PartAccess {
    /// What the index of a segment counts for each filter that it can answer.
    pub(in crate::scan) estimates: Vec<Option<Estimate>>,
    /// None for a part of the delta, which has no index.
    pub(in crate::scan) choice: Option<Choice>,
    exact: Vec<bool>,
}

impl PartAccess {
    /// How its rows are come by; none if the index has no say in it.
    pub(in crate::scan) fn kind(&self) -> Option<AccessKind> {
        match self.choice.as_ref()? {
            Choice::ColumnScan(_) => None,
            Choice::Index {
                kind: Kind::IndexOnly,
                ..
            } => Some(AccessKind::IndexOnly),
            Choice::Nothing | Choice::Index { .. } => Some(AccessKind::IndexFilter),
        }
    }

    /// Decides how to read `part` in so many `pieces` with filters that read as `readings`.
    pub(in crate::scan) fn decide(
        part: &Part,
        readings: &[Option<&Reading>],
        counts_only: bool,
        path: AccessPath,
        pieces: u64,
    ) -> Result<Self, SegmentError> {
        let PartData::Segment(segment) = part.data() else {
            return Ok(Self {
                estimates: Vec::new(),
                choice: None,
                exact: Vec::new(),
            });
        };
        let mut candidates = Vec::with_capacity(readings.len());
        for reading in readings {
            candidates.push(match reading {
                Some(reading) if path != AccessPath::ColumnScan => {
                    Some(candidate(reading, segment)?)
                }
                _ => None,
            });
        }
        let scan = Scan {
            row_count: u64::from(segment.row_count()),
            pieces,
            counts_only,
            path,
        };
        let estimates = candidates
            .iter()
            .map(|candidate| candidate.map(|candidate| candidate.estimate));
        let exact = candidates
            .iter()
            .map(|candidate| candidate.is_some_and(|candidate| candidate.exact));
        Ok(Self {
            estimates: estimates.collect(),
            choice: Some(choose(scan, &candidates)),
            exact: exact.collect(),
        })
    }

    /// About how many rows are read; none if those are all.
    pub(in crate::scan) fn rows_read(&self) -> Option<u64> {
        match self.choice.as_ref()? {
            Choice::Nothing => Some(0),
            Choice::ColumnScan(_) => None,
            Choice::Index { filters, .. } => {
                let estimates = filters.iter().filter_map(|place| self.estimates[*place]);
                estimates.map(|estimate| estimate.rows).min()
            }
        }
    }

    /// At most how many rows pass, by what the index counts; none if it counts nothing.
    pub(in crate::scan) fn rows_least(&self) -> Option<u64> {
        let estimates = self.estimates.iter().flatten();
        estimates.map(|estimate| estimate.rows).min()
    }

    /// Whether the rows that [`Self::rows`] gives pass the filter at `place` for certain.
    pub(in crate::scan) fn answers(&self, place: usize) -> bool {
        match &self.choice {
            Some(Choice::Index { filters, .. }) => self.exact[place] && filters.contains(&place),
            _ => false,
        }
    }

    /// How many rows of `part` pass, where the counts of the index say so by themselves.
    pub(in crate::scan) fn count(&self, part: &Part, readings: &[Option<&Reading>]) -> Option<u64> {
        let Some(Choice::Index { filters, kind }) = &self.choice else {
            return None;
        };
        let [place] = filters.as_slice() else {
            return None;
        };
        let counts = *kind == Kind::IndexOnly
            && part.deletions().rows().is_empty()
            && readings[*place]?.condition.is_of_one_path();
        Some(self.estimates[*place]?.rows).filter(|_| counts)
    }

    /// The rows that the index gives, deleted ones included; none where columns are scanned.
    pub(in crate::scan) fn rows(
        &self,
        part: &Part,
        readings: &[Option<&Reading>],
    ) -> Result<Option<RoaringBitmap>, SegmentError> {
        let (PartData::Segment(segment), Some(choice)) = (part.data(), &self.choice) else {
            return Ok(None);
        };
        let filters = match choice {
            Choice::Nothing => return Ok(Some(RoaringBitmap::new())),
            Choice::ColumnScan(_) => return Ok(None),
            Choice::Index { filters, .. } => filters,
        };
        let mut rows: Option<RoaringBitmap> = None;
        for reading in filters.iter().filter_map(|place| readings[*place]) {
            if rows.as_ref().is_some_and(RoaringBitmap::is_empty) {
                break;
            }
            let more = reading.condition.rows(segment)?;
            rows = Some(match rows {
                Some(rows) => rows & more,
                None => more,
            });
        }
        Ok(rows)
    }
}

fn candidate(reading: &Reading, segment: &Segment) -> Result<Candidate, SegmentError> {
    let estimate = reading.condition.estimate(segment)?;
    Ok(Candidate {
        estimate,
        exact: reading.exact && estimate.exact,
    })
}
