//! Which segments are to become one.

/// This many segments of one size class become one of the next: fewer would copy each row more
/// often, more would leave more segments for every query and lookup to visit.
const FAN_IN: usize = 8;

/// Where so many of a class would become more than half of the largest segment there is, which nothing
/// can be added to, they wait for each other until they fill it, or are this many.
const FAN_IN_MAX: usize = 2 * FAN_IN;

/// Most segments that become one at a time, when there is a backlog. Each is read through a buffer
/// of its own, a few megabytes.
const INPUTS_MAX: usize = 32;

/// Segments below this size are one class: putting a few tiny ones together costs nothing.
const SMALLEST_CLASS_BYTES: u64 = 1024 * 1024;

/// A row counts as at least this many bytes, so that segments of many tiny documents are large
/// too: a gibibyte has four million rows.
const ROW_BYTES_MIN: u64 = 256;

/// A segment is rewritten when more than this percentage of its rows is dead: it costs queries as
/// much time, and the disk as much space.
const DEAD_PERCENT_MAX: u64 = 15;

/// What is known of a segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentSize {
    /// Rows, dead ones included.
    pub(crate) rows: u32,
    pub(crate) live_rows: u32,
    /// Size of the file.
    pub(crate) bytes: u64,
    /// Retention is taking its rows one after the other and will soon drop it whole: rewriting it
    /// again and again on the way would be for nothing.
    pub(crate) expires_soon: bool,
}

impl SegmentSize {
    /// The size that its live rows would have, about.
    fn live_bytes(&self) -> u64 {
        let rows = u64::from(self.rows).max(1);
        let share = u128::from(self.bytes) * u128::from(self.live_rows) / u128::from(rows);
        let share = u64::try_from(share).unwrap_or(u64::MAX);
        share.max(u64::from(self.live_rows) * ROW_BYTES_MIN)
    }

    /// Two of these fit below the maximum.
    fn is_mergeable(&self, bytes_max: u64) -> bool {
        self.live_bytes() <= bytes_max / 2
    }

    /// Each class holds eight times as many bytes as the one before.
    fn class(&self) -> u32 {
        (self.live_bytes() / SMALLEST_CLASS_BYTES)
            .checked_ilog2()
            .map_or(0, |log| log / FAN_IN.ilog2() + 1)
    }

    fn is_mostly_dead(&self) -> bool {
        let dead = u64::from(self.rows - self.live_rows.min(self.rows));
        dead * 100 > u64::from(self.rows) * DEAD_PERCENT_MAX
    }
}

/// The places of the segments that are to become one, ascending; none if there is nothing to do.
///
/// A segment of about `bytes_max` is the largest that is made.
pub(crate) fn choose(segments: &[SegmentSize], bytes_max: u64) -> Vec<usize> {
    let mergeable = |segment: &SegmentSize| segment.is_mergeable(bytes_max);
    let top_class = segments.iter().map(SegmentSize::class).max().unwrap_or(0);
    let full_class = (0..=top_class).find(|class| {
        let of_class = segments
            .iter()
            .filter(|segment| mergeable(segment) && segment.class() == *class);
        let (count, bytes) = of_class.fold((0, 0), |(count, bytes), segment| {
            (count + 1, bytes + segment.live_bytes())
        });
        let wait = bytes > bytes_max / 2 && count < FAN_IN_MAX;
        (count >= FAN_IN && !wait) || bytes >= bytes_max
    });
    let Some(full_class) = full_class else {
        let mut places = segments.iter().enumerate();
        let rewritten =
            places.find(|(_, segment)| segment.is_mostly_dead() && !segment.expires_soon);
        return rewritten.map(|(place, _)| place).into_iter().collect();
    };
    let mut bytes = 0;
    let mut chosen = Vec::new();
    for (place, segment) in segments.iter().enumerate() {
        let fits = bytes + segment.live_bytes() <= bytes_max && chosen.len() < INPUTS_MAX;
        if mergeable(segment) && segment.class() <= full_class && fits {
            bytes += segment.live_bytes();
            chosen.push(place);
        }
    }
    chosen
}

