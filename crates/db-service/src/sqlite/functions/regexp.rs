//! `text REGEXP pattern`, which SQLite names and does not have.

use super::{Steps, fault, flags};
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::{Anchored, Input};
use rusqlite::functions::Context;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};
use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

/// How large a compiled regular expression may be, in bytes.
const LARGEST_REGEX: usize = 1 << 20;
/// How many states may meet how many bytes of a text that the fast way cannot read.
const LONGEST_SLOW_SEARCH: usize = 100_000_000;
/// How many bytes are read between two looks: each may take as long as the pattern is large.
const BYTES_BETWEEN_LOOKS: usize = 1_024;

pub(super) fn add(conn: &Connection) -> Result<()> {
    conn.create_scalar_function("regexp", 2, flags(), regexp)
}

/// A compiled pattern.
struct Pattern {
    dfa: DFA,
    cache: Mutex<Cache>,
}

/// `regexp(pattern, text)`: whether the pattern matches anywhere. The pattern is compiled once for a statement.
fn regexp(context: &Context<'_>) -> Result<Option<bool>> {
    let text = match context.get_raw(1) {
        ValueRef::Null => return Ok(None),
        ValueRef::Text(text) => String::from_utf8_lossy(text),
        ValueRef::Integer(number) => Cow::Owned(number.to_string()),
        ValueRef::Real(number) => Cow::Owned(number.to_string()),
        ValueRef::Blob(_) => return Err(fault("REGEXP takes texts, not blobs")),
    };
    if context.get_raw(0) == ValueRef::Null {
        return Ok(None);
    }
    let pattern = context.get_or_create_aux(0, |pattern| -> Result<Pattern> {
        let pattern = pattern
            .as_str()
            .map_err(|_| fault("a pattern of REGEXP is a text"))?;
        Pattern::compile(pattern)
    })?;
    pattern.matches(text.as_bytes()).map(Some)
}

impl Pattern {
    fn compile(pattern: &str) -> Result<Self> {
        let dfa = DFA::builder()
            .thompson(
                thompson::Config::new()
                    .nfa_size_limit(Some(LARGEST_REGEX))
                    .which_captures(WhichCaptures::None),
            )
            .configure(
                DFA::config()
                    .unicode_word_boundary(true)
                    .skip_cache_capacity_check(true),
            )
            .build(pattern)
            .map_err(|why| fault(format!("REGEXP: {}", root(&why))))?;
        let cache = Mutex::new(dfa.create_cache());
        Ok(Self { dfa, cache })
    }

    /// Whether it matches anywhere. The text is read byte by byte here, and not by a search of the library, so that the
    /// statement can be stopped in the midst of it.
    fn matches(&self, text: &[u8]) -> Result<bool> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let cache = &mut *cache;
        let input = Input::new(text).anchored(Anchored::No);
        let Ok(mut state) = self.dfa.start_state_forward(cache, &input) else {
            return self.matches_slowly(text);
        };
        let mut steps = Steps::default();
        for (at, byte) in text.iter().enumerate() {
            let Ok(next) = self.dfa.next_state(cache, state, *byte) else {
                return self.matches_slowly(text);
            };
            state = next;
            if state.is_tagged() {
                if state.is_match() {
                    return Ok(true);
                }
                if state.is_dead() {
                    return Ok(false);
                }
                if state.is_quit() {
                    return self.matches_slowly(text);
                }
            }
            if at % BYTES_BETWEEN_LOOKS == BYTES_BETWEEN_LOOKS - 1 {
                steps.take(super::STEPS_BETWEEN_LOOKS)?;
            }
        }
        match self.dfa.next_eoi_state(cache, state) {
            Ok(state) => Ok(state.is_match()),
            Err(_) => self.matches_slowly(text),
        }
    }

    /// The same for what the fast way cannot tell: the bounds of words next to letters outside of ASCII.
    fn matches_slowly(&self, text: &[u8]) -> Result<bool> {
        let states = self.dfa.get_nfa().states().len();
        if states.saturating_mul(text.len()) > LONGEST_SLOW_SEARCH {
            return Err(fault(format!(
                "REGEXP: a text of {} bytes is too long for a pattern with the bounds of words (\\b) in letters outside \
                 of ASCII; write (?-u:\\b)",
                text.len()
            )));
        }
        let machine = PikeVM::new_from_nfa(self.dfa.get_nfa().clone())
            .map_err(|why| fault(format!("REGEXP: {why}")))?;
        Ok(machine.is_match(&mut machine.create_cache(), text))
    }
}

/// What an error comes from, which says it best.
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn bounds_of_words_are_told_in_every_language() {
        for (pattern, text, matches) in [
            (r"\bété\b", "un été froid", true),
            (r"\bté\b", "un été froid", false),
            (r"^\w+$", "été", true),
            (r"(?i)ÉTÉ", "un été", true),
            (r"a$", "ba", true),
            ("", "", true),
            (r"^$", "a", false),
        ] {
            let found = Pattern::compile(pattern).and_then(|pattern| pattern.matches(text.as_bytes()));
            assert_eq!(found.ok(), Some(matches), "{text} {pattern}");
        }
    }
}
