//! How many sales each day has: a weekly and a yearly pattern, growth, and some noise.

use crate::generate::calendar::Date;
use crate::generate::prng::SplitMix64;

/// The first day, and the first one after the three years.
const SPAN: [Date; 2] = [Date::new(2021, 1, 1), Date::new(2024, 1, 1)];

/// Monday to Sunday, in percent of a plain day.
const WEEKDAY_PERCENT: [i64; 7] = [85, 90, 95, 95, 110, 135, 90];

/// January to December, in percent of a plain month.
const MONTH_PERCENT: [i64; 12] = [90, 85, 95, 95, 100, 105, 95, 80, 100, 100, 120, 135];

/// How much a day differs from its pattern, in percent either way.
const NOISE_PERCENT: i64 = 10;

/// How much larger each day is than the one before, in millionths; about six percent a year.
const DAILY_GROWTH_PPM: i64 = 160;

/// The days of three years with their weights.
pub(super) struct Season {
    /// Each day and the sum of the weights up to it, itself included.
    days: Vec<(Date, u128)>,
}

impl Season {
    /// Draws the noise of the days, one number for each.
    pub(super) fn new(rng: &mut SplitMix64) -> Self {
        let mut days = Vec::new();
        let mut date = SPAN[0];
        let mut growth_ppm = 1_000_000;
        let mut through = 0;
        while date < SPAN[1] {
            let noise_percent = rng.between(100 - NOISE_PERCENT, 100 + NOISE_PERCENT);
            let pattern = WEEKDAY_PERCENT[date.weekday()] * MONTH_PERCENT[date.month() - 1] * noise_percent;
            through += u128::from((pattern * growth_ppm).unsigned_abs());
            days.push((date, through));
            date = date.next();
            growth_ppm += DAILY_GROWTH_PPM;
        }
        Self { days }
    }

    /// Each day with the number of sales up to its end, when `rows` sales are spread over all of them.
    pub(super) fn days(&self, rows: u64) -> impl Iterator<Item = (Date, u64)> {
        let total = self.days.last().map_or(1, |(_, through)| *through);
        self.days.iter().map(move |(date, through)| {
            let sales = u128::from(rows) * through / total;
            (*date, u64::try_from(sales).unwrap_or(rows))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Season;
    use crate::generate::prng::SplitMix64;

    #[test]
    fn the_rows_of_all_days_are_the_rows_asked_for() {
        let season = Season::new(&mut SplitMix64::new(1));

        for rows in [0, 1, 1_094, 1_000_000, u64::MAX] {
            let through: Vec<u64> = season.days(rows).map(|(_, through)| through).collect();

            assert_eq!(through.len(), 3 * 365);
            assert!(through.is_sorted());
            assert_eq!(through.last(), Some(&rows));
        }
    }
}
