//! Between what script-api says on the wire and what the readers of files say.
//!
//! The readers know nothing of the wire and the wire nothing of them, so each is taken apart and put together
//! here, member by member: what is added on one side does not compile until the other one follows.

use script_api::{
    ColumnDecision, DateOrder, DecidedBy, DecimalMark, Decisions, Dialect, Format, LineEnd, Locale,
    MappedColumn, MatchedBy, ReadOptions, SheetChoice,
};

/// Both directions between two enums whose variants have the same names.
macro_rules! same_names {
    ($wire:ty, $inner:ty, $to_inner:ident, $to_wire:ident, [$($variant:ident),+]) => {
        fn $to_inner(wire: $wire) -> $inner {
            match wire { $(<$wire>::$variant => <$inner>::$variant),+ }
        }

        fn $to_wire(inner: $inner) -> $wire {
            match inner { $(<$inner>::$variant => <$wire>::$variant),+ }
        }
    };
}

same_names!(
    Format,
    tabular::Format,
    format,
    format_said,
    [Csv, Ndjson, Json, Xlsx, Ods, Xls, Xlsb]
);
same_names!(
    DecimalMark,
    tabular::DecimalMark,
    decimal,
    decimal_said,
    [Point, Comma]
);
same_names!(
    DateOrder,
    tabular::DateOrder,
    date_order,
    date_order_said,
    [DayFirst, MonthFirst]
);
same_names!(
    DecidedBy,
    tabular::DecidedBy,
    decided_by,
    decided_by_said,
    [Option, Evidence, Assumed]
);
same_names!(LineEnd, tabular::LineEnd, line_end, line_end_said, [Lf, Crlf, Cr]);
same_names!(
    MatchedBy,
    tabular::MatchedBy,
    matched_by,
    matched_by_said,
    [Mapping, Name, FoldedName, Synonym]
);

fn locale(wire: Locale) -> tabular::Convention {
    match wire {
        Locale::Fr => tabular::Convention::Fr,
        Locale::En => tabular::Convention::En,
    }
}

/// What a request fixes about the reading of a source.
pub(crate) fn options(wire: &ReadOptions) -> tabular::ReadOptions {
    let ReadOptions {
        format: wire_format,
        encoding,
        delimiter,
        quote,
        sheet,
        skip_lines,
        decimal: mark,
        date_order: order,
        time_zone,
        locale: wire_locale,
        mapping,
        strict,
        constants: _,
        answers,
        rates: _,
        create_missing: _,
    } = wire.clone();
    tabular::ReadOptions {
        format: wire_format.map(format),
        encoding,
        delimiter,
        quote,
        sheet,
        skip_lines,
        decimal: mark.map(decimal),
        date_order: order.map(date_order),
        time_zone,
        locale: wire_locale.map(locale),
        default_locale: tabular::Convention::default(),
        mapping,
        answers,
        strict,
    }
}

fn sheet_said(tabular::SheetChoice { name, skip_lines }: tabular::SheetChoice) -> SheetChoice {
    SheetChoice { name, skip_lines }
}

fn sheet_kept(SheetChoice { name, skip_lines }: SheetChoice) -> tabular::SheetChoice {
    tabular::SheetChoice { name, skip_lines }
}