/// How many segments wait to be put together: all but those of full size.
pub(crate) fn backlog(segments: impl Iterator<Item = SegmentSize>, bytes_max: u64) -> usize {
    segments
        .filter(|segment| segment.is_mergeable(bytes_max))
        .count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BYTES_MAX: u64 = 1024 * 1024 * 1024;

    /// `rows` or `live/rows`, in thousands, at 256 bytes a row; `!` for one that expires soon.
    fn parse(segments: &str) -> Vec<SegmentSize> {
        let size = |text: &str| {
            let (text, expires_soon) = match text.strip_suffix('!') {
                Some(text) => (text, true),
                None => (text, false),
            };
            let (live, rows) = text.split_once('/').unwrap_or((text, text));
            let rows: u32 = rows.parse::<u32>().unwrap() * 1000;
            SegmentSize {
                rows,
                live_rows: live.parse::<u32>().unwrap() * 1000,
                bytes: u64::from(rows) * 256,
                expires_soon,
            }
        };
        segments.split_whitespace().map(size).collect()
    }

    #[track_caller]
    fn check(segments: &str, expected: &[usize]) {
        assert_eq!(choose(&parse(segments), BYTES_MAX), expected, "{segments}");
    }

    #[test]
    fn eight_segments_of_a_size_become_one() {
        check("", &[]);
        check("1 1 1 1 1 1 1", &[]);
        check("1 2 3 1 2 3 1 2", &[0, 1, 2, 3, 4, 5, 6, 7]);
        check("100 1 1 1 1 1 1 1 1", &[1, 2, 3, 4, 5, 6, 7, 8]);
        check(
            "100 100 100 1 100 100 100 100 100",
            &[0, 1, 2, 3, 4, 5, 6, 7, 8],
        );
        check("800 800 800 800 100 100", &[]);
    }

    #[test]
    fn the_largest_are_put_together_until_they_are_full() {
        check("1500 1500 1500", &[0, 1]);
        check("2000 1900 1000", &[0, 1]);
        check("2000 2000 50 1000", &[0, 1, 2]);
        check("2200 2200 2200 2200 2200 2200 2200 2200 2200", &[]);
        check("4000 800 800 800 800 800 800", &[1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_segment_with_many_dead_rows_is_rewritten_alone_whatever_its_size() {
        check("100 86/100 100", &[]);
        check("100 84/100 84/100", &[1]);
        check("4000 3000/4000", &[1]);
        check("3000/4000! 84/100", &[1]);
        check("3000/4000!", &[]);
        check("0/100", &[0]);
    }

    #[test]
    fn a_backlog_is_taken_in_portions() {
        let many = vec!["1"; 80].join(" ");
        assert_eq!(choose(&parse(&many), BYTES_MAX).len(), INPUTS_MAX);
        assert_eq!(backlog(parse("4000 2200 800 1").into_iter(), BYTES_MAX), 2);
    }

    /// Flushes of `rows` at 256 bytes each, and the compactions that they lead to: each row is copied
    /// `copies` times at most.
    #[track_caller]
    fn check_flushes(rows: u32, copies: f64) {
        let flushed = SegmentSize {
            rows,
            live_rows: rows,
            bytes: u64::from(rows) * 256,
            expires_soon: false,
        };
        let (mut segments, mut copied) = (Vec::new(), 0_u64);
        let flushes = 400;
        for _ in 0..flushes {
            segments.push(flushed);
            loop {
                let chosen = choose(&segments, BYTES_MAX);
                if chosen.is_empty() {
                    break;
                }
                let rows = chosen.iter().map(|place| segments[*place].rows).sum();
                copied += u64::from(rows);
                let merged = SegmentSize {
                    rows,
                    live_rows: rows,
                    bytes: u64::from(rows) * 256,
                    expires_soon: false,
                };
                segments[chosen[0]] = merged;
                for place in chosen[1..].iter().rev() {
                    segments.remove(*place);
                }
            }
            let waiting = backlog(segments.iter().copied(), BYTES_MAX);
            assert!(waiting < 3 * FAN_IN, "{segments:?}");
        }
        let full = segments.iter().map(|segment| segment.bytes).sum::<u64>() / BYTES_MAX;
        assert!(
            segments.len() as u64 <= 2 * full + 3 * FAN_IN as u64,
            "{segments:?}"
        );
        let copies_made = copied as f64 / f64::from(flushes * rows);
        assert!(
            copies_made < copies,
            "each row was copied {copies_made} times"
        );
    }

    #[test]
    fn flushes_leave_few_segments_and_copy_each_row_a_few_times() {
        check_flushes(10_000, 3.0);
        check_flushes(100_000, 2.1);
        // Large ones wait until they are full.
        check_flushes(300_000, 1.0);
        check_flushes(600_000, 1.0);
    }

    fn size() -> impl Strategy<Value = SegmentSize> {
        let rows = prop_oneof![1..2000_u32, 1000..5_000_000_u32];
        (rows, 0..=100_u32, 10..2000_u64, any::<bool>()).prop_map(
            |(rows, live_percent, row_bytes, expires_soon)| SegmentSize {
                rows,
                live_rows: u32::try_from(u64::from(rows) * u64::from(live_percent) / 100).unwrap(),
                bytes: u64::from(rows) * row_bytes,
                expires_soon,
            },
        )
    }

    proptest! {
           /// Whatever there is, choosing and merging comes to an end, and nothing it makes is too large.
           #[test]
           fn choices_are_sound_and_come_to_an_end(
               mut segments in prop::collection::vec(size(), 0..60),
           ) {
               for _ in 0..200 {
                   let chosen = choose(&segments, BYTES_MAX);
                   if chosen.is_empty() {
                       for class in 0..5 {
                           let of_class = segments.iter().filter(|segment| {
                               segment.is_mergeable(BYTES_MAX) && segment.class() == class
                           });
                           prop_assert!(of_class.count() < FAN_IN_MAX);
                       }
                       let dead = segments.iter().find(|one| one.is_mostly_dead() && !one.expires_soon);
                       prop_assert!(dead.is_none());
                       return Ok(());
                   }
                   prop_assert!(chosen.is_sorted_by(|left, right| left < right));
                   let inputs: Vec<_> = chosen.iter().map(|place| segments[*place]).collect();
                   let live_bytes: u64 = inputs.iter().map(SegmentSize::live_bytes).sum();
                   prop_assert!(inputs.len() <= INPUTS_MAX);
                   prop_assert!(inputs.len() == 1 || live_bytes <= BYTES_MAX);
                   let rows = inputs.iter().map(|input| input.live_rows).sum();
                   let bytes = inputs.iter().map(|input| {
                       input.bytes * u64::from(input.live_rows) / u64::from(input.rows)
                   }).sum();
                   for place in chosen.iter().rev() {
    segments.remove(*place);
    }
                   if rows > 0 {
                       segments.push(SegmentSize { rows, live_rows: rows, bytes, expires_soon: false });
                   }
               }
               prop_assert!(false, "there is always something more to do: {segments:?}");
           }
       }
}
