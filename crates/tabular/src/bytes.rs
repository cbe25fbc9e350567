//! The bytes of a source: compression taken off, progress counted.

use crate::magic::Foreign;
use std::io::{self, BufReader, Read, Seek};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A source that can be read from its beginning as often as needed.
pub trait SourceRead: Read + Seek + Send {}

impl std::fmt::Debug for dyn SourceRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SourceRead")
    }
}

impl<T: Read + Seek + Send> SourceRead for T {}

/// How a source is packed, told by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// zip; spreadsheets are zip files too.
    Zip,
}

impl Packing {
    /// The packing that `head`, the first bytes of a source, belongs to.
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            _ => Self::Plain,
        }
    }

    /// The name in reports; `None` for plain bytes.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
            Self::Zip => Some("zip"),
        }
    }
}

/// What a zip file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Archive {
    /// A workbook of Excel.
    Xlsx,
    /// A workbook of Excel in its binary form.
    Xlsb,
    /// A workbook in the `OpenDocument` format.
    Ods,
    /// One packed file that may be a table, and the names of the others.
    One(Member, Vec<String>),
    /// None, or several files: nobody says which one is meant. Their names.
    Many(Vec<String>),
    /// Something else that is a zip file, and what to do about it.
    Foreign(Foreign),
}

/// Where the one file of an archive stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    pub(crate) start: u64,
    pub(crate) bytes: u64,
    pub(crate) deflated: bool,
}

/// A file of an archive.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub name: String,
    /// Where it stands, or why it cannot be unpacked.
    place: Result<Member, String>,
}

impl Entry {
    /// Where it stands.
    pub(crate) fn member(&self) -> io::Result<Member> {
        self.place
            .clone()
            .map_err(|why| io::Error::new(io::ErrorKind::Unsupported, why))
    }
}

/// How far back Zstandard may refer, as a power of two of bytes: what is unpacked last is held so far, 64 MiB.
const MAX_WINDOW_LOG: u32 = 26;
/// How many files an archive may hold.
const MAX_ENTRIES: u64 = 10_000;
/// How long the list of an archive's files may be, in bytes.
const MAX_DIRECTORY_BYTES: u64 = 4 << 20;

/// The files of the zip file `source`.
pub(crate) fn entries(source: &mut dyn SourceRead) -> io::Result<Vec<Entry>> {
    check_directory(source)?;
    let broken = |error: zip::result::ZipError| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("the archive or workbook is broken: {error}"),
        )
    };
    source.rewind()?;
    let mut archive = zip::ZipArchive::new(&mut *source).map_err(broken)?;
    let mut entries = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index).map_err(broken)?;
        let name = file.name().map_err(broken)?.into_owned();
        let place = if file.encrypted() {
            Err("the archive is protected by a password".to_owned())
        } else {
            match (file.compression(), file.data_start()) {
                (_, None) => Err("the archive is broken".to_owned()),
                (zip::CompressionMethod::Stored, Some(start)) => Ok((start, false)),
                (zip::CompressionMethod::DEFLATE, Some(start)) => Ok((start, true)),
                (other, _) => Err(format!("the archive is packed by {other}, which is not read")),
            }
        };
        entries.push(Entry {
            name,
            place: place.map(|(start, deflated)| Member {
                start,
                bytes: file.compressed_size(),
                deflated,
            }),
        });
    }
    Ok(entries)
}

