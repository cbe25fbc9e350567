//! Which sales a page is about. The query string is the whole state: a link shows the same to everyone.

use jiff::civil::Date;
use std::collections::BTreeMap;
use url::form_urlencoded::Serializer;

/// A query string taken apart.
pub(crate) type Query = BTreeMap<String, String>;

/// The sales that a page is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filters {
    /// Which days.
    pub(crate) period: Period,
    /// Only this region.
    pub(crate) region: Option<String>,
    /// Only this product, by id.
    pub(crate) product: Option<i64>,
}

/// Which days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Period {
    /// A preset.
    Preset(Preset),
    /// From and to, both included; an end that is left open is that of the data.
    Days(Option<Date>, Option<Date>),
}

/// A period that ends on the latest sale, or holds it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Preset {
    /// 7 days.
    Days7,
    /// 30 days.
    #[default]
    Days30,
    /// 90 days.
    Days90,
    /// The calendar month.
    Month,
    /// The calendar year.
    Year,
    /// All the data.
    All,
}

impl Preset {
    /// All of them, shortest first.
    pub(crate) const ALL: [Self; 6] = [
        Self::Days7,
        Self::Days30,
        Self::Days90,
        Self::Month,
        Self::Year,
        Self::All,
    ];

    /// Its name in a query string.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Days7 => "7d",
            Self::Days30 => "30d",
            Self::Days90 => "90d",
            Self::Month => "month",
            Self::Year => "year",
            Self::All => "all",
        }
    }
}

impl Filters {
    /// What `query` asks for. `Err` is what makes no sense in it.
    pub(crate) fn parse(query: &Query) -> Result<Self, String> {
        let given = |name: &str| {
            query
                .get(name)
                .map(|value| value.trim())
                .filter(|value| !value.is_empty())
        };
        let day = |name: &str| {
            given(name)
                .map(|text| text.parse::<Date>().map_err(|_| format!("{name}: {text}")))
                .transpose()
        };
        let (from, to) = (day("from")?, day("to")?);
        let period = if from.is_some() || to.is_some() {
            if from.zip(to).is_some_and(|(from, to)| from > to) {
                return Err(format!("from > to: {} > {}", query["from"], query["to"]));
            }
            Period::Days(from, to)
        } else {
            match given("period") {
                None => Period::Preset(Preset::default()),
                Some(name) => Preset::ALL
                    .into_iter()
                    .find(|preset| preset.name() == name)
                    .map(Period::Preset)
                    .ok_or_else(|| format!("period: {name}"))?,
            }
        };
        Ok(Self {
            period,
            region: given("region").map(str::to_owned),
            product: given("product")
                .map(|text| text.parse().map_err(|_| format!("product: {text}")))
                .transpose()?,
        })
    }

    /// The query string, empty for what is shown without one, with `?` otherwise.
    pub(crate) fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        match self.period {
            Period::Preset(Preset::Days30) => {}
            Period::Preset(preset) => {
                query.append_pair("period", preset.name());
            }
            Period::Days(from, to) => {
                for (name, day) in [("from", from), ("to", to)] {
                    if let Some(day) = day {
                        query.append_pair(name, &day.to_string());
                    }
                }
            }
        }
        if let Some(region) = &self.region {
            query.append_pair("region", region);
        }
        if let Some(product) = self.product {
            query.append_pair("product", &product.to_string());
        }
        let query = query.finish();
        if query.is_empty() {
            query
        } else {
            format!("?{query}")
        }
    }

    /// The same with another period.
    pub(crate) fn with_period(&self, preset: Preset) -> Self {
        Self {
            period: Period::Preset(preset),
            ..self.clone()
        }
    }

    /// The same for `region` only, or for all when it is that already.
    pub(crate) fn toggle_region(&self, region: &str) -> Self {
        let same = self.region.as_deref() == Some(region);
        Self {
            region: (!same).then(|| region.to_owned()),
            ..self.clone()
        }
    }

    /// The same for `product` only, or for all when it is that already.
    pub(crate) fn toggle_product(&self, product: i64) -> Self {
        Self {
            product: (self.product != Some(product)).then_some(product),
            ..self.clone()
        }
    }

    /// What script-service is asked: the days. `latest` is the day of the latest sale.
    pub(crate) fn window(&self, latest: Option<Date>) -> Vec<(&'static str, String)> {
        match self.period {
            Period::Preset(preset) => {
                let period = match preset {
                    Preset::Days7 => "last_7_days".to_owned(),
                    Preset::Days30 => "last_30_days".to_owned(),
                    Preset::Days90 => "last_90_days".to_owned(),
                    Preset::Month => "month".to_owned(),
                    Preset::Year => latest.map_or_else(|| "all".to_owned(), |day| day.year().to_string()),
                    Preset::All => "all".to_owned(),
                };
                vec![("period", period)]
            }
            Period::Days(from, to) => [("from", from), ("to", to)]
                .into_iter()
                .filter_map(|(name, day)| Some((name, day?.to_string())))
                .collect(),
        }
    }

    /// Whether nothing is filtered.
    pub(crate) fn is_default(&self) -> bool {
        self.query().is_empty()
    }
}

/// How to ask for the days `from` to `to` so that they are compared with what precedes them naturally: a
/// whole month with the month before.
pub(crate) fn natural_window(from: Date, to: Date) -> Vec<(&'static str, String)> {
    if from == from.first_of_month() && to == from.last_of_month() {
        vec![("period", from.strftime("%Y-%m").to_string())]
    } else {
        vec![("from", from.to_string()), ("to", to.to_string())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn query(text: &str) -> Query {
        url::form_urlencoded::parse(text.as_bytes())
            .into_owned()
            .collect()
    }

    #[test]
    fn a_query_string_comes_back_as_it_was() {
        for text in [
            "",
            "?period=7d",
            "?from=2023-11-01&to=2023-11-15&region=%C3%8Ele-de-France&product=3",
            "?from=2023-11-01",
            "?period=all&product=1",
        ] {
            let filters = Filters::parse(&query(text.trim_start_matches('?'))).unwrap();
            assert_eq!(filters.query(), text);
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (text, what) in [
            ("from=yesterday", "from: yesterday"),
            (
                "from=2023-11-02&to=2023-11-01",
                "from > to: 2023-11-02 > 2023-11-01",
            ),
            ("period=fortnight", "period: fortnight"),
            ("product=abc", "product: abc"),
        ] {
            assert_eq!(Filters::parse(&query(text)), Err(what.to_owned()));
        }
    }

    #[test]
    fn empty_fields_of_a_form_filter_nothing() {
        let filters = Filters::parse(&query("from=&to=&region=&product=")).unwrap();

        assert!(filters.is_default());
    }

    #[test]
    fn choosing_a_region_again_shows_all() {
        let all = Filters::parse(&Query::new()).unwrap();
        let one = all.toggle_region("Corse");

        assert_eq!(one.query(), "?region=Corse");
        assert_eq!(one.toggle_region("Corse"), all);
    }

    #[test]
    fn a_whole_month_is_asked_for_as_a_month() {
        assert_eq!(
            natural_window(date(2023, 11, 1), date(2023, 11, 30)),
            [("period", "2023-11".to_owned())]
        );
        assert_eq!(natural_window(date(2023, 11, 1), date(2023, 11, 29)).len(), 2);
    }
}
