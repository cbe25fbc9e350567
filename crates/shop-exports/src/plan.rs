//! What is decided about a file before its first line is written: everything, once.
//!
//! Two or three passes over its records: the first counts what its columns hold, the second looks at its orders,
//! the third, where there are discounts, tries which way of taking them off comes out at the file's own totals.

use crate::amounts::{self, AmountRule, Base, NetEvidence, Reconciling};
use crate::census::Census;
use crate::fold;
use crate::headers::{Level, Purpose, Taxes};
use crate::layout::{self, Layout};
use crate::numbers;
use crate::orders::{Looking, Numbers, Orders};
use crate::questions::{Asking, Choice, Decision, Question, Text};
use crate::references::{self, By, Columns, Known, What};
use crate::relations::{self, Relations};
use crate::statuses::{self, Treatment};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use tabular::cents::DecimalMark;
use tabular::dates::DateOrder;
use tabular::{Convention, DecidedBy, Record};

/// The store that is made where no line names one.
const MAIN_SHOP: &str = "Main shop";

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
    /// The code of the currency.
    pub currency: String,
    /// Codes of other currencies that the file has: their lines are not taken.
    pub other_currencies: Vec<String>,
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
    if !settles_conflict(headers, &census, &mut options, &mut asking) {
        return Ok(Ok(prepared(None, asking, &layout, headers)));
    }
    let marks = census.marks(options.decimal, options.convention);
    let numbers = Numbers {
        marks: marks.iter().map(|(mark, _)| *mark).collect(),
    };
    let mut first = Vec::new();
    let orders = {
        let mut looking = Looking::new(&layout, &numbers);
        each(&mut |record| {
            looking.take(record);
            if first.len() < relations::MAX_LINES && record.fault.is_none() {
                first.push(record.clone());
            }
        })?;
        looking.finish()
    };
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
        assumed: Some("included".into()),
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
                "no header stands for the day of a sale; the headers are {}; `mapping` says which stands for `sale_date`",
                layout::list(headers)
            ),
        });
    }
    None
}

/// All that the decisions look at.
struct Deciding<'a, 'b> {
    headers: &'a [String],
    census: &'a Census,
    layout: &'a Layout,
    orders: &'a Orders,
    database: &'a Database,
    options: &'a Options,
    asking: &'a mut Asking<'b>,
}

impl Deciding<'_, '_> {
    fn plan(mut self, amount: AmountRule, marks: &[(DecimalMark, bool)]) -> Option<Plan> {
        let words = amounts::words(self.headers, &amount);
        self.asking.decide("amount", words.en, words.fr);
        if amount.taxes == Taxes::Excluded {
            self.asking.decide(
                "taxes",
                "amounts are without taxes",
                "les montants sont hors taxes (HT)",
            );
        }
        self.say_marks(marks);
        let (order, assumed) = self.census.order(
            self.layout.date?,
            self.options.date_order,
            self.options.convention,
        );
        if assumed {
            let (en, fr) = if order == DateOrder::DayFirst {
                ("the day", "le jour")
            } else {
                ("the month", "le mois")
            };
            self.asking.decide(
                "dates",
                format!("every date reads two ways; {en} first was assumed"),
                format!("chaque date se lit de deux façons ; {fr} d’abord a été supposé"),
            );
        }
        let product = self.product();
        let unnamed_are_sold = self.unnamed(&product, &amount);
        let store = self.store();
        let store_otherwise = self.store_otherwise(store.as_ref());
        let (currency, other_currencies) = self.currency(&amount);
        let statuses = self.treatments("status");
        let kinds = self.treatments("type");
        let key = self.key();
        let shipping = self.layout.money(|money| money.purpose == Purpose::Shipping);
        if let Some(field) = shipping {
            self.asking.decide(
                "shipping",
                format!("`{}` is not among the amounts", self.headers[field]),
                format!("`{}` n’est pas compté dans les montants", self.headers[field]),
            );
        }
        Some(Plan {
            layout: self.layout.clone(),
            commas: marks
                .iter()
                .map(|(mark, _)| *mark == DecimalMark::Comma)
                .collect(),
            day_first: order == DateOrder::DayFirst,
            product,
            store_is_said: match &store {
                Some(By::Id(..) | By::Code(..) | By::Name(_)) => true,
                _ => self.options.constants.contains_key("store") || self.asking.answer("store").is_some(),
            },
            store: store?,
            time_zone: self.options.time_zone.clone(),
            is_utc: self.is_utc(),
            store_otherwise,
            unnamed_are_sold,
            key,
            refunds_are_rows: self.orders.refunds_beside_sales > self.orders.refunds_alone,
            test_header: self.layout.test.map(|field| self.headers[field].clone()),
            statuses,
            kinds,
            currency,
            other_currencies,
            cost: self.cost(),
            tax: self
                .layout
                .money(|money| money.purpose == Purpose::Tax && money.level == Level::Line),
            amount,
        })
    }

