//! Files that are dropped, and pages that follow.

use crate::stage::Stage;

pub(crate) async fn a_dropped_file_is_imported_and_its_rejects_are_to_be_had() {
    let mut stage = Stage::with_sample("en").await;
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("ventes.csv");
    std::fs::write(
        &file,
        "id;product_id;store_id;sale_date;quantity;amount\n900001;1;1;01/12/2023;1;1 234,56\n900002;999;1;01/12/2023;1;10,00\n",
    )
    .unwrap();
    let page = &mut stage.browser;
    page.visit("/imports").await;

    page.drop_file(&file, "document.getElementById('drop')").await;
    page.until("!document.getElementById('start').disabled").await;
    assert_eq!(
        page.eval("document.querySelector('.kind select').value").await,
        "sales"
    );
    page.click("document.getElementById('start')").await;
    page.until("document.getElementById('t-report')").await;

    let report = page.text(".report").await;
    assert!(
        report.contains("New lines1") && report.contains("Left out1"),
        "{report}"
    );
    assert!(report.contains("a product that is not known"), "{report}");
    let link = page
        .eval("document.querySelector('a[download$=\".csv\"]').getAttribute('href')")
        .await;
    let rejects = stage.get(link.as_str().unwrap()).await;
    assert!(
        rejects.contains("unknown_product") && rejects.contains("900002"),
        "{rejects}"
    );

    let page = &mut stage.browser;
    page.until("document.getElementById('t-rejects')").await;

    // The product that was lacking comes; the rejected row is tried again as it is.
    let script_url = stage.stack.as_ref().unwrap().script.url.clone();
    let answer = reqwest::Client::new()
        .post(format!("{script_url}/jobs/import?table=products&name=late.csv"))
        .header("prefer", "wait=30")
        .body("id,name,price,category\n999,Late,10.00,Late\n")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let page = &mut stage.browser;
    page.click("document.querySelector('button[data-replay]')").await;
    page.until(
        "document.querySelector('.s-succeeded') && document.querySelector('h1').textContent !== 'Job 2'",
    )
    .await;
    assert!(
        page.text(".report dl.row").await.contains("New lines1"),
        "{}",
        page.text("main").await
    );
    page.visit_drawn("/").await;
    assert!(page.text(".period").await.ends_with("1\u{a0}December 2023"));
    page.assert_clean();
}

pub(crate) async fn an_import_of_every_day_is_made_run_and_deleted() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;
    page.visit("/imports").await;

    page.eval("(() => { const form = document.querySelector('[data-schedule]'); form.elements.time.value = '05:30'; form.requestSubmit(); })()")
        .await;
    page.until("document.querySelector('#schedules tbody tr')").await;
    let line = page.text("#schedules tbody tr").await;
    assert!(
        line.starts_with("daily-import") && line.contains("every day at 05:30"),
        "{line}"
    );

    page.click("document.querySelector('#schedules [data-post]')")
        .await;
    page.until("document.querySelector('#schedules .s-succeeded')")
        .await;
    assert!(page.text("#recent tbody tr").await.contains("products.csv"));

    page.click("document.querySelector('#schedules [data-delete]')")
        .await;
    page.until("!document.querySelector('#schedules tbody tr')").await;
    page.assert_clean();
}

pub(crate) async fn a_page_follows_what_others_import() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;
    page.visit_drawn("/?from=2023-11-01&to=2023-11-30").await;
    page.until(
        "performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('regions.geojson'))",
    )
    .await;
    let script_url = stage.stack.as_ref().unwrap().script.url.clone();

    let answer = reqwest::Client::new()
        .post(format!("{script_url}/jobs/import?table=sales&name=late.csv"))
        .header("content-type", "text/csv")
        .header("prefer", "wait=30")
        .body("id,product_id,store_id,sale_date,quantity,amount\n900001,1,1,2023-11-30,1,22.00\n")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);

    let page = &mut stage.browser;
    page.until("document.getElementById('total').textContent === '€1,245,700'")
        .await;
    page.assert_clean();
}
