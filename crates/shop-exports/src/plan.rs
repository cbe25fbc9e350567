//! What is decided about a file before its first line is written: everything, once.
//!
//! Two or three passes over its records: the first counts what its columns hold, the second looks at its orders,
//! the third, where there are discounts, tries which way of taking them off comes out at the file's own totals.

use crate::amounts::{self, AmountRule, Base, NetEvidence, Reconciling};
use crate::census::Census;
use crate::currencies::Currencies;
use crate::deciding::Deciding;
use crate::headers::Taxes;
use crate::layout::{self, Layout};
use crate::orders::{Looking, Numbers, Orders};
use crate::questions::{Asking, Choice, Decision, Question, Text};
use crate::references::{By, Known};
use crate::relations::{self, Relations};
use crate::statuses::Treatment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use tabular::cents::DecimalMark;
use tabular::dates::DateOrder;
use tabular::{Convention, DecidedBy, Record};

/// What a request says about the sales in a file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// From the names of [`layout::COLUMNS`] to headers.
    pub mapping: BTreeMap<String, String>,
    /// What is the same on all lines: `store`, `product`, `currency`.
    pub constants: BTreeMap<String, String>,
    /// Answers to questions, by their names.
    pub answers: BTreeMap<String, String>,
    /// The decimal mark of every number.
    pub decimal: Option<DecimalMark>,
    /// The order of day and month in every date.
    pub date_order: Option<DateOrder>,
    /// How ambiguous columns are read.
    pub convention: Convention,
    /// The zone of the shop, such as `Europe/Paris`.
    pub time_zone: Option<String>,
    /// What one of another currency is worth in that of the database, by its code, as a decimal number.
    pub rates: BTreeMap<String, String>,
}

/// What is in the database already.
#[derive(Debug, Clone, Default)]
pub struct Database {
    /// The products.
    pub products: Vec<Known>,
    /// The stores.
    pub stores: Vec<Known>,
    /// The currency of its amounts, once there are some.
    pub currency: Option<String>,
    /// Whether its amounts hold taxes, once that was said.
    pub taxes: Option<Taxes>,
}

/// What makes a line the same when its file comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyRule {
    /// A whole number that identifies the line.
    Id(usize),
    /// A text that does.
    TextId(usize),
    /// The order and the number of the line in it.
    OrderLine(usize, usize),
    /// All that it says.
    Content,
}

/// How a file is read into lines of sales.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a decision of its own, kept as JSON"
)]
pub struct Plan {
    /// Where the parts of a line stand.
    pub layout: Layout,
    /// For each column, whether its numbers have a decimal comma.
    pub commas: Vec<bool>,
    /// The zone of the shop: moments of other zones are taken to it.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// Whether moments without a zone are of UTC, as their header says.
    #[serde(default)]
    pub is_utc: bool,
    /// Whether days come before months.
    pub day_first: bool,
    /// How the product is said.
    pub product: By,
    /// How the store is said.
    pub store: By,
    /// Whether lines of two stores are two even where they say the same: the file or the request tells them apart.
    pub store_is_said: bool,
    /// The store of lines that name none, where others do.
    #[serde(default)]
    pub store_otherwise: Option<By>,
    /// Whether a line with an amount and no product is sold all the same.
    #[serde(default)]
    pub unnamed_are_sold: bool,
    /// How amounts are made.
    pub amount: AmountRule,
    /// What makes a line the same.
    pub key: KeyRule,
    /// What statuses do, folded.
    pub statuses: BTreeMap<String, Treatment>,
    /// What kinds of rows do, folded.
    pub kinds: BTreeMap<String, Treatment>,
    /// Whether a refund by status is a row of its own beside that of the sale. Else it is the sale itself, which
    /// was given back.
    pub refunds_are_rows: bool,
    /// The header of the column of tests, to read it.
    pub test_header: Option<String>,
    /// In which currency it is, and what becomes of lines in another.
    pub currencies: Currencies,
    /// The column of costs and whether they are of one piece.
    pub cost: Option<(usize, bool)>,
    /// The column of taxes of the line.
    pub tax: Option<usize>,
}

