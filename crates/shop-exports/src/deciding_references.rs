//! Decides how a file says its products and stores.

use crate::amounts::{AmountRule, Base};
use crate::deciding::Deciding;
use crate::fold;
use crate::headers::Level;
use crate::lines::UNNAMED;
use crate::questions::{Choice, Question, Text};
use crate::references::{self, By, Columns, Known, What};
use std::collections::HashMap;

/// The most stores that a question lists; others are answered by their names.
const MOST_CHOICES: usize = 200;

/// The store that is made where no line names one.
const MAIN_SHOP: &str = "Main shop";

impl Deciding<'_, '_> {
    pub(crate) fn product(&mut self) -> By {
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

    /// Whether lines without a product are sales too: those with an amount of their own, beside lines that name one.
    pub(crate) fn unnamed(&mut self, product: &By, amount: &AmountRule) -> bool {
        let has_amount = matches!(amount.base, Base::Line(_) | Base::UnitTimesQuantity(_));
        if !has_amount || matches!(product, By::Always(_) | By::AlwaysId(_) | By::Id(..)) {
            return false;
        }
        let count = self.orders.without_product;
        if count > 0 {
            let unnamed = UNNAMED;
            self.asking.decide(
                "product",
                format!("{count} lines name no product: they are of `{unnamed}`"),
                format!("{count} lignes ne nomment pas de produit : elles vont à `{unnamed}`"),
            );
        }
        true
    }

    /// The store of lines that name none although the file has stores: the only one, or one that is made.
    pub(crate) fn store_otherwise(&mut self, store: Option<&By>) -> Option<By> {
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

    pub(crate) fn store(&mut self) -> Option<By> {
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
        let called = called_apart(&self.database.stores);
        if let Some(answer) = self.asking.answer("store") {
            let answered = fold::key(answer);
            if let Some((name, id)) = called.iter().find(|(name, _)| fold::key(name) == answered) {
                self.asking.decide(
                    "store",
                    format!("`{name}`, as answered"),
                    format!("`{name}`, selon la réponse"),
                );
                return Some(By::AlwaysId(*id));
            }
            let is_of_several = self
                .database
                .stores
                .iter()
                .any(|store| fold::key(&called_by(store)) == answered);
            if !is_of_several {
                return Some(By::Always(answer.to_owned()));
            }
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
            _ => {
                let choices = called
                    .into_iter()
                    .take(MOST_CHOICES)
                    .map(|(name, _)| Choice::new(name.clone(), name.clone(), name))
                    .collect();
                self.asking.ask(Question {
                    id: "store".into(),
                    text: Text::new(
                        "Which store are these sales of?",
                        "De quel magasin sont ces ventes ?",
                    ),
                    choices,
                    assumed: None,
                });
                None
            }
        }
    }
}

/// What people call a store: its name, else its town, its code or its id.
fn called_by(store: &Known) -> String {
    let called = [&store.name, &store.city, &store.code]
        .into_iter()
        .flatten()
        .next();
    called.cloned().unwrap_or_else(|| store.id.to_string())
}

/// What each of `stores` is called, with its id behind it where others are called the same.
fn called_apart(stores: &[Known]) -> Vec<(String, i64)> {
    let mut so_called = HashMap::<String, usize>::new();
    for store in stores {
        *so_called.entry(fold::key(&called_by(store))).or_default() += 1;
    }
    let apart = |store: &Known| {
        let called = called_by(store);
        match so_called.get(&fold::key(&called)) {
            Some(2..) => (format!("{called} ({})", store.id), store.id),
            _ => (called, store.id),
        }
    };
    stores.iter().map(apart).collect()
}
