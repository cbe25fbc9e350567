//! Corrected rejects: what came back, and the text in which they are read again.
//!
//! A replay reads a text in the format of the source that the rejects are from: its header, then their source
//! text as it was corrected. So it goes the same way as every other import.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashSet};
use std::io::{Cursor, Read as _};
use tabular::delimited::DelimitedReader;
use tabular::encoding::{self, Decoding};
use tabular::{Decisions, Format, Record};

/// How many faults of a list of corrections are told at once.
const MAX_FAULTS: usize = 20;

/// A reject as it came back. What is left out stays as it was.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct Correction {
    /// The source of the job, the first being 0.
    #[serde(default)]
    pub source: u64,
    /// The record of that source.
    pub record: u64,
    /// Its source text.
    #[serde(default)]
    pub raw: Option<String>,
    /// The text of the column at fault.
    #[serde(default)]
    pub value: Option<String>,
    /// The text of further columns.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// The other members of a reject, and what is misspelt.
    #[serde(flatten)]
    pub rest: BTreeMap<String, serde_json::Value>,
}

/// What `/jobs/{id}/rejects` says of a reject that is not corrected.
const TOLD: [&str; 7] = [
    "origin",
    "line",
    "byte_offset",
    "column",
    "code",
    "message",
    "replayed_by",
];

impl Correction {
    /// A member that no reject has.
    fn unknown(&self) -> Option<&str> {
        self.rest
            .keys()
            .map(String::as_str)
            .find(|name| !TOLD.contains(name))
    }
}

/// `corrections` if each is clear. `Err` lists members that no reject has, and records that come twice.
fn checked(mut corrections: Vec<Correction>) -> Result<Vec<Correction>, Vec<String>> {
    let mut faults = Vec::new();
    let mut seen = HashSet::new();
    for correction in &mut corrections {
        let (source, record) = (correction.source, correction.record);
        if let Some(name) = correction.unknown() {
            faults.push(format!(
                "record {record} of source {source}: there is no member `{name}`; `raw`, `value` and `values` are \
                 corrected"
            ));
        }
        if !seen.insert((source, record)) {
            faults.push(format!("record {record} of source {source} comes twice"));
        }
        correction.rest.clear();
    }
    faults.truncate(MAX_FAULTS);
    if faults.is_empty() {
        Ok(corrections)
    } else {
        Err(faults)
    }
}

/// The corrections in `bytes`: CSV or NDJSON as `/jobs/{id}/rejects` gives them, or a JSON array, in any
/// encoding that an import takes. `Err` lists what is wrong, with lines.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Correction>, Vec<String>> {
    let text = decode(bytes).map_err(|error| vec![error.to_string()])?;
    read(&text).and_then(checked)
}

fn read(text: &str) -> Result<Vec<Correction>, Vec<String>> {
    match text.trim_start().chars().next() {
        None => Ok(Vec::new()),
        Some('[') => serde_json::from_str(text).map_err(|error| vec![error.to_string()]),
        Some('{') => {
            let lines = text
                .lines()
                .enumerate()
                .filter(|(_, line)| !line.trim().is_empty());
            collect(lines.map(|(index, line)| {
                serde_json::from_str(line).map_err(|error| format!("line {}: {error}", index + 1))
            }))
        }
        Some(_) => parse_csv(text),
    }
}

fn decode(bytes: &[u8]) -> std::io::Result<String> {
    let choice = encoding::detect(Cursor::new(bytes), "fr", true)?;
    let mut text = String::new();
    let decoded = Decoding::new(Cursor::new(bytes.to_vec()), &choice);
    let mut bytes = Vec::new();
    { decoded }.read_to_end(&mut bytes)?;
    text.push_str(&String::from_utf8_lossy(&bytes));
    Ok(text)
}

fn collect(parsed: impl Iterator<Item = Result<Correction, String>>) -> Result<Vec<Correction>, Vec<String>> {
    let mut corrections = Vec::new();
    let mut faults = Vec::new();
    for result in parsed {
        match result {
            Ok(correction) => corrections.push(correction),
            Err(fault) if faults.len() < MAX_FAULTS => faults.push(fault),
            Err(_) => break,
        }
    }
    if faults.is_empty() {
        Ok(corrections)
    } else {
        Err(faults)
    }
}

fn parse_csv(text: &str) -> Result<Vec<Correction>, Vec<String>> {
    let header = text.lines().next().unwrap_or_default();
    // A spreadsheet saves with the delimiter of its country.
    let delimiter = [b',', b';', b'\t']
        .into_iter()
        .max_by_key(|delimiter| header.bytes().filter(|byte| byte == delimiter).count())
        .unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| vec![error.to_string()])?.clone();
    let place = |name: &str| headers.iter().position(|header| header.trim() == name);
    let Some(record) = place("record") else {
        return Err(vec![
            "the first line must name the columns, `record` among them, as in /jobs/{id}/rejects?format=csv"
                .to_owned(),
        ]);
    };
    let (source, raw, value) = (place("source"), place("raw"), place("value"));
    collect(reader.records().map(|row| {
        let row = row.map_err(|error| error.to_string())?;
        let line = row.position().map_or(0, csv::Position::line);
        let number = |name: &str, text: &str| {
            text.trim()
                .parse::<u64>()
                .map_err(|_| format!("line {line}: `{name}` is `{text}`, not a number"))
        };
        let text = |place: Option<usize>| place.and_then(|place| row.get(place)).map(str::to_owned);
        Ok(Correction {
            source: match source.and_then(|place| row.get(place)) {
                Some(text) if !text.trim().is_empty() => number("source", text)?,
                _ => 0,
            },
            record: number("record", row.get(record).unwrap_or_default())?,
            raw: text(raw),
            value: text(value),
            values: BTreeMap::new(),
            rest: BTreeMap::new(),
        })
    }))
}

