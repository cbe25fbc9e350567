//! Lines of an export as rows of `sales`, some records at a time.

use super::batch::{Batch, RecordPosition, Reject};
use super::exports::{Export, amount_of, unresolved, width};
use super::fault::{FaultCode, RecordFault};
use super::locate::Location;
use super::tables::QUANTITY_MILLI;
use crate::config::{Buyers, Config};
use crate::jobs::context::JobContext;
use crate::secrets::buyers::Pseudonyms;
use crate::secrets::{Key, KeyError};
use crate::store::rows::Rows;
use db_client::db_api::Value;
use shop_exports::plan::KeyRule;
use shop_exports::{EXPORT, Line, LineFault, LineKey, Lines, Outcome, Place};
use std::io;
use std::sync::Arc;
use tabular::{Column, Kind, Reading, Record, Spec};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Sales by what makes their lines the same.
pub(super) static SALES_BY_LINE_KEY: Spec = Spec {
    stored_as: "sales",
    key: 1,
    knows_header: None,
    columns: &[Column {
        name: "line_key",
        stored_as: "line_key",
        kind: Kind::Text,
        required: true,
        synonyms: &[],
    }],
};

/// The columns of rows, behind their key.
const COLUMNS: [&str; 12] = [
    "product_id",
    "store_id",
    "sale_date",
    QUANTITY_MILLI,
    "amount_cents",
    "ticket_id",
    "sale_time",
    "cost_cents",
    "discount_cents",
    "tax_cents",
    "channel",
    "buyer",
];

/// What makes the rows of `export` the same: `id`, or `line_key`.
pub(super) fn key_column(export: &Export) -> &'static str {
    match export.plan.key {
        KeyRule::Id(_) => "id",
        _ => "line_key",
    }
}

/// The columns of the rows of `export`; `with_key` says whether their key is the first of them.
pub(super) fn columns(export: &Export, with_key: bool) -> Vec<&'static str> {
    with_key
        .then(|| key_column(export))
        .into_iter()
        .chain(COLUMNS)
        .collect()
}

/// How the buyers of lines are kept.
pub(super) enum KeptBuyers {
    /// By their pseudonyms.
    Pseudonyms(Pseudonyms),
    /// As they are written.
    AsWritten,
    /// Not at all.
    None,
}

impl KeptBuyers {
    /// As `config` says, for an export whose lines may name buyers.
    pub(super) fn of(config: &Config, export: &Export) -> Result<Self, KeyError> {
        Ok(match config.buyers {
            _ if export.plan.layout.buyer.is_none() => Self::None,
            Buyers::Pseudonym => Self::Pseudonyms(Pseudonyms::new(&Key::of(config)?)),
            Buyers::AsWritten => Self::AsWritten,
            Buyers::None => Self::None,
        })
    }

    fn kept(&self, buyer: String) -> Option<String> {
        match self {
            Self::Pseudonyms(pseudonyms) => Some(pseudonyms.of(&buyer)),
            Self::AsWritten => Some(buyer),
            Self::None => None,
        }
    }
}

