//! Civil dates, as far as the generators need them: the next day, the weekday, `YYYY-MM-DD`.

use std::fmt;

/// A day of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Date {
    /// 1583 or later.
    year: u32,
    /// 1 to 12.
    month: u32,
    /// From 1.
    day: u32,
}

impl Date {
    /// The date of these numbers, which name a day that exists.
    pub(super) const fn new(year: u32, month: u32, day: u32) -> Self {
        Self { year, month, day }
    }

    /// The day after this one.
    pub(super) fn next(self) -> Self {
        let Self { year, month, day } = self;
        if day < self.days_in_month() {
            Self::new(year, month, day + 1)
        } else if month < 12 {
            Self::new(year, month + 1, 1)
        } else {
            Self::new(year + 1, 1, 1)
        }
    }

    /// 0 for Monday to 6 for Sunday, by Sakamoto's table of month offsets.
    pub(super) fn weekday(self) -> usize {
        const OFFSETS: [u32; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
        let year = if self.month < 3 { self.year - 1 } else { self.year };
        let since_sunday = year + year / 4 - year / 100 + year / 400 + OFFSETS[self.month() - 1] + self.day;
        (since_sunday as usize + 6) % 7
    }

    /// The month as `YYYY-MM`.
    pub(super) fn year_month(self) -> String {
        format!("{:04}-{:02}", self.year, self.month)
    }

    /// 1 for January to 12 for December.
    pub(super) fn month(self) -> usize {
        self.month as usize
    }

    fn days_in_month(self) -> u32 {
        match self.month {
            4 | 6 | 9 | 11 => 30,
            2 if self.year.is_multiple_of(4)
                && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400)) =>
            {
                29
            }
            2 => 28,
            _ => 31,
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::Date;

    #[test]
    fn four_hundred_years_have_their_leap_days_and_end_on_the_weekday_they_began_with() {
        let mut date = Date::new(1999, 12, 31);

        for days in 0..146_097 {
            assert_eq!(date.weekday(), (4 + days) % 7, "{date}");
            date = date.next();
        }

        assert_eq!(date, Date::new(2399, 12, 31));
    }

    #[test]
    fn a_date_is_written_with_leading_zeros() {
        let date = Date::new(2023, 2, 28).next();

        assert_eq!(date.to_string(), "2023-03-01");
    }
}
