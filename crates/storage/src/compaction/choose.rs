//! Which segments are to become one.

/// This many segments of one size class become one of the next.
const FAN_IN: usize = 8;

/// Segments of more live rows are large enough: they are not put together with others.
const MERGED_ROWS_MAX: u32 = 32_768;

/// Nor are segments of more bytes. Eight of them, read back into documents, fit in memory.
const MERGED_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// A segment is rewritten when more than this percentage of its rows is dead ...
const DEAD_PERCENT_MAX: u64 = 15;

/// ... unless it has more live rows than this: it would take too much memory.
const REWRITTEN_ROWS_MAX: u32 = 8 * MERGED_ROWS_MAX;

/// Or more bytes than this.
const REWRITTEN_BYTES_MAX: u64 = 8 * MERGED_BYTES_MAX;

/// What is known of a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct SegmentSize {
    /// Rows, dead ones included.
    pub(super) rows: u32,
    pub(super) live_rows: u32,
    /// Size of the file.
    pub(super) bytes: u64,
}

impl SegmentSize {
    fn is_mergeable(&self) -> bool {
        self.live_rows < MERGED_ROWS_MAX && self.bytes < MERGED_BYTES_MAX
    }

    /// Each class holds eight times as many live rows as the one before.
    fn class(&self) -> u32 {
        self.live_rows.max(1).ilog2() / FAN_IN.ilog2()
    }

    fn is_mostly_dead(&self) -> bool {
        let dead = u64::from(self.rows - self.live_rows.min(self.rows));
        dead * 100 > u64::from(self.rows) * DEAD_PERCENT_MAX
            && self.live_rows < REWRITTEN_ROWS_MAX
            && self.bytes < REWRITTEN_BYTES_MAX
    }
}

/// The places of the segments that are to become one, ascending; none if there is nothing to do.
pub(super) fn choose(segments: &[SegmentSize]) -> Vec<usize> {
    let count_of = |class: u32| {
        segments
            .iter()
            .filter(|segment| segment.is_mergeable() && segment.class() == class)
            .count()
    };
    let full_class = (0..=MERGED_ROWS_MAX.ilog2()).find(|class| count_of(*class) >= FAN_IN);
    let places = segments.iter().enumerate();
    if let Some(full_class) = full_class {
        return places
            .filter(|(_, segment)| segment.is_mergeable() && segment.class() <= full_class)
            .map(|(place, _)| place)
            .collect();
    }
    places
        .filter(|(_, segment)| segment.is_mostly_dead())
        .map(|(place, _)| place)
        .take(1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `rows` or `live/rows`, at 100 bytes a row.
    #[track_caller]
    fn check(segments: &str, expected: &[usize]) {
        let sizes: Vec<SegmentSize> = segments
            .split_whitespace()
            .map(|text| {
                let (live, rows) = text.split_once('/').unwrap_or((text, text));
                let rows: u32 = rows.parse().unwrap();
                SegmentSize {
                    rows,
                    live_rows: live.parse().unwrap(),
                    bytes: u64::from(rows) * 100,
                }
            })
            .collect();
        assert_eq!(choose(&sizes), expected, "{segments}");
    }

    #[test]
    fn eight_segments_of_a_size_become_one() {
        check("", &[]);
        check("5 5 5 5 5 5 5", &[]);
        check("5 5 5 5 5 5 5 5", &[0, 1, 2, 3, 4, 5, 6, 7]);
        check("5000 5 5 5 5 5 5 5 5", &[1, 2, 3, 4, 5, 6, 7, 8]);
        check(
            "5000 5000 5000 5 5000 5000 5000 5000 5000",
            &[0, 1, 2, 3, 4, 5, 6, 7, 8],
        );
    }

    #[test]
    fn large_segments_are_left_alone() {
        check("90000 90000 90000 90000 90000 90000 90000 90000 90000", &[]);
        check(
            "99000000 99000000 99000000 99000000 99000000 99000000 99000000 99000000",
            &[],
        );
    }

    #[test]
    fn a_segment_with_many_dead_rows_is_rewritten_alone() {
        check("100 86/100 100", &[]);
        check("100 84/100 84/100", &[1]);
        check("90000 10000/90000", &[1]);
        check("9000000/90000000", &[]);
    }
}
