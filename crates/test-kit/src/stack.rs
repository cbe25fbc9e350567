//! A db-service and a script-service of their own for a test.

use crate::TestDb;
use script_client::{ScriptClient, new_key};
use script_service::Config;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long the services may take until they are ready.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// A running script-service on a running db-service with an empty database.
#[derive(Debug)]
pub struct TestStack {
    /// The db-service.
    pub db: TestDb,
    /// The address of script-service, such as `http://127.0.0.1:40123`.
    pub script_url: String,
    /// Stops script-service when it is dropped.
    _stop: oneshot::Sender<()>,
}

impl TestStack {
    /// Starts both, and waits until they are ready. `data` is the folder whose files imports may name.
    ///
    /// # Panics
    ///
    /// When they do not start: the test cannot go on.
    pub async fn start(data: &Path) -> Self {
        Self::start_with(data, |_| {}).await
    }

    /// Starts both; `change` has changed the settings of script-service.
    ///
    /// # Panics
    ///
    /// When they do not start: the test cannot go on.
    #[expect(
        clippy::expect_used,
        reason = "a test that cannot start its services has failed"
    )]
    pub async fn start_with(data: &Path, change: impl FnOnce(&mut Config)) -> Self {
        let db = TestDb::start().await;
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .expect("a free port");
        let script_url = format!("http://{}", listener.local_addr().expect("an address"));
        let mut config = Config::for_db(&db.url, data.to_owned());
        change(&mut config);
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let shutdown = async {
                // A dropped sender stops it too.
                let _ = stopped.await;
            };
            script_service::run(config, listener, shutdown)
                .await
                .expect("script-service runs");
        });
        let stack = Self {
            db,
            script_url,
            _stop: stop,
        };
        stack.until_ready().await;
        stack
    }

    /// The sample data of the repository.
    #[must_use]
    pub fn sample_data() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data")
    }

    /// Starts both and imports the sample data.
    ///
    /// # Panics
    ///
    /// When they do not start, or the import is refused.
    pub async fn with_sample() -> Self {
        let stack = Self::start(&Self::sample_data()).await;
        stack.import_sample().await;
        stack
    }

    /// Imports the sample data.
    ///
    /// # Panics
    ///
    /// When the import is refused.
    #[expect(
        clippy::expect_used,
        reason = "a test that cannot fill its database has failed"
    )]
    pub async fn import_sample(&self) {
        let script = self.client();
        let job = script
            .import_configured(&new_key().expect("randomness"))
            .await
            .expect("script-service takes the import");
        let job = script
            .follow(job, |_| {})
            .await
            .expect("script-service tells of the import");
        assert!(
            !job.state.has_failed(),
            "the sample is imported: {}",
            job.reason()
        );
    }

    #[expect(clippy::expect_used, reason = "the address is one that was bound")]
    fn client(&self) -> ScriptClient {
        ScriptClient::new(&self.script_url).expect("an address")
    }

    async fn until_ready(&self) {
        let begun = Instant::now();
        let script = self.client();
        loop {
            if script.ready().await.is_ok() {
                return;
            }
            assert!(
                begun.elapsed() < READY_WITHIN,
                "script-service is not ready after {} s",
                READY_WITHIN.as_secs()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
