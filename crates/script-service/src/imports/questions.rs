//! What a source leaves open, as one list, whichever reader asks: `tabular` about how it is written, `shop-exports`
//! about what its lines mean. Each is answered under its id.

use super::exports::Surveyed;
use super::failure::failed;
use super::partition::Moved;
use crate::jobs::context::Stop;
use crate::language::Language;
use script_api::{Choice, Question};
use tabular::Text;

/// The id of the question whether the ids of a file are those of the database.
pub(crate) const KEYS: &str = "keys";
/// How many choices the words of a refusal list.
const CHOICES_TOLD: usize = 20;
/// With what the ids of questions begin that `tabular` asks.
const ABOUT_WRITING: [&str; 2] = ["decimal.", "date_order."];

/// A question that is open.
#[derive(Debug)]
pub(crate) struct Open {
    id: String,
    column: Option<String>,
    text: Text,
    choices: Vec<(String, Text)>,
    assumed: Option<String>,
}

/// The ids of a source, under `header`, are in the database for other sales: of `matched` that are there `moved`.
pub(super) fn about_ids(header: &str, (moved, matched): (u64, u64), first: &Moved) -> Open {
    let Moved { key, day, job } = first;
    let (en_job, fr_job) = job.map_or((String::new(), String::new()), |job| {
        (format!(", from job {job}"), format!(", import {job}"))
    });
    Open {
        id: KEYS.to_owned(),
        column: Some("id".to_owned()),
        text: Text::new(
            format!(
                "{moved} of {matched} numbers of `{header}` are in the database for sales of another day, store or \
                 ticket (sale {key} of {day}{en_job}). Are the lines of this file other sales?"
            ),
            format!(
                "{moved} numéros de `{header}` sur {matched} désignent déjà des ventes d’un autre jour, magasin ou \
                 ticket (vente {key} du {day}{fr_job}). Les lignes de ce fichier sont-elles d’autres ventes ?"
            ),
        ),
        choices: vec![
            (
                "content".to_owned(),
                Text::new(
                    "Yes: they are known by what they say",
                    "Oui : elles sont reconnues à leur contenu",
                ),
            ),
            (
                "id".to_owned(),
                Text::new("No: they replace those", "Non : elles les remplacent"),
            ),
        ],
        assumed: None,
    }
}

/// Whether the question `id` is about how a file is written, whatever it holds.
pub(super) fn is_about_writing(id: &str) -> bool {
    ABOUT_WRITING.iter().any(|start| id.starts_with(start))
}

/// What `surveyed` leaves open.
pub(crate) fn open(surveyed: &Surveyed) -> Vec<Open> {
    if let Some(prepared) = &surveyed.prepared {
        let asked = prepared.questions.iter().map(|question| Open {
            id: question.id.clone(),
            column: None,
            text: question.text.clone(),
            choices: question
                .choices
                .iter()
                .map(|choice| (choice.value.clone(), choice.text.clone()))
                .collect(),
            assumed: question.assumed.clone(),
        });
        return asked.collect();
    }
    let asked = surveyed.survey.decisions.questions.iter().map(|question| Open {
        id: question.id.clone(),
        column: question.column.clone(),
        text: question.text.clone(),
        choices: question
            .choices
            .iter()
            .map(|choice| (choice.value.clone(), choice.text.clone()))
            .collect(),
        assumed: None,
    });
    asked.collect()
}

/// The questions as they are told in `language`.
pub(crate) fn told(questions: Vec<Open>, language: Language) -> Vec<Question> {
    let told = questions.into_iter().map(|question| Question {
        option: format!("answers.{}", question.id),
        id: question.id,
        column: question.column,
        text: language.of(&question.text),
        choices: question
            .choices
            .into_iter()
            .map(|(value, text)| Choice {
                value,
                text: language.of(&text),
            })
            .collect(),
        assumed: question.assumed,
    });
    told.collect()
}

/// Why a source, called `origin`, is not imported: what of `questions` nobody has answered and nothing is assumed for.
pub(super) fn refusal(questions: &[Open], origin: &str) -> Option<Stop> {
    let mut open = questions
        .iter()
        .filter(|question| question.assumed.is_none())
        .peekable();
    let code = match open.peek()?.id.split('.').next() {
        Some("decimal") => "conflicting_numbers",
        Some("date_order") => "conflicting_dates",
        _ => "question_open",
    };
    let asked: Vec<String> = open.map(asked).collect();
    Some(failed(code, format!("{origin}: {}", asked.join("; "))))
}

/// Why a source, called `origin`, is not imported as long as `question` is open.
pub(super) fn refused(question: &Open, origin: &str) -> Stop {
    failed("question_open", format!("{origin}: {}", asked(question)))
}

/// A question and how it is settled, in words.
fn asked(question: &Open) -> String {
    let choices: Vec<String> = question
        .choices
        .iter()
        .take(CHOICES_TOLD)
        .map(|(value, _)| format!("`{value}`"))
        .collect();
    format!(
        "{} `answers` settles it: `{}` is one of {}",
        question.text.en,
        question.id,
        choices.join(", ")
    )
}
