//! A Chromium of its own for a test, driven over its debugging port (the `DevTools` protocol).

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on has failed"
)]

use crate::find_program;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use futures_util::SinkExt as _;
use futures_util::stream::{SplitSink, StreamExt as _};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How long anything may take, on a machine that is busy with other things too.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long a page looks by itself whether something has come true.
const LOOK: Duration = Duration::from_secs(1);

/// Names of the browsers that there may be.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// The browser there is; without one the tests say so.
#[must_use]
pub fn missing_browser() -> Option<String> {
    find_program(&NAMES)
        .is_none()
        .then(|| format!("there is no {} on the path", NAMES.join(", ")))
}

/// A browser with one page. Everything of it is gone on drop.
pub struct Browser {
    process: Child,
    sink: SplitSink<Socket, Message>,
    shared: Arc<Shared>,
    next_id: u64,
    origin: String,
    _profile: TempDir,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    events: Mutex<Vec<Value>>,
    heard: Notify,
}

impl Browser {
    /// Opens one for pages of `origin`, which prefers `language`.
    pub async fn open(origin: &str, language: &str) -> Self {
        let program = find_program(&NAMES).expect("a browser on the path");
        let profile = TempDir::new().unwrap();
        let mut process = Command::new(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                "--force-color-profile=srgb",
                "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
                "--remote-debugging-port=0",
            ])
            .arg(format!("--accept-lang={language}"))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let port = lines
            .find_map(|line| {
                let line = line.unwrap();
                let address = line.strip_prefix("DevTools listening on ws://")?.to_owned();
                Some(address.split('/').next().unwrap().to_owned())
            })
            .expect("the browser says where it listens");
        // What it says later would fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let list = reqwest::get(format!("http://{port}/json/list"))
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        let targets: Vec<Value> = serde_json::from_slice(&list).unwrap();
        let page = targets.iter().find(|target| target["type"] == "page").unwrap();
        let (socket, _) = tokio_tungstenite::connect_async(page["webSocketDebuggerUrl"].as_str().unwrap())
            .await
            .unwrap();
        let (sink, mut stream) = socket.split();
        let shared = Arc::new(Shared::default());
        let heard = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Some(Ok(message)) = stream.next().await {
                let Ok(text) = message.to_text() else { continue };
                let Ok(value) = serde_json::from_str::<Value>(text) else {
                    continue;
                };
                if let Some(id) = value["id"].as_u64() {
                    if let Some(waiting) = heard.waiting.lock().unwrap().remove(&id) {
                        let _ = waiting.send(value);
                    }
                } else {
                    heard.events.lock().unwrap().push(value);
                    heard.heard.notify_waiters();
                }
            }
        });
        let mut browser = Self {
            process,
            sink,
            shared,
            next_id: 0,
            origin: origin.to_owned(),
            _profile: profile,
        };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({})).await;
        }
        browser.screen(1280, 900, false).await;
        browser
    }

    /// One command of the protocol.
    pub async fn call(&mut self, method: &str, params: Value) -> Value {
        let answer = self.ask(method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {}", answer["error"]);
        answer["result"].clone()
    }

    /// The whole answer to a command, an error included.
    async fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.ask_within(method, params, PATIENCE).await;
        answer.unwrap_or_else(|| panic!("{method} is not answered"))
    }

    /// The same, if it comes within `patience`.
    async fn ask_within(&mut self, method: &str, params: Value, patience: Duration) -> Option<Value> {
        self.next_id += 1;
        let (send, receive) = oneshot::channel();
        self.shared.waiting.lock().unwrap().insert(self.next_id, send);
        let request = json!({"id": self.next_id, "method": method, "params": params});
        self.sink.send(Message::text(request.to_string())).await.unwrap();
        let answer = tokio::time::timeout(patience, receive).await;
        answer.ok().map(Result::unwrap)
    }

    /// The size of the window.
    pub async fn screen(&mut self, width: u32, height: u32, phone: bool) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
        self.call("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Which media the page believes to be on: `("prefers-color-scheme", "dark")`.
    pub async fn feature(&mut self, name: &str, value: &str) {
        let features = json!({"features": [{"name": name, "value": value}]});
        self.call("Emulation.setEmulatedMedia", features).await;
    }

    /// Goes to a path of the origin, and waits until the page is loaded.
    pub async fn visit(&mut self, path: &str) {
        let seen = self.shared.events.lock().unwrap().len();
        let address = format!("{}{path}", self.origin);
        self.call("Page.navigate", json!({"url": address})).await;
        let shared = Arc::clone(&self.shared);
        let loaded = async {
            loop {
                let heard = shared.heard.notified();
                let found = shared.events.lock().unwrap()[seen..]
                    .iter()
                    .any(|event| event["method"] == "Page.loadEventFired");
                if found {
                    return;
                }
                let _ = tokio::time::timeout(Duration::from_millis(200), heard).await;
            }
        };
        tokio::time::timeout(PATIENCE, loaded)
            .await
            .unwrap_or_else(|_| panic!("{address} does not load"));
    }

    /// As [`visit`](Self::visit), and until the charts are drawn.
    pub async fn visit_drawn(&mut self, path: &str) {
        self.visit(path).await;
        self.until("document.documentElement.dataset.drawn").await;
    }

    /// The value of an expression in the page; a promise is waited for.
    pub async fn eval(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", params).await;
        assert!(
            answer.get("exceptionDetails").is_none(),
            "{expression}: {}",
            answer["exceptionDetails"]["exception"]["description"]
        );
        answer["result"]["value"].clone()
    }

    /// The text that a selector finds.
    pub async fn text(&mut self, selector: &str) -> String {
        let expression = format!("document.querySelector({})?.textContent.trim()", json!(selector));
        self.eval(&expression)
            .await
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Waits until an expression in the page is true.
    pub async fn until(&mut self, expression: &str) {
        let look = format!(
            "new Promise((done) => {{
                const end = Date.now() + {};
                (function look() {{
                    let there = false;
                    try {{ there = {expression}; }} catch (error) {{}}
                    if (there || Date.now() > end) done(Boolean(there));
                    else setTimeout(look, 20);
                }})();
            }})",
            LOOK.as_millis()
        );
        let params = json!({"expression": look, "awaitPromise": true, "returnByValue": true});
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            // A page that goes away while it is asked gives an error, or no answer where it is kept for the way back; the
            // next one answers.
            let answer = self
                .ask_within("Runtime.evaluate", params.clone(), LOOK * 3)
                .await;
            let Some(answer) = answer.filter(|answer| answer.get("error").is_none()) else {
                continue;
            };
            let fault = &answer["result"]["exceptionDetails"];
            assert!(
                fault.is_null(),
                "{expression}: {}",
                fault["exception"]["description"]
            );
            if answer["result"]["result"]["value"] == true {
                return;
            }
        }
        let text = self.eval("document.body.innerText.slice(0, 2000)").await;
        panic!("{expression} never came true; the page says: {text}");
    }

    /// Moves the mouse to the middle of what an expression finds.
    pub async fn point_at(&mut self, element: &str) -> Value {
        let middle = format!(
            "(() => {{
                const element = {element};
                element.scrollIntoView({{block: 'center'}});
                const box = element.getBoundingClientRect();
                return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"
        );
        let middle = self.eval(&middle).await;
        self.mouse("mouseMoved", &middle).await;
        middle
    }

    /// Waits for an event of the protocol that `is_it` takes.
    pub async fn until_event(&mut self, method: &str, is_it: impl Fn(&Value) -> bool) {
        let shared = Arc::clone(&self.shared);
        let happened = async {
            loop {
                let heard = shared.heard.notified();
                if self.events(method).iter().any(&is_it) {
                    return;
                }
                let _ = tokio::time::timeout(Duration::from_millis(200), heard).await;
            }
        };
        tokio::time::timeout(PATIENCE, happened)
            .await
            .unwrap_or_else(|_| panic!("{method} does not come"));
    }

    /// A click of the mouse in the middle of what an expression finds.
    pub async fn click(&mut self, element: &str) {
        let middle = self.point_at(element).await;
        self.mouse("mousePressed", &middle).await;
        self.mouse("mouseReleased", &middle).await;
    }

    async fn mouse(&mut self, kind: &str, at: &Value) {
        let moved = kind == "mouseMoved";
        let button = if moved { "none" } else { "left" };
        let event =
            json!({"type": kind, "x": at[0], "y": at[1], "button": button, "clickCount": i32::from(!moved)});
        self.call("Input.dispatchMouseEvent", event).await;
    }

    /// A key of the keyboard.
    pub async fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Tab" => (9, ""),
            "ArrowUp" => (38, ""),
            "ArrowDown" => (40, ""),
            other => panic!("no such key here: {other}"),
        };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": if kind == "keyDown" { text } else { "" }});
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Drags a file from outside onto what an expression finds.
    pub async fn drop_file(&mut self, file: &std::path::Path, element: &str) {
        self.drop_files(&[file], element).await;
    }

    /// Drops `files` onto `element` at once, in this order.
    pub async fn drop_files(&mut self, files: &[&std::path::Path], element: &str) {
        let middle = self
            .eval(&format!(
                "(() => {{ const box = {element}.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
            ))
            .await;
        let files: Vec<_> = files.iter().map(|file| file.canonicalize().unwrap()).collect();
        let data = json!({"items": [], "files": files, "dragOperationsMask": 1});
        for kind in ["dragEnter", "dragOver", "drop"] {
            let event = json!({"type": kind, "x": middle[0], "y": middle[1], "data": data});
            self.call("Input.dispatchDragEvent", event).await;
        }
    }

    /// The whole page as a picture.
    pub async fn picture(&mut self) -> Vec<u8> {
        let answer = self
            .call(
                "Page.captureScreenshot",
                json!({"format": "png", "captureBeyondViewport": true}),
            )
            .await;
        BASE64_STANDARD.decode(answer["data"].as_str().unwrap()).unwrap()
    }

    /// The page as it is printed on A4.
    pub async fn print(&mut self) -> Vec<u8> {
        let paper = json!({"printBackground": true, "preferCSSPageSize": true, "paperWidth": 8.27, "paperHeight": 11.69});
        let answer = self.call("Page.printToPDF", paper).await;
        BASE64_STANDARD.decode(answer["data"].as_str().unwrap()).unwrap()
    }

    /// Every address that was asked for, the page's own making (`data:`, `blob:`) left out.
    pub fn requests(&self) -> Vec<String> {
        self.events("Network.requestWillBeSent")
            .iter()
            .map(|event| event["params"]["request"]["url"].as_str().unwrap().to_owned())
            .filter(|address| !address.starts_with("data:") && !address.starts_with("blob:"))
            .collect()
    }

    /// How many bytes came over the wire since the browser was opened, heads included.
    pub fn bytes_received(&self) -> f64 {
        self.events("Network.loadingFinished")
            .iter()
            .map(|event| event["params"]["encodedDataLength"].as_f64().unwrap())
            .sum()
    }

    fn events(&self, method: &str) -> Vec<Value> {
        let events = self.shared.events.lock().unwrap();
        events
            .iter()
            .filter(|event| event["method"] == method)
            .cloned()
            .collect()
    }

    /// What went wrong: errors on the console, exceptions, what the policy refused, requests elsewhere.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for event in self.events("Runtime.exceptionThrown") {
            faults.push(format!("exception: {}", event["params"]["exceptionDetails"]));
        }
        for event in self.events("Runtime.consoleAPICalled") {
            if event["params"]["type"] == "error" || event["params"]["type"] == "warning" {
                faults.push(format!("console: {}", event["params"]["args"]));
            }
        }
        for event in self.events("Log.entryAdded") {
            if event["params"]["entry"]["level"] == "error" {
                faults.push(format!("log: {}", event["params"]["entry"]));
            }
        }
        let elsewhere = self.requests().into_iter().filter(|address| {
            !address.starts_with(&format!("{}/", self.origin)) && !address.starts_with("about:")
        });
        faults.extend(elsewhere.map(|address| format!("a request elsewhere: {address}")));
        faults
    }

    /// Fails the test when anything went wrong in the page.
    pub fn assert_clean(&self) {
        let faults = self.faults();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
