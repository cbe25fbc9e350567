//! Sale lines and the sums over them, while a month is being made. All money is in cents.

use super::targets::{MONTHS, PRODUCTS, REGIONS};

/// What the sums are taken over. Every line belongs to one day, one region and one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Margin {
    Day,
    Region,
    Product,
}

impl Margin {
    pub(super) const ALL: [Self; 3] = [Self::Day, Self::Region, Self::Product];
}

/// One sale of one product, not yet given to a store. The first three are positions, counted from 0.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub day: usize,
    pub region: usize,
    pub product: usize,
    pub quantity: i64,
    pub unit_price_cents: i64,
}

impl Line {
    pub(super) fn amount_cents(&self) -> i64 {
        self.quantity * self.unit_price_cents
    }

    pub(super) fn list_price_cents(&self) -> i64 {
        PRODUCTS[self.product].list_price_euros * 100
    }

    /// The line's place in `margin`.
    pub(super) fn place(&self, margin: Margin) -> usize {
        match margin {
            Margin::Day => self.day,
            Margin::Region => self.region,
            Margin::Product => self.product,
        }
    }
}

/// An amount for each day, each region and each product of one month.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    pub day: Vec<i64>,
    pub region: Vec<i64>,
    pub product: Vec<i64>,
}

impl Sums {
    /// What the month at this position of [`MONTHS`] has to add up to.
    pub(super) fn targets(month: usize) -> Self {
        Self {
            day: MONTHS[month]
                .daily_euros
                .iter()
                .map(|euros| euros * 100)
                .collect(),
            region: REGIONS.iter().map(|region| region.revenue_cents[month]).collect(),
            product: PRODUCTS
                .iter()
                .map(|product| product.revenue_cents[month])
                .collect(),
        }
    }

    /// The same sums with `change` applied to each.
    pub(super) fn map(&self, change: impl Fn(i64) -> i64) -> Self {
        let apply = |sums: &[i64]| sums.iter().map(|&cents| change(cents)).collect();
        Self {
            day: apply(&self.day),
            region: apply(&self.region),
            product: apply(&self.product),
        }
    }

    /// Takes `cents` off the day, the region and the product of `line`.
    pub(super) fn subtract(&mut self, line: &Line, cents: i64) {
        self.day[line.day] -= cents;
        self.region[line.region] -= cents;
        self.product[line.product] -= cents;
    }

    pub(super) fn of(&self, margin: Margin) -> &[i64] {
        match margin {
            Margin::Day => &self.day,
            Margin::Region => &self.region,
            Margin::Product => &self.product,
        }
    }
}