/// Refuses an archive whose list of files would take much memory, before it is read.
fn check_directory(source: &mut dyn SourceRead) -> io::Result<()> {
    /// The end of the list, as it stands at the end of the file before a comment of up to 64 KiB.
    const END: &[u8] = b"PK\x05\x06";
    const WIDE_END: &[u8] = b"PK\x06\x06";
    let length = source.seek(io::SeekFrom::End(0))?;
    let from = length.saturating_sub(66 * 1024);
    source.seek(io::SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    source.take(66 * 1024).read_to_end(&mut tail)?;
    let number = |at: usize, bytes: usize| {
        let field = tail.get(at..at + bytes)?;
        Some(
            field
                .iter()
                .rev()
                .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)),
        )
    };
    let mut claims = Vec::new();
    for at in memchr::memmem::find_iter(&tail, END) {
        // Where these do not suffice, the wide end holds the true ones.
        claims.push((
            number(at + 10, 2),
            number(at + 12, 4).filter(|size| *size != u64::from(u32::MAX)),
        ));
    }
    for at in memchr::memmem::find_iter(&tail, WIDE_END) {
        claims.push((number(at + 32, 8), number(at + 40, 8)));
    }
    let too_many = claims.iter().any(|(count, bytes)| {
        count.is_some_and(|count| count > MAX_ENTRIES && count != u64::from(u16::MAX))
            || bytes.is_some_and(|bytes| bytes > MAX_DIRECTORY_BYTES)
    });
    if too_many {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the archive holds more than 10 000 files; send the one that is meant",
        ));
    }
    Ok(())
}

/// Looks into a zip file.
pub fn archive(source: &mut dyn SourceRead) -> io::Result<Archive> {
    let entries = entries(source)?;
    let has = |name: &str| {
        entries
            .iter()
            .any(|entry| entry.name.replace('\\', "/").eq_ignore_ascii_case(name))
    };
    let below = |folder: &str| {
        entries
            .iter()
            .any(|entry| entry.name.replace('\\', "/").starts_with(folder))
    };
    if has("xl/workbook.bin") {
        return Ok(Archive::Xlsb);
    }
    if has("xl/workbook.xml") || (has("[Content_Types].xml") && below("xl/")) {
        return Ok(Archive::Xlsx);
    }
    if has("content.xml") {
        let kind = match entries.iter().find(|entry| entry.name == "mimetype") {
            Some(entry) => text_of(source, entry)?,
            None => String::new(),
        };
        if kind.contains("opendocument") && !kind.contains("spreadsheet") {
            return Ok(Archive::Foreign(DOCUMENT));
        }
        return Ok(Archive::Ods);
    }
    if below("word/") || below("ppt/") {
        return Ok(Archive::Foreign(DOCUMENT));
    }
    if below("Index/") && (has("Index/Document.iwa") || has("Index.zip")) || has("Index.zip") {
        return Ok(Archive::Foreign(Foreign {
            what: "a Numbers or Pages document of Apple",
            advice: "export it from there as CSV or .xlsx",
        }));
    }
    let mut files: Vec<&Entry> = entries.iter().filter(|entry| !is_junk(&entry.name)).collect();
    // What stands beside one table, such as a note on its columns, is not meant.
    let tables = |files: &[&Entry], endings: &[&str]| -> Vec<usize> {
        (0..files.len())
            .filter(|&index| {
                let name = files[index].name.to_ascii_lowercase();
                endings.iter().any(|ending| name.ends_with(ending))
            })
            .collect()
    };
    let mut beside = Vec::new();
    if files.len() > 1
        && let [index] = tables(&files, &[".csv", ".tsv", ".tab", ".json", ".ndjson", ".jsonl"])[..]
        && tables(&files, &[".xlsx", ".xls", ".ods"]).is_empty()
    {
        let table = files.remove(index);
        beside = files.iter().map(|entry| entry.name.clone()).collect();
        files = vec![table];
    }
    match files[..] {
        [file] => Ok(Archive::One(file.member()?, beside)),
        _ => Ok(Archive::Many(
            files.iter().map(|entry| entry.name.clone()).collect(),
        )),
    }
}

const DOCUMENT: Foreign = Foreign {
    what: "a text document or a presentation",
    advice: "copy its table into a spreadsheet and save that as .xlsx or CSV",
};

