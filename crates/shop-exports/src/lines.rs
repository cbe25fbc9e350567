//! The last pass: records become lines of sales, are left out, or are at fault.

use crate::amounts::Base;
use crate::cells::{self, cell};
use crate::currencies::{Conversion, code_of};
use crate::deciding_statuses::status_key;
use crate::fold;
use crate::keys::{Digesting, Occurrences, Repeats};
use crate::numbers::{self, ONE};
use crate::orders::Numbers;
use crate::plan::{KeyRule, Plan};
use crate::references::{By, Said};
use crate::regions;
use crate::statuses::{self, Treatment};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tabular::dates::DateOrder;
use tabular::{Record, Unreadable};

/// How much of a record's source text is kept, in bytes.
const MAX_RAW_BYTES: usize = 4_096;
/// The product of lines that name none, beside lines that do.
pub(crate) const UNNAMED: &str = "Other sales";
/// Rows that add up others, by what stands in one of their cells, folded.
const SUMS: &[&str] = &[
    "total",
    "totals",
    "totaux",
    "sous-total",
    "sous total",
    "subtotal",
    "grand total",
    "total general",
    "somme",
    "sum",
    "total ht",
    "total ttc",
];

/// Where a record stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The number of the record, the first being 1.
    pub record: u64,
    /// Its physical line.
    pub line: u64,
    /// Where it begins, in bytes of the decoded text.
    pub byte_offset: u64,
    /// Its source text, at most 4 KiB.
    pub raw: String,
}

/// What makes a line the same when its file comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineKey {
    /// Its id.
    Id(i64),
    /// A text that no other line has.
    Text(String),
}

/// A line of a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What makes it the same.
    pub key: LineKey,
    /// The product.
    pub product: Said,
    /// The store.
    pub store: Said,
    /// The day, `YYYY-MM-DD`.
    pub date: String,
    /// The time of day, `HH:MM:SS`.
    pub time: Option<String>,
    /// How many, in thousandths.
    pub quantity_milli: i64,
    /// What was paid, in cents; `None`: quantity times the product's price.
    pub amount_cents: Option<i64>,
    /// The order that it belongs to.
    pub ticket: Option<String>,
    /// What it cost the seller, in cents.
    pub cost_cents: Option<i64>,
    /// What was taken off, in cents.
    pub discount_cents: Option<i64>,
    /// The taxes, in cents.
    pub tax_cents: Option<i64>,
    /// Web, shop, telephone.
    pub channel: Option<String>,
    /// Who buys: never to be kept in clear.
    pub buyer: Option<String>,
    /// Whether a quantity lost decimals.
    pub rounded: bool,
}

/// Why a record is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFault {
    /// The column, by its name.
    pub column: &'static str,
    /// What stands in it.
    pub value: String,
    /// A stable code: `bad_date`, `missing_value`, `bad_amount`, `other_currency`, `unreadable`.
    pub code: &'static str,
    /// The same in words.
    pub message: String,
}

/// What becomes of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A line.
    Line(Box<Line>),
    /// Left out, and by which word.
    Skipped(String),
    /// At fault.
    Fault(LineFault),
}

/// What lines after the first of an order inherit from it.
#[derive(Debug, Clone, Default)]
struct Inherited {
    order: String,
    date: String,
    time: String,
    status: String,
    kind: String,
    store: Said,
    currency: String,
    cancelled: bool,
    test: bool,
    channel: String,
    buyer: String,
}

/// A line of which the rest of its order may change the amount.
#[derive(Debug)]
struct Pending {
    place: Place,
    line: Line,
    /// A refund by its status that is the sale itself: it is taken, and given back.
    is_given_back: bool,
    /// What its amounts are converted at.
    rate: Option<i128>,
}

/// Reads records into lines under a [`Plan`]. Records must come in their order, all of them.
pub struct Lines<'a> {
    plan: &'a Plan,
    numbers: Numbers,
    order: DateOrder,
    occurrences: Occurrences,
    inherited: Inherited,
    pending: Vec<Pending>,
    /// First values in the order of its discount, its refund and its total, in cents.
    discount: Option<i64>,
    refund: Option<i64>,
    total: Option<i64>,
    looks_ahead: bool,
    /// Notes equal lines while planning.
    noting: Option<Repeats>,
    last_day: (String, Option<(Date, Option<String>)>),
    /// The zone of the shop.
    zone: Option<TimeZone>,
    /// How many fields a record must have: up to the last header that is not empty, and in all.
    width: Option<(usize, usize)>,
}

