//! Journeys of the wizard: an export is dropped, looked at, asked about, imported, reported, taken back.

use crate::stage::Stage;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use test_kit::{Browser, TestStack};

pub(crate) const SHOPIFY: &str = include_str!("../../../shop-exports/tests/exports/shopify.csv");
pub(crate) const INVOICES: &str = include_str!("../../../shop-exports/tests/exports/invoices.csv");
const DROP: &str = "document.getElementById('drop')";
const READY: &str = "!document.getElementById('start').disabled";
const REPORT: &str = "document.getElementById('t-report')";

/// A folder of files to drop.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::TempDir::new().unwrap())
    }

    pub(crate) fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

/// A workbook of one sheet whose cells are text but for those that read as numbers.
fn workbook(rows: &[&[&str]]) -> Vec<u8> {
    const TYPES: &str = "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Override PartName=\"/xl/workbook.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/><Override PartName=\"/xl/worksheets/sheet1.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/></Types>";
    const RELATIONS: &str = "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"r1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}\" Target=\"{target}\"/></Relationships>";
    const BOOK: &str = "<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets><sheet name=\"Ventes\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>";
    let mut data = String::new();
    for (row, cells) in rows.iter().enumerate() {
        let _ = write!(data, "<row r=\"{}\">", row + 1); // a String takes every write
        for (cell, column) in cells.iter().zip('A'..='Z') {
            let place = format!("r=\"{column}{}\"", row + 1);
            let _ = match cell.parse::<f64>() {
                Ok(number) => write!(data, "<c {place}><v>{number}</v></c>"),
                Err(_) => write!(data, "<c {place} t=\"inlineStr\"><is><t>{cell}</t></is></c>"),
            };
        }
        data.push_str("</row>");
    }
    let relation = |kind, target| RELATIONS.replace("{kind}", kind).replace("{target}", target);
    let parts = [
        ("[Content_Types].xml", TYPES.to_owned()),
        ("_rels/.rels", relation("officeDocument", "xl/workbook.xml")),
        ("xl/workbook.xml", BOOK.to_owned()),
        (
            "xl/_rels/workbook.xml.rels",
            relation("worksheet", "worksheets/sheet1.xml"),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!(
                "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>{data}</sheetData></worksheet>"
            ),
        ),
    ];
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in parts {
        zip.start_file(name, stored).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Drops `files` and waits until all of them were looked at.
pub(crate) async fn drop(page: &mut Browser, files: &[&Path]) {
    page.visit("/imports").await;
    page.drop_files(files, DROP).await;
    looked_at(page, files.len()).await;
}

async fn looked_at(page: &mut Browser, files: usize) {
    page.until(&format!(
        "document.querySelectorAll('.file[aria-busy=\"false\"]').length === {files} && !document.querySelector('.file[aria-busy=\"true\"]')"
    ))
    .await;
}

/// Imports what is ready, to its report.
pub(crate) async fn import(page: &mut Browser) {
    page.until(READY).await;
    page.click("document.getElementById('start')").await;
    page.until(REPORT).await;
}

/// The text of the fact `name`, in the card or the report that `within` finds.
async fn fact(page: &mut Browser, within: &str, name: &str) -> Value {
    let script = format!(
        "[...document.querySelectorAll('{within} dl.row div')].find((pair) => pair.firstChild.textContent === '{name}')?.lastChild.textContent ?? null"
    );
    page.eval(&script).await
}

pub(crate) async fn an_export_of_a_web_shop_is_imported_without_an_answer() {
    let mut stage = Stage::empty_in("en").await;
    let folder = Folder::new();
    let file = folder.put("orders_export.csv", SHOPIFY);
    let page = &mut stage.browser;

    drop(page, &[&file]).await;
    assert_eq!(
        page.eval("document.querySelectorAll('.question').length").await,
        0
    );
    assert_eq!(
        fact(page, ".file", "Days").await,
        "13 November 2023 – 15 November 2023"
    );
    assert_eq!(fact(page, ".file", "Total revenue").await, "€51.00");
    assert_eq!(
        fact(page, ".file", "New products").await,
        "2 (Tasse bleue, Bol blanc)"
    );
    assert_eq!(
        page.text(".file table tbody tr td:nth-child(2)").await,
        "13/11/2023"
    );
    import(page).await;

    assert_eq!(
        fact(page, ".report", "Days").await,
        "13\u{a0}November 2023 to 15\u{a0}November 2023"
    );
    assert_eq!(fact(page, ".report", "Revenue of the file").await, "€51.00");
    assert_eq!(fact(page, ".report", "New lines").await, "4");
    assert_eq!(fact(page, ".report", "Left out").await, "2");
    let why = page.text(".left-out").await;
    assert!(why.contains("voided") && why.contains("cancelled"), "{why}");
    page.click("document.getElementById('figures-link')").await;
    page.until("document.getElementById('total')").await;
    assert_eq!(page.text("#total").await, "€51");
    assert_eq!(
        page.eval("location.search").await,
        "?from=2023-11-13&to=2023-11-15"
    );

    // The same file again adds nothing, and says so.
    drop(page, &[&file]).await;
    import(page).await;
    assert_eq!(fact(page, ".report", "There already").await, "4");
    assert!(page.text(".report").await.contains("nothing was added"));
    page.assert_clean();
}

pub(crate) async fn a_workbook_with_french_headers_is_imported_in_french() {
    let mut stage = Stage::empty_in("fr").await;
    let folder = Folder::new();
    let rows: [&[&str]; 4] = [
        &[
            "Date de vente",
            "Désignation",
            "Boutique",
            "Quantité",
            "Montant TTC",
        ],
        &["13/11/2023", "Café moulu", "Lyon", "2", "11.8"],
        &["14/11/2023", "Thé vert", "Lyon", "1", "4.5"],
        &["15/11/2023", "Thé vert", "Paris", "2", "9"],
    ];
    let file = folder.put("ventes.xlsx", workbook(&rows));
    let page = &mut stage.browser;

    drop(page, &[&file]).await;
    assert_eq!(page.text(".file .mark").await, "Prêt");
    assert_eq!(fact(page, ".file", "Nouveaux magasins").await, "2 (Lyon, Paris)");
    let understood = page.text("[id^=understood]").await;
    assert!(
        understood.contains("les lignes n’ont pas d’identifiant"),
        "{understood}"
    );
    import(page).await;

    assert_eq!(page.text("#t-report").await, "Ce qui a été importé");
    assert_eq!(
        fact(page, ".report", "Chiffre d’affaires du fichier").await,
        "25,30\u{a0}€"
    );
    assert_eq!(fact(page, ".report", "Nouvelles lignes").await, "3");
    page.assert_clean();
}

pub(crate) async fn a_question_is_answered_with_one_click_and_by_keyboard() {
    let mut stage = Stage::empty_in("fr").await;
    let folder = Folder::new();
    let file = folder.put("factures.csv", INVOICES);
    let page = &mut stage.browser;

    drop(page, &[&file]).await;
    assert_eq!(fact(page, ".file", "Chiffre d’affaires").await, "276,00\u{a0}€");
    let question = page.text(".question").await;
    assert!(
        question.contains("TTC") && question.contains("(supposé)"),
        "{question}"
    );

    page.click("document.querySelector('.question input[value=excluded]')")
        .await;
    looked_at(page, 1).await;
    page.until("document.querySelector('.file dl.row')?.textContent.includes('230,00')")
        .await;
    // The question stays, so that the answer can be changed; the focus stays on it.
    assert_eq!(
        page.eval("document.querySelector('.question :checked').value")
            .await,
        "excluded"
    );
    assert_eq!(page.eval("document.activeElement.value").await, "excluded");
    page.press("ArrowUp").await;
    page.until("document.querySelector('.file dl.row')?.textContent.includes('276,00')")
        .await;
    page.press("ArrowDown").await;
    page.until("document.querySelector('.file dl.row')?.textContent.includes('230,00')")
        .await;
    looked_at(page, 1).await;
    page.until(READY).await;
    page.eval("document.getElementById('start').focus()").await;
    page.press("Enter").await;
    page.until(REPORT).await;

    assert_eq!(
        fact(page, ".report", "Chiffre d’affaires du fichier").await,
        "230,00\u{a0}€ (montants hors taxes)"
    );
    page.assert_clean();
}

pub(crate) async fn a_question_without_an_answer_holds_the_import_back() {
    let mut stage = Stage::empty_in("en").await;
    let folder = Folder::new();
    let text = "date;produit;magasin;montant\n13/11/2023;Thé;Lyon;1,50\n14/11/2023;Thé;Lyon;1.50\n";
    let file = folder.put("two-hands.csv", text);
    let page = &mut stage.browser;

    drop(page, &[&file]).await;
    assert_eq!(page.text(".file .mark").await, "Needs an answer");
    assert_eq!(page.eval("document.getElementById('start').disabled").await, true);
    assert_eq!(page.text("#go-hint").await, "Answer the questions above first.");
    page.click("document.querySelector('.question input[value=comma]')")
        .await;
    looked_at(page, 1).await;
    import(page).await;

    assert_eq!(fact(page, ".report", "New lines").await, "1");
    assert_eq!(fact(page, ".report", "Left out").await, "1");
    assert!(page.text(".left-out").await.contains("no readable amount"));
    page.assert_clean();
}

pub(crate) async fn files_that_are_dropped_together_go_off_as_one_job() {
    let mut stage = Stage::empty_in("en").await;
    let data = TestStack::sample_data();
    let files = ["sales.csv", "targets.csv", "stores.csv", "products.csv"].map(|name| data.join(name));
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let page = &mut stage.browser;

    drop(page, &files).await;
    let tables = page
        .eval("[...document.querySelectorAll('.kind select')].map((list) => list.value).join()")
        .await;
    assert_eq!(tables, "sales,targets,stores,products");
    import(page).await;

    let what = page.text("main").await;
    assert!(
        files
            .iter()
            .all(|file| what.contains(file.file_name().unwrap().to_str().unwrap())),
        "{what}"
    );
    page.visit_drawn("/").await;
    assert_eq!(page.text("#total").await, "€1,245,678");
    page.assert_clean();
}

pub(crate) async fn a_file_that_is_no_sales_says_why_and_does_not_stop_the_others() {
    let mut stage = Stage::empty_in("fr").await;
    let folder = Folder::new();
    let people = folder.put("clients.csv", "nom;prénom;téléphone\nDupont;Anne;0102030405\n");
    let picture = folder.put("photo.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    let sales = folder.put("orders.csv", SHOPIFY);
    let page = &mut stage.browser;

    drop(page, &[&people, &picture, &sales]).await;
    let reasons = page
        .eval(
            "[...document.querySelectorAll('.file .reason')].map((reason) => reason.textContent).join(' | ')",
        )
        .await;
    let reasons = reasons.as_str().unwrap();
    assert!(
        reasons.starts_with("Ce n’est pas une liste de ventes")
            && reasons.contains("Ce n’est pas un tableau."),
        "{reasons}"
    );
    assert_eq!(
        page.text("#go-hint").await,
        "Les fichiers qui ne peuvent pas être importés sont laissés de côté."
    );
    import(page).await;

    let request = page.text("main").await;
    assert!(
        request.contains("orders.csv") && !request.contains("clients.csv"),
        "{request}"
    );
}

/// A file whose import takes a while.
fn long_file(folder: &Folder) -> PathBuf {
    let mut text = String::from("id,product_id,store_id,sale_date,quantity,amount\n");
    for id in 0..300_000 {
        let _ = writeln!(text, "{},1,1,2023-12-{:02},1,2.50", 1_000_000 + id, id % 31 + 1); // a String takes every write
    }
    folder.put("long.csv", text)
}

pub(crate) async fn a_reload_goes_on_with_the_job_and_it_can_be_cancelled() {
    let mut stage = Stage::with_sample("en").await;
    let folder = Folder::new();
    let file = long_file(&folder);
    let page = &mut stage.browser;
    drop(page, &[&file]).await;
    page.until(READY).await;
    page.click("document.getElementById('start')").await;
    page.until(
        "location.pathname.startsWith('/jobs/') && document.querySelector('[data-post$=\"/cancel\"]')",
    )
    .await;
    let address = page.eval("location.pathname").await;

    page.visit(address.as_str().unwrap()).await;
    page.until("document.querySelector('[data-post$=\"/cancel\"]')")
        .await;
    page.click("document.querySelector('[data-post$=\"/cancel\"]')")
        .await;
    page.until(REPORT).await;

    assert_eq!(page.text("#t-report").await, "The import was cancelled");
    assert_eq!(
        page.eval("Boolean(document.querySelector('.s-cancelled'))").await,
        true
    );
    page.assert_clean();
}

pub(crate) async fn a_file_on_its_way_can_be_held_back() {
    let mut stage = Stage::with_sample("en").await;
    let folder = Folder::new();
    let file = long_file(&folder);
    let page = &mut stage.browser;
    drop(page, &[&file]).await;
    page.until(READY).await;
    let slow = serde_json::json!({"offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 50_000});
    page.call("Network.emulateNetworkConditions", slow).await;
    page.click("document.getElementById('start')").await;
    page.until("!document.getElementById('stop').hidden").await;

    page.click("document.getElementById('stop')").await;

    page.until("document.getElementById('message').textContent === 'Nothing was sent.'")
        .await;
    page.until(READY).await;
    assert_eq!(page.eval("location.pathname").await, "/imports");
}

pub(crate) async fn an_import_is_undone_beside_its_report() {
    let mut stage = Stage::empty_in("en").await;
    let folder = Folder::new();
    let file = folder.put("orders.csv", SHOPIFY);
    let page = &mut stage.browser;
    drop(page, &[&file]).await;
    import(page).await;

    page.click("document.querySelector('#undo summary')").await;
    page.until("document.getElementById('undo').open").await;
    page.click("document.getElementById('undo-now')").await;
    page.until("document.getElementById('undo-words')").await;

    assert_eq!(page.text("#undo-words").await, "This import was undone.");
    let stack = stage.stack.as_ref().unwrap();
    assert_eq!(
        stack
            .value("SELECT (SELECT COUNT(*) FROM sales) + (SELECT COUNT(*) FROM products)")
            .await,
        0
    );
    stage.browser.assert_clean();
}
