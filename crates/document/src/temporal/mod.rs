//! Dates, times of day, civil datetimes and instants, to the microsecond.
//!
//! Parsing accepts years 1 to 9999 of the proleptic Gregorian calendar. The types themselves hold
//! any count, so that bytes from disk are always a value; such a far date still prints.
//!
//! - `civil.rs`: days since 1970-01-01 to year, month and day, and back;
//! - `parse.rs`: the accepted text forms;
//! - `display.rs`: the ISO forms that results carry.

mod civil;
mod display;
mod parse;

pub use parse::{ParseTemporalError, TemporalReason};

/// Microseconds in one second.
const SECOND: i64 = 1_000_000;
/// Microseconds in one day; civil days have no leap seconds.
const DAY: i64 = 86_400 * SECOND;

/// A civil date: days since 1970-01-01, negative before it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub i32);

/// A time of day: microseconds since midnight, `0..86_400_000_000`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

/// A civil date and time without a zone: microseconds since 1970-01-01 00:00:00.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Datetime(pub i64);

/// An instant: microseconds since 1970-01-01 00:00:00 UTC.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Date {
    /// 0001-01-01.
    pub const MIN: Self = Self(-719_162);
    /// 9999-12-31.
    pub const MAX: Self = Self(2_932_896);

    /// The date of year (1 to 9999), month (1 to 12) and day; `None` if there is no such date.
    pub fn from_ymd(year: i32, month: u32, day: u32) -> Option<Self> {
        let exists = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=civil::days_in_month(year, month)).contains(&day);
        exists.then(|| Self(civil::days_from_civil(year, month, day)))
    }

    /// Year, month (1 to 12) and day of the month (1 to 31).
    pub fn ymd(self) -> (i32, u32, u32) {
        let (year, month, day) = civil::civil_from_days(i64::from(self.0));
        (
            i32::try_from(year).expect("2³¹ days are under six million years"),
            month,
            day,
        )
    }

    /// Midnight of this date; `None` outside the years 1 to 9999.
    pub fn midnight(self) -> Option<Datetime> {
        (Self::MIN..=Self::MAX)
            .contains(&self)
            .then(|| Datetime(i64::from(self.0) * DAY))
    }
}

impl Time {
    /// 23:59:59.999999.
    pub const MAX: Self = Self(DAY - 1);

    /// The time of hour (0 to 23), minute, second and microsecond; `None` if there is none such.
    pub fn from_hms(hour: u32, minute: u32, second: u32, microsecond: u32) -> Option<Self> {
        let exists = hour < 24 && minute < 60 && second < 60 && microsecond < 1_000_000;
        exists.then(|| {
            let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
            Self(seconds * SECOND + i64::from(microsecond))
        })
    }

    /// Hour, minute, second and microsecond. A count outside the day wraps around midnight.
    pub fn hms(self) -> (u32, u32, u32, u32) {
        let micros = self.0.rem_euclid(DAY);
        let part = |value: i64| u32::try_from(value).expect("parts of a day are small");
        let seconds = micros / SECOND;
        let (hour, minute) = (seconds / 3600, seconds / 60 % 60);
        (
            part(hour),
            part(minute),
            part(seconds % 60),
            part(micros % SECOND),
        )
    }
}

impl Datetime {
    /// 0001-01-01T00:00:00.
    pub const MIN: Self = Self(Date::MIN.0 as i64 * DAY);
    /// 9999-12-31T23:59:59.999999.
    pub const MAX: Self = Self(Date::MAX.0 as i64 * DAY + Time::MAX.0);

    /// The civil time made of these two; `None` outside the years 1 to 9999.
    pub fn from_parts(date: Date, time: Time) -> Option<Self> {
        let midnight = date.midnight()?;
        (0..DAY)
            .contains(&time.0)
            .then(|| Self(midnight.0 + time.0))
    }

    /// The count as a civil time; `None` outside the years 1 to 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0)
            .contains(&micros)
            .then_some(Self(micros))
    }

    /// The date of this civil time.
    pub fn date(self) -> Date {
        Date(i32::try_from(self.0.div_euclid(DAY)).expect("2⁶³ microseconds are 2²⁷ days"))
    }

    /// The time of day of this civil time.
    pub fn time(self) -> Time {
        Time(self.0.rem_euclid(DAY))
    }
}

impl Timestamp {
    /// 0001-01-01T00:00:00Z.
    pub const MIN: Self = Self(Datetime::MIN.0);
    /// 9999-12-31T23:59:59.999999Z.
    pub const MAX: Self = Self(Datetime::MAX.0);

    /// The count as an instant; `None` outside the years 1 to 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0)
            .contains(&micros)
            .then_some(Self(micros))
    }

    /// What a clock in UTC shows at this instant.
    pub fn to_datetime_utc(self) -> Datetime {
        Datetime(self.0)
    }
}

#[cfg(test)]
mod tests;
