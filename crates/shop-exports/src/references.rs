//! Which product and which store a line is about: by id, by code or by name, and what is not there yet.
//!
//! A column holds ids, codes or names as a whole: a leading zero anywhere in it makes all of it codes. What is
//! missing is made where a file calls it by a code or a name; a bare number alone makes nothing unless asked to.

use crate::census::Census;
use crate::fold;
use crate::questions::{Asking, Choice, Question, Text};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// Codes below this may be ids too; what is longer is an EAN or the like.
const MAX_ID_OF_CODE: i64 = 1_000_000;

/// A product or a store that there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: i64,
    /// Its code.
    pub code: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// The town of a store.
    pub city: Option<String>,
    /// The list price of a product, in cents.
    pub price_cents: Option<i64>,
}

/// Whether a line is about products or stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// What is sold.
    Product,
    /// Where.
    Store,
}

impl What {
    fn word(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Store => "store",
        }
    }

    fn french(self) -> &'static str {
        match self {
            Self::Product => "produits",
            Self::Store => "magasins",
        }
    }
}

/// How a file says which product or store is meant. Fields are numbers of columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// By its id. Ids that nobody knows are made where the second says so.
    Id(usize, bool),
    /// By its code; by its name where a line has no code.
    Code(usize, Option<usize>),
    /// By its name.
    Name(usize),
    /// It is the same on all lines: that of this name.
    Always(String),
    /// It is the same on all lines: that with this id.
    AlwaysId(i64),
}

/// The columns that may say it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Columns {
    pub code: Option<usize>,
    pub name: Option<usize>,
    pub any: Option<usize>,
}

/// How the columns say which `what` is meant; `None` where none does.
#[expect(
    clippy::too_many_lines,
    reason = "a list of rules and of what is asked, read from above"
)]
pub(crate) fn choose(
    what: What,
    columns: Columns,
    census: &Census,
    known: &[Known],
    asking: &mut Asking<'_>,
) -> Option<By> {
    let Columns {
        mut code,
        mut name,
        any,
    } = columns;
    // `Produit` beside a code is its name, beside a name it is a code; alone its values say what it is.
    if let Some(any) = any {
        let numbers = holds_numbers(census, any);
        match (code, name) {
            (None, None)
                if numbers
                    || known_share(census, any, known, code_of)
                        > known_share(census, any, known, name_of) =>
            {
                code = Some(any);
            }
            (None | Some(_), None) => name = Some(any),
            (None, Some(_)) => code = numbers.then_some(any),
            (Some(_), Some(_)) => {}
        }
    }
    let Some(code) = code else {
        return name.map(By::Name);
    };
    if !holds_numbers(census, code) {
        // One bad cell among ids that are known does not make the others codes.
        let column = &census.columns[code];
        let ids = known_share(census, code, known, |known| Some(known.id.to_string()));
        let are_ids = column.zero_led == 0
            && column.ids * 5 >= column.filled * 4
            && ids * 5 >= column.distinct.len() * 4;
        return Some(if are_ids {
            By::Id(code, false)
        } else {
            By::Code(code, name)
        });
    }
    let ids = known_share(census, code, known, |known| Some(known.id.to_string()));
    let codes = known_share(census, code, known, code_of);
    let header = &census.headers[code];
    let different = census.columns[code].distinct.len();
    // Where one fits all and the other does not, or both say the same, there is nothing to ask.
    let same = known
        .iter()
        .all(|known| code_of(known).is_none_or(|code| code == known.id.to_string()));
    if codes == different && (ids < different || same) {
        return Some(By::Code(code, name));
    }
    if ids > 0 && codes > 0 && !same {
        let answer = asking.ask(Question {
            id: format!("{}_numbers", what.word()),
            text: Text::new(
                format!(
                    "Are the numbers in `{header}` ids or codes of {}s? They fit both.",
                    what.word()
                ),
                format!(
                    "Les nombres de `{header}` sont-ils des identifiants ou des codes ? Les deux conviennent."
                ),
            ),
            choices: vec![
                Choice::new("id", "ids", "identifiants"),
                Choice::new("code", "codes", "codes"),
            ],
            assumed: None,
        });
        return Some(if answer.as_deref() == Some("code") {
            By::Code(code, name)
        } else {
            By::Id(code, false)
        });
    }
    if codes > 0 || (ids == 0 && name.is_some()) {
        return Some(By::Code(code, name));
    }
    if ids == census.columns[code].distinct.len() {
        return Some(By::Id(code, false));
    }
    // Bare numbers without a list.
    let answer = asking.ask(Question {
        id: format!("new_{}s", what.word()),
        text: Text::new(
            format!(
                "`{header}` holds numbers of {}s that are not there. Shall they be made?",
                what.word()
            ),
            format!(
                "`{header}` contient des numéros de {} inconnus. Faut-il les créer ?",
                what.french()
            ),
        ),
        choices: vec![
            Choice::new(
                "create",
                format!("make them, as `{} 6`", capital(what.word())),
                "les créer",
            ),
            Choice::new(
                "unknown",
                "no, their lines are left out",
                "non, leurs lignes sont écartées",
            ),
        ],
        assumed: Some("unknown".into()),
    });
    Some(By::Id(code, answer.as_deref() == Some("create")))
}

