//! In which currency a file is, and what becomes of lines in another one: converted at a rate that the request gives,
//! taken from a converted column beside, or rejected.
//!
//! A converted line is rounded to the cent by itself, half up away from zero, so what is stored adds up to what is
//! shown.

use crate::amounts::{AmountRule, Base};
use crate::deciding::Deciding;
use crate::headers::Purpose;
use crate::numbers;
use crate::questions::{Choice, Question, Text};
use crate::words::{Word, cut, find};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Columns that hold amounts in the currency of the database where those of the sale are in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Converted {
    /// The amount.
    pub amount: usize,
    /// What was given back.
    pub refund: Option<usize>,
    /// Its currency, where a column says it.
    pub currency: Option<usize>,
}

/// What is decided about currencies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Currencies {
    /// The code of that in which sales are kept.
    pub kept: String,
    /// Codes of others that the file has.
    pub others: Vec<String>,
    /// The code of lines that name none, where the request or a header says one.
    pub unsaid: Option<String>,
    /// What one of another currency is worth, as it was given.
    pub rates: BTreeMap<String, String>,
    /// Columns to be taken for lines in another currency.
    pub converted: Option<Converted>,
}

/// What becomes of a line in some currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// It is taken as it is.
    None,
    /// Its amounts are converted at a rate, in parts of [`numbers::RATE_ONE`].
    Rate(i128),
    /// Its amount stands in another column.
    Column(Converted),
}

impl Deciding<'_, '_> {
    /// What the currencies of the file are, and what becomes of them.
    pub(crate) fn currencies(&mut self, amount: &AmountRule) -> Currencies {
        let (counts, of_header) = self.counted(amount);
        let constant = self.options.constants.get("currency").map(|code| code_of(code));
        let unsaid = constant.or(of_header);
        // What has a rate is converted, so it is not what sales are kept in.
        let is_rated = |code: &String| self.options.rates.keys().any(|rated| code_of(rated) == *code);
        let most = counts.iter().filter(|(code, _)| !is_rated(code));
        let most = most
            .max_by_key(|(_, count)| **count)
            .map(|(code, _)| code.clone());
        let file = most.or_else(|| unsaid.clone().filter(|code| !is_rated(code)));
        let answer = self.asking.answer("currency").map(code_of);
        let kept = self
            .database
            .currency
            .clone()
            .or(answer.clone())
            .or_else(|| file.clone())
            .unwrap_or_else(|| "EUR".into());
        if self.database.currency.is_none() && kept != "EUR" && answer.is_none() {
            self.asking.ask(Question {
                id: "currency".into(),
                text: Text::new(
                    format!("The amounts are in {kept}. Shall all sales be kept in it?"),
                    format!(
                        "Les montants sont en {kept}. Toutes les ventes seront-elles dans cette devise ?"
                    ),
                ),
                choices: vec![Choice::new(kept.clone(), kept.clone(), kept.clone())],
                assumed: Some(kept.clone()),
            });
        }
        let mut codes: Vec<String> = counts.keys().cloned().collect();
        codes.extend(
            unsaid
                .clone()
                .filter(|code| counts.is_empty() && !codes.contains(code)),
        );
        let is_all = !codes.is_empty() && !codes.contains(&kept);
        codes.retain(|code| *code != kept);
        let mut currencies = Currencies {
            kept,
            unsaid,
            others: codes,
            ..Currencies::default()
        };
        currencies.converted = self.converted(&currencies, amount);
        for code in currencies.others.clone() {
            if let Some(rate) = self.rate(&code, &currencies, is_all) {
                currencies.rates.insert(code, rate);
            }
        }
        self.say(&currencies);
        currencies
    }

    /// How many lines are in which currency, as far as they say it; and what the header of the amount says.
    fn counted(&self, amount: &AmountRule) -> (BTreeMap<String, u64>, Option<String>) {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        if let Some(field) = self.layout.currency {
            for (written, count) in self.census.columns[field].distinct.values() {
                *counts.entry(code_of(written)).or_default() += count;
            }
        }
        let (Base::Line(field) | Base::UnitTimesQuantity(field) | Base::OrderTotal(field)) = amount.base
        else {
            return (counts, None);
        };
        if counts.is_empty() {
            for (code, count) in &self.census.columns[field].currencies {
                counts.insert((*code).to_owned(), *count);
            }
        }
        let header = &self.headers[field];
        let said = cut(header);
        let of_header = said.iter().find_map(|word| numbers::currency(word)).or_else(|| {
            let mut signs = header.chars();
            signs.find_map(|sign| numbers::currency(&sign.to_string()))
        });
        (counts, of_header.map(str::to_owned))
    }

