//! The text forms of dates and times that literals, casts and documents may use.

use std::fmt;
use std::str::FromStr;

use jiff::tz::{Offset, TimeZone};

use super::{DAY, Date, Datetime, SECOND, Time, Timestamp};

/// The most characters of a bad text that an error repeats.
const TEXT_SHOWN_MAX: usize = 64;

/// A text that is not a value of the type asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot parse `{text}` as {target}: {reason}")]
pub struct ParseTemporalError {
    /// `date`, `time`, `datetime` or `timestamp`.
    pub target: &'static str,
    /// The text, shortened if it is long.
    pub text: String,
    /// What is wrong with it.
    pub reason: TemporalReason,
}

/// Why a text is not a date or time.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum TemporalReason {
    /// It does not look like one: the form that was expected.
    Form(&'static str),
    /// The parts are well formed but no such date or time exists, such as February 30.
    Range,
    /// The civil time does not exist or is outside the years 1 to 9999 in its time zone.
    Zone,
    /// Text is left after a whole value.
    Trailing,
    /// The text has no time zone where one is required.
    ZoneMissing,
}

impl fmt::Display for TemporalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(form) => write!(f, "expected `{form}`"),
            Self::Range => f.write_str("no such date or time"),
            Self::Zone => {
                f.write_str("the time does not exist in its time zone or is out of range")
            }
            Self::Trailing => f.write_str("unexpected text at the end"),
            Self::ZoneMissing => f.write_str("a time zone is missing"),
        }
    }
}

const DATE_FORM: TemporalReason = TemporalReason::Form("YYYY-MM-DD");
const TIME_FORM: TemporalReason = TemporalReason::Form("HH:MM:SS.ffffff");
const ZONE_FORM: TemporalReason = TemporalReason::Form("Z or +HH:MM");

impl Date {
    /// Reads `YYYY-M-D`; `/` may stand for `-`, months and days may have one digit.
    ///
    /// # Errors
    /// When the text has another form or names no date of the years 1 to 9999.
    pub fn parse(text: &str) -> Result<Self, ParseTemporalError> {
        whole(text, "date", |scanner| scanner.date())
    }
}

impl Time {
    /// Reads `H:M[:S[.f…]]`; digits after the sixth of the fraction are dropped, and the fraction
    /// may follow a colon too, as Kafka Connect writes it.
    ///
    /// # Errors
    /// When the text has another form or names no time of the day.
    pub fn parse(text: &str) -> Result<Self, ParseTemporalError> {
        whole(text, "time", |scanner| scanner.time())
    }
}

impl Datetime {
    /// Reads a date, alone or followed by a blank or `T` and a time. A zone is not accepted.
    ///
    /// # Errors
    /// When the text has another form or names no such date or time.
    pub fn parse(text: &str) -> Result<Self, ParseTemporalError> {
        whole(text, "datetime", |scanner| scanner.datetime())
    }
}

impl Timestamp {
    /// Reads a datetime with `Z`, `UTC` or an offset such as `+02:00`; UTC if it has no zone.
    ///
    /// # Errors
    /// When the text has another form or names no instant of the years 1 to 9999.
    pub fn parse(text: &str) -> Result<Self, ParseTemporalError> {
        Self::parse_in(text, &TimeZone::UTC)
    }

    /// Reads like [`parse`](Self::parse), with `zone` where the text names none.
    ///
    /// A civil time that a clock skips or repeats there is read with the offset before the change.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_in(text: &str, zone: &TimeZone) -> Result<Self, ParseTemporalError> {
        whole(text, "timestamp", |scanner| {
            let civil = scanner.datetime()?;
            let instant = match scanner.zone()? {
                Some(offset_seconds) => civil.at_offset(offset_seconds),
                None => civil.in_zone(zone),
            };
            instant.ok_or(TemporalReason::Zone)
        })
    }

    /// Reads like [`parse`](Self::parse), but the text must name its zone.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and when there is no zone.
    pub fn parse_zoned(text: &str) -> Result<Self, ParseTemporalError> {
        whole(text, "timestamp", |scanner| {
            let civil = scanner.datetime()?;
            let offset_seconds = scanner.zone()?.ok_or(TemporalReason::ZoneMissing)?;
            civil.at_offset(offset_seconds).ok_or(TemporalReason::Zone)
        })
    }
}

impl Datetime {
    /// The instant at which a clock that is `offset_seconds` ahead of UTC shows this.
    fn at_offset(self, offset_seconds: i64) -> Option<Timestamp> {
        Timestamp::from_micros(self.0.checked_sub(offset_seconds.checked_mul(SECOND)?)?)
    }

    /// The instant at which a clock in `zone` shows this; `None` if it is out of range.
    ///
    /// A civil time that the clock skips or repeats is read with the offset before the change.
    pub fn in_zone(self, zone: &TimeZone) -> Option<Timestamp> {
        if *zone == TimeZone::UTC {
            return Timestamp::from_micros(self.0);
        }
        let (year, month, day) = self.date().ymd();
        let (hour, minute, second, micros) = self.time().hms();
        let civil = jiff::civil::DateTime::new(
            i16::try_from(year).ok()?,
            i8::try_from(month).ok()?,
            i8::try_from(day).ok()?,
            i8::try_from(hour).ok()?,
            i8::try_from(minute).ok()?,
            i8::try_from(second).ok()?,
            i32::try_from(micros).ok()? * 1000,
        )
        .ok()?;
        let instant = zone.to_ambiguous_timestamp(civil).compatible().ok()?;
        Timestamp::from_micros(instant.as_microsecond())
    }
}

