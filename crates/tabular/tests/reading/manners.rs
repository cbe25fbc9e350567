//! Numbers and dates in the manner of any country, line ends, headers, encodings, objects: what is decided, what is
//! asked, and what is said.

use crate::support::{Found, data, lines, read, read_with};
use tabular::{DateOrder, DecidedBy, DecimalMark, Format, ReadOptions, cents, dates};

/// A file of sales with these dates and amounts, its fields between `delimiter`s.
fn sales(delimiter: &str, rows: &[(&str, &str)]) -> String {
    let mut text = ["id", "product_id", "store_id", "date", "quantity", "amount"].join(delimiter) + "\n";
    for (index, (date, amount)) in rows.iter().enumerate() {
        let id = (index + 1).to_string();
        text += &[id.as_str(), "1", "1", date, "1", &format!("\"{amount}\"")].join(delimiter);
        text.push('\n');
    }
    text
}

fn column<'a>(found: &'a Found, name: &str) -> Option<&'a tabular::ColumnDecision> {
    found
        .decisions
        .columns
        .iter()
        .find(|column| column.column == name)
}

/// The mark that was decided for amounts, and whether the file is not to be read before a question is answered.
fn mark(found: &Found) -> (Option<DecimalMark>, bool) {
    let must = found
        .decisions
        .questions
        .iter()
        .any(|question| question.option == "decimal");
    (column(found, "amount").and_then(|column| column.decimal), must)
}

#[test]
fn three_digits_are_thousands_where_the_file_agrees_and_else_a_question() {
    use DecimalMark::{Comma, Point};

    for (what, delimiter, date, amounts, expected, must) in [
        ("dollars", ",", "2023-11-13", ["$1,234", "$2,500"], Point, false),
        (
            "a comma between fields",
            ",",
            "2023-11-13",
            ["1,234", "2,500"],
            Point,
            false,
        ),
        (
            "the month first",
            "\t",
            "11/25/2023",
            ["1,234", "2,500"],
            Point,
            false,
        ),
        (
            "euros and points",
            "\t",
            "2023-11-13",
            ["1.234 €", "2.500 €"],
            Comma,
            false,
        ),
        (
            "a semicolon and points",
            ";",
            "2023-11-13",
            ["1.234", "2.500"],
            Comma,
            false,
        ),
        (
            "the country and points",
            "\t",
            "2023-11-13",
            ["1.234", "2.500"],
            Comma,
            false,
        ),
        ("fuel", ";", "2023-11-13", ["1,859", "1,799"], Comma, true),
        (
            "fuel in euros",
            ";",
            "2023-11-13",
            ["1,859 €", "1,799 €"],
            Comma,
            true,
        ),
        (
            "nothing but the country",
            "\t",
            "2023-11-13",
            ["1,234", "2,500"],
            Comma,
            true,
        ),
        (
            "dollars in a French file",
            ";",
            "2023-11-13",
            ["$1.234", "$2.500"],
            Comma,
            true,
        ),
        ("both marks", ";", "2023-11-13", ["1,234", "2.500"], Comma, true),
        (
            "another amount",
            ";",
            "2023-11-13",
            ["1.234", "2.500,50"],
            Comma,
            false,
        ),
        (
            "less than a thousand without a mark",
            "\t",
            "2023-11-13",
            ["1,234", "950"],
            Point,
            false,
        ),
    ] {
        let text = sales(delimiter, &amounts.map(|amount| (date, amount)));
        let found = read(text.as_bytes()).unwrap();

        assert_eq!(
            mark(&found),
            (Some(expected), must),
            "{what}: {:#?}",
            found.decisions
        );
    }
}

#[test]
fn the_answer_to_a_question_settles_it() {
    let text = sales(";", &[("2023-11-13", "1,859"), ("2023-11-14", "1,799")]);
    let asked = read(text.as_bytes()).unwrap().decisions.questions;
    let choices: Vec<&str> = asked[0]
        .choices
        .iter()
        .map(|choice| choice.text.en.as_str())
        .collect();
    assert_eq!(
        choices,
        ["decimals: `1,859` is 1.86", "thousands: `1,859` is 1859.00"]
    );

    for decimal in [DecimalMark::Comma, DecimalMark::Point] {
        let said = ReadOptions {
            decimal: Some(decimal),
            ..ReadOptions::default()
        };
        let found = read_with(text.as_bytes(), &said).unwrap();
        assert_eq!(mark(&found), (Some(decimal), false));
    }
}

