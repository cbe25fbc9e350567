//! Names that script-service gives things, in the reader's language. What is not known here is shown as it
//! came: analyses may be the user's own.

use crate::locale::Locale;

/// The heading of a column.
pub(crate) fn column(name: &str, locale: Locale) -> String {
    let known = match (locale, name) {
        (Locale::Fr, "region") => "Région",
        (Locale::En, "region") => "Region",
        (Locale::Fr, "name") => "Produit",
        (Locale::En, "name") => "Product",
        (Locale::Fr, "product_id" | "store_id") => "N°",
        (Locale::En, "product_id" | "store_id") => "No.",
        (Locale::Fr, "total_sales") => "Ventes",
        (Locale::En, "total_sales") => "Sales",
        (Locale::Fr, "total_revenue") => "Chiffre d’affaires",
        (Locale::Fr, "share") => "Part",
        (Locale::Fr, "cumulative_share") => "Part cumulée",
        (Locale::Fr, "class") => "Classe",
        (Locale::Fr, "units") => "Unités",
        (Locale::Fr, "lines") => "Lignes",
        (Locale::Fr, "date") => "Jour",
        (Locale::En, "date") => "Day",
        (Locale::Fr, "month") => "Mois",
        (Locale::Fr, "days") => "Jours",
        (Locale::Fr, "mean_per_day") => "Moyenne par jour",
        (Locale::Fr, "partial" | "partial_period") => "Partiel",
        (Locale::Fr, "moving_average_7d") => "Moyenne sur 7 jours",
        (Locale::En, "moving_average_7d") => "7-day average",
        (Locale::Fr, "weekday") => "Jour de semaine",
        (Locale::Fr, "mean_sales") => "Ventes moyennes",
        (Locale::Fr, "index") => "Indice",
        (Locale::Fr, "previous") => "Avant",
        (Locale::Fr, "current") => "Maintenant",
        (Locale::Fr, "growth") => "Croissance",
        (Locale::Fr, "difference") => "Écart",
        (Locale::Fr, "previous_to_date") => "Avant, à date",
        (Locale::Fr, "growth_to_date") => "Croissance à date",
        (Locale::Fr, "total_growth") => "Croissance totale",
        (Locale::Fr, "zero_base") => "Base nulle",
        (Locale::Fr, "negative_base") => "Base négative",
        (Locale::Fr, "target") => "Objectif",
        (Locale::Fr, "attainment") => "Atteinte",
        (Locale::Fr, "below_target") => "Sous l’objectif",
        (Locale::Fr, "category") => "Catégorie",
        (Locale::Fr, "city") => "Ville",
        (Locale::Fr, "address") => "Adresse",
        (Locale::Fr, "average_line") => "Ligne moyenne",
        (Locale::Fr, "average_unit_price") => "Prix moyen",
        (Locale::Fr, "revenue_per_day") => "Ventes par jour",
        (Locale::Fr, "calendar_days") => "Jours du calendrier",
        (Locale::Fr, "active_days") => "Jours avec ventes",
        (Locale::Fr, "best_day") => "Meilleur jour",
        (Locale::Fr, "best_day_sales") => "Ventes du meilleur jour",
        (Locale::Fr, "products_sold") => "Produits vendus",
        (Locale::Fr, "stores_active") => "Magasins actifs",
        (Locale::Fr, "previous_revenue") => "Période précédente",
        (Locale::Fr, "gross_revenue") => "Ventes brutes",
        (Locale::Fr, "returns") => "Retours",
        (Locale::Fr, "weekend_uplift") => "Effet week-end",
        (Locale::Fr, "weekend_days") => "Jours de week-end",
        (Locale::Fr, "other_days") => "Autres jours",
        (Locale::Fr, "products_in_a") => "Produits de classe A",
        (Locale::Fr, "products_below_target") => "Produits sous l’objectif",
        (Locale::Fr, "pro_rata") => "Au prorata",
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    let mut words = name.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// The title of an analysis; `given` is what the service calls it.
pub(crate) fn title(analysis: &str, given: &str, locale: Locale) -> String {
    let french = match analysis {
        "total" => "Chiffre d’affaires",
        "product" => "Ventes par produit",
        "category" => "Ventes par catégorie",
        "region" => "Ventes par région",
        "store" => "Ventes par magasin",
        "trend" => "Ventes par jour",
        "month" => "Ventes par mois",
        "seasonality" => "Ventes par jour de semaine",
        "growth" => "Croissance par région",
        "targets" => "Objectifs",
        "abc" => "Produits, classes ABC",
        "summary" => "Chiffres clés",
        _ => given,
    };
    match locale {
        Locale::Fr => french.to_owned(),
        Locale::En => given.to_owned(),
    }
}

/// What a built-in analysis shows, in French.
pub(crate) fn description(analysis: &str) -> Option<&'static str> {
    Some(match analysis {
        "total" => {
            "Chiffre d’affaires net, lignes de vente et unités de la période. Les retours sont des lignes négatives et sont déduits."
        }
        "product" => "Chiffre d’affaires net de chaque produit vendu dans la période, et sa part du tout.",
        "category" => {
            "Chiffre d’affaires net de chaque catégorie de produits\u{a0}; les produits sans catégorie sont sous «\u{a0}(inconnue)\u{a0}»."
        }
        "region" => {
            "Chiffre d’affaires net de chaque région et sa part\u{a0}; les magasins sans région sont sous «\u{a0}(inconnue)\u{a0}»."
        }
        "store" => "Chiffre d’affaires net de chaque magasin qui a vendu dans la période, et sa part.",
        "trend" => {
            "Chiffre d’affaires net de chaque jour couvert par les données, 0 pour les jours sans vente, avec la moyenne des sept jours qui s’y terminent."
        }
        "month" => {
            "Chiffre d’affaires net de chaque mois, 0 pour les mois sans vente. Un mois couvert en partie est signalé."
        }
        "seasonality" => {
            "Chiffre d’affaires moyen de chaque jour de la semaine, en indice (100 est la moyenne des sept), et ce que samedi et dimanche rapportent de plus."
        }
        "growth" => {
            "Chiffre d’affaires net de chaque région face à la période précédente. Rien n’est dit quand l’une des deux n’est pas entièrement couverte\u{a0}; le même nombre de jours est alors comparé à côté."
        }
        "targets" => {
            "Chiffre d’affaires net de chaque produit face à son objectif. Un mois couvert en partie compte au prorata de ses jours."
        }
        "abc" => {
            "Produits du plus grand au plus petit\u{a0}: classe A jusqu’à {a}\u{202f}% cumulés, B jusqu’à {b}\u{202f}%, C au-delà ou sans chiffre d’affaires."
        }
        "summary" => {
            "La période en un coup d’œil\u{a0}: chiffre d’affaires, lignes, unités, moyennes, jours avec et sans vente, meilleur jour, et l’évolution face à la période précédente."
        }
        _ => return None,
    })
}

/// The name of a parameter of a built-in analysis, in French.
pub(crate) fn parameter(analysis: &str, name: &str) -> Option<&'static str> {
    Some(match (analysis, name) {
        ("abc", "a") => "Fin de la classe A, en %",
        ("abc", "b") => "Fin de la classe B, en %",
        _ => return None,
    })
}

