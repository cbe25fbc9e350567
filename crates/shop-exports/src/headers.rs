//! What a header says its column holds.
//!
//! A header is a few words; what they mean together is said by rules, not by a list of all headers there are.
//! What a header leaves open (whether an amount is of a line or of the whole order, whether codes are ids) is
//! left open here too: the values decide it, or the person who asks.

use crate::words::{self, Word};
use serde::{Deserialize, Serialize};

/// What an amount of money is the amount of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Level {
    /// One piece.
    Unit,
    /// One line.
    Line,
    /// The whole order.
    Order,
    /// The header does not say: of the line, or of the order.
    Unsaid,
}

/// Whether an amount holds taxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taxes {
    /// It does.
    Included,
    /// It does not.
    Excluded,
    /// The header does not say.
    Unsaid,
}

/// What an amount of money is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// What is sold, after discounts as far as the header says.
    Goods,
    /// What is sold, before discounts.
    GoodsBeforeDiscount,
    /// What is taken off.
    Discount,
    /// What is sold together with what is not among the amounts, or after fees: shipping, tips, a payout.
    WithOthers,
    /// Bringing it to the buyer.
    Shipping,
    /// Taxes alone.
    Tax,
    /// What is given back.
    Refund,
    /// What the buyer gives on top, or what others keep.
    TipOrFee,
    /// What it cost the seller, or what is left of it.
    Cost,
    /// What was meant to be sold, list prices: never what was.
    Plan,
}

/// An amount of money, as its header describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Of what.
    pub level: Level,
    /// With taxes or without.
    pub taxes: Taxes,
    /// What for.
    pub purpose: Purpose,
    /// In another currency than the sale was made in.
    pub converted: bool,
}

/// What a column holds. Numbers rank columns that may stand for the same: the higher, the likelier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Meaning {
    /// What identifies the line among all lines.
    LineId,
    /// The number of the line in its order, or in the file.
    LineNumber,
    /// What identifies the order.
    Order(u8),
    /// The day, with or without a time of day.
    Date(u8),
    /// The time of day alone.
    Time,
    /// The day on which something was cancelled: filled where it was.
    CancelledAt,
    /// The product: id, code or name.
    Product(u8),
    /// The product's id or code.
    ProductCode(u8),
    /// The product's name.
    ProductName(u8),
    /// What kind of product it is.
    Category(u8),
    /// The store: id, code or name.
    Store(u8),
    /// The store's id or code.
    StoreCode(u8),
    /// The store's name.
    StoreName(u8),
    /// A town.
    City(u8),
    /// The code of a town.
    Postal(u8),
    /// A region.
    Region,
    /// A country.
    Country(u8),
    /// How many.
    Quantity(u8),
    /// Money.
    Money(Money),
    /// A discount in percent.
    DiscountPercent,
    /// What became of the order.
    Status(u8),
    /// What kind of row it is: sale, refund, payout.
    Type(u8),
    /// Whether it is only a test.
    Test,
    /// Which currency.
    Currency(u8),
    /// Web, shop, telephone.
    Channel,
    /// Who buys: what identifies a person, never to be kept in clear.
    Buyer(u8),
    /// Nothing that a line of a sale is made of.
    Nothing,
}

/// The words of a header, to be asked.
struct Said {
    known: Vec<Word>,
    spelled: Vec<String>,
}

impl Said {
    fn has(&self, word: Word) -> bool {
        self.known.contains(&word)
    }

    fn any(&self, words: &[Word]) -> bool {
        words.iter().any(|word| self.has(*word))
    }

    /// Whether it is made of these words alone.
    fn only(&self, words: &[Word]) -> bool {
        self.unknown() == 0 && self.known.iter().all(|word| words.contains(word))
    }

    fn unknown(&self) -> usize {
        self.spelled
            .iter()
            .filter(|word| words::find(word).is_none() && !is_number(word))
            .count()
    }

