//! Reads an export as an import does, without a database.

#![allow(dead_code, reason = "each file of tests looks at some of it")]
#![expect(clippy::unwrap_used, reason = "a test that cannot read its export has failed")]

use shop_exports::{
    Catalogue, Database, EXPORT, Line, LineKey, Lines, NoSales, Options, Outcome, Prepared, Question,
    Unresolved, What,
};
use std::collections::{BTreeMap, HashSet};
use std::io::{self, Cursor};
use tabular::{ReadOptions, Record, SourceRead, Survey};

/// What became of an export.
pub(crate) struct Read {
    pub(crate) prepared: Prepared,
    pub(crate) lines: Vec<Line>,
    pub(crate) skipped: Vec<String>,
    pub(crate) faults: Vec<&'static str>,
    pub(crate) made_products: Vec<String>,
    pub(crate) made_stores: Vec<String>,
}

/// A question that was asked, and what was assumed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked(String, Option<String>);

impl Asked {
    pub(crate) fn new(id: &str, assumed: Option<&str>) -> Self {
        Self(id.into(), assumed.map(str::to_owned))
    }
}

impl Read {
    /// All amounts, whatever is at fault.
    pub(crate) fn sum(&self) -> i64 {
        self.lines.iter().filter_map(|line| line.amount_cents).sum()
    }

    /// The questions that are asked.
    pub(crate) fn asked(&self) -> Vec<&str> {
        let asked = self.prepared.questions.iter();
        asked.map(|question| question.id.as_str()).collect()
    }

    pub(crate) fn total(&self) -> i64 {
        assert!(
            self.faults.is_empty() || self.faults.iter().all(|code| *code == "other_currency"),
            "{:?}",
            self.faults
        );
        self.lines.iter().filter_map(|line| line.amount_cents).sum()
    }

    pub(crate) fn units(&self) -> i64 {
        self.lines.iter().map(|line| line.quantity_milli).sum()
    }

    pub(crate) fn by_day(&self) -> Vec<(&str, i64)> {
        let mut days: BTreeMap<&str, i64> = BTreeMap::new();
        for line in &self.lines {
            *days.entry(&line.date).or_default() += line.amount_cents.unwrap_or_default();
        }
        days.into_iter().collect()
    }

    pub(crate) fn products(&self) -> &[String] {
        &self.made_products
    }

    pub(crate) fn stores(&self) -> &[String] {
        &self.made_stores
    }

    pub(crate) fn tickets(&self) -> Vec<&str> {
        self.lines
            .iter()
            .filter_map(|line| line.ticket.as_deref())
            .collect()
    }

    pub(crate) fn keys(&self) -> HashSet<String> {
        let key = |line: &Line| match &line.key {
            LineKey::Id(id) => id.to_string(),
            LineKey::Text(key) => key.clone(),
        };
        self.lines.iter().map(key).collect()
    }

    pub(crate) fn questions(&self) -> Vec<Asked> {
        let asked = |question: &Question| Asked(question.id.clone(), question.assumed.clone());
        self.prepared.questions.iter().map(asked).collect()
    }

    /// All that was read and decided, to see why a figure is another.
    pub(crate) fn described(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        let total: i64 = self.lines.iter().filter_map(|line| line.amount_cents).sum();
        let _ = writeln!(text, "total {total}, {} lines", self.lines.len());
        for line in &self.lines {
            let _ = writeln!(
                text,
                "  {} {:?} {} × {} = {:?} ticket {:?} cost {:?} discount {:?} tax {:?} channel {:?} store {}",
                line.date,
                line.time,
                line.product.shown(),
                line.quantity_milli,
                line.amount_cents,
                line.ticket,
                line.cost_cents,
                line.discount_cents,
                line.tax_cents,
                line.channel,
                line.store.shown(),
            );
        }
        let _ = writeln!(text, "skipped {:?}, faults {:?}", self.skipped, self.faults);
        for question in &self.prepared.questions {
            let _ = writeln!(
                text,
                "question {}: {} ({:?})",
                question.id, question.text.en, question.assumed
            );
        }
        for decision in &self.prepared.decisions {
            let _ = writeln!(text, "{}: {}", decision.about, decision.text);
        }
        let _ = writeln!(
            text,
            "{:?}\nignored {:?}",
            self.prepared.columns, self.prepared.ignored
        );
        text
    }

