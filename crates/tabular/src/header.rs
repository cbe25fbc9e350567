//! Which header is which column.
//!
//! A header is taken, in this order: as the request's mapping says, by its exact name, by its name folded
//! (case, accents and punctuation left out), by a synonym.

use crate::columns::{Column, Spec};
use std::collections::BTreeMap;

/// How a header came to its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchedBy {
    /// The request says so.
    Mapping,
    /// The header is the column's name.
    Name,
    /// The header is the column's name but for case, accents or punctuation.
    FoldedName,
    /// The header is another word for the column.
    Synonym,
}

/// A header and its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedColumn {
    /// The header as it stands in the source.
    pub header: String,
    /// The column it fills.
    pub column: String,
    /// How it came to it.
    pub matched_by: MatchedBy,
}

/// Where each column of a table stands in a source.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// For each column of the table, the field it is read from.
    pub fields: Vec<Option<usize>>,
    /// What was matched, in the order of the table's columns.
    pub matched: Vec<MappedColumn>,
    /// Headers that stand for no column.
    pub ignored: Vec<String>,
}

/// Why headers do not fit a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Columns that every row needs are not there.
    #[error("no header stands for {}; the headers are {}", list(columns), list(headers))]
    MissingColumns {
        /// The columns.
        columns: Vec<String>,
        /// The headers that are there.
        headers: Vec<String>,
    },
    /// Two headers stand for one column.
    #[error("`{first}` and `{second}` both stand for {column}; name one of them in `mapping`")]
    Twice {
        /// The column.
        column: &'static str,
        /// A header.
        first: String,
        /// Another.
        second: String,
    },
    /// The mapping names a header that is not there.
    #[error(
        "`mapping` names the header `{header}`, which the source lacks; its headers are {}",
        list(headers)
    )]
    NoSuchHeader {
        /// The header.
        header: String,
        /// The headers that are there.
        headers: Vec<String>,
    },
    /// The mapping names a column that the table lacks.
    #[error(
        "`mapping` names the column `{column}`, which {table} lacks; it has {}",
        list(columns)
    )]
    NoSuchColumn {
        /// The column.
        column: String,
        /// The table.
        table: &'static str,
        /// The columns that it has.
        columns: Vec<String>,
    },
}

/// How many of `headers` come up to the last that has a name.
pub(crate) fn named(headers: &[String]) -> usize {
    headers
        .iter()
        .rposition(|header| !header.trim().is_empty())
        .map_or(0, |last| last + 1)
}

/// `names` in a sentence.
pub(crate) fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".into();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Finds the columns of `spec` among `headers`. `mapping` goes from column to header. `key_needed` says
/// whether the key must be there.
pub fn map(
    spec: &'static Spec,
    headers: &[String],
    mapping: &BTreeMap<String, String>,
    key_needed: bool,
) -> Result<Mapping, MappingError> {
    let mut found: Vec<Option<(usize, MatchedBy)>> = vec![None; spec.columns.len()];
    let mut taken = vec![false; headers.len()];
    for (name, header) in mapping {
        let Some(column) = spec.columns.iter().position(|column| column.name == name) else {
            return Err(MappingError::NoSuchColumn {
                column: name.clone(),
                table: spec.stored_as,
                columns: spec.columns.iter().map(|column| column.name.to_owned()).collect(),
            });
        };
        let field = headers
            .iter()
            .position(|seen| seen.trim() == header.trim())
            .or_else(|| headers.iter().position(|seen| fold(seen) == fold(header)));
        let Some(field) = field else {
            return Err(MappingError::NoSuchHeader {
                header: header.clone(),
                headers: headers.to_vec(),
            });
        };
        found[column] = Some((field, MatchedBy::Mapping));
        taken[field] = true;
    }
    for matched_by in [MatchedBy::Name, MatchedBy::FoldedName, MatchedBy::Synonym] {
        for (index, column) in spec.columns.iter().enumerate() {
            if found[index].is_some() {
                continue;
            }
            let mut fields = (0..headers.len())
                .filter(|&field| !taken[field] && stands_for(&headers[field], column, matched_by));
            let Some(field) = fields.next() else {
                continue;
            };
            if let Some(second) = fields.next() {
                return Err(MappingError::Twice {
                    column: column.name,
                    first: headers[field].clone(),
                    second: headers[second].clone(),
                });
            }
            found[index] = Some((field, matched_by));
            taken[field] = true;
        }
    }
    let missing: Vec<String> = spec
        .columns
        .iter()
        .enumerate()
        .filter(|&(index, column)| {
            column.required && found[index].is_none() && (key_needed || index >= spec.key)
        })
        .map(|(_, column)| column.name.to_owned())
        .collect();
    if !missing.is_empty() {
        return Err(MappingError::MissingColumns {
            columns: missing,
            headers: headers.to_vec(),
        });
    }
    let matched = found
        .iter()
        .zip(spec.columns)
        .filter_map(|(found, column)| {
            found.map(|(field, matched_by)| MappedColumn {
                header: headers[field].clone(),
                column: column.name.to_owned(),
                matched_by,
            })
        })
        .collect();
    let ignored = headers
        .iter()
        .zip(&taken)
        .filter(|(header, taken)| !**taken && !header.trim().is_empty())
        .map(|(header, _)| header.clone())
        .collect();
    Ok(Mapping {
        fields: found
            .into_iter()
            .map(|found| found.map(|(field, _)| field))
            .collect(),
        matched,
        ignored,
    })
}

