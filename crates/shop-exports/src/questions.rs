//! What a file leaves open, as data: a page and a terminal ask it alike.

pub use tabular::Text;

/// One answer that may be given.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What it is about: `amount`, `store`, `keys`.
    pub about: String,
    /// What was decided, in words.
    pub text: Text,
}

/// The answers that a request gives, and what became of the questions.
#[derive(Debug, Default)]
pub(crate) struct Asking<'a> {
    answers: Option<&'a std::collections::BTreeMap<String, String>>,
    pub open: Vec<Question>,
    pub decisions: Vec<Decision>,
    /// Whether amounts so far are without taxes.
    pub prefers_untaxed: bool,
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
            self.decide(
                &question.id,
                format!("`{answer}`, as answered"),
                format!("`{answer}`, selon la réponse"),
            );
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

    /// What is assumed where a file has amounts with taxes and without: what there is already.
    pub(crate) fn assumed_taxes(&self) -> String {
        if self.prefers_untaxed {
            "excluded"
        } else {
            "included"
        }
        .to_owned()
    }

    /// Says what was decided `about` something: `en` in English, `fr` in French.
    pub(crate) fn decide(&mut self, about: &str, en: impl Into<String>, fr: impl Into<String>) {
        self.decisions.push(Decision {
            about: about.to_owned(),
            text: Text::new(en, fr),
        });
    }
}
