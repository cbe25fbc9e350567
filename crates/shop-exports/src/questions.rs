//! What a file leaves open, as data: a page and a terminal ask it alike.

use serde::{Deserialize, Serialize};

/// A text for people, in both languages of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// English.
    pub en: String,
    /// French.
    pub fr: String,
}

impl Text {
    pub(crate) fn new(en: impl Into<String>, fr: impl Into<String>) -> Self {
        Self {
            en: en.into(),
            fr: fr.into(),
        }
    }
}

/// One answer that may be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What to answer.
    pub value: String,
    /// What that means.
    pub text: Text,
}

impl Choice {
    pub(crate) fn new(value: impl Into<String>, en: impl Into<String>, fr: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            text: Text::new(en, fr),
        }
    }
}

/// A question that a file leaves open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Its name: the member of the option `answers` that settles it.
    pub id: String,
    /// What is asked.
    pub text: Text,
    /// What may be answered; any text where there are none.
    pub choices: Vec<Choice>,
    /// What is taken without an answer; an import refuses a file with a question that has none.
    pub assumed: Option<String>,
}

/// Something that was decided about a file, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What it is about: `amount`, `store`, `keys`.
    pub about: String,
    /// What was decided, in words.
    pub text: String,
}

/// The answers that a request gives, and what became of the questions.
#[derive(Debug, Default)]
pub(crate) struct Asking<'a> {
    answers: Option<&'a std::collections::BTreeMap<String, String>>,
    pub open: Vec<Question>,
    pub decisions: Vec<Decision>,
}

impl<'a> Asking<'a> {
    pub(crate) fn new(answers: &'a std::collections::BTreeMap<String, String>) -> Self {
        Self {
            answers: Some(answers),
            ..Self::default()
        }
    }

    /// The answer to `question`: given, else assumed. One that is not answered with one of its choices stays
    /// open; one that was answered is asked no more.
    pub(crate) fn ask(&mut self, question: Question) -> Option<String> {
        let answer = self.answers.and_then(|answers| answers.get(&question.id));
        if let Some(answer) = answer
            && (question.choices.is_empty() || question.choices.iter().any(|choice| choice.value == *answer))
        {
            self.decide(&question.id, format!("`{answer}`, as answered"));
            return Some(answer.clone());
        }
        let assumed = question.assumed.clone();
        self.open.push(question);
        assumed
    }

    /// What the request answers to `id`, asked or not.
    pub(crate) fn answer(&self, id: &str) -> Option<&'a str> {
        self.answers
            .and_then(|answers| answers.get(id))
            .map(String::as_str)
    }

    pub(crate) fn decide(&mut self, about: &str, text: impl Into<String>) {
        self.decisions.push(Decision {
            about: about.to_owned(),
            text: text.into(),
        });
    }
}