/// Reads an export on a thread of its own, the first `done` records passed over.
pub(super) fn read_batches(
    context: &JobContext,
    location: &Location,
    reading: Reading,
    export: Export,
    buyers: KeptBuyers,
    (done, keep_raw, with_key): (u64, bool, bool),
) -> mpsc::Receiver<io::Result<Batch>> {
    let (sender, receiver) = mpsc::channel(1);
    let (db, runtime) = (context.db.clone(), Handle::current());
    let location = location.clone();
    let bytes = Arc::clone(&context.progress.bytes);
    let batch_rows = u64::from(context.config.batch_rows);
    tokio::task::spawn_blocking(move || {
        let read = || -> io::Result<()> {
            let mut records = reading.open(location.open(&db, &runtime)?, &EXPORT, &bytes)?;
            let Export {
                plan,
                repeats,
                products,
                stores,
                prices,
                ..
            } = export;
            let columns = COLUMNS.len() + usize::from(with_key);
            let mut lines = Lines::new(&plan, repeats).of_width(width(&reading));
            let mut filling = Filling {
                batch: empty(columns),
                columns,
                done,
                cut: done,
                keep_raw,
                with_key,
                buyers,
                resolve: Box::new({
                    let (mut products, mut stores) = (products, stores);
                    move |line: &Line| {
                        let (product, store) =
                            match (products.resolve(&line.product), stores.resolve(&line.store)) {
                                (Ok(product), Ok(store)) => (product, store),
                                (product, store) => return Err(unresolved(line, product, store)),
                            };
                        let amount = amount_of(line, prices.get(&product).copied()).ok_or_else(|| {
                            let message = format!("product {product} has no price");
                            RecordFault::of_field("amount", "", FaultCode::MissingValue, message)
                        })?;
                        Ok((product, store, amount))
                    }
                }),
            };
            let mut record = Record::default();
            let mut number = 0;
            while records.next(&mut record)? {
                number += 1;
                lines.take(number, &record, &mut |place, outcome| {
                    filling.take(place, outcome);
                });
                // A batch ends where all of its records have come out, and none behind them.
                let safe = match lines.first_pending() {
                    None => Some(number),
                    Some(first) if first == number => Some(number - 1),
                    Some(_) => None,
                };
                if let Some(safe) = safe
                    && safe >= filling.cut + batch_rows
                    && sender.blocking_send(Ok(filling.cut_at(safe))).is_err()
                {
                    return Ok(());
                }
            }
            lines.finish(&mut |place, outcome| filling.take(place, outcome));
            if number > filling.cut {
                // A receiver that is gone has stopped for a reason of its own.
                let _ = sender.blocking_send(Ok(filling.cut_at(number)));
            }
            Ok(())
        };
        if let Err(error) = read() {
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}

fn empty(width: usize) -> Batch {
    Batch {
        rows: Rows::new(width),
        ..Batch::default()
    }
}

type Resolve = Box<dyn FnMut(&Line) -> Result<(i64, i64, i64), RecordFault>>;

/// A batch that is being filled.
struct Filling {
    batch: Batch,
    columns: usize,
    /// Records that are done already.
    done: u64,
    /// The last record of the batch before.
    cut: u64,
    keep_raw: bool,
    with_key: bool,
    buyers: KeptBuyers,
    /// Product, store and amount of a line.
    resolve: Resolve,
}

impl Filling {
    fn take(&mut self, place: Place, outcome: Outcome) {
        let is_done = place.record <= self.done;
        match outcome {
            Outcome::Line(line) => match (self.resolve)(&line) {
                _ if is_done => {}
                Ok(resolved) => self.push(place, *line, resolved),
                Err(fault) => self.reject(place, fault),
            },
            _ if is_done => {}
            Outcome::Skipped(_) => {
                self.batch.skipped += 1;
                self.batch.outcomes += 1;
            }
            Outcome::Fault(fault) => self.reject(place, fault_of(fault)),
        }
    }

    fn push(&mut self, place: Place, line: Line, (product, store, amount): (i64, i64, i64)) {
        self.batch.outcomes += 1;
        let values = self.batch.rows.values_mut();
        if self.with_key {
            values.push(match line.key {
                LineKey::Id(id) => id.into(),
                LineKey::Text(key) => key.into(),
            });
        }
        values.extend([
            Value::Integer(product),
            Value::Integer(store),
            line.date.into(),
            Value::Integer(line.quantity_milli),
            Value::Integer(amount),
            line.ticket.into(),
            line.time.into(),
            line.cost_cents.into(),
            line.discount_cents.into(),
            line.tax_cents.into(),
            line.channel.into(),
            line.buyer.and_then(|buyer| self.buyers.kept(buyer)).into(),
        ]);
        self.batch.warnings += u64::from(line.rounded);
        self.batch.positions.push(RecordPosition {
            record: place.record,
            line: place.line,
            byte_offset: place.byte_offset,
        });
        if self.keep_raw {
            self.batch.raws.push(place.raw);
        }
    }

    fn reject(&mut self, place: Place, fault: RecordFault) {
        self.batch.outcomes += 1;
        // A record that is a sale and its refund is rejected once.
        if self
            .batch
            .rejects
            .last()
            .is_some_and(|reject| reject.record == place.record)
        {
            self.batch.outcomes -= 1;
            return;
        }
        self.batch.rejects.push(Reject {
            record: place.record,
            line: place.line,
            byte_offset: place.byte_offset,
            raw: place.raw,
            fault,
        });
    }

    /// The batch up to record `last`; another one is begun.
    fn cut_at(&mut self, last: u64) -> Batch {
        let mut batch = std::mem::replace(&mut self.batch, empty(self.columns));
        batch.read = last - self.cut;
        self.cut = last;
        batch
    }
}

fn fault_of(fault: LineFault) -> RecordFault {
    let code = match fault.code {
        "bad_date" => FaultCode::BadDate,
        "bad_amount" => FaultCode::BadAmount,
        "bad_quantity" => FaultCode::BadQuantity,
        "other_currency" => FaultCode::OtherCurrency,
        "bad_product" => FaultCode::UnknownProduct,
        "unterminated_quote" => FaultCode::UnterminatedQuote,
        "record_too_long" => FaultCode::RecordTooLong,
        "bad_encoding" => FaultCode::BadEncoding,
        "bad_json" => FaultCode::BadJson,
        "wrong_field_count" => FaultCode::WrongFieldCount,
        _ => FaultCode::MissingValue,
    };
    if fault.column.is_empty() {
        return RecordFault::of_record(code, fault.message);
    }
    RecordFault::of_field(fault.column, &fault.value, code, fault.message)
}
