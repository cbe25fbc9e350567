//! Answers that are kept until they are sent, counted as memory of the process.

use crate::engine::EngineError;
use bytes::Bytes;
use sqlite_budget::{Charge, Refusal};
use std::ops::{Deref, DerefMut};

/// Shorter answers are not counted, in bytes.
const SMALL: usize = 64 << 10;

/// The bytes of an answer. They count for the statement that writes them, and for the process until they are sent.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    bytes: Vec<u8>,
    charge: Charge,
}

impl Kept {
    /// None yet.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self::from(Vec::with_capacity(bytes))
    }

    /// Counts what was written since; fails when it is more than the statement or the process may keep.
    pub(crate) fn count(&mut self) -> Result<(), EngineError> {
        if self.bytes.len() <= SMALL {
            return Ok(());
        }
        match self.charge.cover(self.bytes.capacity()) {
            // It is stopped where the statement goes on.
            Ok(()) | Err(Refusal::Stopped) => Ok(()),
            Err(refusal) => Err(EngineError::out_of_memory(refusal)),
        }
    }
}

impl From<Vec<u8>> for Kept {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            charge: Charge::default(),
        }
    }
}

impl Deref for Kept {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Kept {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<Kept> for Bytes {
    fn from(kept: Kept) -> Self {
        if kept.bytes.len() <= SMALL {
            return Self::from(kept.bytes);
        }
        Self::from_owner(kept)
    }
}
