//! Points in time as people and programs write them: RFC 3339, a date, or microseconds since the epoch.

use std::time::Duration;

use anyhow::Result;
use witness_core::{text::signed_decimal, time::Timestamp};

use crate::outcome::Failure;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// Microseconds since the epoch of `2026-03-01T09:00:00.5+01:00`, `2026-03-01` (its first instant in UTC)
/// or `1772355600500000`. More than six decimals of a second are cut off.
///
/// A number of 4 or 8 digits is refused: whoever writes 2026 or 20260301 means no instant of 1970.
pub(crate) fn micros(text: &str) -> Option<i64> {
    match signed_decimal(text) {
        Some(_) if matches!(text.len(), 4 | 8) => None,
        Some(micros) => Some(micros),
        None => rfc3339(text),
    }
}

/// A time that must not be before the epoch.
pub(crate) fn point(text: &str) -> Result<Timestamp> {
    let micros = micros(text).and_then(|micros| u64::try_from(micros).ok());
    micros.map(Timestamp::from_micros).ok_or_else(|| {
        let message =
            "expected a time as in 2026-03-01T09:00:00Z, or a date, or microseconds since 1970";
        Failure::cannot_tell(message).into()
    })
}

/// A span of time as in `10s`, `5m` or `500ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, &'static str> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let count = text.strip_suffix(unit).and_then(|digits| digits.parse::<u64>().ok());
    let millis = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let span = count.zip(millis).and_then(|(count, millis)| count.checked_mul(millis));
    let span = span.filter(|millis| *millis > 0).map(Duration::from_millis);
    span.ok_or("expected a span of time, as in 10s, 5m, 7d or 500ms")
}

/// RFC 3339 section 5.6; leap seconds, which no count of seconds since the epoch has, are refused.
fn rfc3339(text: &str) -> Option<i64> {
    let (date, rest) = match text.split_at_checked(10)? {
        (date, "") => (date, "T00:00:00Z"),
        both => both,
    };
    let days = days(date)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let [hour, minute, second] = fields(clock, b':')?;
    let in_range = hour < 24 && minute < 60 && second < 60;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => fraction(rest)?,
        None => (0, rest),
    };
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset(zone)?;
    in_range.then(|| seconds * MICROS_PER_SECOND + fraction)
}

/// Microseconds of the decimals of a second, and what follows them.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at_checked(length)?;
    let kept = digits.get(..digits.len().min(6))?;
    let scale = 10_i64.pow(6 - u32::try_from(kept.len()).ok()?);
    Some((number(kept)? * scale, rest))
}

/// Seconds that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    let (sign, clock) = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => return Some(0),
        ("+", clock) => (1, clock),
        ("-", clock) => (-1, clock),
        _ => return None,
    };
    let (hour, minute) =
        clock.split_once(':').filter(|(hour, minute)| hour.len() + minute.len() == 4)?;
    let (hour, minute) = (number(hour)?, number(minute)?);
    (hour < 24 && minute < 60).then_some(sign * (hour * 3600 + minute * 60))
}

/// Days since the epoch of `YYYY-MM-DD` (H. Hinnant, "chrono-compatible low-level date algorithms").
fn days(date: &str) -> Option<i64> {
    let (year, rest) = date.split_once('-').filter(|(year, _)| year.len() == 4)?;
    let (month, day) =
        rest.split_once('-').filter(|(month, day)| month.len() == 2 && day.len() == 2)?;
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month_days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=month_days).contains(&day) {
        return None;
    }
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Three two-digit numbers.
fn fields(text: &str, between: u8) -> Option<[i64; 3]> {
    let mut parts = text.split(char::from(between));
    let mut next = || parts.next().filter(|part| part.len() == 2).and_then(number);
    let fields = [next()?, next()?, next()?];
    parts.next().is_none().then_some(fields)
}

fn number(digits: &str) -> Option<i64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use witness_core::time::rfc3339 as shown;

    use super::*;

    #[test]
    fn times_are_read_as_they_are_shown() {
        for micros in [0, 1, -1, 1_772_355_600_500_000, -2_208_988_800_000_000, 951_782_400_000_000]
        {
            assert_eq!(rfc3339(&shown(micros)), Some(micros), "{}", shown(micros));
        }
    }

    #[test]
    fn zones_dates_and_decimals_are_understood() {
        let cases = [
            ("1970-01-02", 86_400_000_000),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1969-12-31T19:00:00-05:00", 0),
            ("1970-01-01 00:00:00.5Z", 500_000),
            ("1970-01-01T00:00:00.123456789Z", 123_456),
            ("1772355600500000", 1_772_355_600_500_000),
            ("-1", -1),
            ("2000-02-29", 951_782_400_000_000),
        ];
        for (text, expected) in cases {
            assert_eq!(micros(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn spans_have_a_unit() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["", "10", "s", "0s", "-1s", "1w", "99999999999999999999s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let cases = [
            "",
            "yesterday",
            "2026",
            "20260301",
            "2026-13-01",
            "2026-02-29",
            "1900-02-29",
            "2026-04-31",
            "2026-1-1",
            "2026-01-01T00:00:00",
            "2026-01-01T24:00:00Z",
            "2016-12-31T23:59:60Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+1:00",
            "2026-01-01T00:00Z",
            "+5",
            "1.5",
            "2026-01-01T00:00:00ZZ",
            "２０２６-01-01",
        ];
        for text in cases {
            assert_eq!(micros(text), None, "{text}");
        }
    }
}