impl<'a> Lines<'a> {
    /// Reads to write: `repeats` are those of a pass before.
    #[must_use]
    pub fn new(plan: &'a Plan, repeats: Repeats) -> Self {
        Self {
            numbers: plan.numbers(),
            order: plan.date_order(),
            occurrences: Occurrences::new(repeats),
            inherited: Inherited::default(),
            pending: Vec::new(),
            discount: None,
            refund: None,
            total: None,
            looks_ahead: plan.amount.needs_orders(),
            noting: None,
            last_day: Default::default(),
            zone: plan
                .time_zone
                .as_deref()
                .and_then(|zone| TimeZone::get(zone).ok()),
            width: None,
            plan,
        }
    }

    /// Reads to look: it notes which lines are equal, for a pass that writes. Keys are not right yet.
    #[must_use]
    pub fn looking(plan: &'a Plan) -> Self {
        Self {
            noting: Some(Repeats::default()),
            ..Self::new(plan, Repeats::default())
        }
    }

    /// The same, of a source whose records have `width` fields: up to the last header that is not empty, and in all.
    /// `None` where each has those that it has.
    #[must_use]
    pub fn of_width(mut self, width: Option<(usize, usize)>) -> Self {
        self.width = width;
        self
    }

    /// What a pass that looked noted.
    #[must_use]
    pub fn into_repeats(self) -> Repeats {
        self.noting.unwrap_or_default().found()
    }

    /// Takes `record`, the one with that `number`, and hands what comes out of it, or of records before it, to
    /// `out`. Each record comes out at least once.
    pub fn take(&mut self, number: u64, record: &Record, out: &mut dyn FnMut(Place, Outcome)) {
        let place = || Place {
            record: number,
            line: record.line,
            byte_offset: record.byte_offset,
            raw: raw_text(&record.raw),
        };
        if let Some((code, message)) = self.shape_fault(record) {
            let fault = LineFault {
                column: "",
                value: String::new(),
                code,
                message,
            };
            out(place(), Outcome::Fault(fault));
            return;
        }
        if let Some(word) = self.sum_row(record) {
            out(place(), Outcome::Skipped(word));
            return;
        }
        self.inherit(record, out);
        match self.line(record) {
            Ok((line, is_given_back)) => {
                self.note_order(record);
                let pending = Pending {
                    place: place(),
                    line,
                    is_given_back,
                    rate: match self.conversion(record) {
                        Ok(Conversion::Rate(rate)) => Some(rate),
                        _ => None,
                    },
                };
                self.pending.push(pending);
                if !self.looks_ahead {
                    self.flush(out);
                }
            }
            Err(outcome) => {
                // What is of the whole order may stand on a line that is left out.
                self.note_order(record);
                out(place(), outcome);
            }
        }
    }

    /// The number of the first record that was taken and did not come out yet.
    #[must_use]
    pub fn first_pending(&self) -> Option<u64> {
        self.pending.first().map(|pending| pending.place.record)
    }

    /// Hands out what is left after the last record.
    pub fn finish(&mut self, out: &mut dyn FnMut(Place, Outcome)) {
        self.flush(out);
    }

    /// Why `record` cannot be read at all.
    fn shape_fault(&self, record: &Record) -> Option<(&'static str, String)> {
        if let Some(fault) = record.fault {
            let code = match fault {
                Unreadable::UnterminatedQuote => "unterminated_quote",
                Unreadable::RecordTooLong => "record_too_long",
                Unreadable::BadEncoding => "bad_encoding",
                Unreadable::BadJson => "bad_json",
            };
            return Some((code, fault.to_string()));
        }
        if !record.is_utf8() {
            let message = "some bytes are no characters in the source's encoding".to_owned();
            return Some(("bad_encoding", message));
        }
        let (named, expected) = self.width?;
        let found = record.width();
        let message = || format!("{found} fields where the header has {expected}");
        (!record.fits(named, expected)).then(|| ("wrong_field_count", message()))
    }

