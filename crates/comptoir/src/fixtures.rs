//! Jobs as script-service answers them, for unit tests.

use script_client::script_api::Job;
use serde_json::{Value, json};

/// Job 7, running, but for what `changed` says.
pub(crate) fn job(changed: &Value) -> Job {
    let mut job = json!({
        "id": 7,
        "kind": "import",
        "state": "running",
        "created_at": "2023-12-01T06:00:00.000Z",
        "progress": {"bytes": 0, "rows": 0},
        "counters": {"read": 0, "inserted": 0, "updated": 0, "unchanged": 0, "rejected": 0, "warnings": 0},
        "deleted": 0,
        "sources": [],
        "notes": [],
        "request": {},
        "revision": 1,
    });
    merge(&mut job, changed);
    serde_json::from_str(&job.to_string()).unwrap()
}

fn merge(into: &mut Value, changed: &Value) {
    match (into, changed) {
        (Value::Object(into), Value::Object(changed)) => {
            for (name, value) in changed {
                merge(into.entry(name.as_str()).or_insert(Value::Null), value);
            }
        }
        (into, changed) => *into = changed.clone(),
    }
}
