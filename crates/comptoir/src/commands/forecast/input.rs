//! A series in a file: CSV with the columns `date` and `value`.
//!
//! Prophet's names `ds` and `y` do as well, and semicolons do for commas. A day that is not there, or that has
//! no value, is a gap.

use ::forecast::Series;
use anyhow::{Context as _, anyhow, bail};
use jiff::civil::Date;
use std::io::Read as _;
use std::path::Path;

/// The days of the file at `path` (`-` is standard input) within `from` and `to`.
pub(super) fn read(path: &Path, from: Option<Date>, to: Option<Date>) -> anyhow::Result<Series> {
    let text = if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.with_context(|| format!("read {}", path.display()))?;
    let days = parse(&text).with_context(|| format!("read {}", path.display()))?;
    let within = |day: &Date| from.is_none_or(|from| from <= *day) && to.is_none_or(|to| *day <= to);
    let days = days.into_iter().filter(|(day, _)| within(day));
    Series::from_daily(days).with_context(|| format!("read {}", path.display()))
}

fn parse(text: &str) -> anyhow::Result<Vec<(Date, Option<f64>)>> {
    let text = text.trim_start_matches('\u{feff}');
    let head = text.lines().next().unwrap_or_default();
    let delimiter = if head.contains(';') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let heads = reader.headers()?.clone();
    let column = |names: [&str; 2]| {
        let [name, other] = names;
        heads
            .iter()
            .position(|head| names.iter().any(|name| head.eq_ignore_ascii_case(name)))
            .ok_or_else(|| anyhow!("there is no column `{name}` (nor `{other}`): the first line is `{head}`"))
    };
    let (date, value) = (column(["date", "ds"])?, column(["value", "y"])?);
    let mut days = Vec::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let text = &record[date];
        // A time of day behind the date is not looked at.
        let day = text.get(..10).unwrap_or(text);
        let day: Date = day
            .parse()
            .map_err(|_| anyhow!("line {line}: `{text}` is no day such as 2023-11-30"))?;
        days.push((
            day,
            number(&record[value]).with_context(|| format!("line {line}"))?,
        ));
    }
    if days.is_empty() {
        bail!("there are no days in it");
    }
    Ok(days)
}

/// The number that `text` is; none when it is empty.
fn number(text: &str) -> anyhow::Result<Option<f64>> {
    if text.is_empty() || text.eq_ignore_ascii_case("nan") {
        return Ok(None);
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Some(number)),
        _ => bail!("`{text}` is no number such as 1234.56"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn commas_and_semicolons_and_the_names_of_prophet_are_read() {
        let expected = [(date(2023, 11, 1), Some(1.5)), (date(2023, 11, 2), None)];

        assert_eq!(
            parse("date,value\n2023-11-01,1.5\n2023-11-02,\n").unwrap(),
            expected
        );
        assert_eq!(
            parse("\u{feff}y;ds\r\n1.5;2023-11-01T00:00:00\r\nNaN;2023-11-02\r\n").unwrap(),
            expected
        );
    }

    #[test]
    fn a_fault_is_told_with_its_line() {
        let fault = |text: &str| format!("{:#}", parse(text).unwrap_err());

        assert!(fault("day,amount\n").contains("no column `date`"));
        assert_eq!(
            fault("date,value\n2023-11-01,1\nx,2\n"),
            "line 3: `x` is no day such as 2023-11-30"
        );
        assert_eq!(
            fault("date,value\n2023-11-01,1 234\n"),
            "line 2: `1 234` is no number such as 1234.56"
        );
        assert_eq!(fault("date,value\n"), "there are no days in it");
    }
}
