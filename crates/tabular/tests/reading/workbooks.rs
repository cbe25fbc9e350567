//! Workbooks: what is read of them, and that no workbook takes more memory than there is.

use crate::support::{SALES, data, lines, read, read_with};
use proptest::prelude::*;
use std::io::{Cursor, Write as _};
use tabular::{FieldKind, Format, ReadOptions, SourceRead};

const HEADERS: [&str; 7] = [
    "N° ligne",
    "Réf. produit",
    "Magasin",
    "Date de vente",
    "Quantité",
    "Montant TTC",
    "Ticket",
];

/// A zip file of `files`, packed.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::DEFLATE);
    for (name, content) in files {
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A workbook of Excel with `sheets`: their names, whether they are hidden, the XML of their rows.
fn xlsx(sheets: &[(&str, bool, &str)], shared: &str) -> Vec<u8> {
    use std::fmt::Write as _;
    let mut listed = String::new();
    let mut relations = String::from(
        "<Relationship Id=\"s\" Type=\"http://x/sharedStrings\" Target=\"sharedStrings.xml\"/>\
         <Relationship Id=\"t\" Type=\"http://x/styles\" Target=\"styles.xml\"/>",
    );
    let mut files: Vec<(String, String)> = Vec::new();
    for (index, (name, hidden, rows)) in sheets.iter().enumerate() {
        let state = if *hidden { "hidden" } else { "visible" };
        let _ = write!(
            listed,
            "<sheet name=\"{name}\" sheetId=\"{index}\" state=\"{state}\" r:id=\"r{index}\"/>"
        );
        let _ = write!(
            relations,
            "<Relationship Id=\"r{index}\" Type=\"http://x/worksheet\" Target=\"worksheets/s{index}.xml\"/>"
        );
        files.push((
            format!("xl/worksheets/s{index}.xml"),
            format!("<worksheet><sheetData>{rows}</sheetData></worksheet>"),
        ));
    }
    files.push((
        "xl/workbook.xml".to_owned(),
        format!("<workbook xmlns:r=\"x\"><sheets>{listed}</sheets></workbook>"),
    ));
    files.push((
        "xl/_rels/workbook.xml.rels".to_owned(),
        format!("<Relationships>{relations}</Relationships>"),
    ));
    files.push((
        "xl/styles.xml".to_owned(),
        "<styleSheet><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>".to_owned(),
    ));
    files.push(("xl/sharedStrings.xml".to_owned(), format!("<sst>{shared}</sst>")));
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, content)| (name.as_str(), content.as_bytes()))
        .collect();
    zip(&files)
}

