//! Decides what the words of statuses and kinds do to their rows.

use crate::deciding::Deciding;
use crate::fold;
use crate::questions::{Choice, Question, Text};
use crate::statuses::{self, Treatment};
use crate::words::{Word, cut, find};
use std::collections::BTreeMap;

impl Deciding<'_, '_> {
    /// What the words of a column do: `status`, or `type`.
    pub(crate) fn treatments(&mut self, about: &str) -> BTreeMap<String, Treatment> {
        let counts = if about == "status" {
            &self.orders.statuses
        } else {
            &self.orders.kinds
        };
        let field = if about == "status" {
            self.layout.status
        } else {
            self.layout.kind
        };
        let mut treatments: BTreeMap<String, Treatment> = BTreeMap::new();
        if field.is_none() {
            return treatments;
        }
        let mut lines: BTreeMap<&str, (u64, Vec<&str>)> = BTreeMap::new();
        for (key, (written, count)) in counts {
            let treatment = statuses::treatment(written);
            let group = match treatment {
                Treatment::Pending => "pending",
                Treatment::LeftOut => "left_out",
                Treatment::Refund => "refund",
                Treatment::Sale => "sale",
                Treatment::Unknown => "unknown",
            };
            let entry = lines.entry(group).or_default();
            entry.0 += count;
            entry.1.push(written);
            treatments.insert(key.clone(), treatment);
        }
        if about == "type" {
            self.leave_out_sums(counts, &mut treatments);
        }
        let of = |group: &str| lines.get(group).cloned().unwrap_or_default();
        let (unknown, words) = of("unknown");
        let total: u64 = lines.values().map(|(count, _)| count).sum();
        if unknown == total {
            return BTreeMap::new();
        }
        self.say_unknown(about, words);
        for (group, treatment) in [("pending", Treatment::Pending), ("left_out", Treatment::LeftOut)] {
            let (count, words) = of(group);
            if count == 0 {
                continue;
            }
            let words = quoted(&words);
            let id = if group == "pending" {
                "pending".to_owned()
            } else {
                format!("{about}_left_out")
            };
            let is_most = count * 2 > total;
            // An invoice is a sale whether or not it is paid.
            let is_invoice = group == "pending" && self.is_of_invoices();
            let keep = if group == "pending" || is_most {
                let answer = self.asking.ask(Question {
                    id,
                    text: Text::new(
                        format!("{count} of {total} lines are {words}. Are they sales?"),
                        format!("{count} lignes sur {total} sont {words}. Sont-elles des ventes ?"),
                    ),
                    choices: vec![
                        Choice::new("leave_out", "no, leave them out", "non, les écarter"),
                        Choice::new("keep", "yes", "oui"),
                    ],
                    assumed: if is_invoice {
                        Some("keep".to_owned())
                    } else {
                        (!is_most).then(|| "leave_out".to_owned())
                    },
                });
                answer.as_deref() == Some("keep")
            } else {
                false
            };
            for known in treatments.values_mut().filter(|known| **known == treatment) {
                *known = if keep { Treatment::Sale } else { Treatment::LeftOut };
            }
            if !keep {
                self.asking.decide(
                    about,
                    format!("{count} lines that are {words} are left out"),
                    format!("{count} lignes {words} sont écartées"),
                );
            }
        }
        let (refunds, words) = of("refund");
        if refunds > 0 {
            let words = quoted(&words);
            self.asking.decide(
                about,
                format!("{refunds} lines that are {words} are refunds"),
                format!("{refunds} lignes {words} sont des remboursements"),
            );
        }
        treatments
    }

    /// Says that `words` are none that are known.
    fn say_unknown(&mut self, about: &str, words: Vec<&str>) {
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return;
        }
        let words = quoted(&words);
        self.asking.decide(
            about,
            format!("{words} say nothing that is known; their lines are sales"),
            format!("{words} : mots inconnus ; leurs lignes sont des ventes"),
        );
    }

    /// Whether orders are invoices, by the header of their numbers or days.
    fn is_of_invoices(&self) -> bool {
        let fields = [self.layout.order, self.layout.date, self.layout.line_number];
        fields.into_iter().flatten().any(|field| {
            cut(&self.headers[field])
                .iter()
                .any(|word| ["facture", "factures", "invoice", "invoiceno"].contains(&word.as_str()))
        })
    }

    /// Where some rows are lines of orders, by their kind, those of the orders as a whole and of their payments are not.
    fn leave_out_sums(
        &mut self,
        counts: &BTreeMap<String, (String, u64)>,
        treatments: &mut BTreeMap<String, Treatment>,
    ) {
        let words =
            |written: &str| -> Vec<Word> { cut(written).iter().filter_map(|word| find(word)).collect() };
        let is_line = |written: &str| {
            words(written)
                .iter()
                .any(|word| matches!(word, Word::Line | Word::Product))
        };
        if !counts.values().any(|(written, _)| is_line(written)) {
            return;
        }
        let is_whole = |written: &str| {
            let words = words(written);
            !words.is_empty()
                && words
                    .iter()
                    .all(|word| matches!(word, Word::Sale | Word::Order | Word::Payment | Word::Total))
        };
        for (key, (written, count)) in counts {
            if is_whole(written) && treatments.get(key) != Some(&Treatment::Refund) {
                treatments.insert(key.clone(), Treatment::LeftOut);
                self.asking.decide(
                    "type",
                    format!("{count} rows that are `{written}` say again what lines say: they are left out"),
                    format!("{count} lignes `{written}` répètent les autres : elles sont écartées"),
                );
            }
        }
    }
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

/// The folded form of a status, to look it up in the statuses of a plan.
pub(crate) fn status_key(text: &str) -> String {
    fold::key(text)
}
