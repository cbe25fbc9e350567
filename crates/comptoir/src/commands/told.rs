//! What an import brought, in a few sentences.

use super::asking::Language;
use crate::output::grouped;
use script_client::script_api::{ImportReport, Job};

/// How many names are told.
const NAMES: usize = 3;

/// What `job` brought, a sentence a line, in `language`.
pub(super) fn sentences(job: &Job, language: Language) -> Vec<String> {
    let mut told: Vec<String> = job
        .sources
        .iter()
        .filter_map(|source| Some(of_source(&source.origin, source.report.as_ref()?, language)))
        .collect();
    for report in job.sources.iter().filter_map(|source| source.report.as_ref()) {
        if !report.far_days.is_empty() {
            let days = report.far_days.join(", ");
            told.push(match language {
                Language::English => format!("Far from all other days, and hardly right: {days}."),
                Language::French => format!("Loin de tous les autres jours, et sans doute faux : {days}."),
            });
        }
        if !report.skipped.is_empty() {
            let words: Vec<String> = report
                .skipped
                .iter()
                .map(|(word, records)| format!("{records} × {word}"))
                .collect();
            let words = words.join(", ");
            told.push(match language {
                Language::English => format!("Left out, as they are no sales: {words}."),
                Language::French => format!("Écartées, car ce ne sont pas des ventes : {words}."),
            });
        }
    }
    if job.undo.as_ref().is_some_and(|undo| undo.possible) {
        told.push(format!(
            "{} comptoir jobs undo {}",
            language.of("To take it back:", "Pour revenir en arrière :"),
            job.id
        ));
    }
    told
}

fn of_source(origin: &str, report: &ImportReport, language: Language) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown to people")]
    let revenue = grouped(report.revenue_cents as f64 / 100.0, 2);
    let (lines, currency) = (report.lines, &report.currency);
    let line = match lines {
        1 => language.of("line", "ligne"),
        _ => language.of("lines", "lignes"),
    };
    let net = match report.taxes.as_str() {
        "excluded" => language.of(" without taxes", " hors taxes"),
        _ => "",
    };
    let days = match (&report.first_day, &report.last_day) {
        (Some(first), Some(last)) if first == last => match language {
            Language::English => format!(" of {first}"),
            Language::French => format!(" du {first}"),
        },
        (Some(first), Some(last)) => match language {
            Language::English => format!(" from {first} to {last}"),
            Language::French => format!(" du {first} au {last}"),
        },
        _ => String::new(),
    };
    let mut told = match language {
        Language::English => format!("{origin}: {lines} {line} of sales{days}, {revenue} {currency}{net}."),
        Language::French => format!(
            "{origin} : {lines} {line} de vente{days}, {} {currency}{net}.",
            revenue.replace(',', "\u{202f}").replace('.', ",")
        ),
    };
    for (made, names, english, french) in [
        (
            report.created.products,
            &report.new_products,
            "New products",
            "Nouveaux produits",
        ),
        (
            report.created.stores,
            &report.new_stores,
            "New stores",
            "Nouveaux magasins",
        ),
    ] {
        if made > 0 {
            let more = if made > NAMES as u64 { ", …" } else { "" };
            let some = names.iter().take(NAMES).cloned().collect::<Vec<_>>().join(", ");
            let colon = language.of(":", " :");
            told = format!(
                "{told} {}{colon} {made} ({some}{more}).",
                language.of(english, french)
            );
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use serde_json::json;

    fn job() -> Job {
        fixtures::job(&json!({
            "id": 7,
            "state": "succeeded",
            "undo": {"possible": true, "code": null, "reason": null, "until": null, "by_job": null},
            "sources": [{
                "table": "sales", "origin": "orders.csv", "digest": null, "records": 6, "decisions": null,
                "counters": {"read": 6, "inserted": 4, "updated": 0, "unchanged": 0, "rejected": 0, "warnings": 0},
                "same_content_as": null, "finished_at": null,
                "report": {
                    "first_day": "2023-11-13", "last_day": "2023-11-15", "lines": 4, "revenue_cents": 1_005_100,
                    "currency": "EUR", "taxes": "excluded", "days": [], "far_days": ["2099-01-01"], "largest": [],
                    "created": {"products": 4, "stores": 1}, "new_products": ["A", "B", "C", "D"],
                    "new_stores": ["Main shop"], "same_names": [], "skipped": {"voided": 2},
                },
            }],
        }))
    }

    #[test]
    fn a_report_is_told_in_plain_words() {
        let told = sentences(&job(), Language::English).join("\n");

        assert_eq!(
            told,
            "orders.csv: 4 lines of sales from 2023-11-13 to 2023-11-15, 10,051.00 EUR without taxes. \
             New products: 4 (A, B, C, …). New stores: 1 (Main shop).\n\
             Far from all other days, and hardly right: 2099-01-01.\n\
             Left out, as they are no sales: 2 × voided.\n\
             To take it back: comptoir jobs undo 7"
        );
    }

    #[test]
    fn and_in_french() {
        let told = sentences(&job(), Language::French).join("\n");

        assert!(
            told.starts_with(
                "orders.csv : 4 lignes de vente du 2023-11-13 au 2023-11-15, 10\u{202f}051,00 EUR hors taxes."
            ),
            "{told}"
        );
        assert!(
            told.ends_with("Pour revenir en arrière : comptoir jobs undo 7"),
            "{told}"
        );
    }
}
