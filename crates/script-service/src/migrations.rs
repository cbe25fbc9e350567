//! The schema, brought up to date through db-service at every start.
//!
//! Each file of `migrations/` runs once, in one transaction with its row in `schema_migrations`. Two
//! processes that start at once may both try: the second meets the row of the first, its transaction is
//! rolled back whole, and it goes on with the next. A file is not edited once it has been released: databases have what it
//! said then. A test knows the files by their digests.

use crate::store::staged_sales::ALL_AT_ONCE;
use anyhow::{Context as _, bail};
use db_client::DbClient;
use db_client::DbError;
use db_client::db_api::{ErrorCode, Params, Statement, Value};
use include_dir::{Dir, include_dir};
use tracing::info;

/// The files of the migrations, such as `0001_initial.sql`.
static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/migrations");

/// A migration: its number, name and statements.
#[derive(Debug, Clone, Copy)]
struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

/// All migrations in their order.
fn all() -> Vec<Migration> {
    let mut all: Vec<Migration> = FILES
        .files()
        .filter_map(|file| {
            let (version, name) = file.path().file_stem()?.to_str()?.split_once('_')?;
            Some(Migration {
                version: version.parse().ok()?,
                name,
                sql: file.contents_utf8()?,
            })
        })
        .collect();
    all.sort_by_key(|migration| migration.version);
    all
}

/// Applies what is missing.
pub async fn apply(db: &DbClient) -> anyhow::Result<()> {
    apply_up_to(db, i64::MAX).await
}

/// Applies what is missing up to `version`: what an older release would have left.
pub async fn apply_up_to(db: &DbClient, version: i64) -> anyhow::Result<()> {
    let applied = applied(db).await?;
    let all = all();
    let newest = all.last().map_or(0, |migration| migration.version);
    if let Some(unknown) = applied.iter().find(|version| **version > newest) {
        bail!(
            "the database was written by a later version of Comptoir (it has migration {unknown}, this program knows \
             those up to {newest}); nothing was changed: start that version or a newer one, or restore a backup from \
             before the upgrade"
        );
    }
    if applied.is_empty() {
        db.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations (\n    -- one row is a migration that was applied\n    \
             version INTEGER PRIMARY KEY,\n    name TEXT NOT NULL,\n    applied_at TEXT NOT NULL\n) STRICT",
            Params::default(),
        )
        .await
        .context("create the table of migrations")?;
    }
    for migration in &all {
        if migration.version > version || applied.contains(&migration.version) {
            continue;
        }
        apply_one(db, migration).await?;
    }
    Ok(())
}

/// The versions of the migrations that the database has, none when it is new.
async fn applied(db: &DbClient) -> anyhow::Result<Vec<i64>> {
    let made = db
        .query(
            "SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'",
            Params::default(),
        )
        .await
        .context("look for the table of migrations")?;
    if made.rows.is_empty() {
        return Ok(Vec::new());
    }
    let result = db
        .query(
            "SELECT version FROM schema_migrations ORDER BY version",
            Params::default(),
        )
        .await
        .context("read the applied migrations")?;
    Ok(result
        .rows
        .iter()
        .filter_map(|row| row.first().and_then(Value::as_i64))
        .collect())
}

async fn apply_one(db: &DbClient, migration: &Migration) -> anyhow::Result<()> {
    let mut script = vec![Statement::new(
        "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?1, ?2, ?3)",
        [
            migration.version.into(),
            migration.name.into(),
            jiff::Timestamp::now().to_string().into(),
        ],
    )];
    script.extend(statements(migration.sql).map(|sql| Statement::new(sql, Params::default())));
    match db.transaction_within(ALL_AT_ONCE, script).await {
        Ok(_) => {
            info!(
                version = migration.version,
                "applied migration {}", migration.name
            );
            Ok(())
        }
        Err(DbError::Refused(problem)) if problem.code == ErrorCode::ConstraintViolation => {
            if applied(db).await?.contains(&migration.version) {
                Ok(()) // another process was faster
            } else {
                Err(DbError::Refused(problem)).with_context(|| format!("apply migration {}", migration.name))
            }
        }
        Err(error) => Err(error).with_context(|| format!("apply migration {}", migration.name)),
    }
}

/// The statements of a script: each ends with a semicolon before an empty line or the script's end.
fn statements(script: &str) -> impl Iterator<Item = &str> {
    script
        .split(";\n\n")
        .map(|statement| statement.trim().trim_end_matches(';'))
        .filter(|statement| !statement.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FNV-1a of `text`.
    fn digest(text: &str) -> u64 {
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    #[test]
    fn migrations_that_were_released_are_as_they_were() {
        let released: [(&str, u64); 9] = [
            ("0001_initial.sql", 0x2b66_f2d5_a232_3239),
            ("0002_daily_sums.sql", 0x3865_5e74_5820_8da1),
            ("0003_fetching_and_replacing.sql", 0x511e_c1fe_9dbe_e7c0),
            ("0004_forecasts.sql", 0xcd05_dfbb_8f8f_80bd),
            ("0005_schedules_and_replays.sql", 0xbe5e_173b_cd40_0163),
            ("0006_packed_uploads.sql", 0xb3e1_bfb0_b0ab_8ad4),
            ("0007_days_and_tickets.sql", 0xe907_ae14_c850_14f8),
            ("0008_receiving.sql", 0xd5a4_a045_f3cb_d1d8),
            ("0009_uncounted_days.sql", 0xdbbf_3fbb_fcbb_9d67),
        ];

        for (name, known) in released {
            let file = FILES.get_file(name).unwrap_or_else(|| panic!("{name} is gone"));
            assert_eq!(digest(file.contents_utf8().unwrap()), known, "{name} was edited");
        }
    }

    #[test]
    fn migrations_are_counted_without_gaps() {
        let all = all();
        assert_eq!(all.len(), FILES.files().count());
        for (index, migration) in all.iter().enumerate() {
            assert_eq!(usize::try_from(migration.version).unwrap(), index + 1);
        }
    }

    #[test]
    fn a_script_is_cut_between_statements_and_not_inside_triggers() {
        let all = all();
        let found: Vec<&str> = all
            .iter()
            .flat_map(|migration| statements(migration.sql))
            .collect();

        for statement in &found {
            let word = statement.split_whitespace().next().unwrap();
            assert!(
                matches!(word, "CREATE" | "INSERT" | "UPDATE" | "DROP" | "ALTER"),
                "{statement}"
            );
            assert_eq!(
                statement.contains("CREATE TRIGGER"),
                statement.ends_with("END"),
                "{statement}"
            );
        }
        assert!(found.len() > 20);
    }
}
