//! Some records of a source at a time, read on a thread of its own.

use super::fault::RecordFault;
use super::ids::References;
use super::locate::Location;
use super::rows::RowReader;
use super::tables::TableSpec as _;
use crate::jobs::context::JobContext;
use crate::store::rejects::{self, NewReject};
use crate::store::rows::Rows;
use db_client::db_api::Statement;
use script_api::ImportTable;
use std::io;
use std::sync::Arc;
use tabular::{Reading, Record};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// How much of a record's source text a reject keeps, in bytes.
pub(crate) const MAX_RAW_BYTES: usize = 4_096;

/// A record that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reject {
    pub record: u64,
    pub line: u64,
    pub byte_offset: u64,
    pub raw: String,
    pub fault: RecordFault,
}

/// Some records of a source, read.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// How many records it stands for.
    pub read: u64,
    /// Rows, and the records that they come from.
    pub rows: Rows,
    pub positions: Vec<RecordPosition>,
    /// The source text of each row, where an import rejects rows that are in the table already.
    pub raws: Vec<String>,
    pub rejects: Vec<Reject>,
    /// Records that are no sales by their own words.
    pub skipped: u64,
    /// What came out of the records of an export: more than there are where one is a sale and its refund.
    pub outcomes: u64,
    pub warnings: u64,
}

impl Batch {
    /// What counts as read.
    pub(super) fn counted(&self) -> u64 {
        self.read.max(self.outcomes)
    }
}

/// Where a row comes from, to be able to reject it later.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordPosition {
    pub record: u64,
    pub line: u64,
    pub byte_offset: u64,
}

/// A statement that keeps `rejects`; none when there are none. Keeping them twice keeps them once.
pub(super) fn reject_statement(job: i64, source: u64, rejects: &[Reject]) -> Option<Statement> {
    let rejects = rejects.iter().map(|reject| NewReject {
        record: reject.record,
        line: reject.line,
        byte_offset: reject.byte_offset,
        raw: &reject.raw,
        column: reject.fault.column,
        value: reject.fault.value.as_deref(),
        code: reject.fault.code.as_str(),
        message: &reject.fault.message,
    });
    rejects::insert(job, source, rejects)
}

/// Reads a source on a thread of its own, the first `done` records passed over. At most one batch waits to be
/// written, so memory stays flat. `keep_raw` keeps the source text of the rows too.
pub(super) fn read_batches(
    context: &JobContext,
    table: ImportTable,
    location: &Location,
    reading: Reading,
    references: References,
    (done, keep_raw): (u64, bool),
) -> mpsc::Receiver<io::Result<Batch>> {
    let (sender, receiver) = mpsc::channel(1);
    let (db, runtime) = (context.db.clone(), Handle::current());
    let location = location.clone();
    let bytes = Arc::clone(&context.progress.bytes);
    let batch_rows = u64::from(context.config.batch_rows);
    tokio::task::spawn_blocking(move || {
        let read = || -> io::Result<()> {
            let mut records = reading.open(location.open(&db, &runtime)?, table.spec(), &bytes)?;
            let mut rows = RowReader::new(table, &reading);
            let mut record = Record::default();
            let width = rows.columns().len();
            let empty = || Batch {
                rows: Rows::new(width),
                ..Batch::default()
            };
            let mut batch = empty();
            let mut number = 0;
            while records.next(&mut record)? {
                number += 1;
                let read = rows.read(&record, &references, batch.rows.values_mut());
                if number <= done {
                    // Records that are done are read again, for the keys that they have.
                    batch.rows.values_mut().clear();
                    continue;
                }
                batch.read += 1;
                match read {
                    Ok(rounded) => {
                        batch.warnings += u64::from(rounded);
                        batch.positions.push(RecordPosition {
                            record: number,
                            line: record.line,
                            byte_offset: record.byte_offset,
                        });
                        if keep_raw {
                            batch.raws.push(raw_text(&record.raw));
                        }
                    }
                    Err(fault) => batch.rejects.push(Reject {
                        record: number,
                        line: record.line,
                        byte_offset: record.byte_offset,
                        raw: raw_text(&record.raw),
                        fault,
                    }),
                }
                if batch.read >= batch_rows
                    && sender
                        .blocking_send(Ok(std::mem::replace(&mut batch, empty())))
                        .is_err()
                {
                    return Ok(());
                }
            }
            if batch.read > 0 {
                // A receiver that is gone has stopped for a reason of its own.
                let _ = sender.blocking_send(Ok(batch));
            }
            Ok(())
        };
        if let Err(error) = read() {
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}

fn raw_text(raw: &[u8]) -> String {
    let end = raw.len().min(MAX_RAW_BYTES);
    String::from_utf8_lossy(&raw[..end]).into_owned()
}