/// The beginning of a small file of an archive.
fn text_of(source: &mut dyn SourceRead, entry: &Entry) -> io::Result<String> {
    let member = entry.member()?;
    source.seek(io::SeekFrom::Start(member.start))?;
    let packed = source.take(member.bytes);
    let mut text = Vec::new();
    if member.deflated {
        flate2::read::DeflateDecoder::new(packed)
            .take(256)
            .read_to_end(&mut text)?;
    } else {
        packed.take(256).read_to_end(&mut text)?;
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Whether a file of an archive is one that systems put beside others: folders, notes of a Mac, thumbnails.
fn is_junk(name: &str) -> bool {
    let name = name.replace('\\', "/");
    let file = name.rsplit('/').next().unwrap_or_default();
    file.is_empty()
        || name.starts_with("__MACOSX/")
        || file.starts_with('.')
        || file.starts_with("~$")
        || ["thumbs.db", "desktop.ini"].contains(&file.to_ascii_lowercase().as_str())
}

/// The first bytes of `source`, which is then at its beginning again.
pub fn head(source: &mut dyn SourceRead, bytes: usize) -> io::Result<Vec<u8>> {
    source.rewind()?;
    let mut head = Vec::with_capacity(bytes);
    source.take(bytes as u64).read_to_end(&mut head)?;
    source.rewind()?;
    Ok(head)
}

/// `source` unpacked; `progress` counts the packed bytes read.
pub fn unpack(
    mut source: Box<dyn SourceRead>,
    packing: Packing,
    progress: &Arc<AtomicU64>,
) -> io::Result<Box<dyn Read + Send>> {
    progress.store(0, Ordering::Relaxed);
    let member = match packing {
        Packing::Zip => match archive(source.as_mut())? {
            Archive::One(member, _) => Some(member),
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the archive is not one packed file",
                ));
            }
        },
        _ => None,
    };
    source.seek(io::SeekFrom::Start(member.map_or(0, |member| member.start)))?;
    let counted = BufReader::with_capacity(
        64 * 1024,
        Counted {
            source,
            read: Arc::clone(progress),
        },
    );
    Ok(match packing {
        Packing::Plain => Box::new(counted),
        Packing::Zip => match member {
            Some(Member {
                bytes,
                deflated: true,
                ..
            }) => Box::new(flate2::bufread::DeflateDecoder::new(counted.take(bytes))),
            Some(Member { bytes, .. }) => Box::new(counted.take(bytes)),
            None => Box::new(counted),
        },
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(counted)),
        Packing::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(counted)?;
            decoder.window_log_max(MAX_WINDOW_LOG)?;
            Box::new(decoder)
        }
    })
}

struct Counted {
    source: Box<dyn SourceRead>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(output)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write as _};

    fn unpacked(bytes: Vec<u8>) -> String {
        let mut source: Box<dyn SourceRead> = Box::new(Cursor::new(bytes));
        let packing = Packing::of(&head(source.as_mut(), 4).unwrap());
        let mut text = String::new();
        unpack(source, packing, &Arc::default())
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    }

    #[test]
    fn packed_sources_are_told_by_their_first_bytes() {
        let text = "id,name\n1,Café\n".repeat(1_000);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();

        assert_eq!(unpacked(text.clone().into_bytes()), text);
        assert_eq!(unpacked(gzip.finish().unwrap()), text);
        assert_eq!(unpacked(zstd), text);
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let stored =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file("__MACOSX/._sales.csv", stored).unwrap();
        zip.start_file("sales.csv", stored).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
        assert_eq!(unpacked(zip.finish().unwrap().into_inner()), text);
    }

    #[test]
    fn packed_sources_that_refer_far_back_are_refused_before_they_take_memory() {
        let pack = |window_log| {
            let mut packer = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
            packer.window_log(window_log).unwrap();
            packer.write_all(b"id,name\n1,x\n").unwrap();
            packer.finish().unwrap()
        };
        let read = |bytes: Vec<u8>| {
            let mut text = String::new();
            let source: Box<dyn SourceRead> = Box::new(Cursor::new(bytes));
            unpack(source, Packing::Zstd, &Arc::default())
                .unwrap()
                .read_to_string(&mut text)
        };

        assert!(read(pack(MAX_WINDOW_LOG)).is_ok());
        assert!(read(pack(MAX_WINDOW_LOG + 1)).is_err());
    }
}