/// How the records of a source are written, so that they are read as the source was.
#[derive(Debug, Clone)]
pub(crate) enum Layout {
    /// Fields between delimiters under a header; workbooks too.
    Lines {
        delimiter: u8,
        quote: Option<u8>,
        terminator: &'static str,
        headers: Vec<String>,
        /// From column to field.
        fields: BTreeMap<String, usize>,
    },
    /// One JSON object a line.
    Objects {
        /// From column to member.
        members: BTreeMap<String, String>,
    },
}

impl Layout {
    /// The layout of a source that was read under `decisions`; `None` when they do not say enough.
    pub(crate) fn of(decisions: &Decisions) -> Option<Self> {
        if matches!(decisions.format, Format::Json | Format::Ndjson) {
            let members = decisions
                .mapping
                .iter()
                .map(|mapped| (mapped.column.clone(), mapped.header.clone()))
                .collect();
            return Some(Self::Objects { members });
        }
        if decisions.headers.is_empty() {
            return None;
        }
        let fields = decisions
            .mapping
            .iter()
            .filter_map(|mapped| {
                let field = decisions
                    .headers
                    .iter()
                    .position(|header| *header == mapped.header)?;
                Some((mapped.column.clone(), field))
            })
            .collect();
        let (delimiter, quote, terminator) = match &decisions.dialect {
            Some(dialect) => (
                dialect.delimiter_byte(),
                dialect.quote_byte(),
                if dialect.terminator() == b'\r' { "\r" } else { "\n" },
            ),
            None => (b'\t', Some(b'"'), "\n"),
        };
        Some(Self::Lines {
            delimiter,
            quote,
            terminator,
            headers: decisions.headers.clone(),
            fields,
        })
    }

    /// The header line.
    pub(crate) fn head(&self) -> Result<String, String> {
        match self {
            Self::Lines {
                delimiter,
                quote,
                terminator,
                headers,
                ..
            } => Ok(joined(headers, *delimiter, *quote)? + terminator),
            Self::Objects { .. } => Ok(String::new()),
        }
    }

    /// `raw` with `changes` from column to text, as one line. `Err` says why it cannot be written.
    pub(crate) fn line(&self, raw: &str, changes: &BTreeMap<String, String>) -> Result<String, String> {
        match self {
            Self::Lines {
                delimiter,
                quote,
                terminator,
                fields,
                ..
            } => {
                if changes.is_empty() {
                    return Ok(format!("{raw}{terminator}"));
                }
                let mut texts = split(raw, *delimiter, *quote)?;
                for (column, text) in changes {
                    let field = fields.get(column).and_then(|&field| texts.get_mut(field));
                    let Some(field) = field else {
                        return Err(format!(
                            "its source text has no field for `{column}`; correct `raw`"
                        ));
                    };
                    text.clone_into(field);
                }
                Ok(joined(&texts, *delimiter, *quote)? + terminator)
            }
            Self::Objects { members } => {
                // A line break in JSON stands between its parts, never inside a text.
                let raw = raw.replace(['\n', '\r'], " ");
                if changes.is_empty() {
                    return Ok(raw + "\n");
                }
                let mut object: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&raw)
                    .map_err(|_| "its source text is not a JSON object; correct `raw`".to_owned())?;
                for (column, text) in changes {
                    let member = members.get(column).unwrap_or(column);
                    let text = serde_json::value::to_raw_value(text).map_err(|error| error.to_string())?;
                    object.insert(member.clone(), text);
                }
                Ok(serde_json::to_string(&object).map_err(|error| error.to_string())? + "\n")
            }
        }
    }
}

fn split(raw: &str, delimiter: u8, quote: Option<u8>) -> Result<Vec<String>, String> {
    let mut record = Record::default();
    let mut reader = DelimitedReader::new(raw.as_bytes(), delimiter, quote, b'\n');
    let whole = reader.next(&mut record).map_err(|error| error.to_string())? && record.fault.is_none();
    if whole {
        Ok(record.texts())
    } else {
        Err("its source text cannot be cut into fields; correct `raw`".to_owned())
    }
}

