//! What a source leaves open, as one list, whichever reader asks: `tabular` about how it is written, `shop-exports`
//! about what its lines mean. Each is answered under its id.

use super::exports::Surveyed;
use super::failure::failed;
use crate::jobs::context::Stop;
use crate::language::Language;
use script_api::{Choice, Question};
use tabular::Text;

/// How many choices the words of a refusal list.
const CHOICES_TOLD: usize = 20;
/// With what the ids of questions begin that `tabular` asks.
const ABOUT_WRITING: [&str; 2] = ["decimal.", "date_order."];

/// A question that is open.
pub(crate) struct Open {
    id: String,
    column: Option<String>,
    text: Text,
    choices: Vec<(String, Text)>,
    assumed: Option<String>,
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
