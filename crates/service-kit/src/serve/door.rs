//! How many connections there may be, in all and from one address.

use crate::service::Limits;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts connections and lets no more in than the limits allow.
#[derive(Debug)]
pub(super) struct Door {
    in_all: usize,
    per_address: usize,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    in_all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection that was let in; it counts until this is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    door: Arc<Door>,
    address: IpAddr,
}

impl Door {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            in_all: limits.connections,
            per_address: limits.connections_per_address,
            inside: Mutex::default(),
        })
    }

    /// Lets a connection from `address` in, as [`caller`] counts it. `Err` names the limit that is reached.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Admitted, String> {
        let mut inside = self.inside();
        if inside.in_all >= self.in_all {
            return Err(format!("{} connections are open (max_connections)", self.in_all));
        }
        let from_there = inside.by_address.entry(address).or_default();
        if *from_there >= self.per_address {
            return Err(format!(
                "{} connections from your address are open (max_connections_per_address)",
                self.per_address
            ));
        }
        *from_there += 1;
        inside.in_all += 1;
        drop(inside);
        Ok(Admitted {
            door: Arc::clone(self),
            address,
        })
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut inside = self.door.inside();
        inside.in_all -= 1;
        if let Entry::Occupied(mut from_there) = inside.by_address.entry(self.address) {
            *from_there.get_mut() -= 1;
            if *from_there.get() == 0 {
                from_there.remove();
            }
        }
    }
}

/// Whom `address` stands for: one machine of IPv6 has all addresses of its /64.
pub(super) fn caller(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(in_all: usize, per_address: usize) -> Arc<Door> {
        Arc::new(Door {
            in_all,
            per_address,
            inside: Mutex::default(),
        })
    }

    fn address(text: &str) -> IpAddr {
        caller(text.parse().unwrap())
    }

    #[test]
    fn one_address_cannot_take_the_places_of_all() {
        let door = door(3, 2);
        let first = door.admit(address("192.0.2.1")).unwrap();
        let _second = door.admit(address("192.0.2.1")).unwrap();

        let third = door.admit(address("192.0.2.1")).unwrap_err();
        let _other = door.admit(address("192.0.2.2")).unwrap();
        let last = door.admit(address("192.0.2.3")).unwrap_err();

        assert!(third.contains("2 connections from your address"), "{third}");
        assert!(
            last.contains("3 connections are open (max_connections)"),
            "{last}"
        );
        drop(first);
        assert!(door.admit(address("192.0.2.1")).is_ok());
    }

    #[test]
    fn addresses_of_one_machine_are_one() {
        let door = door(9, 1);
        let _four = door.admit(address("192.0.2.1")).unwrap();
        let _six = door.admit(address("2001:db8::1")).unwrap();

        assert!(door.admit(address("::ffff:192.0.2.1")).is_err());
        assert!(door.admit(address("2001:db8::2")).is_err());
        assert!(door.admit(address("2001:db8:0:1::2")).is_ok());
    }

    #[test]
    fn nothing_is_kept_of_those_who_left() {
        let door = door(9, 9);

        drop(door.admit(address("192.0.2.1")).unwrap());

        let inside = door.inside();
        assert_eq!((inside.in_all, inside.by_address.len()), (0, 0));
    }
}
