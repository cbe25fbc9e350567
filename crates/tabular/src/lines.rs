//! A window over a stream of bytes that grows until what is looked for is inside it.

use std::io::{self, Read};

/// Longest record that is read as one, in bytes.
pub(crate) const MAX_RECORD_BYTES: usize = 1 << 20;
/// How much is read at once, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// Unread bytes of a stream, with the line and offset where they begin.
#[derive(Debug)]
pub(crate) struct ByteWindow<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    /// The physical line of the first unread byte, the first being 1.
    pub(crate) line: u64,
    /// The offset of the first unread byte.
    pub(crate) offset: u64,
}

impl<R: Read> ByteWindow<R> {
    /// A window at the beginning of `reader`.
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: vec![0; 2 * READ_BYTES],
            start: 0,
            end: 0,
            at_end: false,
            line: 1,
            offset: 0,
        }
    }

    /// The unread bytes that are there.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Whether nothing comes after [`Self::bytes`].
    pub(crate) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Reads more; whether anything came.
    pub(crate) fn fill(&mut self) -> io::Result<bool> {
        if self.at_end {
            return Ok(false);
        }
        if self.start > 0 && self.buffer.len() - self.end < READ_BYTES {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.end < READ_BYTES {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.at_end = true;
                    return Ok(false);
                }
                Ok(count) => {
                    self.end += count;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Marks `count` bytes as read, `lines` line breaks among them.
    pub(crate) fn consume(&mut self, count: usize, lines: u64) {
        self.start += count;
        self.offset += count as u64;
        self.line += lines;
    }

    /// The length of the line at the window's beginning, its `terminator` not counted, and whether one was
    /// found: the last line may lack it. `None` at the end of the stream.
    pub(crate) fn line(&mut self, terminator: u8) -> io::Result<Option<(usize, bool)>> {
        let mut searched = 0;
        loop {
            if let Some(found) = memchr::memchr(terminator, &self.bytes()[searched..]) {
                return Ok(Some((searched + found, true)));
            }
            searched = self.bytes().len();
            if searched > MAX_RECORD_BYTES {
                return Ok(Some((searched, false)));
            }
            if !self.fill()? {
                return Ok((searched > 0).then_some((searched, false)));
            }
        }
    }
}