fn joined(texts: &[String], delimiter: u8, quote: Option<u8>) -> Result<String, String> {
    let Some(quote) = quote else {
        let unquotable = |text: &&String| text.contains([char::from(delimiter), '\n', '\r']);
        return match texts.iter().find(unquotable) {
            Some(text) => Err(format!(
                "`{text}` would need quotes, and the source has none; correct `raw`"
            )),
            None => Ok(texts.join(&char::from(delimiter).to_string())),
        };
    };
    let mut writer = csv::WriterBuilder::new()
        .delimiter(delimiter)
        .quote(quote)
        .from_writer(Vec::new());
    writer.write_record(texts).map_err(|error| error.to_string())?;
    let bytes = writer.into_inner().map_err(|error| error.to_string())?;
    let mut text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
    text.truncate(text.trim_end_matches('\n').len());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Layout {
        Layout::Lines {
            delimiter: b';',
            quote: Some(b'"'),
            terminator: "\n",
            headers: vec!["id".into(), "Montant TTC".into(), "Libellé".into()],
            fields: [("id".to_owned(), 0), ("amount".to_owned(), 1)].into(),
        }
    }

    #[test]
    fn corrections_come_back_as_csv_of_any_country_ndjson_or_json() {
        let expected = Correction {
            source: 1,
            record: 7,
            raw: Some("7;é".into()),
            value: Some("é".into()),
            ..Correction::default()
        };
        let csv = "source,record,raw,value\r\n1,7,7;é,é\r\n";
        let excel = "\u{feff}source;record;raw;value\r\n1;7;\"7;é\";é\r\n";
        let windows_1252 = b"source;record;raw;value\r\n1;7;\"7;\xe9\";\xe9\r\n";
        let ndjson =
            "{\"source\":1,\"record\":7,\"raw\":\"7;é\",\"value\":\"é\",\"code\":\"bad_amount\"}\n\n";
        let json = format!("[{}]", ndjson.trim());

        for bytes in [
            csv.as_bytes(),
            excel.as_bytes(),
            windows_1252,
            ndjson.as_bytes(),
            json.as_bytes(),
        ] {
            assert_eq!(parse(bytes).unwrap(), std::slice::from_ref(&expected));
        }
        assert_eq!(parse(b"").unwrap(), []);
    }

    #[test]
    fn what_is_misspelt_or_comes_twice_is_refused() {
        let faults = parse(b"{\"record\":3,\"vaule\":\"1\"}\n{\"record\":3,\"value\":\"2\"}").unwrap_err();

        assert!(faults[0].contains("vaule"), "{faults:?}");
        assert!(
            faults[1].contains("record 3 of source 0 comes twice"),
            "{faults:?}"
        );
    }

    #[test]
    fn faults_are_told_with_their_lines() {
        let faults = parse(b"record,raw\n1,a\nx,b\n-2,c\n").unwrap_err();

        assert_eq!(faults.len(), 2);
        assert!(
            faults[0].starts_with("line 3:") && faults[1].starts_with("line 4:"),
            "{faults:?}"
        );
        assert!(parse(b"line,raw\n1,a\n").unwrap_err()[0].contains("record"));
        assert!(parse(b"{\"raw\":\"x\"}\n").unwrap_err()[0].starts_with("line 1:"));
    }

    #[test]
    fn a_value_is_put_into_its_field_and_quoted_where_it_must_be() {
        let changes = [("amount".to_owned(), "1;5".to_owned())].into();

        assert_eq!(
            lines().line("3;x;\"a;b\"", &changes).unwrap(),
            "3;\"1;5\";\"a;b\"\n"
        );
        assert_eq!(lines().line("3;x", &BTreeMap::new()).unwrap(), "3;x\n");
        assert!(lines().line("3", &changes).unwrap_err().contains("amount"));
        assert_eq!(lines().head().unwrap(), "id;Montant TTC;Libellé\n");
    }

    #[test]
    fn a_value_is_quoted_as_its_source_quotes() {
        let changes = [("amount".to_owned(), "1;5".to_owned())].into();
        let with = |quote| match lines() {
            Layout::Lines {
                delimiter,
                terminator,
                headers,
                fields,
                ..
            } => Layout::Lines {
                delimiter,
                quote,
                terminator,
                headers,
                fields,
            },
            objects @ Layout::Objects { .. } => objects,
        };

        assert_eq!(
            with(Some(b'\'')).line("3;x;'a;b'", &changes).unwrap(),
            "3;'1;5';'a;b'\n"
        );
        assert!(
            with(None)
                .line("3;x;'a", &changes)
                .unwrap_err()
                .contains("quotes")
        );
        let plain = [("amount".to_owned(), "1,5".to_owned())].into();
        assert_eq!(with(None).line("3;x;'a", &plain).unwrap(), "3;1,5;'a\n");
    }

    #[test]
    fn the_numbers_of_an_object_stay_as_they_are_written() {
        let layout = Layout::Objects {
            members: [("amount".to_owned(), "montant".to_owned())].into(),
        };
        let changes = [("amount".to_owned(), "12,50".to_owned())].into();

        assert_eq!(
            layout
                .line("{\"id\": 1.10,\n \"montant\": null}", &changes)
                .unwrap(),
            "{\"id\":1.10,\"montant\":\"12,50\"}\n"
        );
    }
}
