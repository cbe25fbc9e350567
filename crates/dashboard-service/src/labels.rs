//! Names that script-service gives things, in the reader's language. What is not known here is shown as it
//! came: analyses may be the user's own.

use crate::language::Language;

/// The heading of a column.
pub(crate) fn column(name: &str, language: Language) -> String {
    let known: &[(&str, &str)] = match language {
        Language::Fr => &FRENCH_COLUMNS,
        Language::En => &ENGLISH_COLUMNS,
    };
    if let Some((_, label)) = known.iter().find(|(known, _)| *known == name) {
        return (*label).to_owned();
    }
    let mut words = name.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// A text in a cell: weekdays and the like.
pub(crate) fn value(text: &str, language: Language) -> &str {
    match (language, text) {
        (_, "(unknown)") => language.words().unknown,
        (Language::Fr, "new") => "nouveau",
        (Language::Fr, "lost") => "perdu",
        (Language::Fr, "kept") => "gardé",
        (Language::Fr, "month") => "mois",
        (Language::Fr, "quarter") => "trimestre",
        (Language::Fr, "year") => "année",
        (Language::Fr, "product") => "produit",
        (Language::Fr, "store") => "magasin",
        (Language::Fr, "region") => "région",
        (Language::Fr, "January") => "janvier",
        (Language::Fr, "February") => "février",
        (Language::Fr, "March") => "mars",
        (Language::Fr, "April") => "avril",
        (Language::Fr, "May") => "mai",
        (Language::Fr, "June") => "juin",
        (Language::Fr, "July") => "juillet",
        (Language::Fr, "August") => "août",
        (Language::Fr, "September") => "septembre",
        (Language::Fr, "October") => "octobre",
        (Language::Fr, "November") => "novembre",
        (Language::Fr, "December") => "décembre",
        (Language::Fr, "Monday") => "lundi",
        (Language::Fr, "Tuesday") => "mardi",
        (Language::Fr, "Wednesday") => "mercredi",
        (Language::Fr, "Thursday") => "jeudi",
        (Language::Fr, "Friday") => "vendredi",
        (Language::Fr, "Saturday") => "samedi",
        (Language::Fr, "Sunday") => "dimanche",
        _ => text,
    }
}

/// What an import decided, by the names that script-service uses.
pub(crate) fn terms(language: Language) -> [(&'static str, &'static str); 12] {
    let w = language.words();
    [
        ("format", w.word_format),
        ("packing", w.word_packing),
        ("encoding", w.word_encoding),
        ("delimiter", w.word_delimiter),
        ("skip_lines", w.word_skip_lines),
        ("point", w.word_point),
        ("comma", w.word_comma),
        ("day_first", w.word_day_first),
        ("month_first", w.word_month_first),
        ("evidence", w.word_evidence),
        ("option", w.word_option),
        ("assumed", w.word_ambiguous),
    ]
}

/// The name of a model of forecasts.
pub(crate) fn model(name: &str, language: Language) -> &str {
    match (language, name) {
        (Language::Fr, "auto") => "Automatique (le meilleur)",
        (Language::En, "auto") => "Automatic (the best)",
        (_, "arima") => "ARIMA(5,1,0)",
        (Language::Fr, "sarima") => "SARIMA hebdomadaire",
        (Language::En, "sarima") => "Weekly SARIMA",
        (Language::Fr, "auto_arima") => "ARIMA, ordre cherché",
        (Language::En, "auto_arima") => "ARIMA, order searched",
        (_, "prophet") => "Prophet",
        (Language::Fr, "ets") => "Lissage exponentiel (ETS)",
        (Language::En, "ets") => "Exponential smoothing (ETS)",
        (Language::Fr, "mstl") => "Décomposition (MSTL)",
        (Language::En, "mstl") => "Decomposition (MSTL)",
        (Language::Fr, "seasonal_naive") => "Dernière semaine répétée",
        (Language::En, "seasonal_naive") => "Last week repeated",
        (Language::Fr, "naive") => "Dernier jour répété",
        (Language::En, "naive") => "Last day repeated",
        (_, other) => other,
    }
}

/// The state of a job.
pub(crate) fn state(name: &str, language: Language) -> &str {
    let words = language.words();
    match name {
        "queued" => words.state_queued,
        "running" => words.state_running,
        "succeeded" => words.state_succeeded,
        "succeeded_with_rejects" => words.state_succeeded_with_rejects,
        "failed" => words.state_failed,
        "cancelled" => words.state_cancelled,
        "interrupted" => words.state_interrupted,
        other => other,
    }
}

/// The kind of a job.
pub(crate) fn kind(name: &str, language: Language) -> &str {
    let words = language.words();
    match name {
        "import" => words.kind_import,
        "analysis" => words.kind_analysis,
        "forecast" => words.kind_forecast,
        "undo" => words.kind_undo,
        other => other,
    }
}

/// Columns in French.
const FRENCH_COLUMNS: [(&str, &str); 110] = [
    ("active_days", "Jours avec ventes"),
    ("address", "Adresse"),
    ("attainment", "Atteinte"),
    ("average_discount_rate", "Remise moyenne"),
    ("average_line", "Ligne moyenne"),
    ("average_price", "Prix moyen"),
    ("average_ticket", "Ticket moyen"),
    ("average_unit_price", "Prix moyen"),
    ("below_target", "Sous l’objectif"),
    ("best_day", "Meilleur jour"),
    ("best_day_sales", "Ventes du meilleur jour"),
    ("calendar_days", "Jours du calendrier"),
    ("category", "Catégorie"),
    ("city", "Ville"),
    ("class", "Classe"),
    ("contribution", "Contribution"),
    ("cumulative_share", "Part cumulée"),
    ("current", "Maintenant"),
    ("date", "Jour"),
    ("day_adjusted_growth", "Croissance par jour"),
    ("days", "Jours"),
    ("difference", "Écart"),
    ("dimension", "Dimension"),
    ("discount_rate", "Remise"),
    ("elapsed_days", "Jours écoulés"),
    ("gross_revenue", "Ventes brutes"),
    ("gross_sales", "Ventes brutes"),
    ("growth", "Croissance"),
    ("growth_to_date", "Croissance à date"),
    ("hhi", "HHI"),
    ("high_potential", "Fort potentiel"),
    ("index", "Indice"),
    ("indicative", "Indicatif"),
    ("like_for_like", "Comparable"),
    ("like_for_like_growth", "Croissance comparable"),
    ("lines", "Lignes"),
    ("lines_per_ticket", "Lignes par ticket"),
    ("lines_without_ticket", "Lignes sans ticket"),
    ("list_price", "Prix affiché"),
    ("list_value", "Valeur au prix affiché"),
    ("lost_products", "Produits perdus"),
    ("lost_regions", "Régions perdues"),
    ("mean_per_day", "Moyenne par jour"),
    ("mean_sales", "Ventes moyennes"),
    ("members", "Nombre"),
    ("monday", "Lundi"),
    ("month", "Mois"),
    ("moving_average", "Moyenne mobile"),
    ("moving_average_7d", "Moyenne sur 7 jours"),
    ("name", "Produit"),
    ("negative_base", "Base négative"),
    ("negative_members", "Plus de retours que de ventes"),
    ("net_sales", "Ventes nettes"),
    ("new_products", "Nouveaux produits"),
    ("new_regions", "Nouvelles régions"),
    ("no_tickets", "Sans tickets"),
    ("no_whole_year", "Aucune année entière"),
    ("other_days", "Autres jours"),
    ("partial", "Partiel"),
    ("partial_period", "Partiel"),
    ("period", "Période"),
    ("period_days", "Jours de la période"),
    ("period_from", "Du"),
    ("period_to", "Au"),
    ("previous", "Avant"),
    ("previous_from", "Avant, du"),
    ("previous_revenue", "Période précédente"),
    ("previous_sales", "Ventes d’avant"),
    ("previous_to", "Avant, au"),
    ("previous_to_date", "Avant, à date"),
    ("pro_rata", "Au prorata"),
    ("product_id", "N°"),
    ("products_below_target", "Produits sous l’objectif"),
    ("products_in_a", "Produits de classe A"),
    ("products_sold", "Produits vendus"),
    ("rank", "Rang"),
    ("region", "Région"),
    ("return_rate", "Taux de retour"),
    ("returns", "Retours"),
    ("revenue_left_out", "Leur chiffre d’affaires"),
    ("revenue_per_day", "Ventes par jour"),
    ("run_rate", "À ce rythme"),
    ("run_rate_30d", "Au rythme de 30 jours"),
    ("share", "Part"),
    ("some_stores", "Certains magasins"),
    ("status", "Statut"),
    ("store_id", "N°"),
    ("stores_active", "Magasins actifs"),
    ("stores_left_out", "Magasins non comparables"),
    ("target", "Objectif"),
    ("tickets", "Tickets"),
    ("top_1_share", "Part du premier"),
    ("top_5_share", "Part des 5 premiers"),
    ("top_fifth_share", "Part du premier cinquième"),
    ("total_gross", "Ventes brutes"),
    ("total_growth", "Croissance totale"),
    ("total_list_value", "Valeur au prix affiché"),
    ("total_return_rate", "Taux de retour"),
    ("total_returns", "Retours"),
    ("total_revenue", "Chiffre d’affaires"),
    ("total_sales", "Ventes"),
    ("units", "Unités"),
    ("units_per_ticket", "Unités par ticket"),
    ("week", "Semaine"),
    ("weekday", "Jour de semaine"),
    ("weekend_days", "Jours de week-end"),
    ("weekend_uplift", "Effet week-end"),
    ("whole_years", "Années entières"),
    ("zero_base", "Base nulle"),
    ("zero_bases", "Bases nulles"),
];

/// Columns that are called otherwise in English than by script-service.
const ENGLISH_COLUMNS: [(&str, &str); 19] = [
    ("date", "Day"),
    ("hhi", "HHI"),
    ("like_for_like", "Like for like"),
    ("like_for_like_growth", "Like-for-like growth"),
    ("moving_average_7d", "7-day average"),
    ("name", "Product"),
    ("period_from", "From"),
    ("period_to", "To"),
    ("previous_from", "Before, from"),
    ("previous_to", "Before, to"),
    ("product_id", "No."),
    ("region", "Region"),
    ("run_rate", "At this pace"),
    ("run_rate_30d", "At the pace of 30 days"),
    ("store_id", "No."),
    ("top_1_share", "Share of the first"),
    ("top_5_share", "Share of the first 5"),
    ("top_fifth_share", "Share of the first fifth"),
    ("total_sales", "Sales"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_columns_are_shown_as_words() {
        assert_eq!(column("margin_rate", Language::Fr), "Margin rate");
        assert_eq!(column("share", Language::En), "Share");
        assert_eq!(column("élan", Language::En), "élan");
    }
}