fn holds_numbers(census: &Census, field: usize) -> bool {
    let column = &census.columns[field];
    column.ids == column.filled
}

fn code_of(known: &Known) -> Option<String> {
    known.code.as_deref().map(fold::key)
}

fn name_of(known: &Known) -> Option<String> {
    known.name.as_deref().map(fold::key)
}

/// How many of the values of column `field` are what `of` says of those that are known.
fn known_share(
    census: &Census,
    field: usize,
    known: &[Known],
    of: impl Fn(&Known) -> Option<String>,
) -> usize {
    let there: HashSet<String> = known.iter().filter_map(of).collect();
    let values = census.columns[field].distinct.keys();
    values
        .filter(|value| {
            there.contains(value.as_str())
                || crate::cells::plain_id(value).is_some_and(|id| there.contains(&id.to_string()))
        })
        .count()
}

fn capital(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}

/// What a line says of its product or store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Its id.
    pub id: Option<i64>,
    /// Its code, as it is shown.
    pub code: Option<String>,
    /// Its name, as it is shown.
    pub name: Option<String>,
    /// The category of a product.
    pub category: Option<String>,
    /// The town of a store.
    pub city: Option<String>,
    /// Its code.
    pub postal: Option<String>,
    /// Its region.
    pub region: Option<String>,
    /// Whether its region was found by its postal code or town.
    pub region_is_found: bool,
    /// Whether it is made where only its id is known.
    pub may_be_made: bool,
}

impl Said {
    /// What it is called, to tell people.
    #[must_use]
    pub fn shown(&self) -> String {
        let id = self.id.map(|id| id.to_string());
        self.name
            .clone()
            .or_else(|| self.code.clone())
            .or(id)
            .unwrap_or_default()
    }
}

/// Why a product or store cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unresolved {
    /// There is none, and none may be made.
    Unknown,
    /// Several have the name.
    Ambiguous,
}

/// Products or stores: those there are, and those that a file makes.
#[derive(Debug, Clone)]
pub struct Catalogue {
    what: What,
    may_make: bool,
    ids: HashSet<i64>,
    codes: HashMap<String, i64>,
    names: HashMap<String, Vec<i64>>,
    cities: HashMap<String, Vec<i64>>,
    /// Those that have a code.
    coded: HashSet<i64>,
    made: Vec<(i64, Said)>,
    next: i64,
    /// Different spellings that were taken for the same.
    spellings: Vec<(String, String)>,
    shown: HashMap<String, String>,
}

impl Catalogue {
    /// Of those that are `known`. What is missing is made where `may_make` says so.
    #[must_use]
    pub fn new(what: What, known: &[Known], may_make: bool) -> Self {
        let mut catalogue = Self {
            what,
            may_make,
            ids: known.iter().map(|known| known.id).collect(),
            codes: HashMap::new(),
            names: HashMap::new(),
            cities: HashMap::new(),
            coded: HashSet::new(),
            made: Vec::new(),
            next: known.iter().map(|known| known.id).max().unwrap_or(0).max(0) + 1,
            spellings: Vec::new(),
            shown: HashMap::new(),
        };
        for known in known {
            if let Some(code) = &known.code {
                catalogue.codes.insert(fold::key(code), known.id);
                catalogue.coded.insert(known.id);
            }
            if let Some(name) = &known.name {
                catalogue.names.entry(fold::key(name)).or_default().push(known.id);
            }
            if let Some(city) = &known.city {
                catalogue
                    .cities
                    .entry(fold::key(city))
                    .or_default()
                    .push(known.id);
            }
        }
        catalogue
    }

