//! The addresses in a request for a job, as it is kept: those with secrets as they may be shown, and sealed beside.

use super::{Key, KeyError, addresses};
use crate::config::Config;
use serde_json::Value;

/// The member of a source that holds its address, sealed.
const SEALED: &str = "sealed_url";

/// `request`, a request for a job in JSON, as it may be kept. `before` is what was kept under the same name: an
/// address that comes back as it was shown is still that one.
///
/// # Errors
///
/// When there is something to seal, and no key.
pub(crate) fn sealed(config: &Config, request: &str, before: Option<&str>) -> Result<String, KeyError> {
    let Ok(mut value) = serde_json::from_str::<Value>(request) else {
        return Ok(request.to_owned());
    };
    let kept: Option<Value> = before.and_then(|before| serde_json::from_str(before).ok());
    let mut has_changed = false;
    for source in sources(&mut value) {
        let Some(address) = source.get("url").and_then(Value::as_str).map(str::to_owned) else {
            continue;
        };
        if address.contains(addresses::HIDDEN)
            && let Some(sealed) = kept.as_ref().and_then(|kept| kept_seal(kept, &address))
        {
            source[SEALED] = sealed;
            has_changed = true;
        } else if addresses::has_secrets(&address) {
            let sealed = addresses::seal(&Key::of(config)?, &address);
            source["url"] = addresses::shown(&address).into_owned().into();
            source[SEALED] = sealed.into();
            has_changed = true;
        }
    }
    Ok(if has_changed {
        value.to_string()
    } else {
        request.to_owned()
    })
}

/// `request` as it is shown: without what is sealed.
pub(crate) fn shown(request: String) -> String {
    if !request.contains(SEALED) {
        return request;
    }
    let Ok(mut value) = serde_json::from_str::<Value>(&request) else {
        return request;
    };
    for source in sources(&mut value) {
        if let Some(source) = source.as_object_mut() {
            source.remove(SEALED);
        }
    }
    value.to_string()
}

fn sources(request: &mut Value) -> impl Iterator<Item = &mut Value> {
    let sources = request.get_mut("sources").and_then(Value::as_array_mut);
    sources.into_iter().flatten().filter(|source| source.is_object())
}

/// What is sealed of the source whose address is shown as `address`.
fn kept_seal(kept: &Value, address: &str) -> Option<Value> {
    let mut sources = kept.get("sources")?.as_array()?.iter();
    let same = sources.find(|source| source.get("url").and_then(Value::as_str) == Some(address))?;
    same.get(SEALED).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_kept_without_its_secrets_and_comes_back_with_them() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::for_db("http://127.0.0.1:1", folder.path().to_owned());
        let request = r#"{"sources":[{"table":"sales","url":"https://a:s3cret@example.org/x?sig=abc"},{"table":"sales","path":"b.csv"}]}"#;

        let kept = sealed(&config, request, None).unwrap();
        let seen = shown(kept.clone());
        let sent_back = sealed(&config, &seen, Some(&kept)).unwrap();

        assert!(!kept.contains("s3cret") && !kept.contains("abc"), "{kept}");
        assert!(
            seen.contains("https://***@example.org/x?sig=***") && !seen.contains(SEALED),
            "{seen}"
        );
        assert_eq!(
            serde_json::from_str::<Value>(&sent_back).unwrap(),
            serde_json::from_str::<Value>(&kept).unwrap()
        );
        assert_eq!(
            sealed(&config, r#"{"sources":[]}"#, None).unwrap(),
            r#"{"sources":[]}"#
        );
    }
}
