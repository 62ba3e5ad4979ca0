//! Calendar dates: `YYYY-MM-DD` of the Gregorian calendar (ISO 8601-1:2019 section 5.2.2.1), years
//! 1900 to 9999.

const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;
const YEAR_MIN: i64 = 1900;

/// A day that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Date {
    /// Parses the one text of a date, or nothing.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return None };
        let date = Self {
            year: number(&[*y1, *y2, *y3, *y4])?,
            month: number(&[*m1, *m2])?,
            day: number(&[*d1, *d2])?,
        };
        let exists = date.year >= YEAR_MIN && (1..=date.days_in_month()).contains(&date.day);
        exists.then_some(date)
    }

    /// The first microsecond since the epoch that is after this day, by UTC.
    pub(super) fn end(self) -> i64 {
        (self.days_since_epoch() + 1) * MICROSECONDS_PER_DAY
    }

    /// None for a month that does not exist, so that no day lies in it.
    fn days_in_month(self) -> i64 {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        match self.month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 0,
        }
    }

    /// The algorithm is `days_from_civil` of Howard Hinnant's "chrono-Compatible Low-Level Date
    /// Algorithms": years begin in March, so that the leap day is the last one. All years here are
    /// positive.
    fn days_since_epoch(self) -> i64 {
        let (year, month) = if self.month <= 2 {
            (self.year - 1, self.month + 9)
        } else {
            (self.year, self.month - 3)
        };
        let day_of_year = (153 * month + 2) / 5 + self.day - 1;
        let leap_days = year / 4 - year / 100 + year / 400;
        year * 365 + leap_days + day_of_year - 719_468
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn each_day_from_1900_to_2400_is_the_one_after_the_day_before() {
        // 1900-01-01 is 25,567 days before the epoch: 70 years with 17 leap days.
        let mut end = -25_567 * MICROSECONDS_PER_DAY;
        let mut days = 0;
        for year in 1900..=2400 {
            for month in 0..=13 {
                for day in 0..=32 {
                    let Some(date) = Date::parse(&format!("{year:04}-{month:02}-{day:02}")) else {
                        continue;
                    };
                    end += MICROSECONDS_PER_DAY;
                    assert_eq!(date.end(), end, "{date:?}");
                    days += 1;
                }
            }
        }
        assert_eq!(days, 501 * 365 + 122);
    }

    #[test]
    fn known_days_end_when_the_next_begins() {
        assert_eq!(Date::parse("1970-01-01").unwrap().end(), 86_400_000_000);
        assert_eq!(Date::parse("2026-01-03").unwrap().end(), 1_767_484_800_000_000);
        assert_eq!(Date::parse("9999-12-31").unwrap().end(), 253_402_300_800_000_000);
    }

    #[test]
    fn what_is_no_calendar_date_is_refused() {
        for text in [
            "",
            "2026-1-03",
            "2026-01-3",
            "20260103",
            "2026/01/03",
            "2026-01-03 ",
            "2026-02-29",
            "1900-02-29",
            "2100-02-29",
            "2026-04-31",
            "2026-13-01",
            "2026-00-10",
            "2026-10-00",
            "1899-12-31",
            "0000-01-01",
            "10000-01-01",
            "2026-01-0a",
            "-026-01-03",
            "+026-01-03",
            "2026-01-03T",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
        assert!(Date::parse("2024-02-29").is_some());
        assert!(Date::parse("2000-02-29").is_some());
    }
}