/// How many columns of `spec` stand among `headers`, by name, by synonym or as `mapping` says: what a guess
/// at the dialect is worth.
#[must_use]
pub fn recognised(spec: &Spec, headers: &[String], mapping: &BTreeMap<String, String>) -> usize {
    if let Some(knows_header) = spec.knows_header {
        let is_mapped = |header: &String| mapping.values().any(|mapped| fold(mapped) == fold(header));
        let known = headers
            .iter()
            .filter(|header| knows_header(header) || is_mapped(header));
        return known.count();
    }
    spec.columns
        .iter()
        .filter(|column| {
            let mapped = mapping.get(column.name).map(|header| fold(header));
            headers.iter().any(|header| match &mapped {
                Some(mapped) => fold(header) == *mapped,
                None => {
                    stands_for(header, column, MatchedBy::FoldedName)
                        || stands_for(header, column, MatchedBy::Synonym)
                }
            })
        })
        .count()
}

fn stands_for(header: &str, column: &Column, matched_by: MatchedBy) -> bool {
    match matched_by {
        MatchedBy::Mapping => false,
        MatchedBy::Name => header.trim() == column.name,
        MatchedBy::FoldedName => fold(header) == fold(column.name),
        MatchedBy::Synonym => {
            let folded = fold(header);
            column.synonyms.contains(&folded.as_str())
                // `Montant (€)`, `Prix EUR`: a currency behind the word is no other word.
                || folded
                    .strip_suffix(" eur")
                    .or_else(|| folded.strip_suffix(" euros"))
                    .is_some_and(|word| column.synonyms.contains(&word) || word == fold(column.name))
        }
    }
}

/// `text` in lower case, without accents, punctuation as single blanks: `Réf. produit` as `ref produit`.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        let plain = match character {
            'à' | 'â' | 'ä' | 'á' | 'ã' => "a",
            'ç' => "c",
            'é' | 'è' | 'ê' | 'ë' => "e",
            'î' | 'ï' | 'í' => "i",
            'ô' | 'ö' | 'ó' => "o",
            'ù' | 'û' | 'ü' | 'ú' => "u",
            'ÿ' => "y",
            'ñ' => "n",
            'œ' => "oe",
            'æ' => "ae",
            // A letter with its accent as a character of its own.
            '\u{300}'..='\u{36f}' => continue,
            'a'..='z' | '0'..='9' => {
                folded.push(character);
                continue;
            }
            _ => {
                if !folded.is_empty() && !folded.ends_with(' ') {
                    folded.push(' ');
                }
                continue;
            }
        };
        folded.push_str(plain);
    }
    if folded.ends_with(' ') {
        folded.pop();
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specs::{SALES, STORES};

    fn headers(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn french_headers_find_their_columns() {
        let headers = headers(&[
            "N° ligne",
            "Date de vente",
            "MAGASIN",
            "Réf. produit",
            "Quantité",
            "Montant TTC (€)",
            "Vendeur",
        ]);

        let mapping = map(&SALES, &headers, &BTreeMap::new(), true).unwrap();

        assert_eq!(
            mapping.fields,
            [Some(0), Some(3), Some(2), Some(1), Some(4), Some(5), None]
        );
        assert_eq!(mapping.ignored, ["Vendeur"]);
    }

    #[test]
    fn a_missing_column_is_named_with_the_headers_seen() {
        let error = map(
            &SALES,
            &headers(&["id", "product_id", "sale_date", "quantity", "amount"]),
            &BTreeMap::new(),
            true,
        )
        .unwrap_err();

        assert_eq!(
            error.to_string(),
            "no header stands for `store_id`; the headers are `id`, `product_id`, `sale_date`, `quantity`, `amount`"
        );
    }

    #[test]
    fn two_headers_for_one_column_are_not_guessed_between() {
        let error = map(
            &STORES,
            &headers(&["id", "Ville", "Commune"]),
            &BTreeMap::new(),
            true,
        )
        .unwrap_err();

        assert!(error.to_string().contains("`Ville` and `Commune`"), "{error}");
    }

    #[test]
    fn the_requests_mapping_comes_first() {
        let mapping = BTreeMap::from([("city".to_owned(), "Commune".to_owned())]);

        let mapped = map(&STORES, &headers(&["id", "Ville", "Commune"]), &mapping, true).unwrap();

        assert_eq!(mapped.fields[1], Some(2));
        assert_eq!(mapped.ignored, ["Ville"]);
    }
}