/// What was decided about a source, as callers learn of it and as it is kept.
pub(crate) fn decisions_said(inner: tabular::Decisions) -> Decisions {
    let tabular::Decisions {
        format,
        packing,
        encoding,
        encoding_why,
        dialect,
        dialect_why,
        sheet,
        sheets,
        headers,
        mapping,
        ignored_headers,
        columns,
        questions: _,
    } = inner;
    Decisions {
        format: format_said(format),
        packing,
        encoding,
        encoding_why,
        dialect: dialect.map(
            |tabular::Dialect {
                 delimiter,
                 quote,
                 line_end,
                 skip_lines,
             }| Dialect {
                delimiter,
                quote,
                line_end: line_end_said(line_end),
                skip_lines,
            },
        ),
        dialect_why,
        sheet: sheet.map(sheet_said),
        sheets: sheets.into_iter().map(sheet_said).collect(),
        headers,
        mapping: mapping
            .into_iter()
            .map(
                |tabular::MappedColumn {
                     header,
                     column,
                     matched_by,
                 }| MappedColumn {
                    header,
                    column,
                    matched_by: matched_by_said(matched_by),
                },
            )
            .collect(),
        ignored_headers,
        columns: columns
            .into_iter()
            .map(
                |tabular::ColumnDecision {
                     column,
                     decimal,
                     date_order,
                     decided_by,
                 }| ColumnDecision {
                    column,
                    decimal: decimal.map(decimal_said),
                    date_order: date_order.map(date_order_said),
                    decided_by: decided_by_said(decided_by),
                },
            )
            .collect(),
        sales: Vec::new(),
    }
}

/// What was decided about a source, from what was kept of it.
pub(crate) fn decisions(wire: Decisions) -> tabular::Decisions {
    let Decisions {
        format: wire_format,
        packing,
        encoding,
        encoding_why,
        dialect,
        dialect_why,
        sheet,
        sheets,
        headers,
        mapping,
        ignored_headers,
        columns,
        sales: _,
    } = wire;
    tabular::Decisions {
        format: format(wire_format),
        packing,
        encoding,
        encoding_why,
        dialect: dialect.map(|wire| tabular::Dialect {
            delimiter: wire.delimiter,
            quote: wire.quote,
            line_end: line_end(wire.line_end),
            skip_lines: wire.skip_lines,
        }),
        dialect_why,
        sheet: sheet.map(sheet_kept),
        sheets: sheets.into_iter().map(sheet_kept).collect(),
        headers,
        mapping: mapping
            .into_iter()
            .map(|wire| tabular::MappedColumn {
                header: wire.header,
                column: wire.column,
                matched_by: matched_by(wire.matched_by),
            })
            .collect(),
        ignored_headers,
        columns: columns
            .into_iter()
            .map(|wire| tabular::ColumnDecision {
                column: wire.column,
                decimal: wire.decimal.map(decimal),
                date_order: wire.date_order.map(date_order),
                decided_by: decided_by(wire.decided_by),
            })
            .collect(),
        // What is kept was imported: nothing was open.
        questions: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_come_back_as_they_were_kept() {
        let told = Decisions {
            format: Format::Csv,
            packing: Some("gzip".into()),
            encoding: "windows-1252".into(),
            encoding_why: "bytes".into(),
            dialect: Some(Dialect {
                delimiter: ';',
                quote: None,
                line_end: LineEnd::Cr,
                skip_lines: 3,
            }),
            dialect_why: Some("it fits".into()),
            sheet: Some(SheetChoice {
                name: "Ventes".into(),
                skip_lines: 2,
            }),
            sheets: vec![
                SheetChoice {
                    name: "Ventes".into(),
                    skip_lines: 2,
                },
                SheetChoice {
                    name: "Retours".into(),
                    skip_lines: 0,
                },
            ],
            headers: vec!["Réf.".into(), "Montant".into()],
            mapping: vec![MappedColumn {
                header: "Réf.".into(),
                column: "product_id".into(),
                matched_by: MatchedBy::Synonym,
            }],
            ignored_headers: vec!["Montant".into()],
            columns: vec![ColumnDecision {
                column: "amount".into(),
                decimal: Some(DecimalMark::Comma),
                date_order: Some(DateOrder::MonthFirst),
                decided_by: DecidedBy::Assumed,
            }],
            sales: Vec::new(),
        };
        let kept = serde_json::to_string(&told).unwrap();
        let read: Decisions = serde_json::from_str(&kept).unwrap();

        assert_eq!(decisions_said(decisions(read)), told);
    }
}
