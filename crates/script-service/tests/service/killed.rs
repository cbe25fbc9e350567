//! Either service is killed again and again at random moments of an import, the other one goes on: what is
//! there at the end is what one clean run leaves.

use crate::support::{Dice, Process, Script, counters};
use db_client::DbClient;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use test_kit::{ReservedPort, TestDb};

/// Says to a process of this program that it is a db-service: its address, and its database.
const ADDRESS: &str = "TEST_DB_SERVICE_ADDRESS";
const DATABASE: &str = "TEST_DB_SERVICE_DATABASE";
const ROWS: u64 = 3_000;
/// How often a service is killed in an import.
const KILLS: u64 = 6;

/// What may not differ from a clean run.
const LEFT: &str = "SELECT
    (SELECT COUNT(*) FROM sales), (SELECT SUM(amount_cents) FROM sales),
    (SELECT SUM(lines) FROM product_days), (SELECT SUM(amount_cents) FROM product_days),
    (SELECT SUM(units) FROM store_days), (SELECT SUM(returns_cents) FROM store_days),
    (SELECT COUNT(*) FROM uncounted_days), (SELECT SUM(ticket_cents) FROM store_days), (SELECT SUM(lines) FROM days),
    (SELECT COUNT(*) FROM job_rejects), (SELECT COUNT(*) FROM staged_sales), (SELECT COUNT(*) FROM job_uploads)";

/// A db-service in a process of its own.
struct DbProcess {
    address: SocketAddr,
    database: PathBuf,
    child: Child,
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "other tests run it as a process of its own"]
async fn a_process_that_serves_a_database() {
    let (Some(address), Some(database)) = (std::env::var_os(ADDRESS), std::env::var_os(DATABASE)) else {
        return;
    };
    let address = address.to_str().unwrap().parse().unwrap();
    let _db = TestDb::start_on(address, database.into()).await;
    std::future::pending::<()>().await;
}

impl DbProcess {
    fn start(address: SocketAddr, database: PathBuf) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "killed::a_process_that_serves_a_database"])
            .env(ADDRESS, address.to_string())
            .env(DATABASE, &database)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        Self {
            address,
            database,
            child,
        }
    }

    /// Kills it (SIGKILL) and starts the next one.
    fn replace(mut self) -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let (address, database) = (self.address, self.database.clone());
        drop(self);
        Self::start(address, database)
    }
}

impl Drop for DbProcess {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may be gone already
        let _ = self.child.wait();
    }
}

/// Sales with and without ids; some lines cannot be taken, and some are returns. Tickets come again batches later.
fn file(with_ids: bool) -> String {
    let id = |row: u64| {
        if with_ids {
            format!("{row},")
        } else {
            String::new()
        }
    };
    let head = if with_ids { "id," } else { "" };
    let mut text = format!("{head}product_id,store_id,sale_date,quantity,amount,ticket_id\n");
    text.extend((1..=ROWS).map(|row| {
        let quantity = if row % 97 == 0 { "x" } else { "1" };
        let sign = if row % 31 == 0 { "-" } else { "" };
        format!(
            "{}{},{},2023-11-{:02},{quantity},{sign}{}.{:02},T{}\n",
            id(row),
            row % 2 + 1,
            10 * (row % 2 + 1),
            row % 28 + 1,
            row % 90,
            row % 100,
            row % 50
        )
    }));
    text
}

async fn start_script(db: &DbProcess, data: &Path) -> Process {
    let url = format!("http://{}", db.address);
    Process::start(&url, data, &["--batch-rows", "100", "--job-lease-ms", "100"]).await
}

fn client(db: &DbProcess) -> DbClient {
    DbClient::new(&format!("http://{}", db.address), None).unwrap()
}

async fn left(db: &DbProcess) -> String {
    let client = client(db);
    client.wait_until_ready().await;
    let result = client.query(LEFT, Vec::new()).await.unwrap();
    format!("{:?}", result.rows)
}

async fn seed(db: &DbProcess) {
    for sql in [
        "INSERT INTO products (id, name, price_cents) VALUES (1, 'Thé', 500), (2, 'Pain', 120)",
        "INSERT INTO stores (id, city, region) VALUES (10, 'Paris', 'Île-de-France'), (20, 'Lyon', NULL)",
        // What a replacing import takes away, and others leave.
        "INSERT INTO sales (id, product_id, store_id, sale_date, quantity_milli, amount_cents)
            VALUES (900000, 1, 10, '2023-11-09', 1000, 12345), (900001, 1, 10, '2023-12-09', 1000, 54321)",
    ] {
        client(db).execute(sql, Vec::new()).await.unwrap();
    }
}

async fn submit(script: &Script, mode: &str, with_ids: bool) -> String {
    let accepted = script
        .request(Method::POST, &format!("/jobs/import?table=sales&mode={mode}"))
        .body(file(with_ids))
        .send()
        .await
        .unwrap();
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    accepted.headers()["location"].to_str().unwrap().to_owned()
}

async fn finished(script: &Script, location: &str) -> Value {
    script
        .until(location, |_, job| job["finished_at"].is_string())
        .await
}

/// What is left of an import in `mode`, killed `kills` times at moments that `dice` says.
async fn import(mode: &str, with_ids: bool, kills: u64, dice: &mut Dice) -> (String, [u64; 5]) {
    let folder = tempfile::tempdir().unwrap();
    let port = ReservedPort::take();
    let mut db = DbProcess::start(port.address(), folder.path().join("sales.db"));
    let mut process = start_script(&db, folder.path()).await;
    seed(&db).await;
    let location = submit(&process.script, mode, with_ids).await;
    for kill in 1..=kills {
        let read = |job: &Value| job["counters"]["read"].as_u64().unwrap_or_default();
        let moment = (kill - 1) * ROWS / kills + dice.roll(ROWS / kills);
        process
            .script
            .until(&location, |_, job| {
                read(job) >= moment || job["finished_at"].is_string()
            })
            .await;
        // Somewhere inside the next batch.
        for _ in 0..dice.roll(200) {
            tokio::task::yield_now().await;
        }
        if dice.roll(2) == 0 {
            db = db.replace();
        } else {
            process.kill();
            process = start_script(&db, folder.path()).await;
        }
    }
    let job = finished(&process.script, &location).await;
    assert_eq!(job["state"], "succeeded_with_rejects", "{job:#}");
    // The bytes of the upload are dropped after the end of the job.
    let done = client(&db);
    let uploads = async || done.query("SELECT 1 FROM job_uploads LIMIT 1", Vec::new()).await;
    let mut turns = tokio::time::interval(std::time::Duration::from_millis(10));
    while !uploads().await.is_ok_and(|result| result.rows.is_empty()) {
        turns.tick().await;
    }
    (left(&db).await, counters(&job))
}

async fn compare(mode: &str, with_ids: bool, seed: u64) {
    let mut dice = Dice(seed);
    let clean = import(mode, with_ids, 0, &mut dice).await;
    assert_eq!(clean.1[0], ROWS);

    let killed = import(mode, with_ids, KILLS, &mut dice).await;

    assert_eq!(killed, clean, "{mode}, seed {seed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_by_keys_survives_the_death_of_either_service() {
    compare("upsert", true, 0x9E37_79B9_7F4A_7C15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_without_keys_are_not_doubled_by_the_death_of_either_service() {
    compare("append", false, 0x2545_F491_4F6C_DD1D).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replacement_happens_once_in_spite_of_the_death_of_either_service() {
    compare("replace_period", false, 0xD1B5_4A32_D192_ED03).await;
}
