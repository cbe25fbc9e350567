//! The decisions about a file, one after the other: a [`Plan`] comes out.

use crate::amounts::{self, AmountRule};
use crate::census::Census;
use crate::headers::{Level, Purpose, Taxes};
use crate::layout::Layout;
use crate::orders::Orders;
use crate::plan::{Database, KeyRule, Options, Plan};
use crate::questions::{Asking, Text};
use crate::references::By;
use tabular::cents::DecimalMark;
use tabular::dates::DateOrder;

/// All that the decisions look at.
pub(crate) struct Deciding<'a, 'b> {
    pub headers: &'a [String],
    pub census: &'a Census,
    pub layout: &'a Layout,
    pub orders: &'a Orders,
    pub database: &'a Database,
    pub options: &'a Options,
    pub asking: &'a mut Asking<'b>,
}

impl Deciding<'_, '_> {
    pub(crate) fn plan(mut self, amount: AmountRule, marks: &[(DecimalMark, bool)]) -> Option<Plan> {
        let words = amounts::words(self.headers, &amount);
        self.asking.decide("amount", words.en, words.fr);
        if amount.taxes == Taxes::Excluded {
            self.asking.decide(
                "taxes",
                "amounts are without taxes",
                "les montants sont hors taxes (HT)",
            );
        }
        if let Some(there) = self.database.taxes
            && there != Taxes::Unsaid
            && amount.taxes != Taxes::Unsaid
            && there != amount.taxes
        {
            self.asking.decide(
                "taxes",
                "sales so far are the other way, with taxes or without: every figure will carry a warning",
                "les ventes déjà là sont l’inverse, TTC ou HT : chaque chiffre portera un avertissement",
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
        let currencies = self.currencies(&amount);
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
            currencies,
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

    fn key(&mut self) -> KeyRule {
        let by = |header: &str| {
            Text::new(
                format!("lines are known by `{header}`"),
                format!("chaque ligne est reconnue par `{header}`"),
            )
        };
        let is_by_content = self.asking.answer("keys") == Some("content");
        let (rule, words) = if let Some(field) = self.layout.line_id.filter(|_| !is_by_content) {
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
