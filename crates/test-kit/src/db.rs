//! A db-service of its own for a test.

use db_client::DbClient;
use db_service::Config;
use std::net::SocketAddr;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running db-service on an empty database.
#[derive(Debug)]
pub struct TestDb {
    /// A client of it, without a token.
    pub client: DbClient,
    /// Its address, such as `http://127.0.0.1:40123`.
    pub url: String,
    /// The database file.
    pub database: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    service: JoinHandle<()>,
    folder: Option<TempDir>,
}

impl TestDb {
    /// Starts one with the default settings.
    ///
    /// # Panics
    ///
    /// When it does not start: the test cannot go on.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts one whose settings `change` has changed.
    ///
    /// # Panics
    ///
    /// When it does not start: the test cannot go on.
    #[expect(
        clippy::expect_used,
        reason = "a test that cannot start its service has failed"
    )]
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut config = Config::for_database(folder.path().join("test.db"));
        change(&mut config);
        let mut started = Self::start_config(config).await;
        started.folder = Some(folder);
        started
    }

    /// Starts one on the settings as they are; the database stays.
    ///
    /// # Panics
    ///
    /// When it does not start: the test cannot go on.
    pub async fn start_config(config: Config) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), config).await
    }

    /// Starts one at `address` on the file `database` with the default settings, in a process that may be
    /// killed: who knows the address finds the next one there too.
    ///
    /// # Panics
    ///
    /// When it does not start: the test cannot go on.
    pub async fn start_on(address: SocketAddr, database: PathBuf) -> Self {
        Self::start_at(address, Config::for_database(database)).await
    }

    #[expect(
        clippy::expect_used,
        reason = "a test that cannot start its service has failed"
    )]
    async fn start_at(address: SocketAddr, config: Config) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let client = DbClient::new(&url, None).expect("a valid address");
        let (stop, stopped) = oneshot::channel::<()>();
        let database = config.database.clone();
        let service = tokio::spawn(async move {
            let shutdown = async {
                // A dropped sender stops it too.
                let _ = stopped.await;
            };
            db_service::run(config, listener, shutdown)
                .await
                .expect("db-service runs");
        });
        Self {
            client,
            url,
            database,
            stop: Some(stop),
            service,
            folder: None,
        }
    }

    /// Stops it as SIGTERM does, and waits for its end.
    ///
    /// # Panics
    ///
    /// When it failed while it ran.
    #[expect(clippy::expect_used, reason = "a service that failed fails its test")]
    pub async fn stop(&mut self) {
        drop(self.stop.take());
        (&mut self.service)
            .await
            .expect("db-service ends without a panic");
    }
}
