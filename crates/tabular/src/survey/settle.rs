//! What the evidence of all values settles: for each column its decimal mark or date order, and what is to be asked.
//!
//! Values that read one way decide for their column. Where they contradict each other, a small minority is rejected
//! line by line, and anything else is asked. Where every value of a column reads two ways, the rest of the file decides:
//! other amounts, the currency beside the number, the delimiter, the dates; where that says nothing, the country does.
//! Three digits behind the only mark are thousands where one of these agrees. They are never taken for decimals in
//! silence, unless the request names the country: fuel costs 1,859.

use super::census::{Census, FieldEvidence, Seen};
use crate::cents::DecimalMark;
use crate::columns::{Kind, Spec};
use crate::dates::{DateOrder, FIRST_SHORT_YEAR};
use crate::decisions::{Choice, ColumnDecision, DecidedBy, Question};
use crate::header::Mapping;
use crate::options::{Convention, ReadOptions};
use crate::reading::WholeEvidence;
use crate::text::Text;

/// One value in so many may contradict the others and be rejected alone.
const ONE_IN: u64 = 10;

/// What was decided about the columns.
pub(super) struct Settled {
    pub(super) headers: Vec<String>,
    pub(super) mapping: Mapping,
    pub(super) marks: Vec<DecimalMark>,
    pub(super) orders: Vec<DateOrder>,
    pub(super) options: ReadOptions,
    pub(super) columns: Vec<ColumnDecision>,
    pub(super) questions: Vec<Question>,
    pub(super) whole: Vec<WholeEvidence>,
    /// What is odd, in words.
    pub(super) notes: Vec<Text>,
}

/// What the file says about the country that it is from.
#[derive(Debug, Clone, Copy)]
struct Manner {
    /// The mark that the amounts which read one way have, where they agree.
    written: Option<DecimalMark>,
    /// The mark that currency, delimiter and dates speak for; `Err` where they contradict each other.
    implied: Result<Option<DecimalMark>, ()>,
    /// Whether amounts are in dollars.
    dollars: bool,
    /// The order that the dates which read one way have, where they agree.
    order: Option<DateOrder>,
}

impl Manner {
    fn of(census: &Census, spec: &Spec, mapping: &Mapping, delimiter: Option<char>) -> Self {
        let fields = |wanted: fn(Kind) -> bool| {
            spec.columns
                .iter()
                .zip(&mapping.fields)
                .filter(move |(column, _)| wanted(column.kind))
                .filter_map(|(_, field)| census.field(*field.as_ref()?))
        };
        let is_amount = |kind| kind == Kind::Cents;
        let is_day = |kind| matches!(kind, Kind::Date | Kind::Month);
        let sum = |wanted, count: fn(&FieldEvidence) -> u64| fields(wanted).map(count).sum::<u64>();
        let (commas, points) = (
            sum(is_amount, |f| f.comma.count),
            sum(is_amount, |f| f.point.count),
        );
        let (dollars, euros) = (sum(is_amount, |f| f.dollars), sum(is_amount, |f| f.euros));
        let (day_first, month_first) = (
            sum(is_day, |f| f.day_first.count),
            sum(is_day, |f| f.month_first.count),
        );
        let says_point = dollars > 0 || delimiter == Some(',') || (month_first > 0 && day_first == 0);
        let says_comma = euros > 0 || delimiter == Some(';');
        Self {
            written: match (commas, points) {
                (0, 0) | (1.., 1..) => None,
                (_, 0) => Some(DecimalMark::Comma),
                (0, _) => Some(DecimalMark::Point),
            },
            implied: match (says_point, says_comma) {
                (true, true) => Err(()),
                (true, false) => Ok(Some(DecimalMark::Point)),
                (false, true) => Ok(Some(DecimalMark::Comma)),
                (false, false) => Ok(None),
            },
            dollars: dollars > 0,
            order: match (day_first, month_first) {
                (0, 0) | (1.., 1..) => None,
                (_, 0) => Some(DateOrder::DayFirst),
                (0, _) => Some(DateOrder::MonthFirst),
            },
        }
    }
}

