//! Arithmetic on the civil calendar: adding months, truncating to units, counting units.

use crate::dynamic::order::DAY_MICROS;
use outcrop_document::{Date, Datetime};

/// A date moved by months, clamped to the end of the month; `None` outside the years 1 to 9999.
pub(crate) fn add_months(date: Date, months: i64) -> Option<Date> {
    let (year, month, day) = date.ymd();
    let total = i64::from(year) * 12 + i64::from(month) - 1;
    let total = total.checked_add(months)?;
    let year = i32::try_from(total.div_euclid(12)).ok()?;
    let month = u32::try_from(total.rem_euclid(12)).ok()? + 1;
    // At most three steps back from 31 to 28.
    (0..=3).find_map(|back| Date::from_ymd(year, month, day.saturating_sub(back)))
}

/// As [`add_months`] for microseconds since the epoch; the time of day stays.
pub(crate) fn add_months_micros(micros: i64, months: i64) -> Option<i64> {
    let date = add_months(Datetime(micros).date(), months)?;
    Some(i64::from(date.0).saturating_mul(DAY_MICROS) + micros.rem_euclid(DAY_MICROS))
}

/// A calendar unit of `DATE_TRUNC` and `DATE_DIFF`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A fixed number of microseconds.
    Micros(i64),
    /// Seven days, from Monday.
    Week,
    /// A number of months.
    Months(i64),
}

impl Unit {
    /// The unit of that name, in any case, singular or plural.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        Some(match name.strip_suffix('s').unwrap_or(&name) {
            "microsecond" => Self::Micros(1),
            "millisecond" => Self::Micros(1_000),
            "second" => Self::Micros(1_000_000),
            "minute" => Self::Micros(60_000_000),
            "hour" => Self::Micros(3_600_000_000),
            "day" => Self::Micros(DAY_MICROS),
            "week" => Self::Week,
            "month" => Self::Months(1),
            "quarter" => Self::Months(3),
            "year" => Self::Months(12),
            _ => return None,
        })
    }

    /// The start of the unit that holds this civil time; `None` on overflow.
    pub(crate) fn floor(self, micros: i64) -> Option<i64> {
        /// The Monday before 1970-01-01, a Thursday.
        const MONDAY: i64 = -3 * DAY_MICROS;
        match self {
            Self::Micros(size) => floor_to(micros, size, 0),
            Self::Week => floor_to(micros, 7 * DAY_MICROS, MONDAY),
            Self::Months(size) => floor_to_months(micros, size, 0),
        }
    }

    /// Whole units from `a` to `b`, truncated toward zero.
    pub(crate) fn between(self, a: i64, b: i64) -> Option<i64> {
        match self {
            Self::Micros(size) => Some(b.checked_sub(a)? / size),
            Self::Week => Some(b.checked_sub(a)? / (7 * DAY_MICROS)),
            Self::Months(size) => Some(months_between(a, b)? / size),
        }
    }
}

/// The greatest `origin + n × size` not above `micros`.
pub(crate) fn floor_to(micros: i64, size: i64, origin: i64) -> Option<i64> {
    let offset = micros.checked_sub(origin)?.checked_rem_euclid(size)?;
    micros.checked_sub(offset)
}

/// Midnight of the first day of the bucket of `size` months that holds this civil time, buckets
/// counting from the month of `origin`.
pub(crate) fn floor_to_months(micros: i64, size: i64, origin: i64) -> Option<i64> {
    let index = month_index(micros);
    let offset = (index - month_index(origin)).checked_rem_euclid(size)?;
    let first = index - offset;
    let year = i32::try_from(first.div_euclid(12)).ok()?;
    let month = u32::try_from(first.rem_euclid(12)).ok()? + 1;
    Some(i64::from(Date::from_ymd(year, month, 1)?.0) * DAY_MICROS)
}

/// Months since year 0.
fn month_index(micros: i64) -> i64 {
    let (year, month, _) = Datetime(micros).date().ymd();
    i64::from(year) * 12 + i64::from(month) - 1
}

/// Whole months from `a` to `b`, truncated toward zero.
fn months_between(a: i64, b: i64) -> Option<i64> {
    let mut months = month_index(b) - month_index(a);
    let reached = add_months_micros(a, months)?;
    if months > 0 && reached > b {
        months -= 1;
    } else if months < 0 && reached < b {
        months += 1;
    }
    Some(months)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        Datetime::parse(text).unwrap().0
    }

    #[test]
    fn months_clamp_to_the_end_of_the_month() {
        let date = |text: &str| Date::parse(text).unwrap();
        assert_eq!(add_months(date("2023-01-31"), 1), Some(date("2023-02-28")));
        assert_eq!(add_months(date("2024-01-31"), 1), Some(date("2024-02-29")));
        assert_eq!(
            add_months(date("2024-01-15"), -13),
            Some(date("2022-12-15"))
        );
        assert_eq!(add_months(date("9999-12-31"), 1), None);
    }

    #[test]
    fn units_start_where_the_calendar_says() {
        let floor = |unit: &str| {
            Unit::parse(unit)
                .unwrap()
                .floor(at("2022-05-18T13:14:15.5"))
                .unwrap()
        };
        assert_eq!(floor("WEEK"), at("2022-05-16T00:00:00"));
        assert_eq!(floor("quarter"), at("2022-04-01T00:00:00"));
        assert_eq!(floor("hours"), at("2022-05-18T13:00:00"));
        assert_eq!(Unit::Week.floor(-1), Some(-3 * DAY_MICROS));
    }

    #[test]
    fn elapsed_units_truncate() {
        let months = Unit::parse("month").unwrap();
        assert_eq!(
            months.between(at("2022-01-31T00:00:00"), at("2022-02-28T00:00:00")),
            Some(1)
        );
        assert_eq!(
            months.between(at("2022-01-15T12:00:00"), at("2022-02-15T11:00:00")),
            Some(0)
        );
        assert_eq!(
            months.between(at("2022-02-15T11:00:00"), at("2022-01-15T12:00:00")),
            Some(0)
        );
        let days = Unit::parse("day").unwrap();
        assert_eq!(
            days.between(at("2022-01-02T00:00:00"), at("2022-01-01T01:00:00")),
            Some(0)
        );
    }
}