    /// The columns that are taken for lines in another currency: offered, and taken unless the answer is no.
    fn converted(&mut self, currencies: &Currencies, amount: &AmountRule) -> Option<Converted> {
        if currencies.others.is_empty() || !matches!(amount.base, Base::Line(_)) {
            return None;
        }
        let of = |purpose: Purpose| {
            let column = self.layout.money.iter();
            column
                .filter(|column| column.money.converted && column.money.purpose == purpose)
                .map(|column| column.field)
                .next()
        };
        let (converted, refund) = (of(Purpose::Goods)?, of(Purpose::Refund));
        let currency = self.headers.iter().position(|header| {
            let words = cut(header);
            let has = |wanted: Word| words.iter().any(|word| find(word) == Some(wanted));
            has(Word::Currency) && has(Word::Converted)
        });
        let (header, others) = (&self.headers[converted], currencies.others.join(", "));
        let kept = &currencies.kept;
        let answer = self.asking.ask(Question {
            id: "converted".into(),
            text: Text::new(
                format!("Some lines are in {others}. Shall `{header}` be taken for them, in {kept}?"),
                format!("Des lignes sont en {others}. Faut-il prendre `{header}`, en {kept} ?"),
            ),
            choices: vec![
                Choice::new("use", "yes", "oui"),
                Choice::new("reject", "no, reject them", "non, les rejeter"),
            ],
            assumed: Some("use".into()),
        });
        (answer.as_deref() == Some("use")).then_some(Converted {
            amount: converted,
            refund,
            currency,
        })
    }

    /// What one `code` is worth: as the request says, or as answered. Asked where every line needs it.
    fn rate(&mut self, code: &str, currencies: &Currencies, is_all: bool) -> Option<String> {
        let given = self.options.rates.iter().find(|(of, _)| code_of(of) == code);
        if let Some((_, rate)) = given {
            return Some(rate.clone());
        }
        let id = format!("rate_{code}");
        let answer = self
            .asking
            .answer(&id)
            .filter(|rate| numbers::rate(rate).is_some());
        if let Some(answer) = answer {
            return Some(answer.to_owned());
        }
        if is_all && currencies.converted.is_none() {
            let kept = &currencies.kept;
            self.asking.open.push(Question {
                id,
                text: Text::new(
                    format!("The amounts are in {code}, the sales so far in {kept}. What is 1 {code} worth, in {kept}?"),
                    format!("Les montants sont en {code}, les ventes jusqu'ici en {kept}. Combien vaut 1 {code}, en {kept} ?"),
                ),
                choices: Vec::new(),
                assumed: None,
            });
        }
        None
    }

    fn say(&mut self, currencies: &Currencies) {
        for code in &currencies.others {
            let kept = &currencies.kept;
            let (en, fr) = if let Some(rate) = currencies.rates.get(code) {
                (
                    format!(
                        "lines in {code} are converted to {kept} at {rate}, each rounded to the cent by itself, half up"
                    ),
                    format!(
                        "les lignes en {code} sont converties en {kept} à {rate}, chacune arrondie au centime"
                    ),
                )
            } else if let Some(converted) = currencies.converted {
                let header = &self.headers[converted.amount];
                (
                    format!("of lines in {code}, `{header}` is taken"),
                    format!("pour les lignes en {code}, `{header}` est pris"),
                )
            } else {
                (
                    format!("amounts are in {kept}; lines in {code} are rejected"),
                    format!("les montants sont en {kept} ; les lignes en {code} sont rejetées"),
                )
            };
            self.asking.decide("currency", en, fr);
        }
    }
}

/// The code of the currency that is written so.
pub(crate) fn code_of(written: &str) -> String {
    numbers::currency(written).map_or_else(|| written.trim().to_uppercase(), str::to_owned)
}
