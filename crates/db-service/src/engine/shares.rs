//! What one caller may take of what all callers share.
//!
//! A caller is counted twice: by its token, and by the address that it comes from. Neither takes more than its share, so
//! that something is left for the others.

use super::EngineError;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who counts as one caller: whoever has its token, and whoever comes from its address. The service itself is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Party {
    token: Option<u64>,
    address: Option<IpAddr>,
}

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Token(u64),
    Address(IpAddr),
}

impl Party {
    /// The holder of a token of this name who comes from `address`.
    pub(crate) fn new(token: Option<&str>, address: Option<IpAddr>) -> Self {
        let token = token.map(|name| {
            let mut hasher = DefaultHasher::new();
            name.hash(&mut hasher);
            hasher.finish()
        });
        Self { token, address }
    }

    /// Whether the two share their token or their address.
    pub(crate) fn meets(self, other: Self) -> bool {
        let same_token = self.token.is_some() && self.token == other.token;
        same_token || self.address.is_some() && self.address == other.address
    }

    fn keys(self) -> impl Iterator<Item = Key> {
        let token = self.token.map(Key::Token);
        token.into_iter().chain(self.address.map(Key::Address))
    }
}

/// What there is of something, and who has how much of it.
#[derive(Debug)]
pub(crate) struct Shares {
    /// What it is, in words that follow a number.
    what: &'static str,
    /// The name of the limit.
    limit: &'static str,
    most: u64,
    most_of_one: u64,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: u64,
    by: HashMap<Key, u64>,
}

/// What a caller has taken, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    of: Arc<Shares>,
    party: Party,
    amount: u64,
}

/// Why there is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// Everything is taken.
    ForAll,
    /// The caller has its share.
    ForOne,
}

impl Shares {
    /// `most` of `what`, of which one caller gets `percent`, rounded up; `limit` is the name of the setting that says how many there
    /// are.
    pub(crate) fn new(what: &'static str, limit: &'static str, most: u64, percent: u64) -> Arc<Self> {
        let of_one = (u128::from(most) * u128::from(percent)).div_ceil(100);
        Arc::new(Self {
            what,
            limit,
            most,
            most_of_one: u64::try_from(of_one).unwrap_or(u64::MAX),
            taken: Mutex::default(),
        })
    }

    /// Takes `amount` for `party`.
    pub(crate) fn take(self: &Arc<Self>, party: Party, amount: u64) -> Result<Share, Full> {
        let mut share = Share {
            of: Arc::clone(self),
            party,
            amount: 0,
        };
        share.grow(amount)?;
        Ok(share)
    }

    /// How much is taken in all.
    pub(crate) fn taken(&self) -> u64 {
        self.lock().in_all
    }

    /// The words for a refusal.
    pub(crate) fn why(&self, full: Full) -> String {
        let Self { what, limit, .. } = self;
        match full {
            Full::ForAll => format!("{} {what} already ({limit})", self.most),
            Full::ForOne => format!(
                "{} {what} already for your token or from your address, its share of {} ({limit}, caller_share_percent)",
                self.most_of_one, self.most
            ),
        }
    }

    /// The error for a refusal that passes by itself.
    pub(crate) fn refusal(&self, full: Full) -> EngineError {
        EngineError::Overloaded(self.why(full))
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Takes `amount` more.
    pub(crate) fn grow(&mut self, amount: u64) -> Result<(), Full> {
        let mut taken = self.of.lock();
        if taken.in_all.saturating_add(amount) > self.of.most {
            return Err(Full::ForAll);
        }
        let has = |key: Key| taken.by.get(&key).copied().unwrap_or_default();
        if self
            .party
            .keys()
            .any(|key| has(key).saturating_add(amount) > self.of.most_of_one)
        {
            return Err(Full::ForOne);
        }
        taken.in_all += amount;
        for key in self.party.keys() {
            *taken.by.entry(key).or_default() += amount;
        }
        self.amount += amount;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.of.lock();
        taken.in_all -= self.amount;
        for key in self.party.keys() {
            if let Entry::Occupied(mut by) = taken.by.entry(key) {
                *by.get_mut() -= self.amount;
                if *by.get() == 0 {
                    by.remove();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(token: Option<&str>, address: &str) -> Party {
        Party::new(token, Some(address.parse().unwrap()))
    }

    #[test]
    fn one_caller_takes_its_share_and_others_the_rest() {
        let shares = Shares::new("things are open", "max_things", 4, 75);
        let one = from(None, "192.0.2.1");
        let held: Vec<Share> = (0..3).map(|_| shares.take(one, 1).unwrap()).collect();

        let beyond = shares.take(one, 1).unwrap_err();
        let other = shares.take(from(None, "192.0.2.2"), 1).unwrap();
        let last = shares.take(from(None, "192.0.2.3"), 1).unwrap_err();

        assert_eq!((beyond, last), (Full::ForOne, Full::ForAll));
        assert!(shares.why(beyond).contains("(max_things, caller_share_percent)"));
        assert!(shares.why(last).contains("(max_things)"));
        drop((held, other));
        assert_eq!((shares.taken(), shares.lock().by.len()), (0, 0));
    }

    #[test]
    fn a_token_is_counted_wherever_it_comes_from_and_an_address_whatever_it_shows() {
        let shares = Shares::new("things are open", "max_things", 4, 50);
        let _a = shares.take(from(Some("a"), "192.0.2.1"), 1).unwrap();
        let _b = shares.take(from(Some("a"), "192.0.2.2"), 1).unwrap();

        assert!(shares.take(from(Some("a"), "192.0.2.3"), 1).is_err());
        let _c = shares.take(from(Some("b"), "192.0.2.1"), 1).unwrap();
        assert!(shares.take(from(Some("c"), "192.0.2.1"), 1).is_err());
        assert!(
            shares.take(Party::default(), 1).is_ok(),
            "the service itself has no share"
        );
    }

    #[test]
    fn what_does_not_fit_takes_nothing() {
        let shares = Shares::new("bytes are kept", "max_bytes", 100, 75);
        let mut share = shares.take(from(None, "192.0.2.1"), 70).unwrap();

        assert_eq!(share.grow(6), Err(Full::ForOne));
        assert_eq!(share.grow(31), Err(Full::ForAll));
        assert_eq!(shares.taken(), 70);
        share.grow(5).unwrap();
        assert_eq!(shares.taken(), 75);
    }

    #[test]
    fn a_share_is_rounded_up() {
        let shares = Shares::new("things are open", "max_things", 1, 1);

        assert!(shares.take(from(None, "192.0.2.1"), 1).is_ok());
    }
}
