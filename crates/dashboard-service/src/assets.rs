//! What the page is made of, out of the binary, under addresses that carry a hash of the content: a browser
//! asks for each once.

use crate::error;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use std::borrow::Cow;
use std::io::Read as _;
use std::sync::LazyLock;

/// plotly.js, compressed by the build script.
const PLOTLY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/plotly.js.gz"));
/// The style rules of plotly.js.
const PLOTLY_RULES: &str = include_str!(concat!(env!("OUT_DIR"), "/plotly.css"));
/// The outlines of the regions.
pub(crate) const REGIONS: &str = include_str!("../assets/regions.geojson");

/// A file of the page.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Its address, hash included.
    pub(crate) url: String,
    name: &'static str,
    media_type: &'static str,
    packed: Cow<'static, [u8]>,
}

/// Every file of the page.
#[derive(Debug)]
pub(crate) struct Assets {
    /// The look.
    pub(crate) style: Asset,
    /// The style rules of plotly.js.
    pub(crate) plotly_style: Asset,
    /// plotly.js.
    pub(crate) plotly: Asset,
    /// Filters, tables, jobs, live refresh.
    pub(crate) app: Asset,
    /// The import of files.
    pub(crate) wizard: Asset,
    /// The charts.
    pub(crate) charts: Asset,
    /// The outlines of the regions.
    pub(crate) regions: Asset,
    /// The icon.
    pub(crate) icon: Asset,
}

/// The files, hashed and compressed once.
pub(crate) static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    const STYLE: &str = "text/css; charset=utf-8";
    let own = |name, media_type, text: &str| asset(name, media_type, Cow::Owned(pack(text.as_bytes())));
    Assets {
        style: own("style.css", STYLE, include_str!("../assets/style.css")),
        plotly_style: own("plotly.css", STYLE, PLOTLY_RULES),
        plotly: asset(
            concat!("plotly-", env!("PLOTLY_JS_VERSION"), ".js"),
            SCRIPT,
            Cow::Borrowed(PLOTLY),
        ),
        app: own("app.js", SCRIPT, include_str!("../assets/app.js")),
        wizard: own("wizard.js", SCRIPT, include_str!("../assets/wizard.js")),
        charts: own("charts.js", SCRIPT, include_str!("../assets/charts.js")),
        regions: own("regions.geojson", "application/geo+json", REGIONS),
        icon: own("icon.svg", "image/svg+xml", include_str!("../assets/icon.svg")),
    }
});

impl Assets {
    fn all(&self) -> [&Asset; 8] {
        [
            &self.style,
            &self.plotly_style,
            &self.plotly,
            &self.app,
            &self.wizard,
            &self.charts,
            &self.regions,
            &self.icon,
        ]
    }
}

fn asset(name: &'static str, media_type: &'static str, packed: Cow<'static, [u8]>) -> Asset {
    let hash = blake3::hash(&packed).to_hex();
    Asset {
        url: format!("/assets/{}/{name}", &hash[..12]),
        name,
        media_type,
        packed,
    }
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    // Reading from memory into memory cannot fail.
    let _ = GzEncoder::new(bytes, Compression::best()).read_to_end(&mut packed);
    packed
}

/// `GET /assets/{hash}/{name}`: a file. An old hash gives today's file, which is then not kept.
pub(crate) async fn get(Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.all().into_iter().find(|asset| asset.name == name) else {
        return error::missing();
    };
    let current = asset.url.split('/').nth(2) == Some(hash.as_str());
    let caching = if current {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let head = [
        (CONTENT_TYPE, asset.media_type),
        (CACHE_CONTROL, caching),
        (VARY, "Accept-Encoding"),
    ];
    let takes_gzip = headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|codings| codings.contains("gzip"));
    if takes_gzip {
        return (
            head,
            [(CONTENT_ENCODING, "gzip")],
            asset.packed.clone().into_owned(),
        )
            .into_response();
    }
    let mut plain = Vec::new();
    match GzDecoder::new(&*asset.packed).read_to_end(&mut plain) {
        Ok(_) => (head, plain).into_response(),
        Err(_) => error::internal(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn plain(asset: &Asset) -> String {
        let mut text = String::new();
        GzDecoder::new(&*asset.packed).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn plotly_is_plotly_with_its_notice() {
        let script = plain(&ASSETS.plotly);

        assert!(script.starts_with(concat!("/**\n* plotly.js v", env!("PLOTLY_JS_VERSION"))));
        assert!(script[..300].contains("Licensed under the MIT license"));
        assert!(!script.contains("</script"), "cut at its end");
    }

    #[test]
    fn the_style_rules_of_plotly_are_taken_out_whole() {
        let rules = plain(&ASSETS.plotly_style);

        assert!(
            rules.contains(".js-plotly-plot .plotly .main-svg{position:absolute;"),
            "{rules}"
        );
        assert!(rules.contains(".js-plotly-plot .plotly .modebar-btn{"));
        assert!(rules.contains(".plotly-notifier{"));
    }

    #[test]
    fn the_first_visit_stays_within_its_weight() {
        let bytes: usize = ASSETS.all().iter().map(|asset| asset.packed.len()).sum();

        assert!(bytes < 1_550_000, "{bytes} bytes");
    }

    #[test]
    fn outer_rings_run_clockwise() {
        // plotly.js fills the globe outside a ring that runs the other way.
        let regions: Value = serde_json::from_str(REGIONS).unwrap();
        let features = regions["features"].as_array().unwrap();
        assert_eq!(features.len(), 18);
        for feature in features {
            let geometry = &feature["geometry"];
            let polygons = match geometry["type"].as_str() {
                Some("Polygon") => vec![&geometry["coordinates"]],
                _ => geometry["coordinates"].as_array().unwrap().iter().collect(),
            };
            for polygon in polygons {
                assert!(
                    signed_area(&polygon[0]) < 0.0,
                    "{}",
                    feature["properties"]["name"]
                );
            }
        }
    }

    /// Positive when the ring runs against the clock.
    fn signed_area(ring: &Value) -> f64 {
        let points: Vec<(f64, f64)> = ring
            .as_array()
            .unwrap()
            .iter()
            .map(|point| (point[0].as_f64().unwrap(), point[1].as_f64().unwrap()))
            .collect();
        points
            .windows(2)
            .map(|pair| (pair[0].0 * pair[1].1 - pair[1].0 * pair[0].1) / 2.0)
            .sum()
    }
}
