//! Files that are no tables, told by what they begin with, and what to do about each.

use memchr::memmem;

/// How much of a file is looked at, in bytes.
pub(crate) const HEAD_BYTES: usize = 4 * 1024;

/// What a file is that is no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// What it is, in words.
    pub what: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

const EXPORT: &str = "export the data it was made from as CSV or .xlsx";
const UNPACK: &str = "unpack it and send the file inside; gzip, Zstandard and zip are unpacked here";
const CONVERT: &str = "write it as CSV, NDJSON or .xlsx with the program that it is from";
const SAVE: &str = "open it in a spreadsheet and save it as .xlsx or CSV";

/// Beginnings of files, where in the file they stand, what such a file is, and what to do.
const BEGINNINGS: [(usize, &[u8], &str, &str); 31] = [
    (0, b"%PDF", "a PDF document", EXPORT),
    (0, b"\x89PNG\r\n\x1a\n", "a picture (PNG)", EXPORT),
    (0, b"\xff\xd8\xff", "a picture (JPEG)", EXPORT),
    (0, b"GIF8", "a picture (GIF)", EXPORT),
    (0, b"II*\0", "a picture (TIFF)", EXPORT),
    (0, b"MM\0*", "a picture (TIFF)", EXPORT),
    (8, b"WEBP", "a picture (WebP)", EXPORT),
    (4, b"ftypheic", "a picture (HEIC)", EXPORT),
    (0, b"BZh", "packed with bzip2", UNPACK),
    (0, b"\xfd7zXZ\0", "packed with xz", UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (0, b"\x04\x22\x4d\x18", "packed with LZ4", UNPACK),
    (0, b"LZIP\x01", "packed with lzip", UNPACK),
    (0, b"\x1f\x9d", "packed with compress (.Z)", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
    (0, b"PAR1", "a Parquet file", CONVERT),
    (0, b"ARROW1", "an Arrow file", CONVERT),
    (0, b"FEA1", "a Feather file", CONVERT),
    (0, b"Obj\x01", "an Avro file", CONVERT),
    (0, b"ORC\x0a", "an ORC file", CONVERT),
    (
        0,
        b"SQLite format 3\0",
        "an SQLite database",
        "export the table that is meant as CSV",
    ),
    (
        4,
        b"Standard Jet DB",
        "an Access database",
        "export the table that is meant as CSV",
    ),
    (
        4,
        b"Standard ACE DB",
        "an Access database",
        "export the table that is meant as CSV",
    ),
    (0, b"{\\rtf", "a text document (RTF)", EXPORT),
    (0, b"MZ\x90\0", "a program", EXPORT),
    (0, b"\x7fELF", "a program", EXPORT),
    (0, b"MIME-Version:", "a web page saved as an archive (.mht)", SAVE),
    (
        0,
        b"From: <Saved by",
        "a web page saved as an archive (.mht)",
        SAVE,
    ),
    (0, b"BOOKI", "a CorelDRAW or Kindle file", EXPORT),
    (0, b"WB\x02\0", "a Quattro Pro workbook", SAVE),
];

/// Beginnings of web pages, in lower case.
const PAGES: [&[u8]; 11] = [
    b"<!doctype html",
    b"<html",
    b"<head>",
    b"<head ",
    b"<body",
    b"<table",
    b"<meta ",
    b"<script",
    b"<style",
    b"<div",
    b"<center",
];

/// What a file that begins with `head` is, where that is known to be no table.
pub(crate) fn foreign(head: &[u8]) -> Option<Foreign> {
    let found = BEGINNINGS.iter().find(|(at, beginning, ..)| {
        head.get(*at..).is_some_and(|rest| rest.starts_with(beginning))
            && (*beginning != b"BZh" || memmem::find(&head[..head.len().min(12)], b"1AY&SY").is_some())
    });
    if let Some(&(_, _, what, advice)) = found {
        return Some(Foreign { what, advice });
    }
    markup(head).or_else(|| binary(head))
}

/// What a text in angle brackets is.
fn markup(head: &[u8]) -> Option<Foreign> {
    // UTF-16 without its zeros, well enough to be told by.
    let text: Vec<u8> = head
        .iter()
        .filter(|byte| **byte != 0)
        .map(u8::to_ascii_lowercase)
        .collect();
    let text = [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"]
        .iter()
        .find_map(|mark| text.strip_prefix(*mark))
        .unwrap_or(&text);
    let mut rest = text.trim_ascii_start();
    let is_xml = rest.starts_with(b"<?xml");
    // Declarations and comments stand before the first element.
    while let Some(end) = match rest {
        [b'<', b'?', ..] => memmem::find(rest, b"?>").map(|end| end + 2),
        _ if rest.starts_with(b"<!--") => memmem::find(rest, b"-->").map(|end| end + 3),
        _ => None,
    } {
        rest = rest[end..].trim_ascii_start();
    }
    if PAGES.iter().any(|page| rest.starts_with(page)) {
        let asks = memmem::find(text, b"type=\"password\"").is_some()
            || memmem::find(text, b"type='password'").is_some()
            || memmem::find(text, b"type=password").is_some();
        return Some(if asks {
            Foreign {
                what: "a web page that asks for a password",
                advice: "sign in with a browser, download the export and send that file",
            }
        } else {
            Foreign {
                what: "a web page, not a workbook",
                advice: "where a spreadsheet opens it, save it from there as .xlsx or CSV; where an address gave it, \
                         it may be a page that asks to sign in",
            }
        });
    }
    if memmem::find(text, b"urn:schemas-microsoft-com:office:spreadsheet").is_some() {
        return Some(Foreign {
            what: "a workbook of Excel 2003 in XML",
            advice: SAVE,
        });
    }
    is_xml.then_some(Foreign {
        what: "an XML document",
        advice: CONVERT,
    })
}

/// Whether bytes are of no text: many that stand for nothing in any encoding that texts are written in.
fn binary(head: &[u8]) -> Option<Foreign> {
    let is_wide = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    let zeros = memchr::memchr_iter(0, head).count();
    // In UTF-16 of our languages about every second byte is zero, and none of two neighbours both are.
    let is_utf16 = zeros * 3 > head.len() && !head.windows(2).any(|pair| pair == [0, 0]);
    let odd = head
        .iter()
        .filter(|byte| matches!(byte, 0..=8 | 0x0e..=0x1f if !matches!(byte, 0x1a | 0x1b)))
        .count();
    (!is_wide && !is_utf16 && odd * 20 > head.len() && odd > 2).then_some(Foreign {
        what: "data in a binary form that is not read here",
        advice: CONVERT,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_table_is_named() {
        for (head, expected) in [
            (&b"%PDF-1.7"[..], "PDF"),
            (b"\x89PNG\r\n\x1a\n....", "PNG"),
            (b"BZh91AY&SY....", "bzip2"),
            (b"\xfd7zXZ\0", "xz"),
            (b"PAR1....", "Parquet"),
            (b"\xef\xbb\xbf  <!DOCTYPE html><html>", "web page"),
            (b"<?xml version=\"1.0\"?><!-- x --><html xmlns=\"\">", "web page"),
            (b"<html><form><input type=\"password\">", "password"),
            (b"<table><tr><td>id</td></tr></table>", "web page"),
            (
                b"<?xml version=\"1.0\"?><Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\">",
                "Excel 2003",
            ),
            (b"<?xml version=\"1.0\"?><orders/>", "XML"),
            (b"\x01\x02\x03\x04\x05\x06\x07\x08", "binary"),
        ] {
            let found = foreign(head).map_or("a table", |foreign| foreign.what);
            assert!(found.contains(expected), "{found} for {expected}");
        }
        let utf16: Vec<u8> = "\u{feff}<html>"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert!(foreign(&utf16).is_some());
    }

    #[test]
    fn tables_are_not_taken_for_something_else() {
        let utf16: Vec<u8> = "id;montant\r\n1;2,50\r\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for head in [
            &b""[..],
            b"id,amount\n1,2\n",
            b"<DATE>,<CLOSE>\n20231113,4\n",
            b"BZhr,amount\n",
            b"MM,II\n",
            b"Obj,1\n",
            b"GIFTS;amount\n",
            b"{\"id\":1}",
            &utf16,
        ] {
            assert_eq!(foreign(head), None, "{}", String::from_utf8_lossy(head));
        }
    }
}
