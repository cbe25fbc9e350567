//! Pseudonyms of buyers: the same person has the same one wherever a file names them, and nobody without the key of the
//! service finds out who it is.

use super::Key;
use shop_exports::fold;

/// How long a pseudonym is, in hexadecimal digits.
const LENGTH: usize = 20;

/// Gives buyers their pseudonyms.
#[derive(Clone)]
pub(crate) struct Pseudonyms([u8; 32]);

impl Pseudonyms {
    pub(crate) fn new(key: &Key) -> Self {
        Self(key.derived("pseudonyms of buyers"))
    }

    /// The pseudonym of the `buyer` that is written so: case, accents and blanks do not matter.
    pub(crate) fn of(&self, buyer: &str) -> String {
        blake3::keyed_hash(&self.0, fold::key(buyer).as_bytes()).to_hex()[..LENGTH].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_same_person_has_the_same_pseudonym() {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::of(&Config::for_db("http://127.0.0.1:1", folder.path().to_owned())).unwrap();
        let pseudonyms = Pseudonyms::new(&key);

        assert_eq!(
            pseudonyms.of("Ann@Example.org "),
            pseudonyms.of("ann@example.org")
        );
        assert_ne!(
            pseudonyms.of("ann@example.org"),
            pseudonyms.of("anne@example.org")
        );
        assert!(!pseudonyms.of("ann@example.org").contains("ann"));
    }
}
