//! Names that script-service gives things, in the reader's language. What is not known here is shown as it
//! came: analyses may be the user's own.

use crate::locale::Locale;

/// The heading of a column.
pub(crate) fn column(name: &str, locale: Locale) -> String {
    let known: &[(&str, &str)] = match locale {
        Locale::Fr => &FRENCH_COLUMNS,
        Locale::En => &ENGLISH_COLUMNS,
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
        "concentration" => "Concentration",
        "like_for_like" => "Croissance à magasins comparables",
        "month_index" => "Saisonnalité par mois",
        "moving_average" => "Moyenne mobile",
        "pricing" => "Prix et remises",
        "product_growth" => "Croissance par produit",
        "returns" => "Retours",
        "tickets" => "Tickets",
        "to_date" => "Mois, trimestre et année à date",
        "week" => "Ventes par semaine",
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
        "concentration" => {
            "Part des plus grands produits, magasins et régions dans le chiffre d’affaires, et l’indice de Herfindahl-Hirschman\u{a0}: la somme des carrés des parts en pour cent, 10\u{202f}000 quand un seul a tout."
        }
        "like_for_like" => {
            "Croissance des magasins ouverts dans les deux périodes\u{a0}; les autres sont listés avec leur chiffre d’affaires et laissés hors du total."
        }
        "month_index" => {
            "Force de chaque mois\u{a0}: sa part moyenne dans les années entières de la période, fois douze\u{a0}; 100 est un mois moyen."
        }
        "moving_average" => {
            "Chiffre d’affaires net de chaque jour couvert par les données, 0 sans vente, avec la moyenne d’autant de jours que voulu, qui s’y terminent ou l’entourent."
        }
        "pricing" => {
            "Prix de vente moyen de chaque produit face à son prix affiché d’aujourd’hui. Les prix affichés changent\u{a0}: la remise est indicative."
        }
        "product_growth" => {
            "Chiffre d’affaires net de chaque produit face à la période précédente, et combien de points de la croissance totale il apporte. Rien n’est dit quand l’une des deux n’est pas entièrement couverte."
        }
        "returns" => {
            "Ventes brutes, retours et ventes nettes de chaque produit, et la part de ce qui est revenu. Les retours sont les lignes de montant négatif."
        }
        "tickets" => {
            "Ce que rapporte un ticket moyen, quand la source nomme le ticket d’une ligne. Un ticket, ce sont les lignes d’un magasin et d’un jour avec le même ticket_id\u{a0}; les lignes sans ticket sont comptées à part."
        }
        "to_date" => {
            "Chiffre d’affaires net depuis le début du mois, du trimestre et de l’année, face à autant de jours de la période précédente, et ce que donnerait la période entière à ce rythme."
        }
        "week" => {
            "Chiffre d’affaires net de chaque semaine ISO (du lundi au dimanche), 0 sans vente. Une semaine couverte en partie est signalée."
        }
        _ => return None,
    })
}

/// The name of a parameter of a built-in analysis, in French.
pub(crate) fn parameter(analysis: &str, name: &str) -> Option<&'static str> {
    Some(match (analysis, name) {
        ("abc", "a") => "Fin de la classe A, en %",
        ("abc", "b") => "Fin de la classe B, en %",
        ("like_for_like", "strict") => "Seulement les magasins ouverts d’un bout à l’autre",
        ("moving_average", "days") => "Jours de la moyenne",
        ("moving_average", "centred") => "Le jour au milieu",
        _ => return None,
    })
}

/// A text in a cell: weekdays and the like.
pub(crate) fn value(text: &str, locale: Locale) -> &str {
    match (locale, text) {
        (_, "(unknown)") => locale.words().unknown,
        (Locale::Fr, "new") => "nouveau",
        (Locale::Fr, "lost") => "perdu",
        (Locale::Fr, "kept") => "gardé",
        (Locale::Fr, "month") => "mois",
        (Locale::Fr, "quarter") => "trimestre",
        (Locale::Fr, "year") => "année",
        (Locale::Fr, "product") => "produit",
        (Locale::Fr, "store") => "magasin",
        (Locale::Fr, "region") => "région",
        (Locale::Fr, "January") => "janvier",
        (Locale::Fr, "February") => "février",
        (Locale::Fr, "March") => "mars",
        (Locale::Fr, "April") => "avril",
        (Locale::Fr, "May") => "mai",
        (Locale::Fr, "June") => "juin",
        (Locale::Fr, "July") => "juillet",
        (Locale::Fr, "August") => "août",
        (Locale::Fr, "September") => "septembre",
        (Locale::Fr, "October") => "octobre",
        (Locale::Fr, "November") => "novembre",
        (Locale::Fr, "December") => "décembre",
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
        assert_eq!(column("margin_rate", Locale::Fr), "Margin rate");
        assert_eq!(column("share", Locale::En), "Share");
        assert_eq!(column("élan", Locale::En), "élan");
    }
}
