//! Points in time, as microseconds since the epoch, and how they are shown to people.

use alloc::{format, string::String};
use core::fmt;

/// A time of ours: microseconds since 1970-01-01T00:00:00Z, below 2^63.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The epoch.
    pub const EPOCH: Self = Self(0);

    /// A time from microseconds; beyond 2^63 - 1 it is cut, some 292,000 years from now.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(if micros > u64::MAX >> 1 { u64::MAX >> 1 } else { micros })
    }

    /// A time from whole seconds that somebody else wrote, if it is one of ours: below 2^63 microseconds.
    #[must_use]
    pub fn read_seconds(seconds: u64) -> Option<Self> {
        let micros = seconds.checked_mul(1_000_000)?;
        i64::try_from(micros).is_ok().then_some(Self(micros))
    }

    /// A time from whole seconds; beyond 2^63 - 1 microseconds it is cut.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self::from_micros(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The same point as a signed number, to compare it with an issuer's word.
    #[must_use]
    pub fn signed_micros(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }

    /// Parses a decimal of microseconds.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        crate::text::decimal(text).map(Self)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&rfc3339(self.signed_micros()))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Microseconds since the epoch as RFC 3339 in UTC, with as many decimals as are not zero.
#[must_use]
pub fn rfc3339(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let decimals = match fraction {
        0 => String::new(),
        _ => format!(".{fraction:06}"),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{decimals}Z")
}

/// Year, month and day of a day counted from the epoch, in the proleptic Gregorian calendar
/// (H. Hinnant, "chrono-compatible low-level date algorithms").
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_that_microseconds_cannot_show_are_no_time() {
        let most = (u64::MAX >> 1) / 1_000_000;
        assert_eq!(Timestamp::read_seconds(most).map(Timestamp::seconds), Some(most));
        for seconds in [most + 1, u64::MAX / 1_000_000 + 1, u64::MAX] {
            assert_eq!(Timestamp::read_seconds(seconds), None, "{seconds}");
        }
    }

    #[test]
    fn times_are_shown_as_rfc_3339() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400_000_000), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_773_584_527_000_000), "2026-03-15T14:22:07Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59.999999Z");
        assert_eq!(rfc3339(-2_208_988_800_000_000), "1900-01-01T00:00:00Z");
    }
}
