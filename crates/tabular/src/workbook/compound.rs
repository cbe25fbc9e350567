//! The streams of a compound file, in which Office kept its documents until 2003 and keeps those with a password.
//!
//! Tolerant where writers are careless: tables longer than the file, lengths of no meaning. Chains that run in
//! circles or out of the file end where they do.

use super::package::broken;
use crate::bytes::SourceRead;
use std::collections::BTreeMap;
use std::io::{self, Read as _, SeekFrom};

/// The end of a chain of sectors; numbers from here on are no sectors.
const NO_SECTOR: u32 = 0xffff_fffa;
/// How long a stream is that stands in small sectors, at most.
const SMALL_BYTES: u64 = 4096;
const SMALL_SECTOR_BYTES: u64 = 64;
const ENTRY_BYTES: usize = 128;

/// A compound file.
pub(super) struct Compound {
    source: Box<dyn SourceRead>,
    sector_bytes: u64,
    /// For each sector the next of its chain.
    next: Vec<u32>,
    small_next: Vec<u32>,
    /// What holds the small sectors.
    small: Vec<u8>,
    /// Of each stream its first sector and its length.
    streams: BTreeMap<String, (u32, u64)>,
}

impl Compound {
    /// Looks into `source`, which may be `max_bytes` long.
    pub(super) fn open(mut source: Box<dyn SourceRead>, max_bytes: u64) -> io::Result<Self> {
        let length = source.seek(SeekFrom::End(0))?;
        if length > max_bytes {
            return Err(broken(
                "a workbook of Excel 97 (.xls) may be at most 32 MiB; save it as .xlsx or CSV",
            ));
        }
        source.rewind()?;
        let mut header = [0_u8; 512];
        source.read_exact(&mut header).map_err(|_| cut_off())?;
        let shift = u16::from_le_bytes([header[30], header[31]]);
        if !matches!(shift, 9 | 12) {
            return Err(cut_off());
        }
        let sector_bytes = 1_u64 << shift;
        let mut file = Self {
            source,
            sector_bytes,
            next: Vec::new(),
            small_next: Vec::new(),
            small: Vec::new(),
            streams: BTreeMap::new(),
        };
        let sectors = usize::try_from(length / sector_bytes).unwrap_or(usize::MAX);
        // The sectors of the table of sectors: 109 in the header, others in a chain of their own.
        let mut tables: Vec<u32> = words(&header[76..]).collect();
        let mut more = word(&header, 68);
        for _ in 0..=sectors {
            if more >= NO_SECTOR {
                break;
            }
            let mut listed: Vec<u32> = words(&file.sector(more)?).collect();
            more = listed.pop().unwrap_or(NO_SECTOR);
            tables.extend(listed);
        }
        for table in tables.into_iter().filter(|table| *table < NO_SECTOR) {
            if file.next.len() > sectors {
                break;
            }
            let entries = file.sector(table)?;
            file.next.extend(words(&entries));
        }
        let directory = file.chain(word(&header, 48), max_bytes)?;
        let small_table = file.chain(word(&header, 60), max_bytes)?;
        file.small_next = words(&small_table).collect();
        for (index, entry) in directory.chunks_exact(ENTRY_BYTES).enumerate() {
            let start = word(entry, 116);
            let bytes = u64::from(word(entry, 120));
            let length = usize::from(u16::from_le_bytes([entry[64], entry[65]])).min(64);
            let units: Vec<u16> = entry[..length.saturating_sub(2)]
                .chunks_exact(2)
                .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                .collect();
            match entry[66] {
                _ if index == 0 => file.small = file.chain(start, bytes)?,
                2 => {
                    file.streams
                        .insert(String::from_utf16_lossy(&units), (start, bytes));
                }
                _ => {}
            }
        }
        Ok(file)
    }

    /// Whether there is a stream `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.streams.contains_key(name)
    }

    /// The stream `name`.
    pub(super) fn stream(&mut self, name: &str) -> io::Result<Vec<u8>> {
        let &(start, bytes) = self.streams.get(name).ok_or_else(cut_off)?;
        if bytes >= SMALL_BYTES {
            return self.chain(start, bytes);
        }
        let mut stream = Vec::new();
        let mut sector = start;
        for _ in 0..=self.small_next.len() {
            if sector >= NO_SECTOR || stream.len() as u64 >= bytes {
                break;
            }
            let from = usize::try_from(u64::from(sector) * SMALL_SECTOR_BYTES).unwrap_or(usize::MAX);
            let part = self.small.get(from..).unwrap_or_default();
            stream.extend_from_slice(&part[..part.len().min(64)]);
            sector = following(&self.small_next, sector);
        }
        stream.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
        Ok(stream)
    }

    /// Sector `number`; what the file lacks of it is missing.
    fn sector(&mut self, number: u32) -> io::Result<Vec<u8>> {
        let at = (u64::from(number) + 1) * self.sector_bytes;
        self.source.seek(SeekFrom::Start(at))?;
        let mut sector = Vec::new();
        (&mut self.source)
            .take(self.sector_bytes)
            .read_to_end(&mut sector)?;
        Ok(sector)
    }

    /// The sectors from `start` on, up to `bytes`.
    fn chain(&mut self, start: u32, bytes: u64) -> io::Result<Vec<u8>> {
        let mut found = Vec::new();
        let mut sector = start;
        for _ in 0..=self.next.len() {
            if sector >= NO_SECTOR || found.len() as u64 >= bytes {
                break;
            }
            let part = self.sector(sector)?;
            if part.is_empty() {
                break;
            }
            found.extend_from_slice(&part);
            sector = following(&self.next, sector);
        }
        found.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
        Ok(found)
    }
}

/// The sector that follows `sector` in its chain.
fn following(next: &[u32], sector: u32) -> u32 {
    usize::try_from(sector)
        .ok()
        .and_then(|sector| next.get(sector))
        .copied()
        .unwrap_or(NO_SECTOR)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).map(|four| word(four, 0))
}

fn cut_off() -> io::Error {
    broken("the workbook is broken: it is cut off")
}
