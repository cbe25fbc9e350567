//! Imports are taken back: whole, or not at all and why.

use crate::support::{Dice, Process, Stack};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Everything that an import may change, but for who keeps notes of it.
const EVERYTHING: &str = "SELECT concat(
    (SELECT group_concat(concat_ws('|', id, product_id, store_id, sale_date, quantity, amount_cents,
        COALESCE(ticket_id, '-'), COALESCE(line_key, '-'), COALESCE(import_job_id, '-')), ' ')
        FROM (SELECT * FROM sales ORDER BY id)), ' / ',
    (SELECT group_concat(concat_ws('|', id, name, COALESCE(price_cents, '-'), COALESCE(category, '-'),
        COALESCE(made_by_job, '-')), ' ') FROM (SELECT * FROM products ORDER BY id)), ' / ',
    (SELECT group_concat(concat_ws('|', id, COALESCE(city, '-'), COALESCE(region, '-'), COALESCE(name, '-'),
        COALESCE(made_by_job, '-')), ' ') FROM (SELECT * FROM stores ORDER BY id)), ' / ',
    (SELECT group_concat(concat_ws('|', product_id, month, target_cents), ' ')
        FROM (SELECT * FROM product_targets ORDER BY product_id, month)), ' / ',
    (SELECT concat_ws('|', COALESCE(currency, '-'), COALESCE(taxes, '-')) FROM dataset))";

/// What there is, and what analyses say of it.
async fn everything(stack: &Stack) -> (Value, Vec<Value>) {
    let mut figures = Vec::new();
    for analysis in ["trend", "product", "region"] {
        let answer = stack
            .script
            .json(&format!("/analysis/{analysis}?period=all"))
            .await;
        figures.push(answer["rows"].clone());
    }
    (stack.value(EVERYTHING).await, figures)
}

async fn import(stack: &Stack, query: &str, text: &str) -> Value {
    let path = format!("/jobs/import?{query}");
    let job = stack.script.job(&path, text.to_owned()).await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    job
}

async fn execute(stack: &Stack, sql: &str) {
    stack.db.client.execute(sql, Vec::new()).await.unwrap();
}

async fn undo(stack: &Stack, job: &Value) -> Value {
    stack.script.job(&format!("/jobs/{}/undo", job["id"]), "").await
}

