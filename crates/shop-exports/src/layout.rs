//! Which column of a file is which part of a line of a sale.
//!
//! Headers rank the columns that may stand for the same; a column without values stands for nothing.

use crate::census::Census;
use crate::fold;
use crate::headers::{self, Level, Meaning, Money, Purpose, Taxes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The names by which a request maps columns, besides those of [`COLUMNS`] that have other names too.
pub const COLUMNS: &[&str] = &[
    "id",
    "line_number",
    "ticket_id",
    "sale_date",
    "sale_time",
    "product_id",
    "product_code",
    "product_name",
    "category",
    "store_id",
    "store_code",
    "store_name",
    "city",
    "postal_code",
    "region",
    "quantity",
    "unit_price",
    "amount",
    "discount",
    "discount_percent",
    "order_discount",
    "order_total",
    "refund",
    "tax",
    "cost",
    "status",
    "type",
    "currency",
    "channel",
    "buyer",
];

/// A column of money and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoneyColumn {
    /// The column.
    pub field: usize,
    /// What its header says.
    pub money: Money,
}

/// Where the parts of a line stand: numbers of columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// What identifies the line among all lines.
    pub line_id: Option<usize>,
    /// The number of the line.
    pub line_number: Option<usize>,
    /// What identifies the order.
    pub order: Option<usize>,
    /// The day.
    pub date: Option<usize>,
    /// The time of day.
    pub time: Option<usize>,
    /// Filled where the order was cancelled.
    pub cancelled_at: Option<usize>,
    /// The product's id or code.
    pub product_code: Option<usize>,
    /// The product's name.
    pub product_name: Option<usize>,
    /// The product, by whatever.
    pub product: Option<usize>,
    /// Its category.
    pub category: Option<usize>,
    /// The store's id or code.
    pub store_code: Option<usize>,
    /// The store's name.
    pub store_name: Option<usize>,
    /// The store, by whatever.
    pub store: Option<usize>,
    /// The town.
    pub city: Option<usize>,
    /// Its code.
    pub postal: Option<usize>,
    /// The region.
    pub region: Option<usize>,
    /// The country of the town.
    #[serde(default)]
    pub country: Option<usize>,
    /// How many.
    pub quantity: Option<usize>,
    /// A discount in percent.
    pub discount_percent: Option<usize>,
    /// What became of the order.
    pub status: Option<usize>,
    /// What kind of row it is.
    pub kind: Option<usize>,
    /// Whether it is only a test.
    pub test: Option<usize>,
    /// Which currency.
    pub currency: Option<usize>,
    /// Web, shop, telephone.
    pub channel: Option<usize>,
    /// Who buys.
    pub buyer: Option<usize>,
    /// Amounts of money.
    pub money: Vec<MoneyColumn>,
    /// Columns that the request itself named.
    pub named: BTreeMap<String, usize>,
}

impl Layout {
    /// Where the parts of a line stand in the file that `census` counted; `named` are the columns that the
    /// request names itself.
    pub(crate) fn of(census: &Census, named: BTreeMap<String, usize>) -> Self {
        let mut layout = Self {
            named,
            ..Self::default()
        };
        let pick = Pick { census };
        layout.take(&pick);
        layout.settle_names(census);
        layout.settle_nested(census);
        layout.settle_ids(census);
        layout.settle_numbers(census);
        layout.settle_references(census);
        for (name, &field) in &layout.named.clone() {
            layout.set(name, field);
        }
        layout
    }