#[test]
fn amounts_of_the_united_states_are_thousands() {
    let found = read(&data("A5-us-thousands.csv")).unwrap();

    assert_eq!(mark(&found), (Some(DecimalMark::Point), false));
    let order = column(&found, "sale_date").unwrap();
    assert_eq!(order.date_order, Some(DateOrder::MonthFirst));
    assert_eq!(order.decided_by, DecidedBy::Evidence);
}

#[test]
fn a_small_minority_is_rejected_and_a_large_one_is_asked_about() {
    let mut rows = vec![("13/11/2023", "12,50"); 27];
    rows.push(("11/25/2023", "12.50"));
    let found = read(sales(";", &rows).as_bytes()).unwrap();
    assert_eq!(found.decisions.questions, []);
    assert_eq!(mark(&found).0, Some(DecimalMark::Comma));
    assert_eq!(
        column(&found, "sale_date").unwrap().date_order,
        Some(DateOrder::DayFirst)
    );
    assert!(
        found.notes.iter().any(|note| note.contains("1 of 28 dates")),
        "{:?}",
        found.notes
    );

    rows.truncate(3);
    rows.push(("11/25/2023", "12.50"));
    let found = read(sales(";", &rows).as_bytes()).unwrap();
    let asked: Vec<&str> = found
        .decisions
        .questions
        .iter()
        .map(|question| question.id.as_str())
        .collect();
    assert_eq!(asked, ["date_order.sale_date", "decimal.amount"]);
}

#[test]
fn dates_that_read_two_ways_are_assumed_and_told_or_asked_where_dollars_contradict() {
    let look = |rows: &[(&str, &str)]| {
        let found = read(sales("\t", rows).as_bytes()).unwrap();
        let asked = found
            .decisions
            .questions
            .iter()
            .any(|question| question.id == "date_order.sale_date");
        (
            asked,
            found
                .notes
                .iter()
                .any(|note| note.contains("the day first was assumed")),
        )
    };

    assert_eq!(look(&[("03/11/2023", "12,50")]), (false, true));
    assert_eq!(look(&[("03/11/2023", "$12.50")]), (true, false));
    assert_eq!(
        look(&[("03/11/2023", "12,50"), ("25/11/2023", "3,00")]),
        (false, false)
    );
}

#[test]
fn what_is_odd_about_dates_is_said() {
    let found = read(sales(";", &[("13-nov.-23", "1,00"), ("45243", "1,00")]).as_bytes()).unwrap();

    let notes = found.notes.join("\n");
    assert!(notes.contains("1970 to 2069"), "{notes}");
    assert!(notes.contains("days as spreadsheets count them"), "{notes}");
}

#[test]
fn a_delimiter_too_many_in_the_header_is_no_column() {
    let found = read(&data("B12-trailing-delimiter-header.csv")).unwrap();
    assert_eq!(lines(&found).len(), 2);

    for (header, row) in [(";;", ""), (";", ";"), (";", ";x"), ("", ";;")] {
        let text =
            format!("id;product_id;store_id;date;quantity;amount{header}\n1;1;1;2023-11-13;1;10,50{row}\n");
        let found = read(text.as_bytes()).unwrap();
        assert_eq!(lines(&found), ["1|1|1|2023-11-13|1|10,50|"], "{header:?} {row:?}");
    }
}

#[test]
fn line_ends_of_any_program_are_line_ends() {
    let text = sales(";", &[("2023-11-13", "10,50"), ("2023-11-14", "3,00")]);
    for end in ["\n", "\r\n", "\r\r\n", "\r"] {
        let found = read(text.replace('\n', end).as_bytes()).unwrap();

        assert_eq!(
            lines(&found),
            ["1|1|1|2023-11-13|1|10,50|", "2|1|1|2023-11-14|1|3,00|"],
            "{end:?}"
        );
    }
}