/// Settles the columns of `spec` by what `census` counted. `delimiter` stands between the fields, where they have one.
pub(super) fn settle(
    census: &Census,
    spec: &Spec,
    headers: Vec<String>,
    mapping: Mapping,
    options: &ReadOptions,
    delimiter: Option<char>,
) -> Settled {
    let convention = options.convention();
    let manner = Manner::of(census, spec, &mapping, delimiter);
    let whole = mapping
        .fields
        .iter()
        .map(|field| field.and_then(|field| census.field(field)))
        .map(|evidence| evidence.map(|evidence| evidence.whole).unwrap_or_default())
        .collect();
    let mut settled = Settled {
        whole,
        headers,
        mapping,
        marks: vec![options.decimal.unwrap_or(DecimalMark::Point); spec.columns.len()],
        orders: vec![options.date_order.unwrap_or(convention.date_order()); spec.columns.len()],
        options: options.clone(),
        columns: Vec::new(),
        questions: Vec::new(),
        notes: Vec::new(),
    };
    for (index, column) in spec.columns.iter().enumerate() {
        let Some(field) = settled.mapping.fields[index] else {
            continue;
        };
        let evidence = census.field(field).cloned().unwrap_or_default();
        match column.kind {
            Kind::Cents => settled.settle_mark(index, column.name, field, &evidence, convention, manner),
            Kind::Date | Kind::Month => {
                settled.settle_order(index, column.name, field, &evidence, convention, manner);
            }
            Kind::Integer | Kind::Reference(_) | Kind::Text => {}
        }
    }
    // A whole number has no mark of its own: it follows the amounts beside it.
    let written = settled.columns.iter().find_map(|decision| decision.decimal);
    for (index, column) in spec.columns.iter().enumerate() {
        if column.kind == Kind::Integer {
            settled.marks[index] = options.decimal.or(written).unwrap_or(DecimalMark::Point);
        }
    }
    settled
}

impl Settled {
    fn settle_mark(
        &mut self,
        index: usize,
        column: &str,
        field: usize,
        evidence: &FieldEvidence,
        convention: Convention,
        manner: Manner,
    ) {
        let header = self.headers[field].clone();
        let (comma, point) = (&evidence.comma, &evidence.point);
        let (mark, decided_by) = match self.options.mark_of(column) {
            Some(mark) => (mark, DecidedBy::Option),
            None if comma.count > 0 && point.count > 0 => {
                let (more, fewer, mark) = if comma.count >= point.count {
                    (comma, point, DecimalMark::Comma)
                } else {
                    (point, comma, DecimalMark::Point)
                };
                if fewer.count * ONE_IN > more.count + fewer.count {
                    self.questions.push(Question {
                        id: format!("decimal.{column}"),
                        column: Some(column.to_owned()),
                        text: conflicting_marks(&header, comma, point),
                        choices: mark_choices(None),
                        option: "decimal".to_owned(),
                    });
                } else {
                    self.notes.push(minority(
                        &header,
                        fewer,
                        more.count,
                        (
                            "numbers have another decimal mark than",
                            "nombres n’ont pas la même décimale que",
                        ),
                    ));
                }
                (mark, DecidedBy::Evidence)
            }
            None if comma.count > 0 => (DecimalMark::Comma, DecidedBy::Evidence),
            None if point.count > 0 => (DecimalMark::Point, DecidedBy::Evidence),
            None if evidence.three_digits.iter().any(|seen| seen.count > 0) => {
                self.mark_of_thousands(column, &header, evidence, convention, manner)
            }
            None => return,
        };
        self.marks[index] = mark;
        self.columns.push(ColumnDecision {
            column: column.to_owned(),
            decimal: Some(mark),
            date_order: None,
            decided_by,
        });
    }