/// A text in a cell: weekdays and the like.
pub(crate) fn value(text: &str, locale: Locale) -> &str {
    match (locale, text) {
        (_, "(unknown)") => locale.words().unknown,
        (Locale::Fr, "Monday") => "lundi",
        (Locale::Fr, "Tuesday") => "mardi",
        (Locale::Fr, "Wednesday") => "mercredi",
        (Locale::Fr, "Thursday") => "jeudi",
        (Locale::Fr, "Friday") => "vendredi",
        (Locale::Fr, "Saturday") => "samedi",
        (Locale::Fr, "Sunday") => "dimanche",
        _ => text,
    }
}

/// What an import decided, by the names that script-service uses.
pub(crate) fn terms(locale: Locale) -> [(&'static str, &'static str); 12] {
    let w = locale.words();
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
pub(crate) fn model(name: &str, locale: Locale) -> &str {
    match (locale, name) {
        (Locale::Fr, "auto") => "Automatique (le meilleur)",
        (Locale::En, "auto") => "Automatic (the best)",
        (_, "arima") => "ARIMA(5,1,0)",
        (Locale::Fr, "sarima") => "SARIMA hebdomadaire",
        (Locale::En, "sarima") => "Weekly SARIMA",
        (Locale::Fr, "auto_arima") => "ARIMA, ordre cherché",
        (Locale::En, "auto_arima") => "ARIMA, order searched",
        (_, "prophet") => "Prophet",
        (Locale::Fr, "ets") => "Lissage exponentiel (ETS)",
        (Locale::En, "ets") => "Exponential smoothing (ETS)",
        (Locale::Fr, "mstl") => "Décomposition (MSTL)",
        (Locale::En, "mstl") => "Decomposition (MSTL)",
        (Locale::Fr, "seasonal_naive") => "Dernière semaine répétée",
        (Locale::En, "seasonal_naive") => "Last week repeated",
        (Locale::Fr, "naive") => "Dernier jour répété",
        (Locale::En, "naive") => "Last day repeated",
        (_, other) => other,
    }
}

/// The state of a job.
pub(crate) fn state(name: &str, locale: Locale) -> &str {
    let words = locale.words();
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
pub(crate) fn kind(name: &str, locale: Locale) -> &str {
    let words = locale.words();
    match name {
        "import" => words.kind_import,
        "analysis" => words.kind_analysis,
        "forecast" => words.kind_forecast,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_columns_are_shown_as_words() {
        assert_eq!(column("margin_rate", Locale::Fr), "Margin rate");
        assert_eq!(column("share", Locale::En), "Share");
        assert_eq!(column("élan", Locale::En), "élan");
    }
}