    #[expect(clippy::too_many_lines, reason = "one part of a line after the other")]
    fn take(&mut self, pick: &Pick<'_>) {
        self.line_id = pick.best(|meaning| matches!(meaning, Meaning::LineId).then_some(50));
        self.line_number = pick.best(|meaning| matches!(meaning, Meaning::LineNumber).then_some(50));
        self.order = pick.best(|meaning| {
            if let Meaning::Order(rank) = meaning {
                Some(rank)
            } else {
                None
            }
        });
        self.date = pick.best_that(
            |meaning| {
                if let Meaning::Date(rank) = meaning {
                    Some(rank)
                } else {
                    None
                }
            },
            |column| column.days > 0 && column.days * 2 >= column.filled,
        );
        self.time = pick.best(|meaning| matches!(meaning, Meaning::Time).then_some(50));
        self.cancelled_at = pick.best(|meaning| matches!(meaning, Meaning::CancelledAt).then_some(50));
        self.product_code = pick.best(|meaning| {
            if let Meaning::ProductCode(rank) = meaning {
                Some(rank)
            } else {
                None
            }
        });
        self.product_name = pick.best_that(
            |meaning| {
                if let Meaning::ProductName(rank) = meaning {
                    Some(rank)
                } else {
                    None
                }
            },
            |column| column.urls * 2 <= column.filled,
        );
        self.product = pick.best(|meaning| {
            if let Meaning::Product(rank) = meaning {
                Some(rank)
            } else {
                None
            }
        });
        self.category = pick.best(|meaning| {
            if let Meaning::Category(rank) = meaning {
                Some(rank)
            } else {
                None
            }
        });
        self.store_code = pick.best(|meaning| {
            if let Meaning::StoreCode(rank) = meaning {
                Some(rank)
            } else {
                None
            }
        });
        self.store_name = pick.best(|meaning| {
            if let Meaning::StoreName(rank) = meaning {
                Some(rank)
            } else {
                None
            }
        });
        self.store = pick.best(|meaning| {
            if let Meaning::Store(rank) = meaning {
                Some(rank)
            } else {
                None
            }
        });
        self.city = pick.best(|meaning| {
            if let Meaning::City(rank) = meaning {
                Some(rank)
            } else {
                None
            }
        });
        self.postal = pick.best(|meaning| {
            if let Meaning::Postal(rank) = meaning {
                Some(rank)
            } else {
                None
            }
        });
        self.country = pick.best(|meaning| {
            if let Meaning::Country(rank) = meaning {
                Some(rank)
            } else {
                None
            }
        });
        self.region = pick.best(|meaning| matches!(meaning, Meaning::Region).then_some(50));
        self.quantity = pick.best_that(
            |meaning| {
                if let Meaning::Quantity(rank) = meaning {
                    Some(rank)
                } else {
                    None
                }
            },
            crate::census::Column::is_numeric,
        );
        self.discount_percent = pick.best_that(
            |meaning| matches!(meaning, Meaning::DiscountPercent).then_some(50),
            |column| column.numbers > 0,
        );
        self.status = pick.best(|meaning| {
            if let Meaning::Status(rank) = meaning {
                Some(rank)
            } else {
                None
            }
        });
        self.kind = pick.best(|meaning| {
            if let Meaning::Type(rank) = meaning {
                Some(rank)
            } else {
                None
            }
        });
        self.test = pick.best(|meaning| matches!(meaning, Meaning::Test).then_some(50));
        self.currency = pick.best(|meaning| {
            if let Meaning::Currency(rank) = meaning {
                Some(rank)
            } else {
                None
            }
        });
        // What is another on every line, such as the source of a payment, is no way of selling.
        self.channel = pick.best_that(
            |meaning| matches!(meaning, Meaning::Channel).then_some(50),
            |column| {
                let all_differ = !column.overflows && column.distinct.len() as u64 == column.filled;
                let tells_lines_apart = all_differ && column.filled > 1 && column.with_digits > 0;
                !column.overflows && !tells_lines_apart
            },
        );
        self.buyer = pick.best(|meaning| {
            if let Meaning::Buyer(rank) = meaning {
                Some(rank)
            } else {
                None
            }
        });
        for (field, meaning) in pick.census.meanings.iter().enumerate() {
            if let Meaning::Money(money) = meaning
                && pick.census.columns[field].is_numeric()
            {
                self.money.push(MoneyColumn { field, money: *money });
            }
        }
        // What tells the kinds of one product apart is not its name.
        if let Some(field) = self.product_name
            && matches!(pick.census.meanings[field], Meaning::ProductName(..=12))
            && (self.product.is_some() || self.product_code.is_some())
        {
            self.product_name = None;
        }
        // `Remise` may be written in percent without the header saying so.
        if self.discount_percent.is_none()
            && let Some(at) = self.money.iter().position(|column| {
                let values = &pick.census.columns[column.field];
                column.money.purpose == Purpose::Discount && values.percents * 2 > values.numbers
            })
        {
            self.discount_percent = Some(self.money.remove(at).field);
        }
    }

    /// `Name` is the number of the order where another column has the product's, and its values say `#1001`.
    fn settle_names(&mut self, census: &Census) {
        let is_numbered = |field: usize| {
            let column = &census.columns[field];
            column.filled > 0 && column.hashes == column.filled
        };
        let numbered = (0..census.headers.len()).find(|&field| {
            matches!(census.meanings[field], Meaning::ProductName(..=60)) && is_numbered(field)
        });
        if let Some(field) = numbered
            && self.product_name != Some(field)
        {
            self.order = Some(field);
        }
    }

