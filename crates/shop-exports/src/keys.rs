//! What makes a line the same line when its file comes again.
//!
//! A file without ids is the normal case. Its lines are told apart by what they say, as a bag: equal lines are
//! numbered in the order in which they come, so the second of two coffees is the same second coffee in every
//! file that holds both.

use std::collections::{HashMap, HashSet};

/// How many bits remember which digests came before: 16 MiB.
const BITS: u64 = 1 << 27;

/// A digest of what a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest(blake3::Hash);

/// Takes parts one by one into a digest; what stands between parts is never part of one.
pub(crate) struct Digesting(blake3::Hasher);

impl Digesting {
    pub(crate) fn new(kind: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(kind.as_bytes());
        Self(hasher)
    }

    pub(crate) fn part(&mut self, part: &str) {
        self.0.update(&[0x1f]);
        self.0.update(part.as_bytes());
    }

    pub(crate) fn number(&mut self, number: Option<i64>) {
        self.0.update(&[0x1e]);
        if let Some(number) = number {
            self.0.update(&number.to_le_bytes());
        }
    }

    pub(crate) fn finish(&self) -> Digest {
        Digest(self.0.finalize())
    }
}

impl Digest {
    fn short(self) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.0.as_bytes()[..8]);
        u64::from_le_bytes(bytes)
    }

    /// The key of the `occurrence`th line with this digest: 24 hexadecimal digits.
    pub(crate) fn key(self, occurrence: u32) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.0.as_bytes());
        hasher.update(&occurrence.to_le_bytes());
        hasher.finalize().to_hex()[..24].to_owned()
    }
}

/// Which lines of a file may be equal to an earlier one, found in a pass before: exact for those that are, and
/// small, since most lines are not.
#[derive(Debug, Clone, Default)]
pub struct Repeats {
    bits: Vec<u64>,
    twice: HashSet<u64>,
}

impl Repeats {
    pub(crate) fn note(&mut self, digest: Digest) {
        if self.bits.is_empty() {
            self.bits = vec![0; usize::try_from(BITS / 64).unwrap_or_default()];
        }
        let digest = digest.short();
        let mut seen = true;
        for place in [digest % BITS, (digest >> 32) % BITS] {
            let word = usize::try_from(place / 64).unwrap_or_default();
            let bit = 1_u64 << (place % 64);
            seen &= self.bits[word] & bit != 0;
            self.bits[word] |= bit;
        }
        if seen {
            self.twice.insert(digest);
        }
    }

    /// Frees what was only needed to find them.
    #[must_use]
    pub fn found(mut self) -> Self {
        self.bits = Vec::new();
        self
    }
}

/// Numbers equal lines in the order in which they come.
#[derive(Debug, Default)]
pub(crate) struct Occurrences {
    repeats: Repeats,
    counts: HashMap<u64, u32>,
}

impl Occurrences {
    pub(crate) fn new(repeats: Repeats) -> Self {
        Self {
            repeats,
            counts: HashMap::new(),
        }
    }

    /// The number of a line with this digest; the first is 1.
    pub(crate) fn next(&mut self, digest: Digest) -> u32 {
        let digest = digest.short();
        if !self.repeats.twice.contains(&digest) {
            return 1;
        }
        let count = self.counts.entry(digest).or_default();
        *count += 1;
        *count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(lines: &[u8]) -> Vec<String> {
        let digest = |line: &u8| {
            let mut digesting = Digesting::new("test");
            digesting.number(Some(i64::from(*line)));
            digesting.finish()
        };
        let mut repeats = Repeats::default();
        for line in lines {
            repeats.note(digest(line));
        }
        let mut occurrences = Occurrences::new(repeats.found());
        lines
            .iter()
            .map(|line| {
                let digest = digest(line);
                digest.key(occurrences.next(digest))
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn keys_are_those_of_a_bag(first in prop::collection::vec(0_u8..6, 0..12), second in prop::collection::vec(0_u8..6, 0..12)) {
            let mut stored: HashSet<String> = keys(&first).into_iter().collect();
            prop_assert_eq!(stored.len(), first.len(), "equal lines of one file are all kept");

            let added = keys(&second).into_iter().filter(|key| stored.insert(key.clone())).count();

            let count = |lines: &[u8]| {
                let mut counts = [0_usize; 6];
                for line in lines {
                    counts[usize::from(*line)] += 1;
                }
                counts
            };
            let (before, after) = (count(&first), count(&second));
            let expected: usize = (0..6).map(|line| after[line].saturating_sub(before[line])).sum();
            prop_assert_eq!(added, expected);
        }
    }
}
