//! French public holidays, computed.
//!
//! The eleven of article L3133-1 of the Code du travail; the two more of Alsace and Moselle are not among them.

use std::collections::HashMap;

use augurs::prophet::{Holiday, HolidayOccurrence};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};

use super::seconds;

/// A calendar of public holidays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HolidayCalendar {
    /// France.
    #[serde(rename = "fr")]
    France,
}

impl HolidayCalendar {
    /// All holidays of the years `from..=to`, by name, as `augurs` wants them.
    pub(super) fn occurrences(self, from: i16, to: i16) -> HashMap<String, Holiday> {
        let Self::France = self;
        let mut days: HashMap<String, Vec<HolidayOccurrence>> = HashMap::new();
        for (name, day) in (from..=to).flat_map(french_holidays) {
            days.entry(name.into())
                .or_default()
                .push(HolidayOccurrence::for_day(seconds(day)));
        }
        days.into_iter()
            .map(|(name, days)| (name, Holiday::new(days)))
            .collect()
    }
}

/// The eleven French public holidays of `year` (within 1 to 9999) with their names, in the order of the year.
#[must_use]
pub fn french_holidays(year: i16) -> [(&'static str, Date); 11] {
    let easter = easter(year);
    let after = |days: i64| easter.saturating_add(days.days());
    let mut holidays = [
        ("Jour de l'an", date(year, 1, 1)),
        ("Lundi de Pâques", after(1)),
        ("Fête du Travail", date(year, 5, 1)),
        ("Victoire 1945", date(year, 5, 8)),
        ("Ascension", after(39)),
        ("Lundi de Pentecôte", after(50)),
        ("Fête nationale", date(year, 7, 14)),
        ("Assomption", date(year, 8, 15)),
        ("Toussaint", date(year, 11, 1)),
        ("Armistice 1918", date(year, 11, 11)),
        ("Noël", date(year, 12, 25)),
    ];
    holidays.sort_by_key(|(_, day)| *day);
    holidays
}

/// Easter Sunday of `year` in the Gregorian calendar, by the anonymous algorithm as given by Meeus,
/// "Astronomical Algorithms", 2nd edition, chapter 8.
#[must_use]
pub fn easter(year: i16) -> Date {
    let year_number = i32::from(year);
    let (golden, century, in_century) = (year_number % 19, year_number / 100, year_number % 100);
    let moon_shift = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - moon_shift + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (in_century / 4) - epact - in_century % 4) % 7;
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let from_march = epact + weekday - 7 * late + 21;
    date(year, 3, 1).saturating_add(from_march.days())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_falls_where_the_almanac_says() {
        let known = [
            (1818, 3, 22),
            (1943, 4, 25),
            (2000, 4, 23),
            (2023, 4, 9),
            (2024, 3, 31),
            (2038, 4, 25),
        ];

        for (year, month, day) in known {
            assert_eq!(easter(year), date(year, month, day));
        }
    }

    #[test]
    fn the_movable_holidays_of_2024_follow_easter() {
        let holidays = french_holidays(2024);

        assert!(holidays.contains(&("Lundi de Pâques", date(2024, 4, 1))));
        assert!(holidays.contains(&("Ascension", date(2024, 5, 9))));
        assert!(holidays.contains(&("Lundi de Pentecôte", date(2024, 5, 20))));
        assert!(holidays.is_sorted_by_key(|(_, day)| *day));
    }
}