    fn say_marks(&mut self, marks: &[(DecimalMark, bool)]) {
        for (field, (mark, assumed)) in marks.iter().enumerate() {
            let is_quantity = Some(field) == self.layout.quantity;
            let ambiguous = self.census.columns[field].ambiguous;
            if !(*assumed || (is_quantity && ambiguous > 0)) {
                continue;
            }
            let what = if *mark == DecimalMark::Comma {
                ("a decimal comma", "virgule décimale")
            } else {
                ("a decimal point", "point décimal")
            };
            let why = if *assumed {
                (
                    "was assumed: every value reads two ways",
                    "supposé : chaque valeur se lit de deux façons",
                )
            } else {
                (
                    "is read, as in the rest of the file",
                    "comme dans le reste du fichier",
                )
            };
            let header = &self.headers[field];
            self.asking.decide(
                "numbers",
                format!("`{header}`: {} {}", what.0, why.0),
                format!("`{header}` : {}, {}", what.1, why.1),
            );
        }
    }

    fn product(&mut self) -> By {
        if let Some(name) = self.options.constants.get("product") {
            return By::Always(name.clone());
        }
        let columns = Columns {
            code: self.layout.product_code,
            name: self.layout.product_name,
            any: self.layout.product,
        };
        let by = references::choose(
            What::Product,
            columns,
            self.census,
            &self.database.products,
            self.asking,
        );
        if let Some(By::Name(field)) = by
            && self.tells_payments_apart(field)
        {
            let header = &self.headers[field];
            self.asking.decide(
                "product",
                format!("`{header}` tells payments apart: all lines are of `Sales`"),
                format!("`{header}` distingue des paiements : toutes les lignes vont au produit `Sales`"),
            );
            return By::Always("Sales".into());
        }
        if let Some(by) = by {
            return by;
        }
        if let Some(category) = self.layout.category {
            let header = &self.headers[category];
            self.asking.decide(
                "product",
                format!("no header stands for the product; `{header}` is taken for it"),
                format!("aucune colonne ne désigne le produit ; `{header}` en tient lieu"),
            );
            return By::Name(category);
        }
        self.asking.decide(
            "product",
            "no header stands for the product: all lines are of `Sales`",
            "aucune colonne ne désigne le produit : toutes les lignes vont au produit `Sales`",
        );
        By::Always("Sales".into())
    }

    /// Whether the header of the day says that it is of UTC.
    fn is_utc(&mut self) -> bool {
        let said = |field: usize| {
            let words = crate::words::cut(&self.headers[field]);
            words.iter().any(|word| word == "utc" || word == "gmt")
        };
        let Some(field) = self.layout.date.filter(|field| said(*field)) else {
            return false;
        };
        if let Some(zone) = &self.options.time_zone {
            let header = &self.headers[field];
            self.asking.decide(
                "dates",
                format!("`{header}` is of UTC: days are those of {zone}"),
                format!("`{header}` est en UTC : les jours sont ceux de {zone}"),
            );
        }
        true
    }

    /// Whether lines without a product are sales too: those with an amount of their own, beside lines that name one.
    fn unnamed(&mut self, product: &By, amount: &AmountRule) -> bool {
        let has_amount = matches!(amount.base, Base::Line(_) | Base::UnitTimesQuantity(_));
        if !has_amount || matches!(product, By::Always(_) | By::AlwaysId(_) | By::Id(..)) {
            return false;
        }
        let count = self.orders.without_product;
        if count > 0 {
            let unnamed = crate::lines::UNNAMED;
            self.asking.decide(
                "product",
                format!("{count} lines name no product: they are of `{unnamed}`"),
                format!("{count} lignes ne nomment pas de produit : elles vont à `{unnamed}`"),
            );
        }
        true
    }

