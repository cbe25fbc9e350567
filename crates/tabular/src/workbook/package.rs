//! The parts of a workbook that is a zip file, each unpacked as it is read and never more than is allowed.

use crate::bytes::{self, Entry, SourceRead};
use quick_xml::events::{BytesRef, BytesStart, Event};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

/// How large a workbook may be, as packed, in bytes.
pub(crate) const MAX_BYTES: u64 = 64 << 20;
/// How much of one part is unpacked at most, in bytes.
const MAX_PART_BYTES: u64 = 2 << 30;
/// How long one tag or one text of XML may be, in bytes.
const MAX_TOKEN_BYTES: usize = 1 << 20;

/// A workbook whose parts are looked up by name.
#[derive(Debug)]
pub(crate) struct Package {
    source: Arc<Mutex<Box<dyn SourceRead>>>,
    entries: BTreeMap<String, Entry>,
}

/// How deep elements may stand in each other.
const MAX_DEPTH: usize = 256;

/// The XML of a part.
pub(crate) struct Xml {
    reader: quick_xml::Reader<Guarded>,
    depth: usize,
}

impl Xml {
    /// The next event, read into `buffer`.
    pub(crate) fn next<'b>(&mut self, buffer: &'b mut Vec<u8>) -> io::Result<Event<'b>> {
        buffer.clear();
        let event = self.reader.read_event_into(buffer).map_err(bad_xml)?;
        match event {
            Event::Start(_) => self.depth += 1,
            Event::End(_) => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if self.depth > MAX_DEPTH {
            return Err(broken(
                "the workbook is broken: its elements stand too deep in each other",
            ));
        }
        Ok(event)
    }
}

impl Package {
    /// Looks into `source`, a zip file.
    pub(crate) fn open(mut source: Box<dyn SourceRead>) -> io::Result<Self> {
        let bytes = source.seek(SeekFrom::End(0))?;
        if bytes > MAX_BYTES {
            return Err(too_large());
        }
        let entries = bytes::entries(source.as_mut())?;
        Ok(Self {
            source: Arc::new(Mutex::new(source)),
            entries: entries
                .into_iter()
                .map(|entry| (key(&entry.name), entry))
                .collect(),
        })
    }

    /// The bytes of the part `name`, unpacked as they are read.
    pub(crate) fn part(&self, name: &str) -> io::Result<Option<Box<dyn Read + Send>>> {
        let Some(entry) = self.entries.get(&key(name)) else {
            return Ok(None);
        };
        let member = entry.member()?;
        let packed = Packed {
            source: Arc::clone(&self.source),
            at: member.start,
            left: member.bytes,
        };
        let unpacked: Box<dyn Read + Send> = if member.deflated {
            Box::new(flate2::bufread::DeflateDecoder::new(BufReader::with_capacity(
                32 * 1024,
                packed,
            )))
        } else {
            Box::new(packed)
        };
        Ok(Some(Box::new(Limited {
            source: unpacked,
            left: MAX_PART_BYTES,
        })))
    }

    /// The XML of the part `name`.
    pub(crate) fn xml(&self, name: &str) -> io::Result<Option<Xml>> {
        let Some(part) = self.part(name)? else {
            return Ok(None);
        };
        let mut reader = quick_xml::Reader::from_reader(Guarded {
            source: BufReader::with_capacity(32 * 1024, part),
            token: 0,
        });
        reader.config_mut().expand_empty_elements = true;
        Ok(Some(Xml { reader, depth: 0 }))
    }
}

/// The name by which a part is found: writers do not agree on case and slashes.
fn key(name: &str) -> String {
    name.trim_start_matches('/')
        .replace('\\', "/")
        .to_ascii_lowercase()
}

fn too_large() -> io::Error {
    broken("a workbook may be at most 64 MiB, and 2 GiB unpacked; save the sheet as CSV")
}

/// What is wrong with a workbook.
pub(crate) fn broken(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

/// The packed bytes of one part.
struct Packed {
    source: Arc<Mutex<Box<dyn SourceRead>>>,
    at: u64,
    left: u64,
}

impl Read for Packed {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(output.len());
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        source.seek(SeekFrom::Start(self.at))?;
        let count = source.read(&mut output[..wanted])?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

/// Fails where more comes than is allowed.
struct Limited {
    source: Box<dyn Read + Send>,
    left: u64,
}

impl Read for Limited {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(output)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(too_large)?;
        Ok(count)
    }
}

/// XML that fails where a tag or a text is longer than is allowed, before it is in memory.
pub(crate) struct Guarded {
    source: BufReader<Box<dyn Read + Send>>,
    /// How many bytes came since the last tag began or ended.
    token: usize,
}

impl Read for Guarded {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(output.len());
        output[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Guarded {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.token > MAX_TOKEN_BYTES {
            return Err(broken("a text in the workbook is longer than 1 MiB"));
        }
        self.source.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        let passed = &self.source.buffer()[..count];
        self.token = match memchr::memrchr2(b'<', b'>', passed) {
            Some(at) => count - at,
            None => self.token + count,
        };
        self.source.consume(count);
    }
}

/// What is wrong with the XML of a workbook.
fn bad_xml(error: quick_xml::Error) -> io::Error {
    match error {
        quick_xml::Error::Io(error) => io::Error::new(error.kind(), error.to_string()),
        other => broken(format!("the workbook is broken: {other}")),
    }
}

/// The value of the attribute `name` of `tag`, whatever its prefix.
pub(crate) fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    tag.attributes()
        .with_checks(false)
        .flatten()
        .find_map(|attribute| {
            (attribute.key.local_name().as_ref() == name)
                .then(|| {
                    attribute
                        .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                        .ok()
                        .map(std::borrow::Cow::into_owned)
                })
                .flatten()
        })
}

/// Appends the character that `entity` stands for.
pub(crate) fn push_entity(entity: &BytesRef<'_>, text: &mut String) {
    if let Ok(Some(character)) = entity.resolve_char_ref() {
        text.push(character);
    } else if let Some(known) = quick_xml::escape::resolve_xml_entity(entity.as_ref()) {
        text.push_str(known);
    }
}
