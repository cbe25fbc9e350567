//! Pictures of the pages, left in `target/tmp/dashboard`, and what can be measured of them.

use crate::stage::Stage;
use crate::wizard::{self, Folder};
use std::path::{Path, PathBuf};
use test_kit::Browser;

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dashboard");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

async fn keep(page: &mut Browser, name: &str) {
    let picture = page.picture().await;
    assert!(picture.starts_with(b"\x89PNG"), "{name}");
    std::fs::write(folder().join(name), picture).unwrap();
}

/// Waits until what was drawn last is on the screen.
async fn settled(page: &mut Browser) {
    page.until("document.documentElement.dataset.drawn").await;
    page.eval("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        .await;
}

pub(crate) async fn a_desktop_in_light_and_dark() {
    let mut stage = Stage::with_sample("fr").await;
    let script_url = stage.stack.as_ref().unwrap().script.url.clone();
    let made = reqwest::Client::new()
        .post(format!("{script_url}/jobs/forecast"))
        .header("prefer", "wait=60");
    assert_eq!(made.send().await.unwrap().status(), 200);
    let page = &mut stage.browser;

    for (theme, name) in [("light", "desktop.png"), ("dark", "dark.png")] {
        page.feature("prefers-color-scheme", theme).await;
        page.visit_drawn("/").await;
        settled(page).await;
        keep(page, name).await;
    }
    let back = page.eval("getComputedStyle(document.body).backgroundColor").await;
    assert_eq!(back, "rgb(14, 19, 26)");
    page.feature("prefers-color-scheme", "light").await;
    for (path, name) in [
        ("/?region=Occitanie", "region.png"),
        ("/analyses", "analyses.png"),
        ("/analyses/seasonality", "seasonality.png"),
        ("/analyses/store", "store.png"),
        ("/forecasts?compare=yes", "forecasts.png"),
        ("/forecasts/1", "forecast.png"),
        ("/imports", "imports.png"),
        ("/jobs", "jobs.png"),
        ("/jobs/1", "job.png"),
    ] {
        page.visit_drawn(path).await;
        settled(page).await;
        keep(page, name).await;
    }
    page.assert_clean();
}

pub(crate) async fn a_phone_has_nothing_beyond_its_edge() {
    let mut stage = Stage::with_sample("fr").await;
    let page = &mut stage.browser;
    page.screen(360, 780, true).await;

    for (path, name) in [
        ("/", "phone.png"),
        ("/analyses/store", "phone-store.png"),
        ("/imports", "phone-imports.png"),
        ("/jobs", "phone-jobs.png"),
        ("/forecasts", "phone-forecasts.png"),
    ] {
        page.visit_drawn(path).await;
        settled(page).await;
        keep(page, name).await;
        let width = page.eval("document.documentElement.scrollWidth").await;
        assert!(width.as_u64().unwrap() <= 360, "{path}: {width}");
    }
    page.assert_clean();
}

pub(crate) async fn the_overview_prints_on_a4() {
    let mut stage = Stage::with_sample("fr").await;
    let page = &mut stage.browser;
    page.feature("prefers-color-scheme", "dark").await;
    page.visit_drawn("/").await;

    let paper = page.print().await;

    assert!(paper.starts_with(b"%PDF"));
    std::fs::write(folder().join("print.pdf"), &paper).unwrap();
    let pages = paper
        .windows(12)
        .filter(|part| part.starts_with(b"/Type /Page\n"))
        .count();
    assert!((1..=3).contains(&pages), "{pages} pages");
    page.assert_clean();
}

pub(crate) async fn the_wizard_in_both_languages_wide_and_narrow() {
    for (language, name) in [("fr", "wizard-fr"), ("en", "wizard-en")] {
        let mut stage = Stage::empty_in(language).await;
        let folder = Folder::new();
        let orders = folder.put("orders_export.csv", wizard::SHOPIFY);
        let invoices = folder.put("factures.csv", wizard::INVOICES);
        let people = folder.put("clients.csv", "nom;prénom;téléphone\nDupont;Anne;0102030405\n");
        let page = &mut stage.browser;
        wizard::drop(page, &[&orders, &invoices, &people]).await;
        page.eval("document.getElementById('understood-2').open = true")
            .await;

        for (theme, width, kind) in [
            ("light", 1280, "wide"),
            ("light", 360, "narrow"),
            ("dark", 1280, "dark"),
        ] {
            page.feature("prefers-color-scheme", theme).await;
            page.screen(width, 900, width < 500).await;
            settled(page).await;
            assert_nothing_sticks_out(page).await;
            keep(page, &format!("{name}-{kind}.png")).await;
        }
        wizard::import(page).await;
        for (theme, width, kind) in [
            ("dark", 1280, "dark"),
            ("light", 360, "narrow"),
            ("light", 1280, "wide"),
        ] {
            page.feature("prefers-color-scheme", theme).await;
            page.screen(width, 900, width < 500).await;
            settled(page).await;
            assert_nothing_sticks_out(page).await;
            keep(page, &format!("{name}-report-{kind}.png")).await;
        }
    }
}

/// Nothing of the page is beyond its edge.
async fn assert_nothing_sticks_out(page: &mut Browser) {
    let beyond = page
        .eval("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        .await;
    assert_eq!(beyond, 0);
}
