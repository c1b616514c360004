//! Cron expressions: of five fields as UNIX has them, of six or seven as Quartz has them. They are in UTC.
//!
//! Weekdays by number are 0 to 7 from Sunday to Sunday with five fields, 1 to 7 from Sunday to Saturday with more.

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::CronParser;

/// Longest expression; one with every value of every field named is shorter.
const BYTES_MAX: usize = 1024;

/// Reads an expression.
///
/// # Errors
/// What is wrong with it; also that it matches no time at all.
pub(crate) fn parse(text: &str) -> Result<Cron, String> {
    if text.len() > BYTES_MAX {
        return Err(format!("it has more than {BYTES_MAX} bytes"));
    }
    let is_quartz = text.split_whitespace().count() > 5;
    let parser = CronParser::builder()
        .alternative_weekdays(is_quartz)
        .sloppy_ranges(true)
        .build();
    let cron = parser.parse(text).map_err(|error| error.to_string())?;
    // Every day of the Gregorian calendar comes again within 400 years: where nothing follows, nothing ever was.
    match next_after(&cron, 0) {
        Some(_) => Ok(cron),
        None => Err("it matches no time".to_owned()),
    }
}

/// Checks the expression of a new schedule.
///
/// # Errors
/// What is wrong with it; also that it matches no time after now.
pub(crate) fn check(text: &str, now_micros: i64) -> Result<(), String> {
    let cron = parse(text)?;
    match next_after(&cron, now_micros) {
        Some(_) => Ok(()),
        None => Err("it matches no time to come".to_owned()),
    }
}

/// The first match after a time, in microseconds since 1970.
pub(crate) fn next_after(cron: &Cron, micros: i64) -> Option<i64> {
    let time: DateTime<Utc> = DateTime::from_timestamp_micros(micros)?;
    let next = cron.find_next_occurrence(&time, false).ok()?;
    Some(next.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids;

    /// Monday, 2024-01-01T00:00:00Z, and half a second.
    const START: i64 = 1_704_067_200_500_000;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let cron = parse(text).unwrap();
        let mut time = START;
        for expected in expected {
            time = next_after(&cron, time).unwrap();
            assert_eq!(ids::metadata_time(time), *expected, "{text}");
        }
    }

    #[test]
    fn expressions_of_unix_and_of_quartz_are_read() {
        check(
            "* * * * *",
            &["2024-01-01T00:01:00Z", "2024-01-01T00:02:00Z"],
        );
        check(
            "*/20 6 * * *",
            &["2024-01-01T06:00:00Z", "2024-01-01T06:20:00Z"],
        );
        check(
            "0 0 29 2 *",
            &["2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"],
        );
        // Day of month or weekday, as cron has always had it.
        check(
            "0 0 3 * 2",
            &["2024-01-02T00:00:00Z", "2024-01-03T00:00:00Z"],
        );
        check("0 12 * * MON-FRI", &["2024-01-01T12:00:00Z"]);
        check("@daily", &["2024-01-02T00:00:00Z"]);
        // Sunday is 0 and 7 here, and 1 there.
        check("0 0 * * 7", &["2024-01-07T00:00:00Z"]);
        check("0 0 * * 1", &["2024-01-08T00:00:00Z"]);
        check("0 0 0 ? * 1", &["2024-01-07T00:00:00Z"]);
        check("0 0 0 ? * 2", &["2024-01-08T00:00:00Z"]);
        check(
            "30 0/5 * ? * *",
            &["2024-01-01T00:00:30Z", "2024-01-01T00:05:30Z"],
        );
        check("0 0 0 L * ? 2025", &["2025-01-31T00:00:00Z"]);
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in [
            "",
            "* * * *",
            "61 * * * *",
            "a b c d e",
            "0 0 30 2 *",
            "0 0 0 1 1 ? 1969",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let long = format!("{}0 * * * *", "0,".repeat(BYTES_MAX));
        assert!(parse(&long).is_err());
        assert!(super::check("0 0 0 1 1 ? 2023", START).is_err());
        assert!(super::check("0 0 0 29 2 ? 4996", START).is_ok());
    }
}