fn text(cell: &str, text: &str) -> String {
    format!("<c r=\"{cell}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

/// A header in row `line`.
fn header(line: u32) -> String {
    let cells = HEADERS
        .iter()
        .zip('A'..)
        .map(|(name, column)| text(&format!("{column}{line}"), name));
    format!("<row r=\"{line}\">{}</row>", cells.collect::<String>())
}

/// A sale in row `line`; its day is a number with a date's style.
fn sale(line: u32, id: &str, amount: &str) -> String {
    format!(
        "<row r=\"{line}\"><c r=\"A{line}\"><v>{id}</v></c><c r=\"B{line}\"><v>1</v></c><c r=\"C{line}\"><v>1</v></c>\
         <c r=\"D{line}\" s=\"1\"><v>45243</v></c><c r=\"E{line}\"><v>1</v></c><c r=\"F{line}\"><v>{amount}</v></c></row>"
    )
}

#[test]
fn all_kinds_of_workbooks_give_the_same_records() {
    let expected = [
        "1|1|1|2023-11-13|1|10.5|A-1",
        "2|2|2|2023-11-14|2|1234.56|Thé & café",
        "3|1|1|2023-11-15|1|-0.1|12345678901",
        "4|1|2|2023-12-13|1|30|D",
        "5|2|1|2023-12-14|3|40.25|",
    ];
    for (name, format) in [
        ("months.xlsx", Format::Xlsx),
        ("months.xlsb", Format::Xlsb),
        ("months.xls", Format::Xls),
        ("months.ods", Format::Ods),
    ] {
        let found = read(&data(name)).unwrap_or_else(|error| panic!("{name}: {error}"));

        assert_eq!(found.decisions.format, format, "{name}");
        // The writer of the sample does not hide sheets of .ods, and does not know their number formats.
        if format == Format::Ods {
            continue;
        }
        assert_eq!(lines(&found), expected, "{name}");
        assert_eq!(found.rows[0].0, 4, "{name}");
        assert_eq!(found.rows[3].1.as_deref(), Some("Décembre"), "{name}");
        let sheets: Vec<&str> = found
            .decisions
            .sheets
            .iter()
            .map(|sheet| sheet.name.as_str())
            .collect();
        assert_eq!(sheets, ["Novembre", "Décembre"], "{name}");
        let notes = found.notes.join("\n");
        assert!(notes.contains("sheet `Ancien` is hidden"), "{name}: {notes}");
        assert!(
            notes.contains("sheet `Notes` has another header"),
            "{name}: {notes}"
        );
    }
}

#[test]
fn texts_that_go_on_in_another_record_are_whole() {
    let found = read(&data("long.xls")).unwrap();

    assert_eq!(found.rows.len(), 600);
    for (index, (_, _, texts)) in found.rows.iter().enumerate() {
        let letter = if index % 2 == 1 { "é" } else { "e" };
        let expected = format!(
            "{}{}{index}",
            letter.repeat(30 + index % 50),
            "…".repeat(index % 3)
        );
        assert_eq!(texts[6], expected);
    }
}

#[test]
fn workbooks_that_are_not_read_say_what_to_do() {
    let old = read(&data("months95.xls")).unwrap_err().to_string();

    assert!(old.contains("Excel 95") && old.contains(".xlsx"), "{old}");
}

#[test]
fn a_cell_far_from_the_others_costs_nothing() {
    for far in [
        "<c r=\"XFD1048576\"/>",
        "<c r=\"XFD1048576\" t=\"inlineStr\"><is><t> </t></is></c>",
    ] {
        let rows = header(1)
            + &sale(2, "1", "10.5")
            + &sale(7, "2", "3")
            + &format!("<row r=\"1048576\">{far}</row>");

        let found = read(&xlsx(&[("Ventes", false, &rows)], "")).unwrap();

        assert_eq!(
            lines(&found),
            ["1|1|1|2023-11-13|1|10.5|", "2|1|1|2023-11-13|1|3|"]
        );
        assert_eq!(found.rows[1].0, 7);
    }
}

#[test]
fn places_that_no_sheet_has_are_an_error_and_no_panic() {
    for row in [
        "<row r=\"4294967295\"><c r=\"A4294967295\"><v>1</v></c></row>".to_owned(),
        "<row r=\"0\"><c r=\"A0\"><v>1</v></c></row>".to_owned(),
        "<row r=\"99999999999999\"><c><v>1</v></c></row>".to_owned(),
        "<row r=\"2\"><c r=\"ZZZZZZZZ2\"><v>1</v></c></row>".to_owned(),
        "<row r=\"1\"><c r=\"A1\"><v>1</v></c></row>".to_owned(),
    ] {
        let error = read(&xlsx(&[("Ventes", false, &(header(1) + &row))], ""));

        if let Ok(found) = error {
            assert!(found.rows.len() <= 1, "{row}");
        }
    }
}

#[test]
fn visible_sheets_come_before_hidden_ones() {
    let old = header(1) + &sale(2, "9", "999");
    let new = header(1) + &sale(2, "1", "10.5");

    let found = read(&xlsx(&[("Old", true, &old), ("New", false, &new)], "")).unwrap();
    assert_eq!(lines(&found), ["1|1|1|2023-11-13|1|10.5|"]);
    assert!(
        found.notes.iter().any(|note| note.contains("`Old` is hidden")),
        "{:?}",
        found.notes
    );

    let only = read(&xlsx(&[("Old", true, &old), ("Cover", false, "")], "")).unwrap();
    assert_eq!(lines(&only), ["9|1|1|2023-11-13|1|999|"]);
    assert!(
        only.notes.iter().any(|note| note.contains("`Old` is hidden")),
        "{:?}",
        only.notes
    );

    let said = ReadOptions {
        sheet: Some("Old".into()),
        ..ReadOptions::default()
    };
    let old = read_with(&xlsx(&[("Old", true, &old), ("New", false, &new)], ""), &said).unwrap();
    assert_eq!(lines(&old), ["9|1|1|2023-11-13|1|999|"]);
}

#[test]
fn sheets_of_one_header_are_read_as_one_in_any_order_of_columns() {
    let january = header(1) + &sale(2, "1", "10.5");
    let titled = format!("<row r=\"1\">{}</row>", text("A1", "Février")) + &header(3) + &sale(4, "2", "3");
    let turned = format!(
        "<row r=\"1\">{}{}{}{}{}{}{}</row><row r=\"2\">{}<c r=\"B2\"><v>3</v></c><c r=\"C2\"><v>1</v></c><c r=\"D2\"><v>2</v></c>\
         <c r=\"E2\" s=\"1\"><v>45243</v></c><c r=\"F2\"><v>1</v></c><c r=\"G2\"><v>7</v></c></row>",
        text("A1", "TICKET"),
        text("B1", "N° LIGNE"),
        text("C1", "Réf produit"),
        text("D1", "magasin"),
        text("E1", "date de vente"),
        text("F1", "quantite"),
        text("G1", "montant ttc"),
        text("A2", "T"),
    );

    let found = read(&xlsx(
        &[
            ("Jan", false, &january),
            ("Feb", false, &titled),
            ("Mar", false, &turned),
        ],
        "",
    ))
    .unwrap();

    assert_eq!(
        lines(&found),
        [
            "1|1|1|2023-11-13|1|10.5|",
            "2|1|1|2023-11-13|1|3|",
            "3|1|2|2023-11-13|1|7|T"
        ]
    );
    assert_eq!(
        found.rows[1],
        (4, Some("Feb".to_owned()), found.rows[1].2.clone())
    );
    let again = read(&data("A3-one-sheet-a-month.xlsx")).unwrap();
    assert_eq!(again.rows.len(), 4);
}

#[test]
fn long_numbers_are_whole_or_told_apart() {
    let rows = header(1)
        + &sale(2, "123456789012345678", "1")
        + &sale(3, "1.2345678901234499E+17", "1")
        + &sale(4, "12", "0.30000000000000004")
        + &sale(5, "13", "1E-3");
    let bytes = xlsx(&[("Ventes", false, &rows)], "");
    let open = || Ok(Box::new(Cursor::new(bytes.clone())) as Box<dyn SourceRead>);
    let progress = std::sync::Arc::default();
    let survey = tabular::survey(&open, &SALES, &ReadOptions::default(), true, &progress, None).unwrap();
    let mut records = survey.reading.open(open().unwrap(), &SALES, &progress).unwrap();
    let mut record = tabular::Record::default();
    let mut kinds = Vec::new();
    while records.next(&mut record).unwrap() {
        kinds.push((
            record.texts()[0].clone(),
            record.field(0).1,
            record.texts()[5].clone(),
        ));
    }

    assert_eq!(
        kinds[0],
        ("123456789012345678".to_owned(), FieldKind::Number, "1".to_owned())
    );
    assert_eq!(kinds[1].1, FieldKind::Inexact);
    assert_eq!(kinds[2].2, "0.3");
    assert_eq!(kinds[3].2, "0.001");
}

#[test]
fn bombs_are_refused_before_they_take_memory() {
    let sale = header(1) + &sale(2, "1", "10.5");
    let many_texts = "<si/>".repeat((2 << 20) + 1);
    let long_texts = format!("<si><t>{}</t></si>", "x".repeat(900 << 10)).repeat(28);
    let one_text = format!("<si><t>{}</t></si>", "x".repeat(4 << 20));
    let deep = "<a>".repeat(10_000);
    for (what, shared) in [
        ("many texts", &many_texts),
        ("long texts", &long_texts),
        ("one text", &one_text),
        ("deep", &deep),
    ] {
        let error = read(&xlsx(&[("Ventes", false, &sale)], shared)).unwrap_err();
        assert!(!error.to_string().is_empty(), "{what}");
    }
    let runs = format!(
        "<c r=\"A2\" t=\"inlineStr\"><is>{}</is></c>",
        "<r><t>xxxxxxxx</t></r>".repeat(1 << 18)
    );
    let in_cell = header(1) + &format!("<row r=\"2\">{runs}</row>");
    assert!(read(&xlsx(&[("Ventes", false, &in_cell)], "")).is_err());
}

/// A workbook in the `OpenDocument` format with one sheet of `rows`.
fn ods(rows: &str) -> Vec<u8> {
    let content = format!(
        "<office:document-content><office:automatic-styles><style:style style:name=\"h\">\
         <style:table-properties table:display=\"false\"/></style:style></office:automatic-styles>\
         <office:body><office:spreadsheet><table:table table:name=\"Old\" table:style-name=\"h\">{}</table:table>\
         <table:table table:name=\"Ventes\">{rows}</table:table><table:table table:name=\"Other\">{}</table:table></office:spreadsheet></office:body>\
         </office:document-content>",
        ods_row(&HEADERS.map(|name| (name, "string"))) + &ods_row(&[("9", "float"); 7]),
        ods_row(&[("Notes", "string")])
    );
    zip(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("content.xml", content.as_bytes()),
    ])
}

fn ods_row(cells: &[(&str, &str)]) -> String {
    let cells = cells.iter().map(|(value, kind)| match *kind {
        "string" => format!("<table:table-cell office:value-type=\"string\"><text:p>{value}</text:p></table:table-cell>"),
        "date" => format!("<table:table-cell office:value-type=\"date\" office:date-value=\"{value}\"/>"),
        kind => format!(
            "<table:table-cell office:value-type=\"{kind}\" office:value=\"{value}\"><text:p>shown</text:p></table:table-cell>"
        ),
    });
    format!("<table:table-row>{}</table:table-row>", cells.collect::<String>())
}

#[test]
fn open_documents_are_read_with_their_repeats_and_without_their_hidden_sheets() {
    let header = ods_row(&HEADERS.map(|name| (name, "string")));
    let sale = ods_row(&[
        ("1", "float"),
        ("2", "float"),
        ("1", "float"),
        ("2023-11-13", "date"),
        ("1", "float"),
        ("1234.56", "currency"),
        ("a &amp; b", "string"),
    ]);
    let rows = format!(
        "<table:table-row table:number-rows-repeated=\"2\"><table:table-cell table:number-columns-repeated=\"16384\"/>\
         </table:table-row>{header}{}<table:table-row table:number-rows-repeated=\"1048570\"><table:table-cell/></table:table-row>",
        sale.replacen(
            "<table:table-row>",
            "<table:table-row table:number-rows-repeated=\"2\">",
            1
        )
    );

    let found = read(&ods(&rows)).unwrap();

    let expected = "1|2|1|2023-11-13|1|1234.56|a & b";
    assert_eq!(lines(&found), [expected, expected]);
    assert_eq!((found.rows[0].0, found.rows[1].0), (4, 5));
    assert!(
        found.notes.iter().any(|note| note.contains("`Old` is hidden")),
        "{:?}",
        found.notes
    );
}

#[test]
fn repeats_that_no_sheet_has_are_refused_or_cost_nothing() {
    let header = ods_row(&HEADERS.map(|name| (name, "string")));
    for repeated in [
        "<table:table-row table:number-rows-repeated=\"4294967295\"><table:table-cell office:value-type=\"float\" office:value=\"1\"/></table:table-row>",
        "<table:table-row><table:table-cell table:number-columns-repeated=\"4294967295\" office:value-type=\"string\"><text:p>x</text:p></table:table-cell></table:table-row>",
        "<table:table-row><table:table-cell office:value-type=\"string\"><text:p>x<text:s text:c=\"4294967295\"/></text:p></table:table-cell></table:table-row>",
    ] {
        if let Ok(found) = read(&ods(&(header.clone() + repeated))) {
            assert!(found.rows.len() <= 1, "{repeated}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever is broken in a workbook, reading it ends, with records or with words.
    #[test]
    fn broken_workbooks_end_in_words(name in 0..5_usize, places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), cut in any::<prop::sample::Index>(), cuts in any::<bool>()) {
        let mut bytes = data(["months.xlsx", "months.xlsb", "months.xls", "months.ods", "long.xls"][name]);
        for (place, byte) in places {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Err(error) = read(&bytes) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
