//! What may be asked of an import, and what is imported when nothing is asked.

use super::fetch;
use crate::wire;
use script_api::{ImportRequest, ImportTable, ReadOptions, SourceRequest};
use service_kit::validation::{Fault, Faults};
use std::path::Path;

/// All that is wrong with a source.
pub(crate) fn source_faults(source: &SourceRequest) -> Faults {
    let mut faults: Faults = source
        .unknown
        .keys()
        .map(|unknown| {
            let reason = format!("unknown field `{unknown}`: a source has no such member");
            Fault::unknown_field(format!("/{unknown}"), reason)
        })
        .collect();
    let given = [
        source.path.is_some(),
        source.url.is_some(),
        source.upload.is_some(),
    ];
    if given.into_iter().filter(|given| *given).count() != 1 {
        faults.push(Fault::at("", "a source has either `path` or `url`"));
    }
    let options = wire::options(&source.options).faults().into_iter();
    faults.extend(options.map(|(member, reason)| Fault::at(format!("/{member}"), reason)));
    for (code, reason) in rate_faults(&source.options) {
        faults.push(Fault::at(format!("/rates/{code}"), reason));
    }
    if let Some(url) = &source.url {
        let parsed = fetch::parse(url);
        faults.take(parsed.map_err(|error| Fault::at("/url", error.to_string())));
    }
    faults
}

/// The rates of `options` that are none, by their currencies.
pub(crate) fn rate_faults(options: &ReadOptions) -> Vec<(String, String)> {
    let wrong = options
        .rates
        .iter()
        .filter(|(_, rate)| shop_exports::numbers::rate(&rate.to_string()).is_none());
    wrong
        .map(|(code, rate)| {
            let reason =
                format!("a rate is a number above 0 with up to twelve decimals, such as 0.92, not `{rate}`");
            (code.clone(), reason)
        })
        .collect()
}

/// All that is wrong with a request.
pub(crate) fn faults(request: &ImportRequest) -> Faults {
    let mut faults = Faults::default();
    for (index, source) in request.sources.iter().enumerate() {
        let pointer = format!("/sources/{index}");
        faults.extend(
            source_faults(source)
                .into_iter()
                .map(|fault| fault.under(&pointer)),
        );
        if request.mode.replaces() && source.table != ImportTable::Sales {
            let reason = "only sales can be replaced as a whole";
            faults.push(Fault::at(format!("{pointer}/table"), reason));
        }
    }
    if let Some(limit) = &request.max_rejects {
        let parsed = limit.exceeded(0, 0);
        faults.take(parsed.map_err(|reason| Fault::at("/max_rejects", reason)));
    }
    faults
}

/// Members of a request that its caller has set though only the service does.
pub(crate) fn not_set_by_callers(request: &ImportRequest) -> Faults {
    let replay = request.replay_of.map(|_| "/replay_of".to_owned());
    let uploads = request
        .sources
        .iter()
        .enumerate()
        .filter(|(_, source)| source.upload.is_some())
        .map(|(index, _)| format!("/sources/{index}/upload"));
    let sealed = request
        .sources
        .iter()
        .enumerate()
        .filter(|(_, source)| source.sealed_url.is_some())
        .map(|(index, _)| format!("/sources/{index}/sealed_url"));
    replay
        .into_iter()
        .chain(uploads)
        .chain(sealed)
        .map(|pointer| {
            Fault::at(
                pointer,
                "it is set by the service; a source has either `path` or `url`",
            )
        })
        .collect()
}

/// The sources that are imported when a request names none: what the data folder has of products, stores,
/// targets and sales, parents before children.
pub(crate) fn configured_sources(folder: &Path) -> Vec<SourceRequest> {
    let source = |table: ImportTable, path: String| SourceRequest {
        path: Some(path),
        ..SourceRequest::new(table)
    };
    let mut sources: Vec<SourceRequest> = ImportTable::ALL
        .into_iter()
        .map(|table| (table, format!("{table}.csv")))
        .filter(|(_, path)| folder.join(path).is_file())
        .map(|(table, path)| source(table, path))
        .collect();
    let history = std::fs::read_dir(folder.join("history")).into_iter().flatten();
    let mut history: Vec<String> = history
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| {
            Path::new(name)
                .extension()
                .is_some_and(|extension| extension == "csv")
        })
        .collect();
    history.sort();
    sources.extend(
        history
            .into_iter()
            .map(|name| source(ImportTable::Sales, format!("history/{name}"))),
    );
    sources
}

/// Whether another source of `request` goes to the table of `source`.
pub(super) fn shares_its_table(request: &ImportRequest, source: &SourceRequest) -> bool {
    let same = |other: &&SourceRequest| other.table == source.table;
    request.sources.iter().filter(same).count() > 1
}

/// What a source is called.
pub(super) fn origin(source: &SourceRequest) -> &str {
    source
        .path
        .as_deref()
        .or(source.url.as_deref())
        .or(source.upload.as_ref().map(|upload| upload.name.as_str()))
        .unwrap_or_default()
}
