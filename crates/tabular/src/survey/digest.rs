//! What is learnt of a source's bytes as they pass: their digest, and whether they are UTF-8.

use crate::encoding::Utf8Census;
use std::io::{self, Read};
use std::sync::Arc;

/// Whether what was read so far is UTF-8.
pub(super) type SharedCensus = Arc<std::sync::Mutex<Utf8Census>>;

/// Passes bytes through and digests them.
pub(super) struct Hashing<R> {
    source: R,
    shared: Digest,
    utf8: Option<SharedCensus>,
}

#[derive(Clone)]
pub(super) struct Digest(Arc<std::sync::Mutex<blake3::Hasher>>);

impl Digest {
    pub(super) fn new() -> Self {
        Self(Arc::new(std::sync::Mutex::new(blake3::Hasher::new())))
    }

    pub(super) fn update(&self, bytes: &[u8]) {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .update(bytes);
    }

    pub(super) fn hex(&self) -> String {
        let hasher = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        hasher.finalize().to_hex().to_string()
    }
}

impl<R: Read> Hashing<R> {
    pub(super) fn new(source: R, utf8: Option<SharedCensus>) -> (Self, Digest) {
        let shared = Digest::new();
        (
            Self {
                source,
                shared: shared.clone(),
                utf8,
            },
            shared,
        )
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(output)?;
        self.shared.update(&output[..count]);
        if let Some(utf8) = &self.utf8 {
            utf8.lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .feed(&output[..count]);
        }
        Ok(count)
    }
}