async fn undo_what_can_be(stack: &Stack, job: &Value) -> Value {
    let path = format!("/jobs/{}/undo", job["id"]);
    stack.script.job(&path, r#"{"partial": true}"#).await
}

/// What is answered to a request for an undo job.
async fn asked(stack: &Stack, job: &Value) -> (StatusCode, Value) {
    let path = format!("/jobs/{}/undo", job["id"]);
    let response = stack.script.request(Method::POST, &path).send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

async fn seen(stack: &Stack, job: &Value) -> Value {
    stack.script.json(&format!("/jobs/{}", job["id"])).await
}

/// Two sales by id, and one that names its product and store.
const BY_ID: &str =
    "id,product_id,store_id,sale_date,quantity,amount\n1,1,10,2023-11-13,1,5.00\n2,2,20,2023-11-14,2,8.00\n";
const CHANGED: &str =
    "id,product_id,store_id,sale_date,quantity,amount\n2,2,20,2023-11-14,3,9.00\n3,1,10,2023-11-15,1,7.00\n";
const BY_NAME: &str =
    "date;magasin;produit;quantité;montant\n13/11/2023;Rouen;Café;2;30,00\n14/11/2023;Nantes;Thé;1;4,00\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_taken_back_whatever_it_did() {
    for (query, text) in [
        ("table=sales", CHANGED),
        ("table=sales&mode=insert_new", CHANGED),
        ("table=sales&mode=append", BY_NAME),
        ("table=sales", BY_NAME),
        ("table=sales&mode=replace_period", CHANGED),
        ("table=sales&mode=replace_all", BY_NAME),
        ("table=products", "id,name,price\n2,Pain noir,1.50\n5,Sel,0.80\n"),
        (
            "table=stores",
            "id,city,region\n10,Lyon,Bretagne\n50,Brest,Bretagne\n",
        ),
        (
            "table=targets",
            "product_id,month,target\n1,2023-11,100.00\n2,2023-11,50.00\n",
        ),
    ] {
        let stack = Stack::start().await;
        stack.seed().await;
        import(
            &stack,
            "table=targets",
            "product_id,month,target\n1,2023-11,90.00\n",
        )
        .await;
        import(&stack, "table=sales", BY_ID).await;
        let before = everything(&stack).await;
        let job = import(&stack, query, text).await;
        assert_eq!(job["undo"]["possible"], true, "{query}: {job:#}");
        assert!(job["undo"]["until"].is_string(), "{job:#}");
        assert_ne!(everything(&stack).await, before, "{query}");

        let undone = undo(&stack, &job).await;

        assert_eq!(undone["state"], "succeeded", "{query}: {undone:#}");
        assert_eq!(undone["kind"], "undo");
        assert_eq!(everything(&stack).await, before, "{query}: {undone:#}");
        let seen = seen(&stack, &job).await;
        assert_eq!(seen["undo"]["possible"], false);
        assert_eq!(seen["undo"]["code"], "undone");
        assert_eq!(seen["undo"]["by_job"], undone["id"]);
        let (status, problem) = asked(&stack, &job).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (StatusCode::CONFLICT, Some("already_undone"))
        );
        let notes = format!("SELECT COUNT(*) FROM job_undo WHERE job_id = {}", job["id"]);
        assert_eq!(stack.value(&notes).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_says_what_it_took_back() {
    let stack = Stack::start().await;
    stack.seed().await;
    import(&stack, "table=sales", BY_ID).await;
    let job = import(&stack, "table=sales", CHANGED).await;

    let undone = undo(&stack, &job).await;

    let result = &undone["result"];
    assert_eq!(
        result["sales"],
        json!({"removed": 1, "restored": 1, "brought_back": 0}),
        "{undone:#}"
    );
    let named = import(&stack, "table=sales", BY_NAME).await;
    let undone = undo(&stack, &named).await;
    assert_eq!(
        undone["result"]["products"],
        json!({"removed": 1, "restored": 0}),
        "{undone:#}"
    );
    assert_eq!(
        undone["result"]["stores"],
        json!({"removed": 2, "restored": 0}),
        "{undone:#}"
    );
    assert_eq!(undone["result"]["kept"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_changed_since_is_said_and_nothing_is_taken_back() {
    let by_sql = "UPDATE sales SET amount_cents = 1 WHERE id = 2";
    for (change, code) in [
        (by_sql, "changed_by_hand"),
        ("UPDATE sales SET id = 77 WHERE id = 2", "changed_by_hand"),
        (
            "INSERT OR REPLACE INTO sales (id, product_id, store_id, sale_date, quantity_milli, amount_cents)
                VALUES (2, 1, 10, '2023-11-20', 1000, 100)",
            "changed_by_hand",
        ),
        ("DELETE FROM sales WHERE id = 2", "deleted_since"),
    ] {
        let stack = Stack::start().await;
        stack.seed().await;
        import(&stack, "table=sales", BY_ID).await;
        let job = import(&stack, "table=sales", CHANGED).await;
        execute(&stack, change).await;
        let before = everything(&stack).await;

        let refused = undo(&stack, &job).await;

        assert_eq!(refused["error"]["code"], "changed_since", "{change}: {refused:#}");
        let conflict = &refused["error"]["conflicts"][0];
        assert_eq!(conflict["code"], code, "{change}: {refused:#}");
        assert!(
            conflict["examples"][0].as_str().unwrap().starts_with("sale 2 of"),
            "{refused:#}"
        );
        assert_eq!(everything(&stack).await, before);
        // It may be asked again.
        let partly = undo_what_can_be(&stack, &job).await;
        assert_eq!(partly["result"]["sales"]["removed"], 1, "{change}: {partly:#}");
        assert_eq!(partly["result"]["left"][0]["code"], code);
        assert_eq!(stack.value("SELECT COUNT(*) FROM sales WHERE id = 3").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_that_later_ones_changed_are_taken_back_from_the_last_on() {
    for mode in ["upsert", "replace_period", "replace_all"] {
        let stack = Stack::start().await;
        stack.seed().await;
        let nothing = everything(&stack).await;
        let first = import(&stack, "table=sales", BY_ID).await;
        let after_first = everything(&stack).await;
        let second = import(&stack, &format!("table=sales&mode={mode}"), CHANGED).await;

        let view = seen(&stack, &first).await;
        assert_eq!(view["undo"]["code"], "changed_since", "{mode}: {view:#}");
        let refused = undo(&stack, &first).await;
        let conflict = &refused["error"]["conflicts"][0];
        assert_eq!(conflict["by_job"], second["id"], "{mode}: {refused:#}");
        assert_eq!(
            conflict["rows"],
            if mode == "replace_all" { 2 } else { 1 },
            "{refused:#}"
        );

        assert_eq!(undo(&stack, &second).await["state"], "succeeded", "{mode}");
        assert_eq!(everything(&stack).await, after_first, "{mode}");
        assert_eq!(undo(&stack, &first).await["state"], "succeeded", "{mode}");
        assert_eq!(everything(&stack).await, nothing, "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn products_that_others_use_stay_and_go_with_them() {
    let stack = Stack::start().await;
    stack.seed().await;
    let nothing = everything(&stack).await;
    let first = import(&stack, "table=sales", BY_NAME).await;
    let other = "date;magasin;produit;quantité;montant\n20/11/2023;Rouen;Café;1;15,00\n";
    let second = import(&stack, "table=sales", other).await;

    let undone = undo(&stack, &first).await;

    let kept = &undone["result"]["kept"];
    assert_eq!(kept[0]["table"], "stores", "{undone:#}");
    assert_eq!(kept[1]["rows"], 1, "{undone:#}");
    assert!(
        kept[1]["examples"][0].as_str().unwrap().starts_with("Café"),
        "{undone:#}"
    );
    assert_eq!(stack.value("SELECT SUM(amount_cents) FROM sales").await, 1_500);
    undo(&stack, &second).await;
    assert_eq!(everything(&stack).await, nothing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_changed_since_or_is_used_is_not_taken_back() {
    let stack = Stack::start().await;
    stack.seed().await;
    let job = import(
        &stack,
        "table=products",
        "id,name,price\n2,Pain noir,1.50\n5,Sel,0.80\n",
    )
    .await;
    execute(&stack, "UPDATE products SET price_cents = 151 WHERE id = 2").await;
    import(
        &stack,
        "table=sales",
        "id,product_id,store_id,sale_date,quantity,amount\n1,5,10,2023-11-13,1,5.00\n",
    )
    .await;

    let refused = undo(&stack, &job).await;

    let conflicts = refused["error"]["conflicts"].as_array().unwrap();
    let codes: Vec<&str> = conflicts
        .iter()
        .map(|conflict| conflict["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["changed_since", "used"], "{refused:#}");
    assert_eq!(conflicts[1]["examples"][0], "Sel (5)");
    let partly = undo_what_can_be(&stack, &job).await;
    assert_eq!(partly["state"], "succeeded", "{partly:#}");
    assert_eq!(
        stack.value("SELECT price_cents FROM products WHERE id = 2").await,
        151
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_imports_that_wrote_and_ended_are_taken_back() {
    let stack = Stack::start().await;
    stack.seed().await;
    let dry = import(&stack, "table=sales&dry_run=true", BY_ID).await;
    let (status, problem) = asked(&stack, &dry).await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (StatusCode::CONFLICT, Some("not_undoable"))
    );
    assert_eq!(seen(&stack, &dry).await["undo"]["code"], "nothing_written");

    import(&stack, "table=sales", BY_ID).await;
    let analysis = stack.script.job("/jobs/analysis", "").await;
    assert_eq!(analysis["undo"], Value::Null);
    assert_eq!(asked(&stack, &analysis).await.1["code"], "not_undoable");
    assert_eq!(asked(&stack, &json!({"id": 999})).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_waits_for_a_running_import_and_is_asked_once() {
    let stack = Stack::start_with(|config| config.batch_rows = 20).await;
    stack.seed().await;
    let before = everything(&stack).await;
    let job = import(&stack, "table=sales", BY_ID).await;
    let mut long = "id,product_id,store_id,sale_date,quantity,amount\n".to_owned();
    for id in 100..9_000 {
        writeln!(long, "{id},1,10,2023-11-13,1,5.00").unwrap();
    }
    let location = stack.script.submit("/jobs/import?table=sales", long).await;

    let (status, queued) = asked(&stack, &job).await;
    let (again, problem) = asked(&stack, &job).await;

    assert_eq!(status, StatusCode::ACCEPTED, "{queued:#}");
    assert_eq!(
        (again, problem["code"].as_str()),
        (StatusCode::CONFLICT, Some("already_undone"))
    );
    let ended = |_, job: &Value| job["finished_at"].is_string();
    let undone = stack
        .script
        .until(&format!("/jobs/{}", queued["id"]), ended)
        .await;
    let other = stack.script.until(&location, ended).await;
    assert_eq!(undone["state"], "succeeded", "{undone:#}");
    assert!(undone["started_at"].as_str() >= other["finished_at"].as_str());
    assert_eq!(other["counters"]["inserted"], 8_900);
    assert_eq!(undo(&stack, &other).await["state"], "succeeded");
    assert_eq!(everything(&stack).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_or_too_much_to_take_back_is_dropped_and_said() {
    let stack = Stack::start_with(|config| {
        config.housekeeping_s = 1;
        config.keep_undo = 2;
    })
    .await;
    stack.seed().await;
    import(&stack, "table=sales", BY_ID).await;
    let old = import(&stack, "table=sales", CHANGED).await;
    let new = import(&stack, "table=sales&mode=replace_all", BY_ID).await;
    execute(
        &stack,
        &format!(
            "UPDATE jobs SET finished_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-31 days') WHERE id = {}",
            old["id"]
        ),
    )
    .await;

    stack
        .until_value("SELECT COUNT(*) FROM jobs WHERE undo_dropped = 1", 2)
        .await;
    let notes = format!("SELECT COUNT(*) FROM job_undo WHERE job_id <> {}", new["id"]);
    stack.until_value(&notes, 0).await;

    assert_eq!(seen(&stack, &old).await["undo"]["code"], "expired");
    assert_eq!(asked(&stack, &old).await.1["code"], "not_undoable");
    assert_eq!(undo(&stack, &new).await["state"], "succeeded");
}

/// The sales by id, with all that is in a row.
async fn sales(stack: &Stack) -> BTreeMap<i64, String> {
    let sql = "SELECT * FROM sales";
    let answer = stack.db.client.query(sql, Vec::new()).await.unwrap();
    let rows = answer.rows.into_iter();
    rows.map(|row| (row[0].as_i64().unwrap(), format!("{row:?}")))
        .collect()
}

/// An import that has not been taken back, with the sales before and after it.
struct Imported {
    job: Value,
    before: BTreeMap<i64, String>,
    after: BTreeMap<i64, String>,
}

/// Something that somebody does to sales beside imports.
fn by_hand(dice: &mut Dice, step: u64) -> String {
    let id = 1 + dice.roll(12);
    match dice.roll(4) {
        0 => format!(
            "UPDATE sales SET amount_cents = {} WHERE id = {id}",
            100_000 + step
        ),
        1 => format!("DELETE FROM sales WHERE id = {id}"),
        2 => format!(
            "INSERT OR REPLACE INTO sales (id, product_id, store_id, sale_date, quantity_milli, amount_cents)
            VALUES ({id}, 1, 10, '2023-11-2{}', 1000, {})",
            dice.roll(9),
            200_000 + step
        ),
        _ => format!(
            "INSERT INTO sales (product_id, store_id, sale_date, quantity_milli, amount_cents)
            VALUES (1, 10, '2023-11-05', 1000, {})",
            300_000 + step
        ),
    }
}

/// A file of some lines, with ids or with names, and how it is imported.
fn some_file(dice: &mut Dice) -> (&'static str, String) {
    let modes = ["upsert", "insert_new", "replace_period", "replace_all", "upsert"];
    let mode = modes[usize::try_from(dice.roll(5)).unwrap()];
    let lines = 1 + dice.roll(4);
    let mut text = String::new();
    if dice.roll(2) == 0 {
        text.push_str("id,product_id,store_id,sale_date,quantity,amount\n");
        let first = 1 + dice.roll(8);
        for id in first..first + lines {
            let (day, euros) = (dice.roll(9), 1 + dice.roll(50));
            writeln!(text, "{id},1,10,2023-11-1{day},1,{euros}.00").unwrap();
        }
    } else {
        text.push_str("date;magasin;produit;quantité;montant\n");
        for _ in 0..lines {
            let (day, product, euros) = (dice.roll(9), dice.roll(4), 1 + dice.roll(9));
            writeln!(text, "1{day}/11/2023;Rouen;Produit {product};1;{euros},00").unwrap();
        }
    }
    (mode, text)
}

/// Imports, SQL by hand and undoing in any order: an import is taken back as if its rows had never been touched, or not
/// at all because somebody else touched them since.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_an_undo_leaves_what_was_before_or_everything_as_it_is() {
    let (mut whole, mut refused) = (0, 0);
    for seed in 1..=4 {
        let mut dice = Dice(0x9e37_79b9 * seed);
        let stack = Stack::start().await;
        stack.seed().await;
        let mut imports: Vec<Imported> = Vec::new();
        for step in 0..16 {
            let before = sales(&stack).await;
            match dice.roll(5) {
                0 => execute(&stack, &by_hand(&mut dice, step)).await,
                1 | 2 if !imports.is_empty() => {
                    let last = imports.len() as u64;
                    let chosen = usize::try_from(last - 1 - dice.roll(last.min(2))).unwrap();
                    if undo_and_look(&stack, &imports[chosen], &before).await {
                        imports.remove(chosen);
                        whole += 1;
                    } else {
                        refused += 1;
                    }
                }
                _ => {
                    let (mode, text) = some_file(&mut dice);
                    let path = format!("/jobs/import?table=sales&mode={mode}");
                    let job = stack.script.job(&path, text).await;
                    let after = sales(&stack).await;
                    if job["undo"]["possible"] == true {
                        imports.push(Imported { job, before, after });
                    } else {
                        assert_eq!(before, after, "{job:#}");
                    }
                }
            }
        }
    }
    assert!(whole > 4 && refused > 0, "{whole} {refused}");
}

/// Takes `import` back and compares; whether that was done.
async fn undo_and_look(stack: &Stack, import: &Imported, then: &BTreeMap<i64, String>) -> bool {
    let undone = undo(stack, &import.job).await;
    let now = sales(stack).await;
    let all = [&import.before, &import.after, then, &now];
    let ids: BTreeSet<i64> = all.into_iter().flat_map(BTreeMap::keys).copied().collect();
    let touched = |id: &i64| import.before.get(id) != import.after.get(id);
    if undone["state"] != "succeeded" {
        assert_eq!(undone["error"]["code"], "changed_since", "{undone:#}");
        let by_others = |id: &i64| touched(id) && then.get(id) != import.after.get(id);
        assert!(ids.iter().any(by_others), "{:#} {undone:#}", import.job);
        assert_eq!(&now, then);
        return false;
    }
    for id in ids {
        let as_before = if touched(&id) { &import.before } else { then };
        assert_eq!(
            now.get(&id),
            as_before.get(&id),
            "sale {id} of {:#} {undone:#}",
            import.job
        );
    }
    let made = format!(
        "SELECT COUNT(*) FROM products WHERE made_by_job = {}",
        import.job["id"]
    );
    assert_eq!(stack.value(&made).await, 0);
    let figures = stack.script.json("/analysis/trend?period=all").await;
    assert!(figures["rows"].is_array(), "{figures:#}");
    let sums = "SELECT (SELECT COALESCE(SUM(amount_cents), 0) FROM days) = (SELECT COALESCE(SUM(amount_cents), 0) FROM sales)";
    assert_eq!(stack.value(sums).await, 1);
    true
}

/// A service that is killed at any moment of an undo: the next one ends it.
#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_is_killed_is_gone_on_with_and_ends_whole() {
    let db = test_kit::TestDb::start().await;
    let data = tempfile::tempdir().unwrap();
    let lease = ["--job-lease-ms", "100"];
    let mut process = Process::start(&db.url, data.path(), &lease).await;
    let mut text = "date;magasin;produit;quantité;montant\n".to_owned();
    for line in 0..3_000 {
        writeln!(
            text,
            "{:02}/11/2023;Lyon;Produit {};1;{},00",
            line % 28 + 1,
            line % 300,
            line % 90 + 1
        )
        .unwrap();
    }
    let job = process.script.job("/jobs/import?table=sales", text).await;
    assert_eq!(job["state"], "succeeded", "{job:#}");
    let asked = process
        .script
        .submit(&format!("/jobs/{}/undo", job["id"]), "")
        .await;
    let mut kills = 0;
    let mut removed = -1;
    while kills < 3 {
        // Something more of it is done than when the one before was killed.
        let more = |_, job: &Value| {
            job["finished_at"].is_string() || job["result"]["products"]["removed"].as_i64() > Some(removed)
        };
        let seen = process.script.until(&asked, more).await;
        if seen["finished_at"].is_string() {
            break;
        }
        removed = seen["result"]["products"]["removed"].as_i64().unwrap();
        process.kill();
        kills += 1;
        process = Process::start(&db.url, data.path(), &lease).await;
    }
    let undone = process
        .script
        .until(&asked, |_, job| job["finished_at"].is_string())
        .await;

    assert!(kills > 0);
    assert_eq!(undone["state"], "succeeded", "{undone:#}");
    assert_eq!(undone["result"]["sales"]["removed"], 3_000, "{undone:#}");
    assert_eq!(undone["result"]["products"]["removed"], 300, "{undone:#}");
    for table in ["sales", "products", "stores", "job_undo"] {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let left = db.client.query(&sql, Vec::new()).await.unwrap();
        assert_eq!(left.rows[0][0].as_i64(), Some(0), "{table}");
    }
}