    /// The store of lines that name none although the file has stores: the only one, or one that is made.
    fn store_otherwise(&mut self, store: Option<&By>) -> Option<By> {
        let by_column = matches!(store, Some(By::Code(..) | By::Name(_)));
        let count = self.orders.without_store;
        let has_columns = [self.layout.store_code, self.layout.store_name, self.layout.store];
        if !by_column || has_columns.iter().all(Option::is_none) || count == 0 {
            return by_column.then(|| By::Always(MAIN_SHOP.into()));
        }
        let (by, name) = match self.database.stores.as_slice() {
            [only] => {
                let name = only
                    .name
                    .clone()
                    .or_else(|| only.city.clone())
                    .unwrap_or_default();
                (By::AlwaysId(only.id), name)
            }
            _ => (By::Always(MAIN_SHOP.into()), MAIN_SHOP.to_owned()),
        };
        self.asking.decide(
            "store",
            format!("{count} lines name no store: they are of `{name}`"),
            format!("{count} lignes ne nomment pas de magasin : elles vont à `{name}`"),
        );
        Some(by)
    }

    /// Whether column `field` is a remark on each payment, not the name of a product: nearly each is another, and
    /// nothing else says that pieces are sold.
    fn tells_payments_apart(&self, field: usize) -> bool {
        let column = &self.census.columns[field];
        let different = if column.overflows {
            column.filled
        } else {
            column.distinct.len() as u64
        };
        let sells_pieces = self.layout.quantity.is_some()
            || self.layout.category.is_some()
            || self.layout.money(|money| money.level == Level::Unit).is_some();
        !sells_pieces
            && self.layout.named.is_empty()
            && column.filled > 3
            && different * 10 >= column.filled * 7
    }

    fn store(&mut self) -> Option<By> {
        if let Some(name) = self.options.constants.get("store") {
            self.asking.decide(
                "store",
                format!("`{name}`, as the request says"),
                format!("`{name}`, comme demandé"),
            );
            return Some(By::Always(name.clone()));
        }
        let columns = Columns {
            code: self.layout.store_code,
            name: self.layout.store_name,
            any: self.layout.store,
        };
        let by = references::choose(
            What::Store,
            columns,
            self.census,
            &self.database.stores,
            self.asking,
        );
        if by.is_some() {
            return by;
        }
        if let Some(city) = self.layout.city {
            let header = &self.headers[city];
            self.asking.decide(
                "store",
                format!("no header stands for the store; `{header}` is taken for it"),
                format!("aucune colonne ne désigne le magasin ; `{header}` en tient lieu"),
            );
            return Some(By::Name(city));
        }
        if let Some(answer) = self.asking.answer("store") {
            return Some(By::Always(answer.to_owned()));
        }
        match self.database.stores.as_slice() {
            [] => {
                self.asking.decide(
                    "store",
                    "no line names a store and there is none: `Main shop` is made",
                    "aucune ligne ne nomme de magasin et il n’y en a pas : `Main shop` est créé",
                );
                Some(By::Always(MAIN_SHOP.into()))
            }
            [only] => {
                let name = only
                    .name
                    .clone()
                    .or_else(|| only.city.clone())
                    .unwrap_or_default();
                self.asking.decide(
                    "store",
                    format!("no line names a store: it is the only one, `{name}`"),
                    format!("aucune ligne ne nomme de magasin : c’est le seul, `{name}`"),
                );
                Some(By::AlwaysId(only.id))
            }
            stores => {
                let called = |store: &Known| {
                    store
                        .name
                        .clone()
                        .or_else(|| store.city.clone())
                        .or_else(|| store.code.clone())
                };
                let choices = stores
                    .iter()
                    .filter_map(called)
                    .take(200)
                    .map(|name| Choice::new(name.clone(), name.clone(), name))
                    .collect();
                let answer = self.asking.ask(Question {
                    id: "store".into(),
                    text: Text::new(
                        "Which store are these sales of?",
                        "De quel magasin sont ces ventes ?",
                    ),
                    choices,
                    assumed: None,
                });
                answer.map(By::Always)
            }
        }
    }