    /// The mark of a column in which every value with one has three digits behind it.
    fn mark_of_thousands(
        &mut self,
        column: &str,
        header: &str,
        evidence: &FieldEvidence,
        convention: Convention,
        manner: Manner,
    ) -> (DecimalMark, DecidedBy) {
        let [comma, point] = &evidence.three_digits;
        let (seen, mark) = if comma.count > 0 {
            (comma, DecimalMark::Comma)
        } else {
            (point, DecimalMark::Point)
        };
        let thousands = mark.other();
        let is_mixed = comma.count > 0 && point.count > 0;
        // What has a mark is a thousand at least, and what has none is less: the mark groups.
        let only_above = evidence.below_thousand > 0 && evidence.above_thousand == 0;
        let implied = manner.written.map_or(manner.implied, |mark| Ok(Some(mark)));
        match implied {
            _ if is_mixed => {}
            // Who names the country has answered.
            _ if self.options.locale.is_some() => {
                self.notes
                    .push(assumed(header, &mark_in_words(convention.decimal())));
                return (convention.decimal(), DecidedBy::Assumed);
            }
            Ok(Some(implied)) if implied == thousands || manner.written.is_some() => {
                return (implied, DecidedBy::Evidence);
            }
            Ok(None) if only_above => return (thousands, DecidedBy::Evidence),
            Ok(None) if convention.decimal() == thousands => {
                self.notes.push(assumed(header, &mark_in_words(thousands)));
                return (thousands, DecidedBy::Assumed);
            }
            _ => {}
        }
        self.questions.push(Question {
            id: format!("decimal.{column}"),
            column: Some(column.to_owned()),
            text: Text::new(
                format!(
                    "column `{header}`: every number with a mark has three digits behind it, such as `{}` on line {}, \
                     and nothing says whether they are thousands or decimals",
                    seen.example, seen.line
                ),
                format!(
                    "colonne `{header}` : tous les nombres ont trois chiffres après le séparateur, comme `{}` ligne {} ; \
                     s’agit-il de milliers ou de décimales ?",
                    seen.example, seen.line
                ),
            ),
            choices: mark_choices(Some((&seen.example, mark))),
            option: "decimal".to_owned(),
        });
        (convention.decimal(), DecidedBy::Assumed)
    }

    fn settle_order(
        &mut self,
        index: usize,
        column: &str,
        field: usize,
        evidence: &FieldEvidence,
        convention: Convention,
        manner: Manner,
    ) {
        let header = self.headers[field].clone();
        if evidence.short_years > 0 {
            let last = FIRST_SHORT_YEAR + 99;
            self.notes.push(Text::new(
                format!("column `{header}`: years of two digits are read as {FIRST_SHORT_YEAR} to {last}"),
                format!(
                    "colonne `{header}` : les années à deux chiffres vont de {FIRST_SHORT_YEAR} à {last}"
                ),
            ));
        }
        if evidence.serials > 0 {
            let serials = evidence.serials;
            self.notes.push(Text::new(
                format!("column `{header}`: {serials} values are numbers, read as days as spreadsheets count them"),
                format!("colonne `{header}` : {serials} valeurs sont des nombres, lus comme les jours d’un tableur"),
            ));
        }
        let (day, month) = (&evidence.day_first, &evidence.month_first);
        let (order, decided_by) = match self.options.order_of(column) {
            Some(order) => (order, DecidedBy::Option),
            None if day.count > 0 && month.count > 0 => {
                let (more, fewer, order) = if day.count >= month.count {
                    (day, month, DateOrder::DayFirst)
                } else {
                    (month, day, DateOrder::MonthFirst)
                };
                if fewer.count * ONE_IN > more.count + fewer.count {
                    self.questions.push(Question {
                        id: format!("date_order.{column}"),
                        column: Some(column.to_owned()),
                        text: conflicting_orders(&header, day, month),
                        choices: order_choices(),
                        option: "date_order".to_owned(),
                    });
                } else {
                    self.notes.push(minority(
                        &header,
                        fewer,
                        more.count,
                        (
                            "dates are in another order than",
                            "dates n’ont pas le même ordre que",
                        ),
                    ));
                }
                (order, DecidedBy::Evidence)
            }
            None if day.count > 0 => (DateOrder::DayFirst, DecidedBy::Evidence),
            None if month.count > 0 => (DateOrder::MonthFirst, DecidedBy::Evidence),
            None if evidence.either_order.count > 0 => {
                if let Some(order) = manner.order {
                    (order, DecidedBy::Evidence)
                } else {
                    let order = convention.date_order();
                    let contradicted = manner.dollars && order == DateOrder::DayFirst;
                    if contradicted && self.options.locale.is_none() {
                        let seen = &evidence.either_order;
                        self.questions.push(Question {
                            id: format!("date_order.{column}"),
                            column: Some(column.to_owned()),
                            text: Text::new(
                                format!(
                                    "column `{header}`: every date reads two ways, such as `{}` on line {}, and the \
                                     amounts are in dollars",
                                    seen.example, seen.line
                                ),
                                format!(
                                    "colonne `{header}` : toutes les dates se lisent de deux façons, comme `{}` ligne \
                                     {}, et les montants sont en dollars",
                                    seen.example, seen.line
                                ),
                            ),
                            choices: order_choices(),
                            option: "date_order".to_owned(),
                        });
                    } else {
                        self.notes.push(assumed(&header, &order_in_words(order)));
                    }
                    (order, DecidedBy::Assumed)
                }
            }
            None => return,
        };
        self.orders[index] = order;
        self.columns.push(ColumnDecision {
            column: column.to_owned(),
            decimal: None,
            date_order: Some(order),
            decided_by,
        });
    }
}