    /// In a file of orders that hold their lines, `id` is of the order.
    fn settle_nested(&mut self, census: &Census) {
        let header = |field: usize| census.headers[field].to_lowercase();
        let has_lines = census
            .headers
            .iter()
            .any(|header| header.contains('.') && headers::meaning(header) == Meaning::LineId);
        if !has_lines {
            return;
        }
        let find = |name: &str| (0..census.headers.len()).find(|&field| header(field) == name);
        let of_line = (0..census.headers.len())
            .find(|&field| header(field).contains('.') && census.meanings[field] == Meaning::LineId);
        self.line_id = of_line;
        let order = find("number")
            .or_else(|| find("order_number"))
            .or_else(|| find("id"));
        if order.is_some() {
            self.order = order;
        }
        if self.line_number == order {
            self.line_number = None;
        }
        // What stands beside the lines is of the order.
        for column in &mut self.money {
            if !census.headers[column.field].contains('.') {
                column.money.level = Level::Order;
            }
        }
    }

    /// What identifies lines must be on every line, and never twice; where it is not, it is of the order.
    fn settle_ids(&mut self, census: &Census) {
        let is_key = |field: usize| {
            let column = &census.columns[field];
            column.filled == census.records && !column.repeats
        };
        if let Some(field) = self.line_id
            && !self.named.contains_key("id")
            && !is_key(field)
        {
            self.line_id = None;
            if self.order.is_none() {
                self.order = Some(field);
            }
        }
    }

    /// `N°` is the number of the order where its values are no numbers, or follow each other on the lines of one.
    fn settle_numbers(&mut self, census: &Census) {
        let Some(field) = self.line_number.filter(|_| self.order.is_none()) else {
            return;
        };
        if self.named.contains_key("line_number") || census.meanings[field] != Meaning::LineNumber {
            return;
        }
        let column = &census.columns[field];
        let is_repeated = column.repeated > 0 && column.repeated == column.adjacent;
        if is_repeated || (column.ids + column.zero_led) * 2 < column.filled {
            self.order = Some(field);
            self.line_number = None;
        }
    }

    /// `Référence` alone, another on every line, is that of the order where nothing says that pieces are sold.
    fn settle_references(&mut self, census: &Census) {
        let Some(field) = self.product_code else { return };
        let column = &census.columns[field];
        let all_differ =
            column.filled > 1 && (column.overflows || column.distinct.len() as u64 == column.filled);
        let sells_pieces = self.product_name.is_some() || self.product.is_some() || self.quantity.is_some();
        let is_bare = matches!(census.meanings[field], Meaning::ProductCode(..=50));
        if is_bare && all_differ && !sells_pieces && !self.named.values().any(|named| *named == field) {
            self.product_code = None;
            self.order = self.order.or(Some(field));
        }
    }

    fn set(&mut self, name: &str, field: usize) {
        let place = match name {
            "id" => &mut self.line_id,
            "line_number" => &mut self.line_number,
            "ticket_id" => &mut self.order,
            "sale_date" => &mut self.date,
            "sale_time" => &mut self.time,
            "product_id" | "product_code" => &mut self.product_code,
            "product_name" => &mut self.product_name,
            "category" => &mut self.category,
            "store_id" | "store_code" => &mut self.store_code,
            "store_name" => &mut self.store_name,
            "city" => &mut self.city,
            "postal_code" => &mut self.postal,
            "region" => &mut self.region,
            "quantity" => &mut self.quantity,
            "discount_percent" => &mut self.discount_percent,
            "status" => &mut self.status,
            "type" => &mut self.kind,
            "currency" => &mut self.currency,
            "channel" => &mut self.channel,
            "buyer" => &mut self.buyer,
            _ => return,
        };
        *place = Some(field);
    }

    /// The first column of money that `fits`.
    pub(crate) fn money(&self, fits: impl Fn(&Money) -> bool) -> Option<usize> {
        self.money
            .iter()
            .find(|column| fits(&column.money))
            .map(|column| column.field)
    }
}

/// What each of `headers` means, and which columns `mapping` names: it goes from the names of [`COLUMNS`] to
/// headers and comes first. `Err` says what is wrong with it.
pub(crate) fn meanings(
    headers: &[String],
    mapping: &BTreeMap<String, String>,
) -> Result<(Vec<Meaning>, BTreeMap<String, usize>), String> {
    let mut meanings: Vec<Meaning> = headers.iter().map(|header| headers::meaning(header)).collect();
    let mut fields = BTreeMap::new();
    for (name, header) in mapping {
        let field = headers
            .iter()
            .position(|seen| seen.trim() == header.trim())
            .or_else(|| {
                headers
                    .iter()
                    .position(|seen| fold::key(seen) == fold::key(header))
            })
            .ok_or_else(|| {
                format!(
                    "`mapping` names the header `{header}`, which the source lacks; its headers are {}",
                    list(headers)
                )
            })?;
        meanings[field] = named(name).ok_or_else(|| {
            format!(
                "`mapping` names the column `{name}`, which sales lack; they have {}",
                COLUMNS.join(", ")
            )
        })?;
        fields.insert(name.clone(), field);
    }
    Ok((meanings, fields))
}