    /// The currency of the file, and others that it has too.
    fn currency(&mut self, amount: &AmountRule) -> (String, Vec<String>) {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        if let Some(field) = self.layout.currency {
            for (written, count) in self.census.columns[field].distinct.values() {
                let code = numbers::currency(written).map_or_else(|| written.to_uppercase(), str::to_owned);
                *counts.entry(code).or_default() += count;
            }
        }
        let field = match amount.base {
            Base::Line(field) | Base::UnitTimesQuantity(field) | Base::OrderTotal(field) => Some(field),
            Base::ListPrice => None,
        };
        if counts.is_empty()
            && let Some(field) = field
        {
            for (code, count) in &self.census.columns[field].currencies {
                counts.insert((*code).to_owned(), *count);
            }
            let said = crate::words::cut(&self.headers[field]);
            let of_header = said.iter().find_map(|word| numbers::currency(word)).or_else(|| {
                self.headers[field]
                    .chars()
                    .find_map(|sign| numbers::currency(&sign.to_string()))
            });
            if counts.is_empty()
                && let Some(code) = of_header
            {
                counts.insert(code.to_owned(), 1);
            }
        }
        let most = counts
            .iter()
            .max_by_key(|(_, count)| **count)
            .map(|(code, _)| code.clone());
        let wanted = self
            .options
            .constants
            .get("currency")
            .cloned()
            .or_else(|| self.asking.answer("currency").map(str::to_owned));
        let currency = wanted
            .or_else(|| self.database.currency.clone())
            .or_else(|| most.clone())
            .unwrap_or_else(|| "EUR".into());
        let others: Vec<String> = counts.into_keys().filter(|code| *code != currency).collect();
        if self.database.currency.is_none() && currency != "EUR" && self.asking.answer("currency").is_none() {
            self.asking.ask(Question {
                id: "currency".into(),
                text: Text::new(
                    format!("The amounts are in {currency}. Shall all sales be kept in it?"),
                    format!(
                        "Les montants sont en {currency}. Toutes les ventes seront-elles dans cette devise ?"
                    ),
                ),
                choices: vec![Choice::new(currency.clone(), currency.clone(), currency.clone())],
                assumed: Some(currency.clone()),
            });
        }
        if !others.is_empty() {
            let listed = others.join(", ");
            self.asking.decide(
                "currency",
                format!("amounts are in {currency}; lines in {listed} are rejected"),
                format!("les montants sont en {currency} ; les lignes en {listed} sont rejetées"),
            );
        }
        (currency, others)
    }

    /// What the words of a column do: `status`, or `type`.
    fn treatments(&mut self, about: &str) -> BTreeMap<String, Treatment> {
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
            crate::words::cut(&self.headers[field])
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
        use crate::words::{Word, cut, find};
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

    fn key(&mut self) -> KeyRule {
        let by = |header: &str| {
            Text::new(
                format!("lines are known by `{header}`"),
                format!("chaque ligne est reconnue par `{header}`"),
            )
        };
        let (rule, words) = if let Some(field) = self.layout.line_id {
            let column = &self.census.columns[field];
            let may_be_given_back = self.layout.status.is_some()
                || self
                    .layout
                    .money(|money| money.purpose == Purpose::Refund)
                    .is_some();
            if column.ids == column.filled && !may_be_given_back {
                (KeyRule::Id(field), by(&self.headers[field]))
            } else {
                (KeyRule::TextId(field), by(&self.headers[field]))
            }
        } else if let (Some(order), Some(number)) = (self.layout.order, self.layout.line_number)
            && !self.orders.numbers_repeat
            && !self.orders.scattered
            && self.orders.several > 0
        {
            let (order_header, number_header) = (&self.headers[order], &self.headers[number]);
            let words = Text::new(
                format!("lines are known by `{order_header}` and `{number_header}`"),
                format!("chaque ligne est reconnue par `{order_header}` et `{number_header}`"),
            );
            (KeyRule::OrderLine(order, number), words)
        } else {
            (
                KeyRule::Content,
                Text::new(
                    "lines have no ids: they are known by what they say, equal ones by their number",
                    "les lignes n’ont pas d’identifiant : elles sont reconnues à leur contenu, les lignes égales à leur nombre",
                ),
            )
        };
        self.asking.decide("keys", words.en, words.fr);
        rule
    }

    /// The column of costs, not of margins.
    fn cost(&self) -> Option<(usize, bool)> {
        let is_cost = |field: usize| {
            crate::words::cut(&self.headers[field])
                .iter()
                .any(|word| ["cost", "cout", "cogs", "achat", "revient"].contains(&word.as_str()))
        };
        let column = self
            .layout
            .money
            .iter()
            .find(|column| column.money.purpose == Purpose::Cost && is_cost(column.field))?;
        Some((column.field, column.money.level == Level::Unit))
    }
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

/// The folded form of a status, to look it up in [`Plan::statuses`].
pub(crate) fn status_key(text: &str) -> String {
    fold::key(text)
}