#[test]
fn objects_are_found_however_they_are_wrapped() {
    let flat =
        r#"{"id":1,"product":{"id":7},"store":{"id":2},"date":"2023-11-13","quantity":1,"amount":10.5}"#;
    let pretty = flat.replace(',', ",\n  ").replace('{', "{\n  ");
    for (text, format) in [
        (flat.to_owned(), Format::Ndjson),
        (format!("[{flat}]"), Format::Json),
        (pretty.clone(), Format::Json),
        (
            format!("{pretty}\n{}", pretty.replace("\"id\":1,", "\"id\":2,")),
            Format::Json,
        ),
        (format!("{{\"orders\":[{flat}]}}"), Format::Json),
        (
            format!("{{\n\"count\": 1, \"orders\": [\n{pretty}\n], \"next\": null}}"),
            Format::Json,
        ),
    ] {
        let found = read(text.as_bytes()).unwrap();

        assert_eq!(found.decisions.format, format, "{text}");
        assert_eq!(lines(&found)[0], "1|7|2|2023-11-13|1|10.5|", "{text}");
    }
    let found = read(&data("B11-pretty.json")).unwrap();
    assert_eq!(lines(&found), ["1|1|1|2023-11-13|1|10.5|"]);
}

#[test]
fn code_pages_without_accents_in_the_header_are_told_by_words() {
    let text =
        "id;product_id;store_id;date;quantity;amount;ticket\n1;1;1;2023-11-13;1;10,50;Caf\u{e9} cr\u{e8}me\n";
    let with = |e_acute: u8, e_grave: u8| -> Vec<u8> {
        text.chars()
            .map(|character| match character {
                '\u{e9}' => e_acute,
                '\u{e8}' => e_grave,
                other => u8::try_from(other).unwrap(),
            })
            .collect()
    };
    for (bytes, name) in [
        (with(0xe9, 0xe8), "windows-1252"),
        (with(0x82, 0x8a), "IBM850"),
        (with(0x8e, 0x8f), "macintosh"),
    ] {
        let found = read(&bytes).unwrap();
        assert_eq!(found.decisions.encoding, name);
        assert_eq!(found.rows[0].2[6], "Café crème", "{name}");
        let said = ReadOptions {
            encoding: Some(name.to_owned()),
            ..ReadOptions::default()
        };
        assert_eq!(
            read_with(&bytes, &said).unwrap().rows[0].2[6],
            "Café crème",
            "{name}"
        );
    }
    let mixed = [
        with(0xe9, 0xe8),
        with(0xe9, 0xe8),
        "3;1;1;2023-11-13;1;3,00;Thé\n".as_bytes().to_vec(),
    ]
    .concat();
    let found = read(&mixed).unwrap();
    assert_eq!(found.rows.last().unwrap().2[6], "Thé");
    assert_eq!(found.rows[0].2[6], "Café crème");
}

#[test]
fn what_is_no_table_is_named_with_what_to_do() {
    let error = read(&data("B10-html.xls")).unwrap_err().to_string();

    assert!(error.contains("web page") && error.contains(".xlsx"), "{error}");
}

#[test]
fn files_that_were_refused_before_are_read_to_their_values() {
    for (name, date, amount) in [
        ("A1-stray-cell-XFD1048576.xlsx", "2023-11-13", 1_050),
        ("B1-float-ids.csv", "2023-11-13", 3_000),
        ("B3-date-zone.csv", "2023-11-13", 1_050),
        ("B4-date-13-nov-23.csv", "2023-11-13", 1_050),
        ("B5-date-pm.csv", "2023-11-13", 1_050),
        ("B6-quantity-kg.csv", "2023-11-13", 1_050),
        ("B11-pretty.json", "2023-11-13", 1_050),
        ("B12-trailing-delimiter-header.csv", "2023-11-13", 1_050),
    ] {
        let found = read(&data(name)).unwrap();
        let texts = &found.rows[0].2;
        let order = column(&found, "sale_date").and_then(|column| column.date_order);
        let day = dates::parse(&texts[3], order.unwrap_or(DateOrder::DayFirst)).map(|day| day.to_string());
        let mark = mark(&found).0.unwrap_or(DecimalMark::Point);

        assert_eq!(day.as_deref(), Some(date), "{name}");
        assert_eq!(
            cents::parse(&texts[5], mark).map(|amount| amount.cents),
            Some(amount),
            "{name}"
        );
        assert_eq!(cents::parse_id(&texts[1]), Some(1), "{name}");
    }
    let kilos = read(&data("B6-quantity-kg.csv")).unwrap();
    let quantity = cents::quantity_milli(&kilos.rows[0].2[4], DecimalMark::Comma).unwrap();
    assert_eq!(quantity.milli, 350);
}
