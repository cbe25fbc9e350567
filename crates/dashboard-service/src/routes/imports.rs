//! The page where files are dropped: what each is, what it leaves open, and its import. The work is the script's; what
//! it asks for goes through the relay.

use super::{jobs, schedules};
use crate::App;
use crate::labels;
use crate::language::Language;
use crate::page::{self, Failure, View, Visit};
use crate::reasons;
use crate::words::Words;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use script_client::ScriptClient;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Template)]
#[template(path = "imports.html")]
struct ImportsView {
    w: &'static Words,
    recent: String,
    schedules: String,
    words: String,
}

/// `GET /imports`.
pub(crate) async fn get(State(app): State<App>, visit: Visit) -> Response {
    visit.answer(view(&app.script, visit.language).await)
}

async fn view(script: &ScriptClient, language: Language) -> Result<View, Failure> {
    let w = language.words();
    let (recent, schedules) = tokio::try_join!(
        jobs::recent_imports(script, language),
        schedules::section(script, language),
    )?;
    Ok(View {
        title: w.imports.to_owned(),
        html: ImportsView {
            w,
            recent,
            schedules,
            words: page::in_script(&words(language)),
        }
        .render()?,
        figures: BTreeMap::new(),
    })
}

/// What the script of this page says.
fn words(language: Language) -> Value {
    let w = language.words();
    json!({
        "looking": w.wizard_looking, "remove": w.wizard_remove, "refused": w.wizard_refused, "ready": w.wizard_ready,
        "asked": w.wizard_asked, "assumed": w.wizard_assumed, "answer": w.wizard_answer, "choose": w.wizard_choose,
        "understood": w.wizard_understood, "columns": w.wizard_columns, "unused": w.wizard_unused,
        "writing": w.wizard_writing, "rows": w.wizard_rows, "days": w.wizard_days, "lines": w.lines,
        "revenue": w.total_revenue, "new_products": w.wizard_new_products, "new_stores": w.wizard_new_stores,
        "left_out": w.report_left_out, "beginning": w.wizard_beginning, "into": w.into_table,
        "some_refused": w.wizard_some_refused, "some_open": w.wizard_some_open, "sending": w.wizard_sending,
        "not_sent": w.wizard_not_sent, "unreadable": w.wizard_unreadable, "offline": w.wizard_offline,
        "terms": BTreeMap::from(labels::terms(language)),
        "tables": {
            "sales": w.table_sales, "products": w.table_products, "stores": w.table_stores, "targets": w.table_targets,
        },
        "names": {
            "line": w.wizard_line, "sale_date": w.day, "sale_time": w.wizard_time, "product": w.product,
            "store": w.wizard_store, "quantity": w.wizard_quantity, "amount": w.wizard_amount,
            "ticket_id": w.wizard_ticket,
        },
        "parts": reasons::by_code(&reasons::PARTS, language), "no_sale": w.report_skipped,
        "not_taken": w.wizard_not_taken, "refusals": reasons::by_code(&reasons::REFUSALS, language),
        "rejects": reasons::by_code(&reasons::REJECTS, language),
    })
}
