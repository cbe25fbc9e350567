//! The bytes of a source: compression taken off, progress counted.

use std::io::{self, BufReader, Read, Seek};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A source that can be read from its beginning as often as needed.
pub trait SourceRead: Read + Seek + Send {}

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archive {
    /// A workbook of Excel.
    Xlsx,
    /// A workbook in the `OpenDocument` format.
    Ods,
    /// One packed file.
    One(Member),
    /// None, or several files: nobody says which one is meant.
    Many(usize),
}

/// Where the one file of an archive stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    start: u64,
    bytes: u64,
    deflated: bool,
}

/// Looks into a zip file.
pub fn archive(source: &mut dyn SourceRead) -> io::Result<Archive> {
    let mut archive = zip::ZipArchive::new(source).map_err(io::Error::other)?;
    let names: Vec<String> = archive
        .file_names()
        .map(|name| name.map(std::borrow::Cow::into_owned))
        .collect::<Result<_, _>>()
        .map_err(io::Error::other)?;
    if names.iter().any(|name| name == "xl/workbook.xml") {
        return Ok(Archive::Xlsx);
    }
    if names.iter().any(|name| name == "content.xml") {
        return Ok(Archive::Ods);
    }
    // A Mac packs notes of its own beside each file.
    let is_file = |name: &String| !name.ends_with('/') && !name.starts_with("__MACOSX/");
    let files: Vec<usize> = (0..names.len()).filter(|&index| is_file(&names[index])).collect();
    let &[index] = files.as_slice() else {
        return Ok(Archive::Many(files.len()));
    };
    let member = archive.by_index_raw(index).map_err(io::Error::other)?;
    let deflated = match member.compression() {
        zip::CompressionMethod::Stored => false,
        zip::CompressionMethod::DEFLATE => true,
        other => {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!("the archive is packed by {other}, which is not read"),
            ));
        }
    };
    if member.encrypted() {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the archive is encrypted",
        ));
    }
    let start = member
        .data_start()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the archive is broken"))?;
    Ok(Archive::One(Member {
        start,
        bytes: member.compressed_size(),
        deflated,
    }))
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
            Archive::One(member) => Some(member),
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
        Packing::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(counted)?),
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
}
