//! Times as Docker's clients send them, in `since` and `until`: seconds since 1970 with up to nine digits of a fraction,
//! RFC 3339 with as much of it as a person cares to write, or a duration before now (`1h30m`).

use super::error::DockerError;
use time::{
    Date, Duration, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset, format_description::well_known::Rfc3339,
};

/// Reads a time; none when there is no text, or when it is zero, which is no bound.
pub(super) fn parse(text: Option<&str>, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, DockerError> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty() && *text != "0") else { return Ok(None) };
    let found = seconds(text)
        .or_else(|| calendar(text))
        .or_else(|| duration(text).and_then(|duration| now.checked_sub(duration)))
        .filter(|time| (1970..=2261).contains(&time.year()));
    let refusal = || {
        DockerError::BadRequest(format!(
            "invalid time {text:?}; write seconds since 1970 (1700000000.5), RFC 3339 (2023-11-14T22:13:20Z) or how long \
             ago (1h30m)"
        ))
    };
    found.map(Some).ok_or_else(refusal)
}

/// A time as Docker puts it before a line of a log: UTC with nine digits of a fraction.
pub(super) fn nanoseconds(time: OffsetDateTime) -> String {
    let time = time.to_offset(UtcOffset::UTC);
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second, nanosecond) = time.to_hms_nano();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanosecond:09}Z", u8::from(month))
}

/// An `until` that must be there, UTC milliseconds.
pub(super) fn until_ms(text: &str) -> Result<i64, DockerError> {
    let time = parse(Some(text), OffsetDateTime::now_utc())?.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    Ok(i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX))
}

/// `1700000000` or `1700000000.123456789`. Not by way of a float, which is exact to some hundred nanoseconds only.
fn seconds(text: &str) -> Option<OffsetDateTime> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let nanoseconds: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let time = OffsetDateTime::from_unix_timestamp(whole.parse().ok()?).ok()?;
    time.checked_add(Duration::nanoseconds(nanoseconds))
}

/// RFC 3339, or a beginning of it: without zone (UTC), without seconds, a date alone.
fn calendar(text: &str) -> Option<OffsetDateTime> {
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(time);
    }
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, clock) = text.split_once('T').unwrap_or((text, "00:00:00"));
    let mut numbers = date.splitn(3, '-').map(|number| number.parse::<u16>().ok());
    let (year, month, day) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    let date = Date::from_calendar_date(i32::from(year), month.try_into().ok()?, day).ok()?;
    let mut numbers = clock.splitn(3, ':');
    let mut next = || numbers.next().unwrap_or("0");
    let (hour, minute, second) = (next().parse().ok()?, next().parse().ok()?, next());
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let nanosecond: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let time = Time::from_hms_nano(hour, minute, second.parse().ok()?, nanosecond).ok()?;
    Some(PrimitiveDateTime::new(date, time).assume_utc())
}

/// `1h30m`, `10s`, `1.5h`, `250ms`: numbers with units, as Go writes them (pkg.go.dev/time#ParseDuration).
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, after) = rest.split_at(number_end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let unit_seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        let number: f64 = number.parse().ok()?;
        sum = sum.checked_add(Duration::checked_seconds_f64(number * unit_seconds)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_in_three_forms() {
        let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
        for (text, nanoseconds) in [
            ("1700000000", 1_700_000_000_000_000_000),
            ("1700000000.5", 1_700_000_000_500_000_000),
            ("1700000000.123456789", 1_700_000_000_123_456_789),
            ("2023-11-14T22:13:20Z", 1_700_000_000_000_000_000),
            ("2023-11-14T23:13:20.25+01:00", 1_700_000_000_250_000_000),
            ("2023-11-14T22:13:20", 1_700_000_000_000_000_000),
            ("2023-11-14T22:13", 1_699_999_980_000_000_000),
            ("2023-11-14", 1_699_920_000_000_000_000),
            ("1h30m", 1_699_994_600_000_000_000),
            ("1.5s", 1_699_999_998_500_000_000),
            ("250ms", 1_699_999_999_750_000_000),
        ] {
            let time = parse(Some(text), now).unwrap().expect("a time");
            assert_eq!(time.unix_timestamp_nanos(), nanoseconds, "{text}");
        }
        assert!(matches!(parse(None, now), Ok(None)));
        assert!(matches!(parse(Some("0"), now), Ok(None)));
        for bad in ["yesterday", "1h30", "-5", "12x", "1e9", "2023-13-01", "99999999999999999999", "9999999h"] {
            assert!(parse(Some(bad), now).is_err(), "{bad} was taken");
        }
    }
}