impl Timestamp {
    /// What a clock in `zone` shows at this instant; `None` outside the years 1 to 9999.
    pub fn to_datetime(self, zone: &TimeZone) -> Option<Datetime> {
        let instant = jiff::Timestamp::from_microsecond(self.0).ok()?;
        let offset: Offset = zone.to_offset(instant);
        Datetime::from_micros(self.0.checked_add(i64::from(offset.seconds()) * SECOND)?)
    }
}

macro_rules! from_str {
    ($($type:ty),*) => {
        $(impl FromStr for $type {
            type Err = ParseTemporalError;

            fn from_str(text: &str) -> Result<Self, ParseTemporalError> {
                Self::parse(text)
            }
        })*
    };
}

from_str!(Date, Time, Datetime, Timestamp);

/// Runs `read` over all of `text`.
fn whole<T>(
    text: &str,
    target: &'static str,
    read: impl FnOnce(&mut Scanner<'_>) -> Result<T, TemporalReason>,
) -> Result<T, ParseTemporalError> {
    let mut scanner = Scanner {
        rest: text.as_bytes(),
    };
    let result = read(&mut scanner).and_then(|value| match scanner.rest {
        [] => Ok(value),
        _ => Err(TemporalReason::Trailing),
    });
    result.map_err(|reason| ParseTemporalError {
        target,
        text: text.chars().take(TEXT_SHOWN_MAX).collect(),
        reason,
    })
}

/// Reads a text from its start.
struct Scanner<'a> {
    rest: &'a [u8],
}

impl Scanner<'_> {
    /// A date: four digits of the year, one or two of month and day.
    fn date(&mut self) -> Result<Date, TemporalReason> {
        let year = self.digits(4, 4).ok_or(DATE_FORM)?;
        let separator = if self.eat(b"/").is_some() { b"/" } else { b"-" };
        if separator == b"-" {
            self.eat(b"-").ok_or(DATE_FORM)?;
        }
        let month = self.digits(1, 2).ok_or(DATE_FORM)?;
        self.eat(separator).ok_or(DATE_FORM)?;
        let day = self.digits(1, 2).ok_or(DATE_FORM)?;
        let year = i32::try_from(year).map_err(|_| TemporalReason::Range)?;
        Date::from_ymd(year, month, day).ok_or(TemporalReason::Range)
    }

    /// A time: hours and minutes, then perhaps seconds and a fraction.
    fn time(&mut self) -> Result<Time, TemporalReason> {
        let hour = self.digits(1, 2).ok_or(TIME_FORM)?;
        self.eat(b":").ok_or(TIME_FORM)?;
        let minute = self.digits(1, 2).ok_or(TIME_FORM)?;
        let (mut second, mut micros) = (0, 0);
        if self.eat(b":").is_some() {
            second = self.digits(1, 2).ok_or(TIME_FORM)?;
            if self.eat(b".:,").is_some() {
                micros = self.fraction().ok_or(TIME_FORM)?;
            }
        }
        Time::from_hms(hour, minute, second, micros).ok_or(TemporalReason::Range)
    }

    /// A date, and a time after a blank or `T` if one of them follows.
    fn datetime(&mut self) -> Result<Datetime, TemporalReason> {
        let date = self.date()?;
        let time_follows = matches!(self.rest, [b' ' | b'T' | b't', b'0'..=b'9', ..]);
        let time = match time_follows {
            true => {
                self.rest = &self.rest[1..];
                self.time()?
            }
            false => Time(0),
        };
        Datetime::from_parts(date, time).ok_or(TemporalReason::Range)
    }

    /// `Z`, `UTC` or an offset, perhaps after a blank: seconds ahead of UTC; `None` at the end.
    fn zone(&mut self) -> Result<Option<i64>, TemporalReason> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.eat(b" ");
        if self.rest.eq_ignore_ascii_case(b"Z") || self.rest.eq_ignore_ascii_case(b"UTC") {
            self.rest = &[];
            return Ok(Some(0));
        }
        let sign = match self.eat(b"+-").ok_or(ZONE_FORM)? {
            b'-' => -1,
            _ => 1,
        };
        let hours = self.digits(2, 2).ok_or(ZONE_FORM)?;
        self.eat(b":");
        let minutes = if self.rest.is_empty() {
            0
        } else {
            self.digits(2, 2).ok_or(ZONE_FORM)?
        };
        let seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60;
        if minutes >= 60 || seconds * SECOND >= DAY {
            return Err(TemporalReason::Range);
        }
        Ok(Some(sign * seconds))
    }

    /// The next byte, if it is one of `any`.
    fn eat(&mut self, any: &[u8]) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        any.contains(first).then(|| {
            self.rest = rest;
            *first
        })
    }

    /// A number of `min` to `max` digits.
    fn digits(&mut self, min: usize, max: usize) -> Option<u32> {
        let count = self
            .rest
            .iter()
            .take(max)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count < min {
            return None;
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        Some(
            digits
                .iter()
                .fold(0, |number, digit| number * 10 + u32::from(digit - b'0')),
        )
    }

    /// Digits after the point as microseconds; those after the sixth are dropped.
    fn fraction(&mut self) -> Option<u32> {
        let count = self
            .rest
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (digits, rest) = self.rest.split_at(count);
        let padded = digits
            .iter()
            .copied()
            .chain(std::iter::repeat(b'0'))
            .take(6);
        self.rest = rest;
        (count > 0).then(|| padded.fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }
}