    pub(crate) fn says(&self, about: &str, words: &str) -> bool {
        self.prepared
            .decisions
            .iter()
            .any(|decision| decision.about == about && decision.text.en.contains(words))
    }
}

type EachRecord = Box<dyn Fn(&mut dyn FnMut(&Record)) -> io::Result<()>>;

fn survey(text: &str) -> (Survey, EachRecord) {
    let text = text.to_owned();
    let progress = std::sync::Arc::default();
    let source = text.clone();
    let open = move || Ok(Box::new(Cursor::new(source.clone())) as Box<dyn SourceRead>);
    let survey = tabular::survey(&open, &EXPORT, &ReadOptions::default(), false, &progress, None).unwrap();
    let reading = survey.reading.clone();
    let each = move |take: &mut dyn FnMut(&Record)| {
        let source = Box::new(Cursor::new(text.clone()));
        let mut records = reading.open(source, &EXPORT, &progress)?;
        let mut record = Record::default();
        while records.next(&mut record)? {
            take(&record);
        }
        Ok(())
    };
    (survey, Box::new(each))
}

pub(crate) fn refused(text: &str) -> NoSales {
    let (survey, each) = survey(text);
    let mut each = each;
    shop_exports::prepare(
        &survey.reading.headers,
        &mut each,
        &Database::default(),
        &Options::default(),
    )
    .unwrap()
    .unwrap_err()
}

pub(crate) fn read(text: &str, database: &Database, options: &Options) -> Read {
    let (survey, mut each) = survey(text);
    let prepared = shop_exports::prepare(&survey.reading.headers, &mut each, database, options)
        .unwrap()
        .unwrap_or_else(|fault| panic!("{}", fault.message));
    let mut read = Read {
        prepared,
        lines: Vec::new(),
        skipped: Vec::new(),
        faults: Vec::new(),
        made_products: Vec::new(),
        made_stores: Vec::new(),
    };
    let Some(plan) = &read.prepared.plan else {
        return read;
    };
    let mut looking = Lines::looking(plan);
    let mut number = 0;
    each(&mut |record| {
        number += 1;
        looking.take(number, record, &mut |_, _| {});
    })
    .unwrap();
    let mut lines = Lines::new(plan, looking.into_repeats());
    let mut products = Catalogue::new(What::Product, &database.products, true);
    let mut stores = Catalogue::new(What::Store, &database.stores, true);
    let mut outcomes = Vec::new();
    let mut number = 0;
    each(&mut |record| {
        number += 1;
        lines.take(number, record, &mut |_, outcome| outcomes.push(outcome));
    })
    .unwrap();
    lines.finish(&mut |_, outcome| outcomes.push(outcome));
    for outcome in outcomes {
        match outcome {
            Outcome::Line(line) => {
                let product = products.resolve(&line.product);
                let store = stores.resolve(&line.store);
                match (product, store) {
                    (Ok(_), Ok(_)) => read.lines.push(*line),
                    (Err(Unresolved::Unknown), _) => read.faults.push("unknown_product"),
                    (_, Err(Unresolved::Unknown)) => read.faults.push("unknown_store"),
                    _ => read.faults.push("ambiguous"),
                }
            }
            Outcome::Skipped(word) => read.skipped.push(word),
            Outcome::Fault(fault) => read.faults.push(fault.code),
        }
    }
    let names = |catalogue: &Catalogue| catalogue.made().iter().map(|(_, said)| said.shown()).collect();
    read.made_products = names(&products);
    read.made_stores = names(&stores);
    read
}
