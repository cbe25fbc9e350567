//! Copies of the database: checked before they count, made by themselves, thinned out, and swept up after a kill.

use super::http::{get, run, until};
use std::path::{Path, PathBuf};
use test_kit::TestDb;

/// Rows that refer to nothing.
const BROKEN_KEYS: &str = "PRAGMA foreign_keys = OFF;
     CREATE TABLE par (id INTEGER PRIMARY KEY);
     CREATE TABLE child (p REFERENCES par);
     INSERT INTO child VALUES (7);";

/// Files whose names begin so.
fn files(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix))
        .collect();
    found.sort();
    found
}

/// A file made by another program.
fn made_elsewhere(file: &Path, sql: &str) {
    // The services of other tests count SQLite's memory, which has to begin before SQLite is first used.
    assert!(sqlite_budget::install());
    rusqlite::Connection::open(file)
        .unwrap()
        .execute_batch(sql)
        .unwrap();
}

async fn metric(db: &TestDb, name: &str) -> f64 {
    let text = get(db, "/metrics").await.text;
    let line = text.lines().find(|line| line.starts_with(name));
    let line = line.unwrap_or_else(|| panic!("no metric {name}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_fails_its_check_is_copied_only_when_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.db");
    made_elsewhere(&file, BROKEN_KEYS);
    let db = TestDb::start_config(db_service::Config::for_database(&file)).await;

    let refused = get(&db, "/v1/backup").await;
    let asked_for = reqwest::get(format!("{}/v1/backup?unchecked=true", db.url))
        .await
        .unwrap();

    assert_eq!(
        (refused.status, refused.code().as_str()),
        (500, "database_damaged")
    );
    assert!(
        refused
            .detail()
            .contains("of `child` refers to a row that `par` does not have"),
        "{}",
        refused.text
    );
    assert_eq!(asked_for.status(), 200);
    assert!(asked_for.bytes().await.unwrap().starts_with(b"SQLite format 3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_pages_are_told_by_the_backup_and_by_the_check_at_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.db");
    made_elsewhere(
        &file,
        "CREATE TABLE t (a);
         WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5000)
         INSERT INTO t SELECT hex(randomblob(50)) FROM n;",
    );
    let mut bytes = std::fs::read(&file).unwrap();
    let page = bytes.len() / 4_096 - 2;
    bytes[page * 4_096..page * 4_096 + 8].fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
    let mut config = db_service::Config::for_database(&file);
    config.check_schedule = "* * * * *".to_owned();
    let db = TestDb::start_config(config).await;

    let refused = get(&db, "/v1/backup").await;

    assert_eq!(
        (refused.status, refused.code().as_str()),
        (500, "database_damaged")
    );
    until("the next minute has come", async || {
        metric(&db, "db_database_damaged").await > 0.5
    })
    .await;
    assert!(metric(&db, "db_scheduled_checks_total{outcome=\"failed\"}").await >= 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_due_is_made_at_the_start_is_whole_and_makes_others_go() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    std::fs::create_dir(&kept).unwrap();
    for day in ["01", "02", "03"] {
        std::fs::write(kept.join(format!("x-202006{day}T023000Z.db")), "old").unwrap();
    }
    let mut config = db_service::Config::for_database(folder.path().join("x.db"));
    config.backup_schedule = Some("30 2 * * *".to_owned());
    config.backup_folder = Some(kept.clone());
    config.keep_backups = 2;
    let db = TestDb::start_config(config).await;

    until("the backup that was due is made", async || {
        metric(&db, "db_scheduled_backups_total{outcome=\"ok\"}").await > 0.5
    })
    .await;
    until("what is too much is gone", async || files(&kept, "x-").len() == 2).await;

    let left = files(&kept, "x-");
    assert!(left[0].ends_with("x-20200603T023000Z.db"), "{left:?}");
    let whole = db_service::verify(&left[1]).unwrap();
    assert!(whole.tables.iter().any(|(table, _)| table == "_comptoir_probe"));
    assert!(metric(&db, "db_last_scheduled_backup_timestamp_seconds").await > 1e9);
    assert_eq!(files(&kept, ".").len(), 0, "nothing half is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_fails_leaves_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let (file, kept) = (folder.path().join("x.db"), folder.path().join("backups"));
    std::fs::create_dir(&kept).unwrap();
    std::fs::write(kept.join("x-20200601T023000Z.db"), "the one before").unwrap();
    made_elsewhere(&file, BROKEN_KEYS);
    let mut config = db_service::Config::for_database(&file);
    config.backup_schedule = Some("30 2 * * *".to_owned());
    config.keep_backups = 1;
    let db = TestDb::start_config(config).await;

    until("the backup has failed", async || {
        metric(&db, "db_scheduled_backups_total{outcome=\"failed\"}").await > 0.5
    })
    .await;

    assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 1);
    assert_eq!(files(&kept, "x-20200601").len(), 1);
    assert_eq!(get(&db, "/readyz").await.status, 200);
}

#[tokio::test]
async fn settings_that_are_none_are_refused_at_the_start() {
    for change in [
        (|config| config.backup_schedule = Some("every day".to_owned())) as fn(&mut db_service::Config),
        |config| config.check_schedule = "61 * * * *".to_owned(),
        |config| config.time_zone = "Atlantis".to_owned(),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = db_service::Config::for_database(folder.path().join("x.db"));
        change(&mut config);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();

        let refused = db_service::run(config, listener, std::future::pending())
            .await
            .unwrap_err();

        assert!(refused.to_string().starts_with("--"), "{refused}");
    }
}

#[tokio::test]
async fn half_copies_that_a_kill_has_left_are_swept_up_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let backups = folder.path().join("backups");
    std::fs::create_dir(&backups).unwrap();
    let (left, others) = (".x.db.copy-Ab12cd", ".y.db.copy-Ab12cd");
    for name in [left, others] {
        std::fs::write(folder.path().join(name), "half").unwrap();
        std::fs::write(backups.join(name), "half").unwrap();
    }

    let db = TestDb::start_config(db_service::Config::for_database(folder.path().join("x.db"))).await;
    run(&db, &["CREATE TABLE t (a)"]).await;

    for folder in [folder.path(), &backups] {
        assert_eq!(files(folder, left), Vec::<PathBuf>::new());
        assert_eq!(
            files(folder, others).len(),
            1,
            "that of another database is another's"
        );
    }
}
