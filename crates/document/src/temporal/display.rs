//! The ISO 8601 forms that results carry.

use std::fmt;

use super::{Date, Datetime, Time, Timestamp};

impl fmt::Display for Date {
    /// `2020-01-02`; years beyond 9999 or before 1 keep their sign and digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.ymd();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Display for Time {
    /// `12:34:56.5`: seconds always, the fraction without trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second, micros) = self.hms();
        write!(f, "{hour:02}:{minute:02}:{second:02}")?;
        if micros == 0 {
            return Ok(());
        }
        let digits = format!("{micros:06}");
        write!(f, ".{}", digits.trim_end_matches('0'))
    }
}

impl fmt::Display for Datetime {
    /// `2020-01-02T12:34:56.5`: as [`Date`] and [`Time`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}", self.date(), self.time())
    }
}

impl fmt::Display for Timestamp {
    /// `2020-01-02T12:34:56.500000Z`: always UTC and six digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = self.to_datetime_utc();
        let (hour, minute, second, micros) = civil.time().hms();
        write!(
            f,
            "{}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z",
            civil.date()
        )
    }
}
