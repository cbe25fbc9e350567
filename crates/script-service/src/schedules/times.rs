//! The times of a cron pattern in a time zone.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use service_kit::validation::{Fault, Faults};

/// When a schedule makes jobs.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    cron: Cron,
    zone: TimeZone,
}

impl Times {
    /// The times that `pattern` names in the zone `zone`. A pattern that never comes is refused.
    pub(crate) fn parse(pattern: &str, zone: &str) -> Result<Self, Faults> {
        let wrong = |member: &str, reason: String| Faults::from(Fault::at(format!("/{member}"), reason));
        let zone = TimeZone::get(zone).map_err(|_| {
            wrong(
                "time_zone",
                format!("`{zone}` is not a time zone; their names look like Europe/Paris or UTC"),
            )
        })?;
        let cron = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build()
            .parse(pattern)
            .map_err(|error| {
                wrong(
                    "cron",
                    format!(
                        "`{pattern}` is not minute, hour, day of month, month and day of week, such as \
                         `0 6 * * 1-5`: {error}"
                    ),
                )
            })?;
        let times = Self { cron, zone };
        if times.after(Timestamp::now()).is_none() {
            return Err(wrong("cron", format!("`{pattern}` never comes")));
        }
        Ok(times)
    }

    /// The first time after `instant`; `None` when there is none.
    pub(crate) fn after(&self, instant: Timestamp) -> Option<Zoned> {
        let start = instant.to_zoned(self.zone.clone());
        self.cron.find_next_occurrence(&start, false).ok()
    }

    /// The last time up to `instant`.
    pub(crate) fn up_to(&self, instant: Timestamp) -> Option<Zoned> {
        let start = instant.to_zoned(self.zone.clone());
        self.cron.find_previous_occurrence(&start, true).ok()
    }

    /// The next `count` times after `instant`, with their offsets.
    pub(crate) fn next(&self, instant: Timestamp, count: usize) -> Vec<String> {
        let mut at = instant;
        let mut found = Vec::new();
        while found.len() < count
            && let Some(next) = self.after(at)
        {
            at = next.timestamp();
            found.push(next.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(pattern: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let times = Times::parse(pattern, zone).unwrap();
        times.next(after.parse().unwrap(), count)
    }

    #[test]
    fn six_in_the_morning_stays_six_when_the_clocks_change() {
        assert_eq!(
            next("0 6 * * *", "Europe/Paris", "2024-03-29T12:00:00Z", 3),
            [
                "2024-03-30T06:00:00+01:00",
                "2024-03-31T06:00:00+02:00",
                "2024-04-01T06:00:00+02:00"
            ]
        );
    }

    #[test]
    fn a_time_that_the_clocks_leave_out_or_repeat_comes_once() {
        let spring = next("30 2 * * *", "Europe/Paris", "2024-03-30T12:00:00Z", 2);
        let autumn = next("30 2 * * *", "Europe/Paris", "2024-10-26T12:00:00Z", 2);

        assert!(
            spring[0].starts_with("2024-03-31") && spring[1].starts_with("2024-04-01"),
            "{spring:?}"
        );
        assert!(
            autumn[0].starts_with("2024-10-27") && autumn[1].starts_with("2024-10-28"),
            "{autumn:?}"
        );
    }

    #[test]
    fn what_is_no_time_is_refused_in_words() {
        for (pattern, zone, told) in [
            ("", "UTC", "cron"),
            ("61 * * * *", "UTC", "cron"),
            ("* * * * * *", "UTC", "cron"),
            ("0 0 31 2 *", "UTC", "never"),
            ("0 6 * * *", "Paris", "time zone"),
        ] {
            let error = Times::parse(pattern, zone).unwrap_err().to_string();
            assert!(error.contains(told), "{pattern} {zone}: {error}");
        }
    }
}