    fn spells(&self, words: &[&str]) -> bool {
        self.spelled
            .iter()
            .any(|spelled| words.contains(&spelled.as_str()))
    }
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// What `header` says its column holds.
#[must_use]
pub fn meaning(header: &str) -> Meaning {
    if let Some((path, member)) = of_lines(header) {
        return of_line_member(path, member);
    }
    let spelled: Vec<String> = words::cut(header);
    let known: Vec<Word> = spelled
        .iter()
        .filter_map(|word| words::find(word))
        .filter(|word| *word != Word::Filler)
        .collect();
    let mut said = Said { known, spelled };
    if header.contains(['%', '\u{ff05}']) {
        said.known.push(Word::Percent);
    }
    if header.contains(['€', '$', '£']) {
        said.known.push(Word::Money);
    }
    // `Quantity (- Refund)`: what is in brackets is a remark.
    if said.has(Word::Quantity) && said.has(Word::Refund) && !said.any(&[Word::Amount, Word::Price]) {
        return Meaning::Quantity(80);
    }
    if let Some(meaning) = of_whole(&said.spelled.join(" ")) {
        return meaning;
    }
    of_place(&said)
        .or_else(|| of_moment(&said))
        .or_else(|| of_state(&said))
        .or_else(|| of_money(&said))
        .or_else(|| of_thing(&said))
        .unwrap_or(Meaning::Nothing)
}

/// The name of an array of lines, and what is said of each: `line_items.name`.
fn of_lines(header: &str) -> Option<(&str, &str)> {
    let (path, member) = header.split_once('.')?;
    let words = words::cut(path);
    let is_lines = words
        .iter()
        .any(|word| matches!(words::find(word), Some(Word::Line | Word::Product)));
    (is_lines && !member.is_empty() && path.len() > 4).then_some((path, member))
}

/// What a member of a line holds: what needs no further word there.
fn of_line_member(path: &str, member: &str) -> Meaning {
    let is_lines = path.contains("item") || path.contains("line") || path.contains("ligne");
    match member {
        "id" if is_lines => return Meaning::LineId,
        "name" | "title" | "nom" => return Meaning::ProductName(95),
        "id" | "product.id" | "product_id" => return Meaning::ProductCode(70),
        _ => {}
    }
    match meaning(&member.replace('.', " ")) {
        Meaning::Money(mut money) => {
            // Before discounts is what is called so beside a total.
            if member.starts_with("subtotal") && money.purpose == Purpose::Goods {
                money.purpose = Purpose::GoodsBeforeDiscount;
            }
            if money.level != Level::Unit {
                money.level = Level::Line;
            }
            if member == "subtotal_tax" {
                return Meaning::Nothing;
            }
            Meaning::Money(money)
        }
        Meaning::Status(_) | Meaning::Date(_) | Meaning::Order(_) => Meaning::Nothing,
        other => other,
    }
}

/// Whether `header` is one that a table of sales may have.
#[must_use]
pub fn is_known(header: &str) -> bool {
    let words = words::cut(header);
    let is_short = !words.is_empty() && words.len() <= 6;
    is_short
        && words
            .iter()
            .any(|word| words::find(word).is_some_and(|word| word != Word::Filler))
}

const fn money(level: Level, taxes: Taxes, purpose: Purpose) -> Meaning {
    Meaning::Money(Money {
        level,
        taxes,
        purpose,
        converted: false,
    })
}

/// Headers that mean something else than their words.
fn of_whole(header: &str) -> Option<Meaning> {
    Some(match header {
        // WooCommerce calls a price so, and a discount.
        "item cost" => money(Level::Unit, Taxes::Included, Purpose::Goods),
        "cart discount amount" | "discount total" | "total discounts" => {
            money(Level::Order, Taxes::Unsaid, Purpose::Discount)
        }
        "item" | "items" | "article" | "articles" => Meaning::Product(85),
        "n" | "no" | "num" | "numero" | "nr" | "id ligne" => Meaning::LineNumber,
        "ht" | "total ht" | "montant ht" => money(Level::Unsaid, Taxes::Excluded, Purpose::Goods),
        "ttc" => money(Level::Unsaid, Taxes::Included, Purpose::Goods),
        // Square: `Gross Sales` less `Discounts` is `Net Sales`; taxes stand beside them.
        "net sales" | "ventes nettes" => money(Level::Line, Taxes::Unsaid, Purpose::Goods),
        "gross sales" | "ventes brutes" => money(Level::Line, Taxes::Unsaid, Purpose::GoodsBeforeDiscount),
        // Sage 100 calls its columns by their tables.
        "ar ref" => Meaning::ProductCode(90),
        "dl design" => Meaning::ProductName(90),
        "ct num" => Meaning::Buyer(60),
        "de no" => Meaning::Nothing,
        // eBay: the code that the seller gives.
        "custom label" => Meaning::ProductCode(85),
        "sold for" => money(Level::Unit, Taxes::Unsaid, Purpose::Goods),
        "mode" | "livemode" => Meaning::Test,
        "state" => Meaning::Region,
        "current state" | "order state" => Meaning::Status(90),
        "tax" | "tva" | "vat" | "taxes" => money(Level::Unsaid, Taxes::Unsaid, Purpose::Tax),
        "day" | "jour" => Meaning::Date(60),
        "count" | "units" | "nombre" | "nb" | "sold" => Meaning::Quantity(60),
        "sales" | "ca" | "chiffre d affaires" | "chiffre affaires" | "revenue" | "ventes" | "vente" => {
            money(Level::Unsaid, Taxes::Unsaid, Purpose::Goods)
        }
        _ => return None,
    })
}

/// Towns, regions, codes of towns.
fn of_place(said: &Said) -> Option<Meaning> {
    let whose = if said.has(Word::Store) {
        90
    } else if said.has(Word::Billing) {
        50
    } else if said.has(Word::Shipping) {
        40
    } else if said.has(Word::Customer) {
        45
    } else {
        60
    };
    if said.has(Word::Postal) || (said.has(Word::City) && said.has(Word::Id) && said.spells(&["code"])) {
        return Some(Meaning::Postal(whose));
    }
    if said.has(Word::City) {
        return Some(Meaning::City(whose));
    }
    if said.has(Word::Country) {
        return Some(Meaning::Country(whose));
    }
    let is_state = said.spells(&["state"]);
    if said.has(Word::Region) && (!is_state || said.any(&[Word::Billing, Word::Shipping])) {
        return Some(if whose >= 60 {
            Meaning::Region
        } else {
            Meaning::Nothing
        });
    }
    None
}

/// Days and times.
fn of_moment(said: &Said) -> Option<Meaning> {
    if said.has(Word::Zone) {
        return Some(Meaning::Nothing);
    }
    let has_event = said.any(&[
        Word::Created,
        Word::Paid,
        Word::Completed,
        Word::Later,
        Word::Cancelled,
    ]);
    let is_date = said.has(Word::Date)
        || (has_event && said.spells(&["on", "utc", "gmt"]))
        || (said.has(Word::Created) && said.only(&[Word::Created]))
        || (said.has(Word::Time) && said.has(Word::Order));
    if !is_date {
        if said.has(Word::Time) && !said.any(&[Word::Quantity, Word::Price, Word::Amount]) {
            return Some(if has_event {
                Meaning::Nothing
            } else {
                Meaning::Time
            });
        }
        if said.has(Word::Period) {
            return Some(Meaning::Nothing);
        }
        return None;
    }
    if said.has(Word::Fee) {
        return Some(Meaning::Nothing);
    }
    // `day name`, `date format`: not a day.
    if said.any(&[
        Word::Name,
        Word::Quantity,
        Word::Amount,
        Word::Price,
        Word::Customer,
        Word::Aside,
    ]) && !said.any(&[Word::Sale, Word::Order])
    {
        return Some(Meaning::Nothing);
    }
    if said.has(Word::Time) && said.has(Word::Order) && !said.has(Word::Date) {
        return Some(Meaning::Time);
    }
    // The day that the books have: after midnight it is another than that of the clock.
    if said.spells(&["comptable", "business", "trading"]) {
        return Some(Meaning::Date(92));
    }
    Some(if said.has(Word::Cancelled) {
        Meaning::CancelledAt
    } else if said.any(&[Word::Later, Word::Shipping, Word::Refund, Word::Plan, Word::Tax]) {
        Meaning::Nothing
    } else if said.has(Word::Created) {
        Meaning::Date(80)
    } else if said.has(Word::Completed) {
        Meaning::Date(65)
    } else if said.any(&[Word::Paid, Word::Payment]) {
        Meaning::Date(70)
    } else if said.any(&[Word::Sale, Word::Order]) {
        Meaning::Date(95)
    } else if said.unknown() > 0 {
        Meaning::Date(40)
    } else if said.only(&[Word::Date, Word::Time, Word::Unit]) {
        Meaning::Date(90)
    } else {
        Meaning::Date(50)
    })
}

/// What became of the order, what kind of row it is, which currency.
fn of_state(said: &Said) -> Option<Meaning> {
    if said.has(Word::Currency) {
        return Some(if said.any(&[Word::Converted, Word::Shipping]) {
            Meaning::Nothing
        } else {
            Meaning::Currency(if said.only(&[Word::Currency]) { 90 } else { 70 })
        });
    }
    if said.has(Word::Status)
        || (said.spells(&["state"]) && said.any(&[Word::Order, Word::Payment, Word::Sale]))
    {
        if said.any(&[Word::Aside, Word::Shipping, Word::Customer, Word::Tax]) {
            return Some(Meaning::Nothing);
        }
        return Some(Meaning::Status(if said.spells(&["financial"]) {
            95
        } else if said.any(&[Word::Order, Word::Sale]) || said.only(&[Word::Status]) {
            90
        } else {
            70
        }));
    }
    if said.has(Word::Type) {
        if said.has(Word::Product) {
            return Some(Meaning::Category(60));
        }
        if said.any(&[
            Word::Customer,
            Word::Aside,
            Word::Payment,
            Word::Store,
            Word::Tax,
            Word::Discount,
        ]) {
            return Some(Meaning::Nothing);
        }
        return Some(Meaning::Type(if said.any(&[Word::Order, Word::Sale]) {
            90
        } else {
            80
        }));
    }
    if said.has(Word::Test) {
        return Some(Meaning::Test);
    }
    if said.has(Word::Mode) {
        return Some(Meaning::Nothing);
    }
    if said.has(Word::Cancelled) && said.only(&[Word::Cancelled, Word::Order]) {
        return Some(Meaning::Status(60));
    }
    None
}

/// Amounts of money and counts of pieces.
#[expect(
    clippy::too_many_lines,
    reason = "a list of rules, each of a line or two, that is read from above"
)]
fn of_money(said: &Said) -> Option<Meaning> {
    let is_count = said.has(Word::Quantity);
    let is_money = said.any(&[
        Word::Price,
        Word::Amount,
        Word::Total,
        Word::Subtotal,
        Word::Discount,
        Word::Cost,
        Word::Tip,
        Word::Fee,
        Word::Plan,
        Word::Net,
        Word::Gross,
        Word::Money,
    ]) || said.has(Word::Shipping) && said.only(&[Word::Shipping, Word::Order])
        || said.has(Word::Tax) && !said.has(Word::Id)
        || said.has(Word::Refund) && said.has(Word::Amount)
        || said.any(&[Word::Untaxed, Word::Taxed])
        || said.has(Word::Sale)
            && said.only(&[Word::Sale, Word::Line, Word::Order, Word::Product])
            && !said.has(Word::Id);
    if is_count
        && !said.any(&[
            Word::Price,
            Word::Amount,
            Word::Discount,
            Word::Cost,
            Word::Untaxed,
            Word::Taxed,
            Word::Money,
        ])
    {
        // `Units Sold`, `Nb articles`; `Total quantity` counts too.
        if said.any(&[Word::Plan, Word::Refund, Word::Customer]) || said.spells(&["stock", "restant"]) {
            return Some(Meaning::Nothing);
        }
        return Some(Meaning::Quantity(
            if said.spells(&["quantity", "quantite", "qty", "qte", "qt"]) {
                90
            } else {
                70
            },
        ));
    }
    if !is_money || said.any(&[Word::Name, Word::Sku, Word::Category]) {
        return None;
    }
    // `No TVA`, `discount code`, `Type de prix`: names of things that are about money.
    if said.has(Word::Id) && !said.any(&[Word::Amount, Word::Price]) {
        return said
            .any(&[Word::Tax, Word::Discount, Word::Fee, Word::Plan])
            .then_some(Meaning::Nothing);
    }
    if said.any(&[Word::Aside, Word::Customer]) && !said.has(Word::Cost) {
        return Some(Meaning::Nothing);
    }
    if said.has(Word::Discount) && said.has(Word::Tax) {
        return Some(Meaning::Nothing);
    }
    let is_tax_of_shipping =
        said.has(Word::Shipping) && said.has(Word::Tax) && !said.any(&[Word::Untaxed, Word::Taxed]);
    let purpose = if is_tax_of_shipping {
        Purpose::Tax
    } else if said.any(&[Word::Cost]) {
        Purpose::Cost
    } else if said.has(Word::Plan) {
        Purpose::Plan
    } else if said.any(&[Word::Tip, Word::Fee]) {
        Purpose::TipOrFee
    } else if said.has(Word::Refund) {
        Purpose::Refund
    } else if said.has(Word::Discount) && !said.spells(&["discounted", "after", "apres"]) {
        Purpose::Discount
    } else if said.has(Word::Shipping) {
        Purpose::Shipping
    } else if said.has(Word::Tax) && !said.any(&[Word::Untaxed, Word::Taxed, Word::Net, Word::Gross]) {
        Purpose::Tax
    } else {
        Purpose::Goods
    };
    if said.has(Word::Percent) {
        return Some(if purpose == Purpose::Discount {
            Meaning::DiscountPercent
        } else {
            Meaning::Nothing
        });
    }
    if said.has(Word::Payment)
        && purpose == Purpose::Goods
        && !said.any(&[Word::Order, Word::Line, Word::Sale])
    {
        // What was paid by card, in cash: a part of something.
        if !said.any(&[Word::Amount, Word::Total]) {
            return Some(Meaning::Nothing);
        }
    }
    let taxes = if said.has(Word::Untaxed) {
        Taxes::Excluded
    } else if said.has(Word::Taxed) {
        Taxes::Included
    } else if said.has(Word::Net) && said.any(&[Word::Price, Word::Amount, Word::Total]) {
        Taxes::Excluded
    } else if said.has(Word::Gross) && said.any(&[Word::Price, Word::Amount, Word::Total]) {
        Taxes::Included
    } else {
        Taxes::Unsaid
    };
    let level = level(said, purpose);
    Some(Meaning::Money(Money {
        level,
        taxes,
        purpose,
        converted: said.has(Word::Converted),
    }))
}

