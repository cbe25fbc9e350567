//! Time to the first figure and to drawn charts, and memory of the server, against the same page in Streamlit.
//! See `benches/README.md`.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use test_kit::{Browser, ReservedPort, TestStack};

const ROUNDS: usize = 5;

/// A page under measurement: a process of its own.
struct Page {
    name: &'static str,
    process: Child,
    url: String,
    /// Nobody else gets it while the page is measured.
    _port: ReservedPort,
    /// True once the total is in the page.
    figure: &'static str,
    /// True once the charts are drawn.
    charts: &'static str,
}

/// What was measured, in milliseconds.
#[derive(Default)]
struct Times {
    cold_paint: Vec<f64>,
    warm_paint: Vec<f64>,
    cold_figure: Vec<f64>,
    cold_charts: Vec<f64>,
    warm_figure: Vec<f64>,
    warm_charts: Vec<f64>,
}

#[tokio::main]
async fn main() {
    if let Some(missing) = test_kit::missing_browser() {
        eprintln!("nothing is measured: {missing}");
        return;
    }
    let stack = TestStack::with_sample().await;
    let mut pages = vec![ours(&stack)];
    match std::env::var_os("COMPTOIR_STREAMLIT") {
        Some(program) => pages.push(streamlit(&stack, &PathBuf::from(program))),
        None => println!("COMPTOIR_STREAMLIT is not set: only our page is measured"),
    }
    let mut times: Vec<Times> = pages.iter().map(|_| Times::default()).collect();
    for page in &pages {
        until_up(&page.url).await;
    }
    for round in 0..=ROUNDS {
        for (page, times) in pages.iter().zip(&mut times) {
            let measured = measure(page).await;
            if round == 0 {
                continue; // The first round warms up the disk.
            }
            times.cold_paint.push(measured[0]);
            times.cold_figure.push(measured[1]);
            times.cold_charts.push(measured[2]);
            times.warm_paint.push(measured[3]);
            times.warm_figure.push(measured[4]);
            times.warm_charts.push(measured[5]);
        }
    }
    println!(
        "| page | first paint, cold | first figure, cold | charts, cold | first paint, warm | first figure, warm | charts, warm | memory of the server |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (page, times) in pages.iter().zip(&times) {
        println!(
            "| {} | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} ms | {:.1} MiB |",
            page.name,
            median(&times.cold_paint),
            median(&times.cold_figure),
            median(&times.cold_charts),
            median(&times.warm_paint),
            median(&times.warm_figure),
            median(&times.warm_charts),
            resident_mib(page.process.id()),
        );
    }
}

fn ours(stack: &TestStack) -> Page {
    let port = ReservedPort::take();
    let process = Command::new(env!("CARGO_BIN_EXE_dashboard-service"))
        .args([
            "--listen",
            &port.address().to_string(),
            "--script-url",
            &stack.script.url,
        ])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Page {
        name: "Comptoir",
        process,
        url: format!("http://{}", port.address()),
        _port: port,
        figure: "document.getElementById('total')?.textContent === '€1,245,678'",
        charts: "document.documentElement.dataset.drawn",
    }
}

fn streamlit(stack: &TestStack, program: &Path) -> Page {
    let port = ReservedPort::take();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let process = Command::new(program)
        .arg("run")
        .arg(folder.join("benches/streamlit/app.py"))
        .args([
            "--server.headless=true",
            "--server.address=127.0.0.1",
            "--browser.gatherUsageStats=false",
        ])
        .arg(format!("--server.port={}", port.number()))
        .env("SCRIPT_URL", &stack.script.url)
        .env("REGIONS", folder.join("assets/regions.geojson"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Page {
        name: "Streamlit",
        process,
        url: format!("http://{}", port.address()),
        _port: port,
        figure: "document.body?.textContent.includes('€1,245,678')",
        // The words along the axes come with the bars and the lines. The map is not waited for: it asks a
        // server elsewhere for the world and stays blank without it.
        charts: "['Premium Package', 'moving_average_7d'].every((word) => document.body?.textContent.includes(word))",
    }
}

/// First paint, first figure and charts, cold and warm, in a browser of its own.
async fn measure(page: &Page) -> [f64; 6] {
    let mut browser = Browser::open(&page.url, "en").await;
    // The page itself notes when it changed so: asked from outside, it answers only between its scripts.
    let watch = format!(
        "(() => {{
            const look = () => {{
                if (!window.figureAt && {}) window.figureAt = performance.now();
                if (!window.chartsAt && {}) window.chartsAt = performance.now();
            }};
            const everything = {{childList: true, subtree: true, characterData: true, attributes: true}};
            new MutationObserver(look).observe(document, everything);
        }})()",
        page.figure, page.charts
    );
    browser
        .call(
            "Page.addScriptToEvaluateOnNewDocument",
            serde_json::json!({"source": watch}),
        )
        .await;
    let mut measured = [0.0; 6];
    for visit in 0..2 {
        browser.visit("/").await;
        browser.until("window.figureAt && window.chartsAt").await;
        let paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime";
        browser.until(paint).await;
        let moments = [paint, "window.figureAt", "window.chartsAt"];
        for (place, name) in moments.into_iter().enumerate() {
            measured[visit * 3 + place] = browser.eval(name).await.as_f64().unwrap();
        }
    }
    measured
}

async fn until_up(url: &str) {
    let begun = Instant::now();
    while reqwest::get(url).await.is_err() {
        assert!(begun.elapsed() < Duration::from_mins(1), "{url} does not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The resident memory of a process.
fn resident_mib(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kib = status.lines().find_map(|line| {
        line.strip_prefix("VmRSS:")?
            .trim()
            .strip_suffix(" kB")?
            .parse::<f64>()
            .ok()
    });
    kib.unwrap_or(f64::NAN) / 1024.0
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
