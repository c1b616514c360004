use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;

#[test]
fn epoch_and_limits_are_where_the_calendar_says() {
    assert_eq!(Date::from_ymd(1970, 1, 1), Some(Date(0)));
    assert_eq!(Date::from_ymd(1, 1, 1), Some(Date::MIN));
    assert_eq!(Date::from_ymd(9999, 12, 31), Some(Date::MAX));
    assert_eq!(
        Date::from_ymd(2000, 2, 29).map(Date::ymd),
        Some((2000, 2, 29))
    );
    assert_eq!(Date::from_ymd(1900, 2, 29), None);
    assert_eq!(Date::from_ymd(0, 1, 1), None);
    assert_eq!(Datetime::MAX.to_string(), "9999-12-31T23:59:59.999999");
    assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00.000000Z");
}

#[test]
fn every_date_of_9999_years_survives() {
    for days in Date::MIN.0..=Date::MAX.0 {
        let (year, month, day) = Date(days).ymd();
        assert_eq!(Date::from_ymd(year, month, day), Some(Date(days)));
    }
}

#[test]
fn extreme_counts_print_without_panic() {
    for text in [
        Date(i32::MAX).to_string(),
        Date(i32::MIN).to_string(),
        Time(i64::MIN).to_string(),
        Datetime(i64::MAX).to_string(),
        Timestamp(i64::MIN).to_string(),
    ] {
        assert!(!text.is_empty());
    }
}

#[test]
fn dates_have_dashes_or_slashes() {
    let expected = Date::from_ymd(2022, 6, 21).unwrap();
    for text in ["2022-06-21", "2022-6-21", "2022/06/21"] {
        assert_eq!(Date::parse(text), Ok(expected), "{text}");
    }
    for text in [
        "2022-06/21",
        "22-06-21",
        "2022-06",
        "2022-06-21 ",
        "",
        "2022-06-211",
    ] {
        assert!(Date::parse(text).is_err(), "{text}");
    }
}

#[test]
fn times_may_lack_seconds_and_carry_long_fractions() {
    let time = |h, m, s, micros| Time::from_hms(h, m, s, micros).unwrap();
    assert_eq!(Time::parse("16:00"), Ok(time(16, 0, 0, 0)));
    assert_eq!(Time::parse("5:0:7"), Ok(time(5, 0, 7, 0)));
    assert_eq!(
        Time::parse("23:59:59.1234567"),
        Ok(time(23, 59, 59, 123_456))
    );
    assert_eq!(Time::parse("12:34:56:000123"), Ok(time(12, 34, 56, 123)));
    assert_eq!(time(12, 34, 56, 120_000).to_string(), "12:34:56.12");
    for text in ["24:00", "12:60", "12:00:60", "12", "12:00:00.", "-1:00"] {
        assert!(Time::parse(text).is_err(), "{text}");
    }
}

#[test]
fn datetimes_take_a_blank_or_a_t_and_no_zone() {
    let noon = Datetime::parse("2022-06-20T12:00").unwrap();
    assert_eq!(noon.to_string(), "2022-06-20T12:00:00");
    assert_eq!(Datetime::parse("2022-6-20 12:00:00"), Ok(noon));
    assert_eq!(Datetime::parse("2022-06-20").unwrap().time(), Time(0));
    assert!(Datetime::parse("2022-06-20T12:00Z").is_err());
    assert!(Datetime::parse("2022-06-20T").is_err());
}

#[test]
fn timestamps_apply_their_offset() {
    let expected = Timestamp::parse("2020-01-01T10:30:00Z").unwrap();
    assert_eq!(expected.to_string(), "2020-01-01T10:30:00.000000Z");
    for text in [
        "2020-01-01 10:30",
        "2020-01-01T12:30:00+02:00",
        "2020-01-01T12:30:00 +0200",
        "2020-01-01T05:30:00-05",
        "2020-01-01 10:30:00 UTC",
        "2020-01-01t10:30:00.000z",
    ] {
        assert_eq!(Timestamp::parse(text), Ok(expected), "{text}");
    }
    for text in [
        "2020-01-01T10:30:00+25:00",
        "2020-01-01T10:30:00+0",
        "0001-01-01T00:00+01:00",
    ] {
        assert!(Timestamp::parse(text).is_err(), "{text}");
    }
    assert!(Timestamp::parse_zoned("2020-01-01T10:30:00").is_err());
    assert_eq!(Timestamp::parse_zoned("2020-01-01T10:30:00Z"), Ok(expected));
}

#[test]
fn named_zones_follow_daylight_saving() {
    let zone = TimeZone::get("America/New_York").unwrap();
    let winter = Timestamp::parse_in("2021-01-01T00:00:00", &zone).unwrap();
    assert_eq!(winter.to_string(), "2021-01-01T05:00:00.000000Z");
    let summer = Timestamp::parse_in("2021-07-01T00:00:00", &zone).unwrap();
    assert_eq!(summer.to_string(), "2021-07-01T04:00:00.000000Z");
    assert_eq!(
        summer.to_datetime(&zone),
        Datetime::parse("2021-07-01").ok()
    );
}

#[test]
fn errors_name_text_type_and_reason() {
    let error = |result: Result<Date, ParseTemporalError>| result.unwrap_err().to_string();
    assert_eq!(
        error(Date::parse("2020-02-30")),
        "cannot parse `2020-02-30` as date: no such date or time"
    );
    assert_eq!(
        error(Date::parse("soon")),
        "cannot parse `soon` as date: expected `YYYY-MM-DD`"
    );
}

proptest! {
    #[test]
    fn text_round_trip(micros in Datetime::MIN.0..=Datetime::MAX.0) {
        let civil = Datetime(micros);
        prop_assert_eq!(Datetime::parse(&civil.to_string()), Ok(civil));
        prop_assert_eq!(Date::parse(&civil.date().to_string()), Ok(civil.date()));
        prop_assert_eq!(Time::parse(&civil.time().to_string()), Ok(civil.time()));
        let instant = Timestamp(micros);
        prop_assert_eq!(Timestamp::parse(&instant.to_string()), Ok(instant));
    }

    #[test]
    fn calendar_agrees_with_jiff(days in Date::MIN.0..=Date::MAX.0) {
        let (year, month, day) = Date(days).ymd();
        let epoch = jiff::civil::date(1970, 1, 1);
        let oracle = epoch.checked_add(jiff::Span::new().days(days)).unwrap();
        let oracle = (i32::from(oracle.year()), oracle.month() as u32, oracle.day() as u32);
        prop_assert_eq!((year, month, day), oracle);
    }

    #[test]
    fn any_text_parses_or_fails_cleanly(text in "[0-9TZ:. /+-]{0,30}") {
        let _ = (Date::parse(&text), Time::parse(&text), Datetime::parse(&text));
        let _ = Timestamp::parse(&text);
    }
}
