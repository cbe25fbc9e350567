//! How much a visit weighs.

use crate::stage::Stage;

pub(crate) async fn the_first_visit_is_light_and_later_ones_are_lighter() {
    let mut stage = Stage::with_sample("en").await;
    let page = &mut stage.browser;

    page.visit_drawn("/").await;
    page.until(
        "performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('regions.geojson'))",
    )
    .await;
    let first = page.bytes_received();
    page.visit_drawn("/?period=all").await;
    let second = page.bytes_received() - first;

    eprintln!("first visit {first} bytes, second {second} bytes");
    assert!(first > 1_000_000.0 && first < 1_600_000.0, "{first} bytes");
    assert!(second < 20_000.0, "{second} bytes");
}
