//! For everyone: two languages, keyboard, axe-core, and a policy that holds.

use crate::stage::Stage;
use serde_json::Value;
use std::path::{Path, PathBuf};

pub(crate) async fn the_browser_chooses_the_language_and_the_visitor_another() {
    let mut stage = Stage::with_sample("fr-FR,fr").await;
    let page = &mut stage.browser;

    page.visit_drawn("/?region=Occitanie").await;
    assert_eq!(page.eval("document.documentElement.lang").await, "fr");
    assert_eq!(page.text("#total").await, "120\u{202f}450\u{a0}€");
    assert!(
        page.text(".period")
            .await
            .starts_with("du 1er\u{a0}novembre 2023 au 30\u{a0}novembre 2023")
    );
    // The browser itself would write it so.
    let own = page
        .eval("new Intl.NumberFormat('fr', {style: 'currency', currency: 'EUR', maximumFractionDigits: 0}).format(120450)")
        .await;
    assert_eq!(own, "120\u{202f}450\u{a0}€");
    let month = page
        .eval("[...document.querySelectorAll('#trend .xtick text')].map((tick) => tick.textContent).join()")
        .await;
    assert!(month.as_str().unwrap().contains("nov."), "{month}");

    page.click("document.querySelector('.language')").await;
    page.until("document.documentElement.lang === 'en'").await;
    assert_eq!(page.text("#total").await, "€120,450");
    assert_eq!(page.eval("location.search").await, "?region=Occitanie");
    page.visit("/analyses").await;
    assert_eq!(page.text("h1").await, "Analyses");
    assert_eq!(page.eval("document.documentElement.lang").await, "en");
    page.assert_clean();
}

pub(crate) async fn everything_can_be_done_with_the_keyboard() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;
    page.visit_drawn("/").await;

    page.press("Tab").await;
    assert_eq!(page.eval("document.activeElement.className").await, "skip");
    let mut seen = Vec::new();
    for _ in 0..90 {
        page.press("Tab").await;
        let stop = page
            .eval("document.activeElement.textContent.trim().slice(0, 40)")
            .await;
        let outline = page
            .eval("getComputedStyle(document.activeElement).outlineStyle")
            .await;
        assert_ne!(
            outline,
            "none",
            "the focus is to be seen on {}",
            page.eval("document.activeElement.outerHTML.slice(0, 300)").await
        );
        seen.push(stop.as_str().unwrap().to_owned());
        if seen.last().is_some_and(|stop| stop == "Occitanie") {
            break;
        }
    }
    assert_eq!(seen.last().unwrap(), "Occitanie", "{seen:?}");
    for stop in ["7 days", "CSV", "PNG", "Premium Package", "Sales"] {
        assert!(
            seen.iter().any(|other| other.starts_with(stop)),
            "{stop}: {seen:?}"
        );
    }

    page.press("Enter").await;
    page.until("document.getElementById('total').textContent === '€120,450'")
        .await;
    assert_eq!(
        page.text(":focus").await,
        "Occitanie",
        "the focus stays where it was"
    );

    page.eval("document.querySelector('[aria-labelledby=t-regions] thead button').focus()")
        .await;
    page.press("Enter").await;
    assert_eq!(
        page.text("[aria-labelledby=t-regions] th[aria-sort=ascending]")
            .await,
        "Region"
    );
    assert_eq!(
        page.text("[aria-labelledby=t-regions] tbody tr:first-child th")
            .await,
        "Auvergne-Rhône-Alpes"
    );
    page.assert_clean();
}

pub(crate) async fn the_policy_holds() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;
    page.visit_drawn("/").await;
    page.assert_clean();

    let refused = page
        .eval(
            "new Promise((done) => {
                document.addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective));
                const script = document.createElement('script');
                script.textContent = 'window.broken = true';
                document.body.append(script);
            })",
        )
        .await;

    assert_eq!(refused, "script-src-elem");
    assert_eq!(page.eval("window.broken ?? null").await, Value::Null);
}

/// Where `npm ci` puts axe-core.
fn axe_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/node_modules/axe-core/axe.min.js")
}

/// Why axe-core cannot be used, when it is not there.
pub(crate) fn missing_axe() -> Option<String> {
    let missing = !axe_file().is_file();
    missing
        .then(|| "axe-core is not there: npm ci --prefix crates/dashboard-service/tests/browser".to_owned())
}

pub(crate) async fn axe_finds_nothing_of_level_a_or_aa() {
    let mut stage = Stage::with_sample("en").await;
    let axe = std::fs::read_to_string(axe_file()).unwrap();
    let script_url = stage.stack.as_ref().unwrap().script.url.clone();
    for request in [r#"{"model":"naive","to":"2023-11-26"}"#, r#"{"model":"naive"}"#] {
        let made = reqwest::Client::new()
            .post(format!("{script_url}/jobs/forecast"))
            .header("prefer", "wait=60")
            .body(request);
        assert_eq!(made.send().await.unwrap().status(), 200);
    }
    let import = reqwest::Client::new()
        .post(format!("{script_url}/jobs/import?table=sales"))
        .header("prefer", "wait=60")
        .body("id,product_id,store_id,sale_date,quantity,amount\n900001,999,1,2023-12-01,1,10.00\n");
    let import: serde_json::Value = import.send().await.unwrap().json().await.unwrap();
    assert_eq!(import["state"], "succeeded_with_rejects", "{import:#}");
    let with_rejects = format!("/jobs/{}", import["id"]);
    let page = &mut stage.browser;
    for (theme, width) in [("light", 1280), ("dark", 1280), ("light", 360)] {
        page.feature("prefers-color-scheme", theme).await;
        page.screen(width, 900, width < 500).await;
        for path in [
            "/",
            "/?region=Occitanie&product=1",
            "/?from=x",
            "/analyses",
            "/analyses/region",
            "/analyses/abc",
            "/analyses/summary",
            "/forecasts?compare=yes",
            "/forecasts/1",
            "/imports",
            "/jobs",
            "/jobs/1",
            &with_rejects,
            "/nowhere",
        ] {
            page.visit_drawn(path).await;
            page.eval("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
                .await;
            page.eval(&axe).await;
            let found = page
                .eval(
                    "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}).then((found) =>
                        found.violations.map((fault) => fault.id + ': ' + fault.nodes.map((node) => node.html.slice(0, 200) + ' ' + node.failureSummary).join(' | ')))",
                )
                .await;
            assert_eq!(
                found.as_array().unwrap().len(),
                0,
                "{theme} {width} {path}: {found:#}"
            );
        }
    }
}
