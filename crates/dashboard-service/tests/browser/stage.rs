//! What a test plays on: the services, the page, a browser.

use dashboard_service::Config;
use std::net::SocketAddr;
use test_kit::Browser;
use test_kit::TestStack;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A dashboard-service and a browser for its pages.
pub(crate) struct Stage {
    /// The browser.
    pub(crate) browser: Browser,
    /// The address of the page.
    pub(crate) url: String,
    /// The services behind it, where there are any.
    pub(crate) stack: Option<TestStack>,
    _stop: oneshot::Sender<()>,
}

impl Stage {
    /// With the sample data; `language` is what the browser prefers.
    pub(crate) async fn with_sample(language: &str) -> Self {
        let stack = TestStack::with_sample().await;
        let url = stack.script.url.clone();
        Self::on(Config::for_script(url), Some(stack), language).await
    }

    /// With an empty database.
    pub(crate) async fn empty() -> Self {
        Self::empty_in("en").await
    }

    /// With an empty database; `language` is what the browser prefers.
    pub(crate) async fn empty_in(language: &str) -> Self {
        let stack = TestStack::start_with(|config| config.data = TestStack::sample_data()).await;
        let url = stack.script.url.clone();
        Self::on(Config::for_script(url), Some(stack), language).await
    }

    /// With the settings as they are.
    pub(crate) async fn on(config: Config, stack: Option<TestStack>, language: &str) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            dashboard_service::run(config, listener, shutdown).await.unwrap();
        });
        let browser = Browser::open(&url, language).await;
        Self {
            browser,
            url,
            stack,
            _stop: stop,
        }
    }

    /// What `path` answers, without a browser.
    pub(crate) async fn get(&self, path: &str) -> String {
        let answer = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
        answer.text().await.unwrap()
    }
}