/// That a column has a decimal comma here and a decimal point there.
fn conflicting_marks(header: &str, comma: &Seen, point: &Seen) -> Text {
    Text::new(
        format!(
            "column `{header}` has conflicting numbers: line {} has a decimal comma (`{}`), line {} a decimal point (`{}`)",
            comma.line, comma.example, point.line, point.example
        ),
        format!(
            "la colonne `{header}` se contredit : virgule décimale ligne {} (`{}`), point décimal ligne {} (`{}`)",
            comma.line, comma.example, point.line, point.example
        ),
    )
}

/// That a column has the day first here and the month first there.
fn conflicting_orders(header: &str, day: &Seen, month: &Seen) -> Text {
    Text::new(
        format!(
            "column `{header}` has conflicting dates: line {} has the day first (`{}`), line {} the month (`{}`)",
            day.line, day.example, month.line, month.example
        ),
        format!(
            "la colonne `{header}` se contredit : le jour d’abord ligne {} (`{}`), le mois d’abord ligne {} (`{}`)",
            day.line, day.example, month.line, month.example
        ),
    )
}

/// That few values contradict the `more` others, and are rejected; `how` in both languages.
fn minority(header: &str, fewer: &Seen, more: u64, (en, fr): (&str, &str)) -> Text {
    let (count, all, line) = (fewer.count, more + fewer.count, fewer.line);
    Text::new(
        format!(
            "column `{header}`: {count} of {all} {en} the others, the first on line {line}; such lines are rejected"
        ),
        format!(
            "colonne `{header}` : {count} {fr} les autres (sur {all}), d’abord ligne {line} ; ces lignes sont rejetées"
        ),
    )
}

fn assumed(header: &str, what: &Text) -> Text {
    Text::new(
        format!(
            "column `{header}`: every value reads two ways; {} was assumed",
            what.en
        ),
        format!(
            "colonne `{header}` : chaque valeur se lit de deux façons ; {} a été supposé",
            what.fr
        ),
    )
}

fn mark_in_words(mark: DecimalMark) -> Text {
    match mark {
        DecimalMark::Comma => Text::new("a decimal comma", "la virgule décimale"),
        DecimalMark::Point => Text::new("a decimal point", "le point décimal"),
    }
}

fn order_in_words(order: DateOrder) -> Text {
    match order {
        DateOrder::DayFirst => Text::new("the day first", "le jour d’abord"),
        DateOrder::MonthFirst => Text::new("the month first", "le mois d’abord"),
    }
}

fn order_name(order: DateOrder) -> &'static str {
    match order {
        DateOrder::DayFirst => "day_first",
        DateOrder::MonthFirst => "month_first",
    }
}

fn order_choices() -> Vec<Choice> {
    [DateOrder::DayFirst, DateOrder::MonthFirst]
        .into_iter()
        .map(|order| Choice {
            value: order_name(order).to_owned(),
            text: order_in_words(order),
        })
        .collect()
}

/// The two marks to choose from, with what they make of an example whose only mark is the one beside it.
fn mark_choices(example: Option<(&str, DecimalMark)>) -> Vec<Choice> {
    [(DecimalMark::Comma, "comma"), (DecimalMark::Point, "point")]
        .into_iter()
        .map(|(mark, value)| Choice {
            value: value.to_owned(),
            text: match example {
                None => mark_in_words(mark),
                Some((example, seen)) => {
                    let read = crate::cents::parse(example, mark).map_or(0, |amount| amount.cents);
                    let read = crate::cents::to_decimal(read);
                    let (en, fr) = if seen == mark {
                        ("decimals", "des décimales")
                    } else {
                        ("thousands", "des milliers")
                    };
                    Text::new(
                        format!("{en}: `{example}` is {read}"),
                        format!("{fr} : `{example}` vaut {}", read.replace('.', ",")),
                    )
                }
            },
        })
        .collect()
}