impl Plan {
    pub(crate) fn numbers(&self) -> Numbers {
        let mark = |comma: &bool| {
            if *comma {
                DecimalMark::Comma
            } else {
                DecimalMark::Point
            }
        };
        Numbers {
            marks: self.commas.iter().map(mark).collect(),
        }
    }

    pub(crate) fn date_order(&self) -> DateOrder {
        if self.day_first {
            DateOrder::DayFirst
        } else {
            DateOrder::MonthFirst
        }
    }
}

/// Why no sales can be read from a file: a stable code, and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSales {
    /// `unknown_columns`, `no_amounts`, `empty_source`, `invalid_mapping`.
    pub code: &'static str,
    /// What is missing and what to do.
    pub message: String,
}

/// What was decided about a file.
#[derive(Debug)]
pub struct Prepared {
    /// How it is read; `None` while a question without an assumed answer is open.
    pub plan: Option<Plan>,
    /// Questions that are open.
    pub questions: Vec<Question>,
    /// What was decided and why.
    pub decisions: Vec<Decision>,
    /// Which header is which part of a line: header and name, for people.
    pub columns: Vec<(String, String)>,
    /// Headers that say nothing of sales.
    pub ignored: Vec<String>,
    /// Columns whose values alone do not say how they are read.
    pub readings: Vec<tabular::ColumnDecision>,
}

/// Reads the records of a file from its beginning, as often as it is called.
pub type Each<'a> = &'a mut dyn FnMut(&mut dyn FnMut(&Record)) -> io::Result<()>;

/// Decides how the file with these `headers`, whose records `each` reads, becomes sales.
///
/// # Errors
///
/// When the file cannot be read; the inner error says why it holds no sales.
pub fn prepare(
    headers: &[String],
    each: Each<'_>,
    database: &Database,
    asked: &Options,
) -> io::Result<Result<Prepared, NoSales>> {
    let mut options = asked.clone();
    let (meanings, named) = match layout::meanings(headers, &options.mapping) {
        Ok(meanings) => meanings,
        Err(message) => {
            return Ok(Err(NoSales {
                code: "unknown_columns",
                message,
            }));
        }
    };
    let mut census = Census::new(headers, meanings);
    each(&mut |record| census.take(record))?;
    census.finish();
    let mut layout = Layout::of(&census, named);
    if let Some(fault) = missing(headers, &layout, &census) {
        return Ok(Err(fault));
    }
    let mut asking = Asking::new(&asked.answers);
    asking.prefers_untaxed = database.taxes == Some(Taxes::Excluded);
    if !settles_conflict(headers, &census, &mut options, &mut asking) {
        return Ok(Ok(prepared(None, asking, &layout, headers)));
    }
    let marks = census.marks(options.decimal, options.convention);
    let numbers = Numbers {
        marks: marks.iter().map(|(mark, _)| *mark).collect(),
    };
    let (orders, first) = look(each, &layout, &numbers)?;
    orders.settle_levels(&mut layout);
    if let Some(mut relations) = Relations::new(headers, &layout, &orders) {
        for record in &first {
            relations.take(record, &numbers);
        }
        for words in relations.settle(headers, &mut layout) {
            asking.decide("amount", words.en, words.fr);
        }
    }
    let has_list_prices = database
        .products
        .iter()
        .any(|product| product.price_cents.is_some());
    let rule = amounts::choose(headers, &layout, &orders, has_list_prices, &mut asking);
    let Some(mut rule) = rule else {
        if asking.open.is_empty() {
            return Ok(Err(NoSales {
                code: "unknown_columns",
                message: format!(
                    "no header stands for an amount or a price; the headers are {}; `mapping` says which stands for `amount` or `unit_price`",
                    layout::list(headers)
                ),
            }));
        }
        return Ok(Ok(prepared(None, asking, &layout, headers)));
    };
    if let Some((field, is_fraction)) = &mut rule.percent {
        let values = &census.columns[*field];
        *is_fraction = values.percents == 0 && values.nonzero > 0 && values.above_one == 0;
    }
    if let Some(mut reconciling) = Reconciling::new(&layout, &rule) {
        each(&mut |record| reconciling.take(record, &layout, &numbers))?;
        let (best, matching, compared) = reconciling.finish();
        if matching * 2 > compared {
            asking.decide(
                "amount",
                format!("{matching} of {compared} orders come out at their totals so"),
                format!("{matching} commandes sur {compared} retrouvent ainsi leur total"),
            );
            rule = best;
        }
    }
    if let Some(mut evidence) = NetEvidence::new(&layout, &rule) {
        each(&mut |record| evidence.take(record, &numbers))?;
        let tax = evidence.tax();
        if evidence.finish() {
            add_taxes(headers, &mut rule, tax, &mut asking);
        }
    }
    rule.taxes = answered_taxes(rule.taxes, &asking);
    let plan = Deciding {
        headers,
        census: &census,
        layout: &layout,
        orders: &orders,
        database,
        options: &options,
        asking: &mut asking,
    }
    .plan(rule, &marks);
    let readings = readings(&census, &layout, plan.as_ref(), &options);
    let mut prepared = prepared(plan, asking, &layout, headers);
    prepared.readings = readings;
    Ok(Ok(prepared))
}

