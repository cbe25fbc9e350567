//! Least squares by Householder reflections with column pivoting: the start values may come from singular data.

/// The solution of `columns · x ≈ target` in the least squares sense, and its residuals.
///
/// `columns` are the columns of the design, each as long as `target`. A column that depends on the others (up
/// to 1e-12 of the largest) has coefficient 0.
pub(super) fn solve(columns: &[Vec<f64>], target: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let count = columns.len();
    let mut work: Vec<Vec<f64>> = columns.to_vec();
    let mut rhs = target.to_vec();
    let mut pivots: Vec<usize> = (0..count).collect();
    let norm = |column: &[f64]| column.iter().map(|x| x * x).sum::<f64>().sqrt();
    let largest = work.iter().map(|column| norm(column)).fold(0.0, f64::max);
    let mut rank = 0;
    while rank < count.min(target.len()) {
        let rest: Vec<f64> = work[rank..].iter().map(|column| norm(&column[rank..])).collect();
        let best = (0..rest.len())
            .max_by(|a, b| rest[*a].total_cmp(&rest[*b]))
            .unwrap_or(0);
        if rest[best].is_nan() || rest[best] <= 1e-12 * largest {
            break;
        }
        work.swap(rank, rank + best);
        pivots.swap(rank, rank + best);
        let mut reflector = work[rank][rank..].to_vec();
        let length = rest[best].copysign(-reflector[0]);
        reflector[0] -= length;
        let square = reflector.iter().map(|x| x * x).sum::<f64>();
        let reflect = |column: &mut [f64]| {
            let dot = 2.0 * reflector.iter().zip(&*column).map(|(a, b)| a * b).sum::<f64>() / square;
            for (x, v) in column.iter_mut().zip(&reflector) {
                *x -= dot * v;
            }
        };
        for column in &mut work[rank..] {
            reflect(&mut column[rank..]);
        }
        reflect(&mut rhs[rank..]);
        rank += 1;
    }
    let mut solution = vec![0.0; count];
    for row in (0..rank).rev() {
        let known: f64 = (row + 1..rank)
            .map(|col| work[col][row] * solution[pivots[col]])
            .sum();
        solution[pivots[row]] = (rhs[row] - known) / work[row][row];
    }
    let mut residuals = target.to_vec();
    for (column, coefficient) in columns.iter().zip(&solution) {
        for (residual, x) in residuals.iter_mut().zip(column) {
            *residual -= coefficient * x;
        }
    }
    (solution, residuals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_relation_is_found() {
        let columns = [vec![1.0, 2.0, 3.0, 5.0], vec![1.0, 0.0, 2.0, 1.0]];
        let target: Vec<f64> = (0..4)
            .map(|row| 2.0 * columns[0][row] - 3.0 * columns[1][row])
            .collect();

        let (solution, residuals) = solve(&columns, &target);

        assert!((solution[0] - 2.0).abs() < 1e-12 && (solution[1] + 3.0).abs() < 1e-12);
        assert!(residuals.iter().all(|residual| residual.abs() < 1e-12));
    }

    #[test]
    fn a_column_that_repeats_another_gets_nothing() {
        let column = vec![1.0, 2.0, 3.0];

        let (solution, _) = solve(&[column.clone(), column.clone()], &column);

        assert!((solution.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(solution.contains(&0.0));
    }
}