    fn text<'r>(&self, record: &'r Record, field: Option<usize>) -> &'r str {
        let _ = self;
        field.map_or("", |field| cell(record, field).text)
    }

    /// A row that adds up others, or is empty: the word that says so.
    fn sum_row(&self, record: &Record) -> Option<String> {
        let layout = &self.plan.layout;
        let fields = [
            layout.order,
            layout.date,
            layout.product_code,
            layout.product_name,
            layout.product,
            layout.category,
            layout.store,
            layout.line_number,
        ];
        let is_sum = |text: &str| {
            let folded = fold::key(text);
            let folded = folded.trim_end_matches([':', ' ']);
            // `Sous-total mars`, `TOTAL 2024`.
            SUMS.contains(&folded)
                || SUMS.iter().any(|sum| {
                    folded
                        .strip_prefix(sum)
                        .is_some_and(|rest| rest.starts_with([' ', ':']))
                })
        };
        let says = fields
            .into_iter()
            .flatten()
            .map(|field| cell(record, field).text)
            .find(|text| is_sum(text));
        if let Some(text) = says {
            // A product may be called so: then the row has a day.
            let has_day = layout
                .date
                .is_some_and(|field| cells::day(cell(record, field).text, self.order).is_some());
            return (!has_day).then(|| fold::shown(text).to_lowercase());
        }
        let has_text = |field: Option<usize>| field.is_some_and(|field| !cell(record, field).text.is_empty());
        let has_number =
            |field: Option<usize>| field.is_some_and(|field| self.numbers.get(record, field).is_some());
        let base = match self.plan.amount.base {
            Base::Line(field) | Base::UnitTimesQuantity(field) | Base::OrderTotal(field) => Some(field),
            Base::ListPrice => None,
        };
        let names_product =
            has_text(layout.product_code) || has_text(layout.product_name) || has_text(layout.product);
        if !has_text(layout.date) {
            // A heading, a remark: nothing is sold there. A sum without a word, in a column of amounts.
            if base.is_some() && !has_number(base) && !has_number(layout.quantity) {
                return Some(
                    if (0..record.width()).all(|field| cell(record, field).text.is_empty()) {
                        "empty".into()
                    } else {
                        "remark".into()
                    },
                );
            }
            let may_name = layout
                .product_code
                .or(layout.product_name)
                .or(layout.product)
                .is_some();
            let names_order = has_text(layout.order);
            if may_name && !names_product && !names_order && !has_text(layout.line_number) {
                return Some("total".into());
            }
        }
        let first_is_sum = record.width() > 0 && is_sum(cell(record, 0).text);
        let has_day = layout
            .date
            .is_some_and(|field| !cell(record, field).text.is_empty());
        if first_is_sum && !has_day {
            return Some("total".into());
        }
        let is_empty = (0..record.width()).all(|field| cell(record, field).text.is_empty());
        is_empty.then(|| "empty".into())
    }

    /// Takes over what the first line of an order says for those behind it.
    fn inherit(&mut self, record: &Record, out: &mut dyn FnMut(Place, Outcome)) {
        let layout = &self.plan.layout;
        let order = self.text(record, layout.order);
        let continues = layout.order.is_some()
            && (order.is_empty() || order == self.inherited.order)
            && !self.inherited.order.is_empty();
        if !continues {
            self.flush(out);
            self.inherited = Inherited {
                order: order.to_owned(),
                ..Inherited::default()
            };
            (self.discount, self.refund, self.total) = (None, None, None);
        }
        let store = self.store(record);
        let inherited = &mut self.inherited;
        let text = |field: Option<usize>| field.map_or("", |field| cell(record, field).text);
        for (field, kept) in [
            (layout.date, &mut inherited.date),
            (layout.time, &mut inherited.time),
            (layout.status, &mut inherited.status),
            (layout.kind, &mut inherited.kind),
            (layout.currency, &mut inherited.currency),
            (layout.channel, &mut inherited.channel),
            (layout.buyer, &mut inherited.buyer),
        ] {
            let text = text(field);
            if !text.is_empty() {
                text.clone_into(kept);
            }
        }
        inherited.cancelled |= !text(layout.cancelled_at).is_empty();
        if let (Some(header), Some(field)) = (&self.plan.test_header, layout.test) {
            inherited.test |= statuses::is_test(header, cell(record, field).text);
        }
        if let Some(store) = store {
            inherited.store = store;
        }
    }

    /// What is of the whole order, from the first line that has it.
    fn note_order(&mut self, record: &Record) {
        let rule = &self.plan.amount;
        let get = |field: Option<usize>| {
            field
                .and_then(|field| self.numbers.get(record, field))
                .map(numbers::to_cents)
                .filter(|cents| *cents != 0)
        };
        let of_refund = match self.conversion(record) {
            Ok(Conversion::Column(converted)) => converted.refund,
            _ => rule.refund,
        };
        let (discount, refund) = (get(rule.order_discount), get(of_refund));
        let total = if let Base::OrderTotal(field) = rule.base {
            get(Some(field))
        } else {
            None
        };
        self.discount = self.discount.or(discount);
        self.refund = self.refund.or(refund);
        self.total = self.total.or(total);
    }

    /// The line of `record`, and whether it was given back as a whole.
    fn line(&mut self, record: &Record) -> Result<(Line, bool), Outcome> {
        let layout = &self.plan.layout;
        let treatment = self.treatment()?;
        let (date, of_day) = self.day()?;
        let conversion = self.conversion(record)?;
        let product = self.product(record)?;
        let quantity = match layout.quantity {
            None => ONE,
            Some(field) => {
                let text = cell(record, field).text;
                match self.numbers.get(record, field) {
                    Some(quantity) => quantity,
                    None if text.is_empty() => ONE,
                    None if !is_word(text) => {
                        return Err(fault(
                            "quantity",
                            text,
                            "bad_quantity",
                            format!("`{text}` is not a quantity"),
                        ));
                    }
                    // `annulation`: a line that is none.
                    None => return Err(Outcome::Skipped(fold::shown(text).to_lowercase())),
                }
            }
        };
        let amount = match conversion {
            Conversion::Column(converted) => Some(self.converted(record, converted.amount)?),
            Conversion::None | Conversion::Rate(_) => self.amount(record, quantity)?,
        };
        let (quantity_milli, is_whole) = numbers::to_milli(quantity);
        let time = cells::time(&self.inherited.time).or(of_day);
        let cents = |field: Option<usize>| {
            field
                .and_then(|field| self.numbers.get(record, field))
                .map(numbers::to_cents)
        };
        let cost = self.plan.cost.and_then(|(field, is_unit)| {
            let cost = self.numbers.get(record, field)?;
            Some(if is_unit {
                numbers::product_cents(cost, quantity)
            } else {
                numbers::to_cents(cost)
            })
        });
        let mut line = Line {
            key: LineKey::Text(String::new()),
            product,
            store: self.store_or_other(),
            date: date.to_string(),
            time,
            quantity_milli,
            amount_cents: amount,
            ticket: (!self.inherited.order.is_empty()).then(|| fold::shown(&self.inherited.order)),
            cost_cents: cost,
            discount_cents: cents(self.plan.amount.discount).map(i64::abs),
            tax_cents: cents(self.plan.tax),
            channel: kept(&self.inherited.channel),
            buyer: kept(&self.inherited.buyer),
            rounded: !is_whole,
        };
        if matches!(conversion, Conversion::Column(_)) {
            // What stands beside is in the other currency.
            (line.cost_cents, line.discount_cents, line.tax_cents) = (None, None, None);
        }
        let is_positive = amount.is_none_or(|cents| cents > 0);
        let mut is_given_back = false;
        match treatment {
            Treatment::Refund if !is_positive => {}
            Treatment::Refund if self.is_refund_row() => negate(&mut line),
            Treatment::Refund => {
                is_given_back = self.plan.amount.refund.is_none() || self.refund_is_unsaid(record);
            }
            _ => {}
        }
        line.key = self.key(record, &line);
        Ok((line, is_given_back))
    }

    /// The amount in `field`, in the currency of the database.
    fn converted(&self, record: &Record, field: usize) -> Result<i64, Outcome> {
        let text = cell(record, field).text;
        let message = || format!("`{text}` is not an amount");
        let number = self.numbers.get(record, field);
        number
            .map(numbers::to_cents)
            .ok_or_else(|| fault("amount", text, "bad_amount", message()))
    }

    /// The amount of the line; `None` where it is that of the product.
    fn amount(&self, record: &Record, quantity: i64) -> Result<Option<i64>, Outcome> {
        let (Base::Line(field) | Base::UnitTimesQuantity(field) | Base::OrderTotal(field)) =
            self.plan.amount.base
        else {
            return Ok(None);
        };
        if let Some(cents) = self.plan.amount.of_line(record, &self.numbers, quantity) {
            return Ok(Some(cents));
        }
        let text = cell(record, field).text;
        Err(if text.is_empty() {
            fault("amount", "", "missing_value", "there is no amount".into())
        } else {
            fault("amount", text, "bad_amount", format!("`{text}` is not an amount"))
        })
    }

    /// Whether the order has no sum that was given back although its status says that it was.
    fn refund_is_unsaid(&self, record: &Record) -> bool {
        let of_record = self
            .plan
            .amount
            .refund
            .and_then(|field| self.numbers.get(record, field))
            .is_none_or(|refund| refund == 0);
        self.refund.is_none() && of_record
    }

    /// Whether a refund is a row of its own.
    fn is_refund_row(&self) -> bool {
        let kind = self.plan.kinds.get(&status_key(&self.inherited.kind));
        kind == Some(&Treatment::Refund) || self.plan.refunds_are_rows
    }

    fn treatment(&self) -> Result<Treatment, Outcome> {
        let plan = self.plan;
        if self.inherited.test {
            return Err(Outcome::Skipped("test".into()));
        }
        let of = |treatments: &std::collections::BTreeMap<String, Treatment>, text: &str| {
            treatments
                .get(&status_key(text))
                .copied()
                .unwrap_or(Treatment::Sale)
        };
        let kind = of(&plan.kinds, &self.inherited.kind);
        let status = of(&plan.statuses, &self.inherited.status);
        for (treatment, text) in [(kind, &self.inherited.kind), (status, &self.inherited.status)] {
            if treatment == Treatment::LeftOut {
                return Err(Outcome::Skipped(fold::shown(text).to_lowercase()));
            }
        }
        if self.inherited.cancelled {
            return Err(Outcome::Skipped("cancelled".into()));
        }
        Ok(if kind == Treatment::Refund || status == Treatment::Refund {
            Treatment::Refund
        } else {
            Treatment::Sale
        })
    }

    fn day(&mut self) -> Result<(Date, Option<String>), Outcome> {
        let text = &self.inherited.date;
        if text.is_empty() {
            return Err(fault("sale_date", "", "missing_value", "there is no day".into()));
        }
        if self.last_day.0 != *text {
            let moment = cells::moment(text, self.order, self.zone.as_ref(), self.plan.is_utc);
            self.last_day = (text.clone(), moment);
        }
        self.last_day
            .1
            .clone()
            .ok_or_else(|| fault("sale_date", text, "bad_date", format!("`{text}` is not a date")))
    }

    /// What becomes of `record` by its currency.
    fn conversion(&self, record: &Record) -> Result<Conversion, Outcome> {
        let currencies = &self.plan.currencies;
        if currencies.others.is_empty() {
            return Ok(Conversion::None);
        }
        let written = if self.inherited.currency.is_empty() {
            match self.plan.amount.base {
                Base::Line(field) | Base::UnitTimesQuantity(field) | Base::OrderTotal(field) => {
                    numbers::currency_of(cell(record, field).text).map(str::to_owned)
                }
                Base::ListPrice => None,
            }
        } else {
            Some(code_of(&self.inherited.currency))
        };
        let Some(code) = written.or_else(|| currencies.unsaid.clone()) else {
            return Ok(Conversion::None);
        };
        if code == currencies.kept {
            return Ok(Conversion::None);
        }
        if let Some(rate) = currencies.rates.get(&code).and_then(|rate| numbers::rate(rate)) {
            return Ok(Conversion::Rate(rate));
        }
        if let Some(converted) = currencies.converted {
            let says = converted.currency.map_or("", |field| cell(record, field).text);
            if says.is_empty() || code_of(says) == currencies.kept {
                return Ok(Conversion::Column(converted));
            }
        }
        Err(fault(
            "currency",
            &code,
            "other_currency",
            format!(
                "it is in {code}, the sales are in {}; `rates` says what it is worth",
                currencies.kept
            ),
        ))
    }

    fn product(&self, record: &Record) -> Result<Said, Outcome> {
        let layout = &self.plan.layout;
        let mut said = said(&self.plan.product, record).map_err(|text| {
            fault(
                "product",
                text,
                "bad_product",
                format!("`{text}` is not the id of a product"),
            )
        })?;
        if said == Said::default() {
            if !self.plan.unnamed_are_sold {
                let message = "there is no product".into();
                return Err(fault("product", "", "missing_value", message));
            }
            said.name = Some(UNNAMED.into());
        }
        let category = self.text(record, layout.category);
        if !category.is_empty() && self.plan.product != By::Name(layout.category.unwrap_or(usize::MAX)) {
            said.category = Some(fold::shown(category));
        }
        Ok(said)
    }

    /// The store of the order, else that of lines that name none.
    fn store_or_other(&self) -> Said {
        if self.inherited.store != Said::default() {
            return self.inherited.store.clone();
        }
        match &self.plan.store_otherwise {
            Some(By::AlwaysId(id)) => Said {
                id: Some(*id),
                ..Said::default()
            },
            Some(By::Always(name)) => Said {
                name: Some(name.clone()),
                ..Said::default()
            },
            _ => Said::default(),
        }
    }

    /// The store that `record` names; `None` where it names none.
    fn store(&self, record: &Record) -> Option<Said> {
        let layout = &self.plan.layout;
        let mut said = match said(&self.plan.store, record) {
            Ok(said) => said,
            Err(text) => Said {
                code: Some(text.to_owned()),
                ..Said::default()
            },
        };
        if said == Said::default() {
            return None;
        }
        if !matches!(self.plan.store, By::Always(_) | By::AlwaysId(_)) {
            let get = |field: Option<usize>| kept(self.text(record, field));
            said.city = get(layout.city);
            said.postal = get(layout.postal);
            said.region = get(layout.region);
            if said.region.is_none() && self.plan.currencies.kept == "EUR" {
                let text = |field: Option<usize>| self.text(record, field);
                let found = regions::find(text(layout.postal), text(layout.city), text(layout.country));
                said.region = found.map(str::to_owned);
                said.region_is_found = found.is_some();
            }
        }
        Some(said)
    }

    fn key(&mut self, record: &Record, line: &Line) -> LineKey {
        let mut digesting;
        match self.plan.key {
            KeyRule::Id(field) => {
                if let Some(id) = cells::plain_id(cell(record, field).text) {
                    return LineKey::Id(id);
                }
                return LineKey::Text(String::new());
            }
            KeyRule::TextId(field) => {
                digesting = Digesting::new("id");
                digesting.part(cell(record, field).text);
            }
            KeyRule::OrderLine(_, number) => {
                digesting = Digesting::new("order line");
                digesting.part(&self.inherited.order);
                digesting.part(cell(record, number).text);
            }
            KeyRule::Content => {
                digesting = Digesting::new("content");
                digesting.part(&self.inherited.order);
                digesting.part(&line.date);
                digesting.part(line.time.as_deref().unwrap_or_default());
                let product = &line.product;
                let called = product
                    .code
                    .as_deref()
                    .or(product.name.as_deref())
                    .unwrap_or_default();
                digesting.part(&fold::key(called));
                digesting.number(product.id);
                if self.plan.store_is_said {
                    digesting.part(&fold::key(&line.store.shown()));
                }
                digesting.number(Some(line.quantity_milli));
                digesting.number(line.amount_cents);
            }
        }
        let digest = digesting.finish();
        if let Some(noting) = &mut self.noting {
            noting.note(digest);
        }
        let key = match self.plan.key {
            KeyRule::Content => digest.key(self.occurrences.next(digest)),
            _ => digest.key(1),
        };
        LineKey::Text(key)
    }

    /// Hands out the lines of the order, with what is of all of it spread over them.
    fn flush(&mut self, out: &mut dyn FnMut(Place, Outcome)) {
        if self.pending.is_empty() {
            return;
        }
        let mut pending = std::mem::take(&mut self.pending);
        if let Some(total) = self.total {
            let weights: Vec<i64> = pending
                .iter()
                .map(|pending| pending.line.quantity_milli)
                .collect();
            for (pending, share) in pending.iter_mut().zip(numbers::spread(total, &weights)) {
                pending.line.amount_cents = Some(share);
            }
        }
        let amounts = |pending: &[Pending]| -> Vec<i64> {
            pending
                .iter()
                .map(|pending| pending.line.amount_cents.unwrap_or_default())
                .collect()
        };
        if let Some(discount) = self.discount {
            let weights = amounts(&pending);
            let sign = if weights.iter().sum::<i64>() < 0 { -1 } else { 1 };
            for (pending, share) in pending
                .iter_mut()
                .zip(numbers::spread(sign * discount.abs(), &weights))
            {
                pending.line.amount_cents = pending.line.amount_cents.map(|amount| amount - share);
                let off = pending.line.discount_cents.unwrap_or_default() + share.abs();
                pending.line.discount_cents = Some(off);
            }
        }
        let refunds = self.refund.map(|refund| {
            let weights = amounts(&pending);
            let all: i64 = weights.iter().sum();
            // Shipping may be given back too; it is not among the amounts.
            let refund = refund.abs().min(all.max(0));
            (numbers::spread(refund, &weights), refund == all)
        });
        for (at, pending) in pending.into_iter().enumerate() {
            let back = match &refunds {
                Some((shares, is_whole)) if shares[at] != 0 => Some((shares[at], *is_whole)),
                _ if pending.is_given_back => pending.line.amount_cents.map(|amount| (amount, true)),
                _ => None,
            };
            let refund = back.map(|(cents, is_whole)| {
                let mut refund = pending.line.clone();
                refund.amount_cents = Some(-cents);
                refund.quantity_milli = if is_whole { -pending.line.quantity_milli } else { 0 };
                refund.cost_cents = None;
                refund.discount_cents = None;
                refund.tax_cents = None;
                refund.key = match &pending.line.key {
                    LineKey::Id(id) => refund_key(&id.to_string()),
                    LineKey::Text(key) => refund_key(key),
                };
                refund
            });
            let rate = pending.rate;
            let mut hand_out = |mut line: Line| {
                if let Some(rate) = rate {
                    convert(&mut line, rate);
                }
                out(pending.place.clone(), Outcome::Line(Box::new(line)));
            };
            hand_out(pending.line);
            if let Some(refund) = refund {
                hand_out(refund);
            }
        }
    }
}

