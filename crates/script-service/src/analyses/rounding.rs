//! Shares that sum to 100.0.

use super::figures::Figure;
use super::header::DeclaredColumn;
use script_api::ColumnType;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How shares are rounded to one decimal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rounding {
    /// Each to the nearest, halves away from zero. They may sum to 100.1.
    #[default]
    Nearest,
    /// All down, then those with the largest remainders up by a tenth, until they sum to 100.0.
    LargestRemainder,
}

/// The shares of `parts` in tenths of a percent, which sum to 1,000; `None` unless `parts` make up a positive
/// whole. Of equal remainders the earlier one goes up.
pub(crate) fn largest_remainder(parts: &[i64]) -> Option<Vec<i128>> {
    let whole: i128 = parts.iter().map(|part| i128::from(*part)).sum();
    if whole <= 0 {
        return None;
    }
    let tenths = |part: i64| i128::from(part) * 1_000;
    let mut shares: Vec<i128> = parts.iter().map(|part| tenths(*part).div_euclid(whole)).collect();
    let left = 1_000 - shares.iter().sum::<i128>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(tenths(parts[index]).rem_euclid(whole)));
    for &index in order.iter().take(usize::try_from(left).unwrap_or(0)) {
        shares[index] += 1;
    }
    Some(shares)
}

/// Rounds the columns of shares in `rows` anew. `part_of` gives the two parts of a column's quotient in a row.
pub(crate) fn round_shares(
    columns: &[DeclaredColumn],
    rows: &mut [Vec<Figure>],
    part_of: impl Fn(usize, &DeclaredColumn) -> Option<(i64, i64)>,
) {
    for (place, column) in columns.iter().enumerate() {
        if column.kind != ColumnType::Percent || column.quotient.is_none() {
            continue;
        }
        let quotients: Option<Vec<(i64, i64)>> = (0..rows.len()).map(|row| part_of(row, column)).collect();
        let Some(quotients) = quotients else {
            continue;
        };
        let parts: Vec<i64> = quotients.iter().map(|(part, _)| *part).collect();
        let sum: i128 = parts.iter().map(|part| i128::from(*part)).sum();
        // Shares are of one whole, which their parts make up.
        if !quotients.iter().all(|(_, whole)| i128::from(*whole) == sum) {
            continue;
        }
        for (row, share) in rows.iter_mut().zip(largest_remainder(&parts).unwrap_or_default()) {
            row[place] = Figure::Decimal {
                scaled: share,
                decimals: 1,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn thirds_sum_to_a_hundred() {
        assert_eq!(largest_remainder(&[1, 1, 1]).unwrap(), [334, 333, 333]);
        assert_eq!(largest_remainder(&[0, 0]), None);
        assert_eq!(largest_remainder(&[]), None);
    }

    proptest! {
        #[test]
        fn shares_sum_to_a_hundred_and_none_is_a_tenth_off(
            parts in prop::collection::vec(-1_000_000_i64..1_000_000_000, 1..40)
        ) {
            let whole: i128 = parts.iter().map(|part| i128::from(*part)).sum();
            prop_assume!(whole > 0);

            let shares = largest_remainder(&parts).unwrap();

            prop_assert_eq!(shares.iter().sum::<i128>(), 1_000);
            for (share, part) in shares.iter().zip(&parts) {
                prop_assert!((share * whole - i128::from(*part) * 1_000).abs() < whole);
            }
        }
    }
}