/// What a column is that a request gives the name `name`.
fn named(name: &str) -> Option<Meaning> {
    let money = |level, purpose| {
        Meaning::Money(Money {
            level,
            taxes: Taxes::Unsaid,
            purpose,
            converted: false,
        })
    };
    Some(match name {
        "id" => Meaning::LineId,
        "line_number" => Meaning::LineNumber,
        "ticket_id" => Meaning::Order(100),
        "sale_date" => Meaning::Date(100),
        "sale_time" => Meaning::Time,
        "product_id" | "product_code" => Meaning::ProductCode(100),
        "product_name" => Meaning::ProductName(100),
        "category" => Meaning::Category(100),
        "store_id" | "store_code" => Meaning::StoreCode(100),
        "store_name" => Meaning::StoreName(100),
        "city" => Meaning::City(100),
        "postal_code" => Meaning::Postal(100),
        "region" => Meaning::Region,
        "quantity" => Meaning::Quantity(100),
        "unit_price" => money(Level::Unit, Purpose::Goods),
        "amount" => money(Level::Line, Purpose::Goods),
        "discount" => money(Level::Line, Purpose::Discount),
        "discount_percent" => Meaning::DiscountPercent,
        "order_discount" => money(Level::Order, Purpose::Discount),
        "order_total" => money(Level::Order, Purpose::Goods),
        "refund" => money(Level::Order, Purpose::Refund),
        "tax" => money(Level::Line, Purpose::Tax),
        "cost" => money(Level::Line, Purpose::Cost),
        "status" => Meaning::Status(100),
        "type" => Meaning::Type(100),
        "currency" => Meaning::Currency(100),
        "channel" => Meaning::Channel,
        "buyer" => Meaning::Buyer(100),
        _ => return None,
    })
}

/// `names` in a sentence.
pub(crate) fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Picks columns.
struct Pick<'a> {
    census: &'a Census,
}

impl Pick<'_> {
    /// The highest of the columns that `rank` ranks and that have values; the first of equal ones.
    fn best(&self, rank: impl Fn(Meaning) -> Option<u8>) -> Option<usize> {
        self.best_that(rank, |_| true)
    }

    fn best_that(
        &self,
        rank: impl Fn(Meaning) -> Option<u8>,
        fits: impl Fn(&crate::census::Column) -> bool,
    ) -> Option<usize> {
        let ranked = self
            .census
            .meanings
            .iter()
            .enumerate()
            .filter_map(|(field, meaning)| {
                let column = &self.census.columns[field];
                (column.filled > 0 && fits(column))
                    .then(|| rank(*meaning))
                    .flatten()
                    .map(|rank| (rank, field))
            });
        ranked
            .max_by(|(rank, field), (other_rank, other)| rank.cmp(other_rank).then(other.cmp(field)))
            .map(|(_, field)| field)
    }
}

impl Layout {
    /// Its columns and the names of what they are, those of money only as far as `rule` uses them.
    pub(crate) fn described(&self, rule: Option<&crate::amounts::AmountRule>) -> Vec<(usize, &'static str)> {
        use crate::amounts::Base;
        let mut described: Vec<(usize, &'static str)> = [
            (self.line_id, "id"),
            (self.order, "ticket_id"),
            (self.line_number, "line_number"),
            (self.date, "sale_date"),
            (self.time, "sale_time"),
            (self.product_code, "product_code"),
            (self.product_name, "product_name"),
            (self.product, "product"),
            (self.category, "category"),
            (self.store_code, "store_code"),
            (self.store_name, "store_name"),
            (self.store, "store"),
            (self.city, "city"),
            (self.postal, "postal_code"),
            (self.region, "region"),
            (self.quantity, "quantity"),
            (self.status, "status"),
            (self.cancelled_at, "cancelled_at"),
            (self.kind, "type"),
            (self.test, "test"),
            (self.currency, "currency"),
            (self.channel, "channel"),
            (self.buyer, "buyer"),
        ]
        .into_iter()
        .filter_map(|(field, name)| field.map(|field| (field, name)))
        .collect();
        if let Some(rule) = rule {
            let base = match rule.base {
                Base::Line(field) => Some((field, "amount")),
                Base::UnitTimesQuantity(field) => Some((field, "unit_price")),
                Base::OrderTotal(field) => Some((field, "order_total")),
                Base::ListPrice => None,
            };
            described.extend(base);
            described.extend(rule.discount.map(|field| (field, "discount")));
            described.extend(rule.percent.map(|(field, _)| (field, "discount_percent")));
            described.extend(rule.order_discount.map(|field| (field, "order_discount")));
            described.extend(rule.refund.map(|field| (field, "refund")));
            described.extend(rule.tax.map(|field| (field, "tax")));
        }
        described.sort_unstable();
        described.dedup_by_key(|(field, _)| *field);
        described
    }
}
