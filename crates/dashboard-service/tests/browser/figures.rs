//! The widgets show what the sample holds.

use crate::stage::Stage;

const PRODUCTS: [(&str, &str); 5] = [
    ("Premium Package", "€320,450"),
    ("Business Suite", "€285,670"),
    ("Standard Package", "€210,890"),
    ("Basic Package", "€185,430"),
    ("Add-on Module A", "€120,230"),
];
const REGIONS: [(&str, &str, &str); 5] = [
    ("Île-de-France", "€450,230", "36.1%"),
    ("Auvergne-Rhône-Alpes", "€320,150", "25.7%"),
    ("Nouvelle-Aquitaine", "€185,670", "14.9%"),
    ("Occitanie", "€120,450", "9.7%"),
    ("Hauts-de-France", "€89,450", "7.2%"),
];

pub(crate) async fn the_widgets_show_the_sample() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;

    page.visit_drawn("/").await;

    assert_eq!(page.text("#total").await, "€1,245,678");
    assert_eq!(page.text("#lines").await, "3,916");
    assert_eq!(page.text("#weekend").await, "+18.0%");
    assert_eq!(page.text(".change .up").await, "+5.3%");
    for (row, (name, sales)) in PRODUCTS.iter().enumerate() {
        let line = page
            .text(&format!(
                "[aria-labelledby=t-products] tbody tr:nth-child({})",
                row + 1
            ))
            .await;
        assert!(line.starts_with(name) && line.contains(sales), "{line}");
    }
    for (row, (name, sales, share)) in REGIONS.iter().enumerate() {
        let line = page
            .text(&format!(
                "[aria-labelledby=t-regions] tbody tr:nth-child({})",
                row + 1
            ))
            .await;
        assert!(
            line.starts_with(name) && line.contains(sales) && line.contains(share),
            "{line}"
        );
    }
    assert_eq!(
        page.text("[aria-labelledby=t-products] .mark").await,
        "Below target"
    );
    let insights = page.text(".insights").await;
    for part in [
        "Weekends bring +18.0%",
        "Occitanie grows most: +22.0%",
        "Add-on Module A is below its target: 89.1%",
    ] {
        assert!(insights.contains(part), "{insights}");
    }
    page.assert_clean();
}

pub(crate) async fn the_charts_are_drawn() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;

    page.visit_drawn("/").await;

    let regions = page
        .eval("document.querySelectorAll('#regions .choroplethlayer path').length")
        .await;
    assert_eq!(regions, 18);
    let bars = page
        .eval("document.querySelectorAll('#products .bars .point').length")
        .await;
    assert_eq!(bars, 5);
    let days = page
        .eval("document.getElementById('trend').data.find((trace) => trace.name === 'Sales').x.length")
        .await;
    assert_eq!(days, 30);
    // A region drawn the wrong way round covers the whole map.
    let widest = page
        .eval("Math.max(...[...document.querySelectorAll('#regions .choroplethlayer path')].map((path) => path.getBBox().width)) / document.getElementById('regions').clientWidth")
        .await;
    assert!(widest.as_f64().unwrap() < 0.5, "{widest}");
    page.call(
        "Runtime.evaluate",
        serde_json::json!({"expression": "document.querySelector('input[value=quantile]').click()"}),
    )
    .await;
    page.until("document.getElementById('regions').data[1].zmax === 4")
        .await;
    page.assert_clean();
}

pub(crate) async fn a_pointer_that_rests_is_told_figure_and_share() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;
    page.visit_drawn("/").await;

    for (place, words) in [
        (
            "document.querySelector('#products .bars .point path')",
            "€320,450 · 25.7% · 106.8% of target",
        ),
        (
            "[...document.querySelectorAll('#regions .choroplethlayer path')].find((path) => path.__data__.loc === 'Occitanie')",
            "€120,450 · 9.7%",
        ),
        ("document.querySelector('#trend .nsewdrag')", "November 2023"),
    ] {
        page.point_at(place).await;
        page.until(&format!(
            "[...document.querySelectorAll('.hoverlayer')].some((layer) => layer.textContent.includes({words:?}))"
        ))
        .await;
    }
    page.assert_clean();
}

pub(crate) async fn the_first_document_holds_total_and_tables() {
    let stage = Stage::with_sample("en").await;

    let document = stage.get("/").await;

    assert!(document.contains("€1,245,678"));
    for (name, sales) in PRODUCTS {
        assert!(document.contains(name) && document.contains(sales), "{name}");
    }
    for (name, sales, _) in REGIONS {
        assert!(document.contains(name) && document.contains(sales), "{name}");
    }
}

pub(crate) async fn a_table_that_was_sorted_is_saved_in_that_order() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;
    page.visit_drawn("/").await;

    page.click("document.querySelector('[aria-labelledby=t-regions] thead button')")
        .await;
    let shown = page
        .eval("[...document.querySelectorAll('[aria-labelledby=t-regions] tbody th')].map((cell) => cell.textContent)")
        .await;
    let link = page
        .eval("document.querySelector('[aria-labelledby=t-regions] .save a').getAttribute('href')")
        .await;
    page.assert_clean();

    let saved = stage.get(link.as_str().unwrap()).await;
    let saved: Vec<&str> = saved
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next())
        .collect();
    let shown: Vec<String> = serde_json::from_value(shown).unwrap();
    assert_eq!(saved, shown);
    assert_eq!((saved[0], saved[5]), ("Auvergne-Rhône-Alpes", "Grand Est"));
}

pub(crate) async fn a_chart_is_saved_as_a_picture() {
    let mut stage = Stage::with_sample("en").await;
    let folder = tempfile::TempDir::new().unwrap();
    let page = &mut stage.browser;
    page.visit_drawn("/").await;
    let where_to = serde_json::json!({
        "behavior": "allow", "downloadPath": folder.path(), "eventsEnabled": true,
    });
    page.call("Browser.setDownloadBehavior", where_to).await;

    page.click("document.querySelector('[data-png=products]')").await;
    page.until_event("Browser.downloadProgress", |event| {
        event["params"]["state"] == "completed"
    })
    .await;

    let picture = std::fs::read(folder.path().join("comptoir-products.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG"));
    assert!(picture.len() > 10_000, "{} bytes", picture.len());
    page.assert_clean();
}

pub(crate) async fn files_hold_what_is_on_the_screen() {
    let stage = Stage::with_sample("en").await;

    let plain = stage.get("/export/regions?format=csv&product=1").await;
    let french = stage.get("/export/regions?format=csv-fr").await;
    let json = stage.get("/export/products?format=json").await;

    assert!(plain.starts_with("region,total_sales,share\r\n"), "{plain}");
    assert_eq!(
        plain.lines().count(),
        stage.get("/?product=1").await.matches("href=\"/?region=").count() + 1
    );
    assert!(
        french.starts_with("\u{feff}region;total_sales;share\r\nÎle-de-France;450230,0;36,1\r\n"),
        "{french}"
    );
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[4]["attainment"], 89.1);
}
