//! Filters, and the address as their state.

use crate::stage::Stage;

/// The path of a region on the map.
fn on_map(region: &str) -> String {
    format!(
        "[...document.querySelectorAll('#regions .choroplethlayer path')].find((path) => path.__data__.loc === {region:?})"
    )
}

pub(crate) async fn a_click_on_a_region_filters_everything_else() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;
    page.visit_drawn("/").await;

    page.click(&on_map("Occitanie")).await;
    page.until("document.getElementById('total').textContent === '€120,450'")
        .await;

    assert_eq!(page.eval("location.search").await, "?region=Occitanie");
    assert_eq!(
        page.eval("document.getElementById('region').value").await,
        "Occitanie"
    );
    let regions = page
        .eval("document.querySelectorAll('[aria-labelledby=t-regions] tbody tr').length")
        .await;
    assert_eq!(regions, 13, "the map and its table still show all");
    assert_eq!(page.text("tr.chosen th").await, "Occitanie");

    page.eval("history.back()").await;
    page.until("document.getElementById('total').textContent === '€1,245,678'")
        .await;
    assert_eq!(page.eval("location.search").await, "");

    page.eval("history.forward()").await;
    page.until("document.getElementById('total').textContent === '€120,450'")
        .await;
    page.assert_clean();
}

pub(crate) async fn an_address_brings_everything_back() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;

    page.visit_drawn("/?from=2023-11-06&to=2023-11-12&region=Corse&product=1")
        .await;

    assert_eq!(
        page.eval("document.getElementById('from').value").await,
        "2023-11-06"
    );
    assert_eq!(
        page.eval("document.getElementById('to').value").await,
        "2023-11-12"
    );
    assert_eq!(
        page.eval("document.getElementById('region').value").await,
        "Corse"
    );
    assert_eq!(page.eval("document.getElementById('product').value").await, "1");
    assert!(
        page.text(".period")
            .await
            .contains("6\u{a0}November 2023 to 12\u{a0}November 2023 · Corse · Premium Package")
    );

    page.click("document.getElementById('reset')").await;
    page.until("document.getElementById('total').textContent === '€1,245,678'")
        .await;
    assert_eq!(page.eval("location.search").await, "");
    page.assert_clean();
}

pub(crate) async fn a_filter_is_one_small_request_and_a_preset_stays() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;
    page.visit_drawn("/?period=7d").await;
    let before = page.requests().len();

    page.eval("(() => { const select = document.getElementById('product'); select.value = '2'; select.dispatchEvent(new Event('change', {bubbles: true})); })()").await;
    page.until("location.search === '?period=7d&product=2'").await;
    page.until("document.documentElement.dataset.drawn === document.documentElement.dataset.view")
        .await;

    let mut new = page.requests().split_off(before);
    // The first visit may still have fetched its icon and opened its live view in between.
    new.retain(|address| !address.ends_with("/api/events") && !address.ends_with("/icon.svg"));
    assert_eq!(new.len(), 1, "{new:?}");
    assert!(new[0].ends_with("/?period=7d&product=2"));
    page.assert_clean();
}

pub(crate) async fn an_older_request_is_given_up() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;
    page.visit_drawn("/").await;

    page.eval("(() => { comptoir.show('/?region=Corse'); comptoir.show('/?region=Bretagne'); })()")
        .await;
    page.until("location.search === '?region=Bretagne' && document.querySelector('tr.chosen th')?.textContent === 'Bretagne'").await;

    assert_eq!(
        page.eval("history.length").await,
        3,
        "about:blank, the first page, Bretagne"
    );
    page.assert_clean();
}