/// What the orders of the file say, and its first records.
fn look(each: Each<'_>, layout: &Layout, numbers: &Numbers) -> io::Result<(Orders, Vec<Record>)> {
    let mut first = Vec::new();
    let mut looking = Looking::new(layout, numbers);
    each(&mut |record| {
        looking.take(record);
        if first.len() < relations::MAX_LINES && record.fault.is_none() {
            first.push(record.clone());
        }
    })?;
    Ok((looking.finish(), first))
}

/// What is answered where the file does not say whether taxes are in its amounts.
fn answered_taxes(taxes: Taxes, asking: &Asking<'_>) -> Taxes {
    match (taxes, asking.answer("taxes")) {
        (Taxes::Unsaid, Some("included")) => Taxes::Included,
        (Taxes::Unsaid, Some("excluded")) => Taxes::Excluded,
        (said, _) => said,
    }
}

/// How the day and the amount are read, where their values alone do not say.
fn readings(
    census: &Census,
    layout: &Layout,
    plan: Option<&Plan>,
    options: &Options,
) -> Vec<tabular::ColumnDecision> {
    let decided_by = |is_option: bool, is_assumed: bool| {
        if is_option {
            DecidedBy::Option
        } else if is_assumed {
            DecidedBy::Assumed
        } else {
            DecidedBy::Evidence
        }
    };
    let mut readings = Vec::new();
    if let Some(field) = layout.date {
        let column = &census.columns[field];
        if column.day_first + column.month_first + column.undecided_days > 0 {
            let (order, assumed) = census.order(field, options.date_order, options.convention);
            readings.push(tabular::ColumnDecision {
                column: "sale_date".into(),
                decimal: None,
                date_order: Some(order),
                decided_by: decided_by(options.date_order.is_some(), assumed),
            });
        }
    }
    let amount = plan.and_then(|plan| match plan.amount.base {
        Base::Line(field) => Some(("amount", field)),
        Base::UnitTimesQuantity(field) => Some(("unit_price", field)),
        Base::OrderTotal(field) => Some(("order_total", field)),
        Base::ListPrice => None,
    });
    let quantity = layout.quantity.map(|field| ("quantity", field));
    let marks = census.marks(options.decimal, options.convention);
    for (name, field) in amount.into_iter().chain(quantity) {
        let column = &census.columns[field];
        if column.comma.is_some() || column.point.is_some() || column.ambiguous > 0 {
            let (mark, assumed) = marks[field];
            readings.push(tabular::ColumnDecision {
                column: name.into(),
                decimal: Some(mark),
                date_order: None,
                decided_by: decided_by(options.decimal.is_some(), assumed),
            });
        }
    }
    readings
}

