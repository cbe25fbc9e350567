//! Sales of any length, for benchmarks: 200 products, 200 stores in all 13 regions, three years of days.
//!
//! The files have the columns of the sample data. Sales come in the order of their dates, more of them on
//! Saturdays and before Christmas and some more each year; an amount is the quantity times the list price
//! less a discount. Nothing is kept per row, so the time is that of the disk and memory stays flat.

mod catalogue;
mod season;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::Path;

use self::catalogue::{Product, Store};
use super::output::{WriteError, WrittenFile, write_file};
use super::prng::SplitMix64;

/// How many rows are written, and reported, together.
const BLOCK_ROWS: usize = 65_536;

/// More than a row ever takes, in bytes, with a 20-digit id and the unused end of its last piece.
const LONGEST_ROW: usize = 64;

/// The quantities of sales, each as likely as the others.
const QUANTITIES: [u64; 16] = [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 5, 10];

/// The discounts of sales in percent, each as likely as the others.
const DISCOUNTS: [u64; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 5, 5, 8, 10, 15, 20];

/// Which sales to make. The same plan gives the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SalesPlan {
    /// How many sales; 100 million take 3.6 GB.
    pub rows: u64,
    /// Which of the many possible sets of them.
    pub seed: u64,
}

/// Writes `products.csv`, `stores.csv` and `sales.csv` below `dir`, which is made when it is missing. Files
/// of the same names are replaced.
///
/// `progress` gets the number of sales written so far, every 65,536 of them and at the end.
pub fn write(dir: &Path, plan: SalesPlan, progress: impl FnMut(u64)) -> Result<Vec<WrittenFile>, WriteError> {
    let products = catalogue::products();
    let stores = catalogue::stores();
    Ok(vec![
        write_file(dir, "products.csv", products.len() as u64, |out| {
            write_products(out, &products)
        })?,
        write_file(dir, "stores.csv", stores.len() as u64, |out| {
            write_stores(out, &stores)
        })?,
        write_file(dir, "sales.csv", plan.rows, |out| {
            write_sales(out, plan, &products, &stores, progress)
        })?,
    ])
}

fn write_products(out: &mut impl Write, products: &[Product]) -> io::Result<()> {
    let mut text = Vec::from("id,name,price,category\n");
    for (id, product) in (1..).zip(products) {
        writeln!(
            text,
            "{id},{},{}.00,{}",
            product.name, product.price_euros, product.category
        )?;
    }
    out.write_all(&text)
}

fn write_stores(out: &mut impl Write, stores: &[Store]) -> io::Result<()> {
    let mut text = Vec::from("id,city,region,address\n");
    for (id, store) in (1..).zip(stores) {
        writeln!(text, "{id},{},{},{}", store.city, store.region, store.address)?;
    }
    out.write_all(&text)
}

fn write_sales(
    out: &mut impl Write,
    plan: SalesPlan,
    products: &[Product],
    stores: &[Store],
    mut progress: impl FnMut(u64),
) -> io::Result<()> {
    let mut rng = SplitMix64::new(plan.seed);
    let season = season::Season::new(&mut rng);
    let product_shares = Shares::new(products.iter().map(|product| product.weight));
    let store_shares = Shares::new(stores.iter().map(|store| store.weight));
    // Each piece brings the commas around it.
    let product_ids: Vec<Piece> = (1..=products.len())
        .map(|id| Piece::new(&format!(",{id},")))
        .collect();
    let store_ids: Vec<Piece> = (1..=stores.len())
        .map(|id| Piece::new(&format!("{id},")))
        .collect();
    let quantities = QUANTITIES.map(|quantity| Piece::new(&format!("{quantity},")));
    let cents: Vec<Piece> = (0..100)
        .map(|cents| Piece::new(&format!(".{cents:02}\n")))
        .collect();
    let mut block = Block::new();
    out.write_all(b"id,product_id,store_id,sale_date,quantity,amount\n")?;
    let mut id = 0;
    for (date, last_id) in season.days(plan.rows) {
        let date = Piece::new(&format!("{date},"));
        while id < last_id {
            id += 1;
            // One number holds the four draws of a row, in bits that do not overlap.
            let bits = rng.next();
            let product = usize::from(product_shares.at(bits));
            let store = usize::from(store_shares.at(bits >> 12));
            let quantity = (bits >> 24 & 15) as usize;
            let discount = (bits >> 28 & 15) as usize;
            let amount_cents =
                QUANTITIES[quantity] * products[product].price_euros * (100 - DISCOUNTS[discount]);
            block.push_number(id);
            block.push(&product_ids[product]);
            block.push(&store_ids[store]);
            block.push(&date);
            block.push(&quantities[quantity]);
            block.push_number(amount_cents / 100);
            block.push(&cents[(amount_cents % 100) as usize]);
            if id.is_multiple_of(BLOCK_ROWS as u64) {
                block.flush(out)?;
                progress(id);
            }
        }
    }
    block.flush(out)?;
    progress(id);
    Ok(())
}

/// Rows as text, on their way to the file.
struct Block {
    text: Vec<u8>,
    /// How much of `text` is filled.
    used: usize,
    digits: itoa::Buffer,
}

impl Block {
    fn new() -> Self {
        Self {
            text: vec![0; LONGEST_ROW * BLOCK_ROWS],
            used: 0,
            digits: itoa::Buffer::new(),
        }
    }

    fn push(&mut self, piece: &Piece) {
        self.text[self.used..][..Piece::SIZE].copy_from_slice(&piece.bytes);
        self.used += piece.length;
    }

    fn push_number(&mut self, value: u64) {
        let digits = self.digits.format(value).as_bytes();
        self.text[self.used..][..digits.len()].copy_from_slice(digits);
        self.used += digits.len();
    }

    fn flush(&mut self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.text[..self.used])?;
        self.used = 0;
        Ok(())
    }
}

/// A short text in a place of fixed size. Copying all of that is much faster than copying just the text.
struct Piece {
    bytes: [u8; Self::SIZE],
    length: usize,
}

impl Piece {
    const SIZE: usize = 16;

    fn new(text: &str) -> Self {
        let mut bytes = [0; Self::SIZE];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Self {
            bytes,
            length: text.len(),
        }
    }
}

/// Weights as a table of 4,096 positions, so that one look-up draws one of up to 256 things.
struct Shares(Vec<u8>);

impl Shares {
    const SLOTS: usize = 4_096;

    /// Each position fills the part of the table that is its part of the weights' sum.
    fn new(weights: impl Iterator<Item = usize> + Clone) -> Self {
        let total: usize = weights.clone().sum();
        let mut table = Vec::with_capacity(Self::SLOTS);
        let mut through = 0;
        for (weight, position) in weights.zip(0..=u8::MAX) {
            through += weight;
            table.resize(through * Self::SLOTS / total, position);
        }
        Self(table)
    }

    /// The position that the lowest 12 of these random bits draw.
    fn at(&self, bits: u64) -> u8 {
        self.0[(bits & 4_095) as usize]
    }
}