/// Whether `text` is a word, such as `annulation`: three letters or more, and no digit.
fn is_word(text: &str) -> bool {
    let letters = text.chars().filter(|character| character.is_alphabetic()).count();
    letters >= 3 && !text.chars().any(char::is_numeric)
}

fn refund_key(key: &str) -> LineKey {
    let mut digesting = Digesting::new("refund");
    digesting.part(key);
    LineKey::Text(digesting.finish().key(1))
}

fn negate(line: &mut Line) {
    line.amount_cents = line.amount_cents.map(|cents| -cents.abs());
    line.quantity_milli = -line.quantity_milli.abs();
    line.cost_cents = line.cost_cents.map(|cents| -cents.abs());
    line.tax_cents = line.tax_cents.map(|cents| -cents.abs());
}

/// Puts the amounts of `line` into the currency of the database, each rounded by itself.
fn convert(line: &mut Line, rate: i128) {
    for cents in [
        &mut line.amount_cents,
        &mut line.cost_cents,
        &mut line.discount_cents,
        &mut line.tax_cents,
    ] {
        *cents = cents.map(|cents| numbers::convert(cents, rate));
    }
}

fn kept(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| fold::shown(text))
}

/// What `record` says by `by`; `Err` is a text that should be an id.
fn said<'r>(by: &By, record: &'r Record) -> Result<Said, &'r str> {
    let name = |field: usize| kept(cell(record, field).text);
    Ok(match by {
        By::Id(field, may_be_made) => {
            let text = cell(record, *field).text;
            if text.is_empty() {
                return Ok(Said::default());
            }
            Said {
                id: Some(cells::plain_id(text).ok_or(text)?),
                may_be_made: *may_be_made,
                ..Said::default()
            }
        }
        By::Code(code, by_name) => Said {
            code: name(*code).map(|code| cells::plain_id(&code).map_or(code, |id| id.to_string())),
            name: by_name.and_then(name),
            ..Said::default()
        },
        By::Name(field) => Said {
            name: name(*field),
            ..Said::default()
        },
        By::Always(name) => Said {
            name: Some(name.clone()),
            ..Said::default()
        },
        By::AlwaysId(id) => Said {
            id: Some(*id),
            ..Said::default()
        },
    })
}

fn fault(column: &'static str, value: &str, code: &'static str, message: String) -> Outcome {
    Outcome::Fault(LineFault {
        column,
        value: value.to_owned(),
        code,
        message,
    })
}

fn raw_text(raw: &[u8]) -> String {
    let end = raw.len().min(MAX_RAW_BYTES);
    String::from_utf8_lossy(&raw[..end]).into_owned()
}