fn level(said: &Said, purpose: Purpose) -> Level {
    let is_price = said.has(Word::Price);
    let of_line = said.any(&[Word::Line, Word::Product]);
    if said.has(Word::Unit) || said.has(Word::Of) || said.spells(&["pu", "puht", "puttc", "pv"]) {
        Level::Unit
    } else if is_price && (said.has(Word::Total) || said.spells(&["final", "finale"])) {
        Level::Line
    } else if is_price && !said.any(&[Word::Order, Word::Sale, Word::Paid]) {
        Level::Unit
    } else if of_line {
        Level::Line
    } else if purpose == Purpose::Refund || said.any(&[Word::Order, Word::Subtotal, Word::Shipping]) {
        Level::Order
    } else {
        Level::Unsaid
    }
}

/// Products, stores, orders, lines, buyers.
#[expect(
    clippy::too_many_lines,
    reason = "a list of rules, each of a line or two, that is read from above"
)]
fn of_thing(said: &Said) -> Option<Meaning> {
    if said.has(Word::Sku) {
        return Some(Meaning::ProductCode(if said.only(&[Word::Sku]) {
            95
        } else {
            90
        }));
    }
    if said.any(&[Word::Customer, Word::Billing]) {
        let identifies = said.any(&[Word::Id]) || said.spells(&["email", "mail", "courriel"]);
        return Some(if said.any(&[Word::Category, Word::Type]) {
            Meaning::Nothing
        } else {
            Meaning::Buyer(if identifies {
                90
            } else if said.unknown() == 0 && (said.has(Word::Name) || said.known.len() == 1) {
                60
            } else {
                20
            })
        });
    }
    if said.has(Word::Channel) && !said.has(Word::Product) {
        return Some(Meaning::Channel);
    }
    if said.has(Word::Aside) {
        return None;
    }
    if said.any(&[
        Word::Shipping,
        Word::Payment,
        Word::Discount,
        Word::Tax,
        Word::Percent,
        Word::Later,
        Word::Plan,
    ]) {
        return None;
    }
    if said.has(Word::Category) {
        return Some(Meaning::Category(
            if said.spells(&["sub", "sous", "subcategory", "group", "groupe", "segment"]) {
                50
            } else {
                80
            },
        ));
    }
    let ids = said.has(Word::Id) || said.spells(&["#"]);
    let names = said.has(Word::Name);
    // `Nom de la variante`: what tells the kinds of one product apart, not what it is called.
    if said.spells(&["variant", "variante", "variation", "declinaison"]) && !said.has(Word::Line) {
        return Some(if ids && !names {
            Meaning::ProductCode(40)
        } else {
            Meaning::ProductName(12)
        });
    }
    if said.has(Word::Order) && ids && said.spells(&["detail", "details"]) {
        return Some(Meaning::LineId);
    }
    if said.has(Word::Line) && !said.has(Word::Product) || said.has(Word::Line) && ids {
        return Some(
            if said.spells(&["number", "no", "n", "num", "numero", "nr"]) || !ids {
                Meaning::LineNumber
            } else if said.has(Word::Order) && said.has(Word::Line)
                || said.only(&[Word::Line, Word::Id, Word::Sale])
            {
                if said.has(Word::Sale) {
                    Meaning::LineId
                } else {
                    Meaning::LineNumber
                }
            } else {
                Meaning::LineId
            },
        );
    }
    if said.has(Word::Product) {
        // `order item id`, `item id` beside an order: a line of it.
        if said.has(Word::Order) && ids && !names {
            return Some(Meaning::LineId);
        }
        if names {
            let is_remark = said.spells(&["description", "desc", "details"]);
            return Some(Meaning::ProductName(if is_remark { 70 } else { 90 }));
        }
        if ids {
            return Some(Meaning::ProductCode(80));
        }
        return Some(if said.unknown() == 0 {
            Meaning::Product(80)
        } else {
            Meaning::Product(40)
        });
    }
    if said.has(Word::Store) || said.spells(&["point"]) && said.has(Word::Sale) {
        if names {
            return Some(Meaning::StoreName(80));
        }
        if ids {
            return Some(Meaning::StoreCode(80));
        }
        return Some(Meaning::Store(
            if said.unknown() == 0 || said.spells(&["point"]) {
                80
            } else {
                40
            },
        ));
    }
    if said.has(Word::Order) {
        if names && !ids {
            return None;
        }
        let is_plain = said.only(&[Word::Order, Word::Id]);
        let by_what = if said.spells(&[
            "order",
            "commande",
            "ticket",
            "receipt",
            "invoice",
            "facture",
            "invoiceno",
        ]) {
            5
        } else {
            0
        };
        return Some(Meaning::Order(if is_plain { 85 + by_what } else { 50 + by_what }));
    }
    if said.has(Word::Sale) && ids && said.unknown() == 0 {
        return Some(Meaning::LineId);
    }
    if names && said.any(&[Word::Price, Word::Amount, Word::Tax, Word::Period, Word::Zone]) {
        return None;
    }
    if names {
        return Some(if said.only(&[Word::Name]) {
            Meaning::ProductName(if said.spells(&["detail", "details"]) {
                55
            } else {
                60
            })
        } else {
            // `pizza_name`: a name of something whose word nobody knows.
            Meaning::ProductName(if said.unknown() == 1 && said.known.len() == 1 {
                30
            } else {
                10
            })
        });
    }
    if ids {
        if said.unknown() > 0 {
            return None;
        }
        return Some(
            if said.spells(&["id", "identifiant", "identifier", "uid", "uuid", "guid"])
                && !said.spells(&["ref", "reference", "code"])
            {
                Meaning::LineId
            } else if said.spells(&["ref", "reference", "code"]) {
                Meaning::ProductCode(50)
            } else {
                Meaning::LineNumber
            },
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: &str) -> String {
        match meaning(header) {
            Meaning::Money(money) => {
                let mut text = format!("{:?} {:?}", money.level, money.purpose);
                match money.taxes {
                    Taxes::Included => text.push_str(" ttc"),
                    Taxes::Excluded => text.push_str(" ht"),
                    Taxes::Unsaid => {}
                }
                text
            }
            other => format!("{other:?}")
                .split('(')
                .next()
                .unwrap_or_default()
                .to_owned(),
        }
    }

    #[test]
    fn headers_of_shops_say_what_they_hold() {
        for (header, expected) in HEADERS {
            assert_eq!(of(header), *expected, "{header}");
        }
    }

    const HEADERS: &[(&str, &str)] = &[
        // ours, French exports
        ("id", "LineId"),
        ("N° ligne", "LineNumber"),
        ("N°", "LineNumber"),
        ("Réf. produit", "ProductCode"),
        ("produit_id", "ProductCode"),
        ("idProduit", "ProductCode"),
        ("Produit", "Product"),
        ("Code article", "ProductCode"),
        ("Désignation", "ProductName"),
        ("Libellé article", "ProductName"),
        ("Magasin", "Store"),
        ("Point de vente", "Store"),
        ("store_id", "StoreCode"),
        ("Date de vente", "Date"),
        ("Quantité", "Quantity"),
        ("Qté", "Quantity"),
        ("Montant TTC (€)", "Unsaid Goods ttc"),
        ("MontantLigne", "Line Goods"),
        ("Prix_unitaire", "Unit Goods"),
        ("PU HT", "Unit Goods ht"),
        ("Prix unitaire TTC", "Unit Goods ttc"),
        ("Total HT", "Unsaid Goods ht"),
        ("Total TTC", "Unsaid Goods ttc"),
        ("Remise %", "DiscountPercent"),
        ("Remise", "Unsaid Discount"),
        ("TVA", "Unsaid Tax"),
        ("Taux TVA", "Nothing"),
        ("Prix d'achat", "Unit Cost"),
        ("Marge", "Unsaid Cost"),
        ("Objectif", "Unsaid Plan"),
        ("Frais de port", "Order TipOrFee"),
        ("N° facture", "Order"),
        ("Numéro de ticket", "Order"),
        ("Heure", "Time"),
        ("Statut", "Status"),
        ("État", "Status"),
        ("Ville", "City"),
        ("Code postal", "Postal"),
        ("Catégorie", "Category"),
        ("Client", "Buyer"),
        ("Mode de règlement", "Nothing"),
        ("Devise", "Currency"),
        // Shopify
        ("Name", "ProductName"),
        ("Financial Status", "Status"),
        ("Fulfillment Status", "Nothing"),
        ("Paid at", "Date"),
        ("Created at", "Date"),
        ("Fulfilled at", "Nothing"),
        ("Cancelled at", "CancelledAt"),
        ("Accepts Marketing", "Nothing"),
        ("Currency", "Currency"),
        ("Subtotal", "Order Goods"),
        ("Shipping", "Order Shipping"),
        ("Taxes", "Unsaid Tax"),
        ("Total", "Unsaid Goods"),
        ("Discount Code", "Nothing"),
        ("Discount Amount", "Unsaid Discount"),
        ("Shipping Method", "Nothing"),
        ("Lineitem quantity", "Quantity"),
        ("Lineitem name", "ProductName"),
        ("Lineitem price", "Unit Goods"),
        ("Lineitem sku", "ProductCode"),
        ("Lineitem discount", "Line Discount"),
        ("Refunded Amount", "Order Refund"),
        ("Billing City", "City"),
        ("Billing Name", "Buyer"),
        ("Billing Zip", "Postal"),
        ("Outstanding Balance", "Nothing"),
        ("Payment Method", "Nothing"),
        ("Location", "Store"),
        // WooCommerce
        ("Order Number", "Order"),
        ("Order Status", "Status"),
        ("Order Date", "Date"),
        ("Order Total Amount", "Order Goods"),
        ("Order Total Tax Amount", "Order Tax"),
        ("Order Shipping Amount", "Order Shipping"),
        ("Order Refund Amount", "Order Refund"),
        ("Order Subtotal Amount", "Order Goods"),
        ("SKU", "ProductCode"),
        ("Item Name", "ProductName"),
        ("Item Cost", "Unit Goods ttc"),
        ("Quantity (- Refund)", "Quantity"),
        // Square, Stripe, SumUp, others
        ("Gross Sales", "Line GoodsBeforeDiscount"),
        ("Net Sales", "Line Goods"),
        ("Event Type", "Type"),
        ("Transaction ID", "Order"),
        ("Time Zone", "Nothing"),
        ("Created (UTC)", "Date"),
        ("Amount", "Unsaid Goods"),
        ("Amount Refunded", "Order Refund"),
        ("Converted Amount", "Unsaid Goods"),
        ("Mode", "Test"),
        ("Price (Gross)", "Unit Goods ttc"),
        ("Price (Net)", "Unit Goods ht"),
        ("InvoiceNo", "Order"),
        ("StockCode", "ProductCode"),
        ("UnitPrice", "Unit Goods"),
        ("InvoiceDate", "Date"),
        ("CustomerID", "Buyer"),
        ("QUANTITYORDERED", "Quantity"),
        ("PRICEEACH", "Unit Goods"),
        ("ORDERNUMBER", "Order"),
        ("ORDERLINENUMBER", "LineNumber"),
        ("SALES", "Unsaid Goods"),
        ("PRODUCTLINE", "Category"),
        ("Units Sold", "Quantity"),
        ("Unit Cost", "Unit Cost"),
        ("Total Revenue", "Unsaid Goods"),
        ("Total Profit", "Unsaid Cost"),
        ("Price per Unit", "Unit Goods"),
        ("transaction_qty", "Quantity"),
        ("transaction_amount", "Order Goods"),
        ("item_price", "Unit Goods"),
        ("total_price", "Line Goods"),
        ("unit_price_tax_incl", "Unit Goods ttc"),
        ("total_price_tax_excl", "Line Goods ht"),
        ("product_quantity", "Quantity"),
        ("id_order", "Order"),
        ("date_add", "Date"),
        ("pizza_name", "ProductName"),
        ("Ship Date", "Nothing"),
        ("Profit", "Unsaid Cost"),
        ("Row ID", "LineNumber"),
        ("Item Type", "Category"),
        ("Sales Channel", "Channel"),
        ("Region", "Region"),
    ];
}
