//! `comptoir import --preview`: how a file would be read.

use crate::outcome::Outcome;
use crate::output;
use anyhow::{Context as _, bail};
use script_client::ScriptClient;
use script_client::script_api::{Decisions, Preview, SourceRequest};
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use tokio::io::AsyncReadExt as _;

/// How much of a file is sent, in bytes; archives and workbooks have their directory at the end.
const HEAD_BYTES: u64 = 2 << 20;
const LOOKED_AT_WHOLE: [&[u8]; 2] = [b"PK\x03\x04", &[0xd0, 0xcf, 0x11, 0xe0]];

/// Prints decisions, headers and the first rows of the file at `path`; `options` go into the query string.
pub(super) async fn run(
    client: &ScriptClient,
    path: &Path,
    options: &[(&str, String)],
) -> anyhow::Result<Outcome> {
    let body = head(path).await?;
    print(&client.preview(options, body.into()).await?)
}

/// The same for `source`, one with a URL, which script-service fetches.
pub(super) async fn run_url(client: &ScriptClient, source: &SourceRequest) -> anyhow::Result<Outcome> {
    print(&client.preview_source(source).await?)
}

fn print(preview: &Preview) -> anyhow::Result<Outcome> {
    output::print(in_words(&preview.decisions))?;
    print_columns(&preview.decisions)?;
    print_rows(preview)?;
    for note in &preview.notes {
        output::print(note)?;
    }
    for question in &preview.questions {
        let choices: Vec<&str> = question
            .choices
            .iter()
            .map(|choice| choice.value.as_str())
            .collect();
        let assumed = question
            .assumed
            .as_ref()
            .map_or_else(String::new, |assumed| format!("; {assumed} is assumed"));
        output::print(format_args!(
            "{} --answer {}=… ({}{assumed})",
            question.text,
            question.id,
            choices.join(", ")
        ))?;
    }
    Ok(Outcome::Done)
}

/// The beginning of the file, or all of an archive.
pub(super) async fn head(path: &Path) -> anyhow::Result<Vec<u8>> {
    let open = || format!("open {}", path.display());
    let file = tokio::fs::File::open(path).await.with_context(open)?;
    if file.metadata().await.with_context(open)?.is_dir() {
        bail!("{} is a folder, not a file", path.display());
    }
    let mut file = file.take(HEAD_BYTES);
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).await.with_context(open)?;
    if LOOKED_AT_WHOLE.iter().any(|magic| bytes.starts_with(magic)) {
        file.into_inner()
            .read_to_end(&mut bytes)
            .await
            .with_context(open)?;
    }
    Ok(bytes)
}

/// The name of a choice, as people read it.
fn name(choice: impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(Value::String(name)) => name.replace('_', " "),
        _ => String::new(),
    }
}

fn in_words(decisions: &Decisions) -> String {
    let mut words = vec![name(decisions.format)];
    words.extend(
        decisions
            .packing
            .as_ref()
            .map(|packing| format!("packed with {packing}")),
    );
    words.push(format!("{} ({})", decisions.encoding, decisions.encoding_why));
    if let Some(dialect) = &decisions.dialect {
        let delimiter = match dialect.delimiter {
            '\t' => "tabs".to_owned(),
            other => format!("`{other}`"),
        };
        words.push(format!(
            "{delimiter} between fields, {} at line ends",
            name(dialect.line_end)
        ));
        match dialect.quote {
            Some('"') => {}
            Some(quote) => words.push(format!("{quote} around fields")),
            None => words.push("no quotes".to_owned()),
        }
        if dialect.skip_lines > 0 {
            words.push(format!("{} lines before the header", dialect.skip_lines));
        }
    }
    if let Some(sheet) = &decisions.sheet {
        words.push(format!("sheet `{}`", sheet.name));
        if sheet.skip_lines > 0 {
            words.push(format!("{} rows before the header", sheet.skip_lines));
        }
    }
    let mut words = words.join(", ");
    if let Some(why) = &decisions.dialect_why {
        let _ = write!(words, "\n{why}"); // a String takes every write
    }
    words
}

fn print_columns(decisions: &Decisions) -> anyhow::Result<()> {
    let heads = ["header", "column", "matched by", "decided"].map(str::to_owned);
    let mapped = decisions.mapping.iter().map(|mapped| {
        let decided = decisions
            .columns
            .iter()
            .find(|decided| decided.column == mapped.column)
            .map(|decided| {
                let what = decided.decimal.map(name).or(decided.date_order.map(name));
                format!("{} ({})", what.unwrap_or_default(), name(decided.decided_by))
            });
        vec![
            mapped.header.clone(),
            mapped.column.clone(),
            name(mapped.matched_by),
            decided.unwrap_or_default(),
        ]
    });
    let ignored = decisions.ignored_headers.iter().map(|header| {
        vec![
            header.clone(),
            "– (ignored)".to_owned(),
            String::new(),
            String::new(),
        ]
    });
    output::print(output::table(&heads, &[false; 4], mapped.chain(ignored)))?;
    Ok(())
}

fn print_rows(preview: &Preview) -> anyhow::Result<()> {
    let columns: Vec<&str> = preview
        .decisions
        .mapping
        .iter()
        .map(|mapped| mapped.column.as_str())
        .collect();
    let mut heads = vec!["line".to_owned()];
    heads.extend(columns.iter().map(|column| (*column).to_owned()));
    heads.push("problem".to_owned());
    let rows = preview.rows.iter().map(|row| {
        let mut cells = vec![row.line.to_string()];
        cells.extend(columns.iter().map(|column| {
            let value = row.values.as_ref().and_then(|values| values.get(*column));
            match value {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            }
        }));
        cells.push(match (&row.message, &row.code) {
            (Some(message), Some(code)) => format!("{message} ({code})"),
            _ => String::new(),
        });
        cells
    });
    let mut is_number = vec![false; heads.len()];
    is_number[0] = true;
    output::print(output::table(&heads, &is_number, rows))?;
    Ok(())
}
