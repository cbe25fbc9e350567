//! The questions that a file leaves open, asked on a terminal; elsewhere they end the command with the options that
//! answer them.

use script_client::script_api::Question;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, IsTerminal as _, Write};

/// How many choices one line lists.
const CHOICES_LISTED: usize = 8;

/// In which language a person is asked and told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    English,
    French,
}

impl Language {
    /// That of the environment: `LC_ALL`, `LC_MESSAGES`, `LANG`, the first of them that is set.
    pub(super) fn of_environment() -> Self {
        let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(|name| std::env::var(name).ok());
        Self::named(set.into_iter().find(|value| !value.is_empty()).as_deref())
    }

    fn named(locale: Option<&str>) -> Self {
        match locale {
            Some(locale) if locale.starts_with("fr") => Self::French,
            _ => Self::English,
        }
    }

    /// Its tag.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// `english` or `french`.
    pub(super) fn of<'a>(self, english: &'a str, french: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::French => french,
        }
    }
}

/// Whether somebody sits there who can answer.
pub(super) fn is_dialogue() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Questions that nobody is there to answer.
#[derive(Debug)]
pub(crate) struct Unanswered {
    file: String,
    questions: Vec<Question>,
}

impl Unanswered {
    /// Those of `questions`, of `file`, for which nothing is assumed; `None` where there are none.
    pub(super) fn of(file: &str, questions: &[Question]) -> Option<Self> {
        let open: Vec<Question> = questions
            .iter()
            .filter(|question| question.assumed.is_none())
            .cloned()
            .collect();
        (!open.is_empty()).then(|| Self {
            file: file.to_owned(),
            questions: open,
        })
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = if self.questions.len() == 1 {
            "a question"
        } else {
            "questions"
        };
        write!(f, "{} leaves {left} open; nothing was imported", self.file)?;
        for question in &self.questions {
            write!(f, "\n  {}", question.text)?;
            for choice in question.choices.iter().take(CHOICES_LISTED) {
                write!(
                    f,
                    "\n    --answer {}  ({})",
                    quoted(&question.id, &choice.value),
                    choice.text
                )?;
            }
            let more = question.choices.len().saturating_sub(CHOICES_LISTED);
            if question.choices.is_empty() {
                write!(f, "\n    --answer {}", quoted(&question.id, "…"))?;
            } else if more > 0 {
                write!(f, "\n    or one of {more} more, which --preview lists")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Unanswered {}

/// An answer as a shell takes it.
fn quoted(id: &str, value: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "_-.…".contains(letter);
    if value.chars().all(is_plain) {
        return format!("{id}={value}");
    }
    format!("'{id}={}'", value.replace('\'', "'\\''"))
}

/// Asks `questions` on `output`, takes the answers from `input`, and adds them to `answers`. What is assumed is taken when
/// nothing is written.
///
/// # Errors
///
/// When the terminal is gone, or its input has ended.
pub(super) fn ask(
    questions: &[Question],
    language: Language,
    answers: &mut BTreeMap<String, String>,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> io::Result<()> {
    for question in questions {
        writeln!(output, "\n{}", question.text)?;
        for (place, choice) in question.choices.iter().enumerate() {
            writeln!(output, "  {} {}", place + 1, choice.text)?;
        }
        let assumed = question.assumed.as_ref().map(|assumed| {
            let place = question
                .choices
                .iter()
                .position(|choice| choice.value == *assumed);
            place.map_or_else(|| assumed.clone(), |place| (place + 1).to_string())
        });
        loop {
            let prompt = language.of("Answer", "Réponse");
            match &assumed {
                Some(assumed) => write!(output, "{prompt} [{assumed}]: ")?,
                None => write!(output, "{prompt}: ")?,
            }
            output.flush()?;
            let mut line = String::new();
            if input.read_line(&mut line)? == 0 {
                let why = language.of("no answer was given", "aucune réponse n’a été donnée");
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
            }
            if let Some(answer) = answer(question, line.trim()) {
                answers.insert(question.id.clone(), answer);
                break;
            }
            let last = question.choices.len();
            writeln!(
                output,
                "{} 1–{last}.",
                language.of("Please choose a number, ", "Choisissez un numéro,")
            )?;
        }
    }
    Ok(())
}

/// What `written` answers: a number, the value of a choice, any text where there are no choices, what is assumed where it is
/// empty.
fn answer(question: &Question, written: &str) -> Option<String> {
    if written.is_empty() {
        return question.assumed.clone();
    }
    if question.choices.is_empty() {
        return Some(written.to_owned());
    }
    let by_value = question.choices.iter().find(|choice| choice.value == written);
    let by_number = || {
        let place = written.parse::<usize>().ok()?.checked_sub(1)?;
        question.choices.get(place)
    };
    by_value.or_else(by_number).map(|choice| choice.value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use script_client::script_api::Choice;

    fn question(id: &str, choices: &[&str], assumed: Option<&str>) -> Question {
        Question {
            id: id.to_owned(),
            column: None,
            text: format!("Which {id}?"),
            choices: choices
                .iter()
                .map(|value| Choice {
                    value: (*value).to_owned(),
                    text: format!("the one called {value}"),
                })
                .collect(),
            assumed: assumed.map(str::to_owned),
            option: format!("answers.{id}"),
        }
    }

    fn asked(questions: &[Question], written: &str) -> (io::Result<BTreeMap<String, String>>, String) {
        let mut answers = BTreeMap::new();
        let mut output = Vec::new();
        let done = ask(
            questions,
            Language::English,
            &mut answers,
            &mut written.as_bytes(),
            &mut output,
        );
        (done.map(|()| answers), String::from_utf8(output).unwrap())
    }

    #[test]
    fn a_number_a_value_or_nothing_answers() {
        let questions = [
            question("store", &["Lyon", "Paris"], None),
            question("taxes", &["included", "excluded"], Some("included")),
            question("mark", &["comma", "point"], None),
            question("name", &[], None),
        ];

        let (answers, output) = asked(&questions, "2\n\npoint\nMy shop\n");

        let answers = answers.unwrap();
        assert_eq!(answers["store"], "Paris");
        assert_eq!(answers["taxes"], "included");
        assert_eq!(answers["mark"], "point");
        assert_eq!(answers["name"], "My shop");
        assert!(output.contains("  2 the one called Paris"), "{output}");
        assert!(output.contains("Answer [1]: "), "{output}");
    }

    #[test]
    fn what_is_no_answer_is_asked_again_and_an_end_of_input_ends_it() {
        let questions = [question("store", &["Lyon", "Paris"], None)];

        let (answers, output) = asked(&questions, "\n3\nMarseille\n0\n1\n");
        assert_eq!(answers.unwrap()["store"], "Lyon");
        assert_eq!(output.matches("Please choose").count(), 4, "{output}");

        let (ended, _) = asked(&questions, "3\n");
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn without_a_terminal_each_open_question_names_its_options() {
        let questions = [
            question("store", &["Lyon", "Main shop", "L'Isle"], None),
            question("taxes", &["included", "excluded"], Some("included")),
        ];

        let told = Unanswered::of("till.csv", &questions).unwrap().to_string();

        assert!(told.contains("till.csv leaves a question open"), "{told}");
        assert!(
            told.contains("--answer store=Lyon  (the one called Lyon)"),
            "{told}"
        );
        assert!(told.contains("--answer 'store=Main shop'"), "{told}");
        assert!(told.contains("--answer 'store=L'\\''Isle'"), "{told}");
        assert!(!told.contains("taxes"), "{told}");
        assert!(Unanswered::of("till.csv", &questions[1..]).is_none());
    }

    #[test]
    fn the_environment_says_the_language() {
        assert_eq!(Language::named(Some("fr_FR.UTF-8")), Language::French);
        assert_eq!(Language::named(Some("C")), Language::English);
        assert_eq!(Language::named(None), Language::English);
    }
}
