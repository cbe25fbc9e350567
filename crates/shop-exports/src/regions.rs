//! The regions of France, by postal code or town: facts from `data/regions`.

use crate::fold;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Régions by the beginning of postal codes.
static DEPARTEMENTS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    rows(include_str!("../../../data/regions/departements.csv"))
        .filter_map(|row| {
            let (code, rest) = row.split_once(',')?;
            Some((code, rest.split_once(',')?.1))
        })
        .collect()
});

/// The départements of towns, by their folded names.
static TOWNS: LazyLock<HashMap<String, &str>> = LazyLock::new(|| {
    rows(include_str!("../../../data/regions/towns.csv"))
        .filter_map(|row| row.rsplit_once(','))
        .map(|(town, code)| (town_key(town), code))
        .collect()
});

fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().skip(1).filter(|row| !row.is_empty())
}

/// The région of a place of which postal code, town and country are written so; empty where nobody said it. `None`
/// where the country is another, or nothing is known of the place.
#[must_use]
pub fn find(postal: &str, town: &str, country: &str) -> Option<&'static str> {
    if !matches!(fold::key(country).as_str(), "" | "fr" | "fra" | "france") {
        return None;
    }
    by_postal(postal).or_else(|| by_town(town).filter(|_| fold::letters(postal).is_empty()))
}

fn by_postal(postal: &str) -> Option<&'static str> {
    let folded = fold::letters(postal);
    let code = folded
        .strip_prefix("fr")
        .or_else(|| folded.strip_prefix('f'))
        .unwrap_or(&folded);
    if code.len() != 5 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let long = DEPARTEMENTS.get(&code[..3]);
    long.or_else(|| DEPARTEMENTS.get(&code[..2])).copied()
}

fn by_town(town: &str) -> Option<&'static str> {
    let code = TOWNS.get(&town_key(town))?;
    DEPARTEMENTS.get(code).copied()
}

/// `Paris 11e`, `LYON CEDEX 03`, `St Étienne` as the town is called.
fn town_key(town: &str) -> String {
    let folded = fold::key(town);
    let words = folded.split([' ', '-', '\'']).filter(|word| !word.is_empty());
    let words =
        words.take_while(|word| *word != "cedex" && !word.starts_with(|first: char| first.is_ascii_digit()));
    let words: Vec<&str> = words
        .map(|word| if word == "st" { "saint" } else { word })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_found_by_postal_code_or_town_in_france_alone() {
        for (postal, town, country, region) in [
            ("69003", "", "", Some("Auvergne-Rhône-Alpes")),
            ("'44000", "Nantes", "FR", Some("Pays de la Loire")),
            ("F-75011", "", "France", Some("Île-de-France")),
            ("20090", "", "", Some("Corse")),
            ("97400", "", "", Some("La Réunion")),
            ("", "Paris 11e", "", Some("Île-de-France")),
            ("", "ST ETIENNE CEDEX 1", "", Some("Auvergne-Rhône-Alpes")),
            ("1000", "Bruxelles", "", None),
            ("10115", "Berlin", "DE", None),
            ("", "Springfield", "", None),
            ("99999", "", "", None),
        ] {
            assert_eq!(find(postal, town, country), region, "{postal} {town} {country}");
        }
    }

    #[test]
    fn every_town_is_in_a_region_and_every_region_is_there() {
        assert!(TOWNS.values().all(|code| DEPARTEMENTS.contains_key(code)));
        let mut regions: Vec<&str> = DEPARTEMENTS.values().copied().collect();
        regions.sort_unstable();
        regions.dedup();
        assert_eq!(regions.len(), 18);
    }
}