fn prepared(plan: Option<Plan>, asking: Asking<'_>, layout: &Layout, headers: &[String]) -> Prepared {
    let columns = layout.described(plan.as_ref().map(|plan| &plan.amount));
    let is_used = |field: usize| columns.iter().any(|(used, _)| *used == field);
    let ignored = (0..headers.len())
        .filter(|field| !is_used(*field) && !headers[*field].trim().is_empty())
        .map(|field| headers[field].clone())
        .collect();
    let is_open = asking.open.iter().any(|question| question.assumed.is_none());
    Prepared {
        questions: asking.open,
        decisions: asking.decisions,
        columns: columns
            .into_iter()
            .map(|(field, name)| {
                let is_id = |by: &By| matches!(by, By::Id(of, _) if *of == field);
                let name = match &plan {
                    Some(plan) if is_id(&plan.product) => "product_id",
                    Some(plan) if is_id(&plan.store) => "store_id",
                    _ => name,
                };
                (headers[field].clone(), name.to_owned())
            })
            .collect(),
        ignored,
        readings: Vec::new(),
        plan: plan.filter(|_| !is_open),
    }
}

/// Amounts are without the taxes in column `tax`: asked whether they shall be with them.
fn add_taxes(headers: &[String], rule: &mut AmountRule, tax: usize, asking: &mut Asking<'_>) {
    let header = &headers[tax];
    let answer = asking.ask(Question {
        id: "taxes".into(),
        text: Text::new(
            format!("Amounts are without taxes. Shall the taxes in `{header}` be added?"),
            format!("Les montants sont hors taxes. Faut-il ajouter les taxes de `{header}` ?"),
        ),
        choices: vec![
            Choice::new("included", "yes: amounts with taxes", "oui : montants TTC"),
            Choice::new("excluded", "no: amounts without taxes", "non : montants HT"),
        ],
        assumed: Some(asking.assumed_taxes()),
    });
    if answer.as_deref() == Some("excluded") {
        rule.taxes = Taxes::Excluded;
    } else {
        rule.taxes = Taxes::Included;
        rule.tax = Some(tax);
    }
}

/// Puts into `options` which decimal mark is right where a column has both; whether that is known.
fn settles_conflict(
    headers: &[String],
    census: &Census,
    options: &mut Options,
    asking: &mut Asking<'_>,
) -> bool {
    if options.decimal.is_some() {
        return true;
    }
    let Some(question) = conflict(headers, census) else {
        return true;
    };
    let answer = asking.ask(question);
    options.decimal = answer.as_deref().map(|answer| match answer {
        "comma" => DecimalMark::Comma,
        _ => DecimalMark::Point,
    });
    options.decimal.is_some()
}

/// What is asked where a column has a decimal comma here and a decimal point there.
fn conflict(headers: &[String], census: &Census) -> Option<Question> {
    let (at, column) = census
        .columns
        .iter()
        .enumerate()
        .find(|(_, column)| column.comma.is_some() && column.point.is_some())?;
    let (comma, point) = (column.comma?, column.point?);
    let header = &headers[at];
    Some(Question {
        id: "decimal".into(),
        text: Text::new(
            format!(
                "Column `{header}` has conflicting numbers: line {comma} has a decimal comma, line {point} a decimal \
                 point. Which is right? Numbers with the other are rejected."
            ),
            format!(
                "La colonne `{header}` se contredit : virgule décimale ligne {comma}, point décimal ligne {point}. \
                 Lequel est le bon ? Les nombres écrits avec l’autre sont rejetés."
            ),
        ),
        choices: vec![
            Choice::new("comma", "the comma", "la virgule"),
            Choice::new("point", "the point", "le point"),
        ],
        assumed: None,
    })
}

/// What a file lacks without which it holds no sales.
fn missing(headers: &[String], layout: &Layout, census: &Census) -> Option<NoSales> {
    if census.records == 0 {
        return Some(NoSales {
            code: "empty_source",
            message: "the file has headers and no lines".into(),
        });
    }
    if layout.date.is_none() {
        return Some(NoSales {
            code: "unknown_columns",
            message: format!(
                "no header stands for the day of a sale; the headers are {}; `mapping` says which stands for \
                 `sale_date`{}",
                layout::list(headers),
                if layout.order.is_some() || crate::pairs::may_be_lines(headers) {
                    "; where another file has the days of these orders, one import takes both"
                } else {
                    ""
                }
            ),
        });
    }
    None
}