    /// The id of what a line says. What is missing gets the next id, and is among [`Catalogue::made`].
    ///
    /// # Errors
    ///
    /// Where it cannot be told which is meant, or may not be made.
    pub fn resolve(&mut self, said: &Said) -> Result<i64, Unresolved> {
        if let Some(id) = said.id {
            if self.ids.contains(&id) {
                return Ok(id);
            }
            if !(self.may_make && said.may_be_made) {
                return Err(Unresolved::Unknown);
            }
            let name = format!("{} {id}", capital(self.what.word()));
            let made = Said {
                name: Some(said.name.clone().unwrap_or(name)),
                id: None,
                ..said.clone()
            };
            self.ids.insert(id);
            self.next = self.next.max(id + 1);
            self.made.push((id, made));
            return Ok(id);
        }
        if let Some(code) = &said.code {
            let key = fold::key(code);
            if let Some(id) = self.codes.get(&key) {
                let id = *id;
                self.note_spelling(key, code);
                return Ok(id);
            }
            let id = match self.named_without_code(said) {
                Some(id) => id,
                None => self.make(said)?,
            };
            self.codes.insert(key.clone(), id);
            self.coded.insert(id);
            if let Some(name) = &said.name {
                let named = self.names.entry(fold::key(name)).or_default();
                if !named.contains(&id) {
                    named.push(id);
                }
            }
            self.note_spelling(key, code);
            return Ok(id);
        }
        let name = said.name.as_deref().unwrap_or_default();
        let key = fold::key(name);
        let mut found: &[i64] = self.names.get(&key).map_or(&[], Vec::as_slice);
        if found.is_empty() && self.what == What::Store {
            found = self.cities.get(&key).map_or(&[], Vec::as_slice);
        }
        match found {
            [id] => {
                let id = *id;
                self.note_spelling(key, name);
                Ok(id)
            }
            [] => {
                let id = self.make(said)?;
                self.names.entry(key.clone()).or_default().push(id);
                self.note_spelling(key, name);
                Ok(id)
            }
            _ => Err(Unresolved::Ambiguous),
        }
    }

    /// The one that has the name of what is said and no code yet: an earlier file called it by its name alone.
    fn named_without_code(&self, said: &Said) -> Option<i64> {
        match self.names.get(&fold::key(said.name.as_deref()?))?.as_slice() {
            [id] if !self.coded.contains(id) => Some(*id),
            _ => None,
        }
    }

    fn make(&mut self, said: &Said) -> Result<i64, Unresolved> {
        if !self.may_make {
            return Err(Unresolved::Unknown);
        }
        // A code that is a number is the id too where that is free, so that the two are never mistaken.
        let number = said.code.as_deref().and_then(crate::cells::plain_id);
        let id = number
            .filter(|number| (1..MAX_ID_OF_CODE).contains(number) && !self.ids.contains(number))
            .unwrap_or(self.next);
        self.next = self.next.max(id + 1);
        self.ids.insert(id);
        self.made.push((id, said.clone()));
        Ok(id)
    }

    fn note_spelling(&mut self, key: String, spelling: &str) {
        let spelling = fold::shown(spelling);
        if let Some(first) = self.shown.get(&key) {
            let is_other = first.to_lowercase() != spelling.to_lowercase();
            if is_other
                && self.spellings.len() < 20
                && !self.spellings.iter().any(|(_, other)| *other == spelling)
            {
                self.spellings.push((first.clone(), spelling));
            }
        } else {
            self.shown.insert(key, spelling);
        }
    }

    /// What was made, with its ids, in the order in which it came.
    #[must_use]
    pub fn made(&self) -> &[(i64, Said)] {
        &self.made
    }

    /// Spellings that were taken for the same: the first, and another.
    #[must_use]
    pub fn spellings(&self) -> &[(String, String)] {
        &self.spellings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Said {
        Said {
            name: Some(name.into()),
            ..Said::default()
        }
    }

    #[test]
    fn names_that_fold_alike_are_one_and_are_pointed_out() {
        let mut products = Catalogue::new(What::Product, &[], true);

        assert_eq!(products.resolve(&named("Café crème")), Ok(1));
        assert_eq!(products.resolve(&named("Cafe creme")), Ok(1));
        assert_eq!(products.resolve(&named("Thé")), Ok(2));

        assert_eq!(products.made().len(), 2);
        assert_eq!(
            products.spellings(),
            [("Café crème".to_owned(), "Cafe creme".to_owned())]
        );
    }

    #[test]
    fn codes_with_leading_zeros_are_others() {
        let mut products = Catalogue::new(What::Product, &[], true);
        let coded = |code: &str| Said {
            code: Some(code.into()),
            ..Said::default()
        };

        assert_ne!(
            products.resolve(&coded("000123")),
            products.resolve(&coded("123"))
        );
    }

    #[test]
    fn a_bare_number_makes_nothing_unless_asked_to() {
        let mut products = Catalogue::new(What::Product, &[], true);
        let number = |may_be_made| Said {
            id: Some(6),
            may_be_made,
            ..Said::default()
        };

        assert_eq!(products.resolve(&number(false)), Err(Unresolved::Unknown));
        assert_eq!(products.resolve(&number(true)), Ok(6));
        assert_eq!(products.made()[0].1.name.as_deref(), Some("Product 6"));
    }

    #[test]
    fn a_store_is_found_by_its_town_unless_there_are_two() {
        let store = |id, city: &str| Known {
            id,
            city: Some(city.into()),
            ..Known::default()
        };
        let known = [store(1, "Paris"), store(2, "Lyon"), store(3, "Lyon")];
        let mut stores = Catalogue::new(What::Store, &known, true);

        assert_eq!(stores.resolve(&named("PARIS")), Ok(1));
        assert_eq!(stores.resolve(&named("Lyon")), Err(Unresolved::Ambiguous));
    }
}
