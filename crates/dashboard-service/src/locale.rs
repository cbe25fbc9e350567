//! French and English: which one a visitor reads, and every word of the page in both.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};

/// The cookie in which a browser keeps the language that was chosen.
pub(crate) const COOKIE_NAME: &str = "language";

/// A language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locale {
    /// French.
    Fr,
    /// English.
    En,
}

impl Locale {
    /// The language whose tag is `tag`, such as `fr-CA`.
    pub(crate) fn parse(tag: &str) -> Option<Self> {
        match tag.trim().get(..2)?.to_ascii_lowercase().as_str() {
            "fr" => Some(Self::Fr),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// What the visitor chose, or else what the browser prefers, or else English.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let text = |name| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let chosen = text(COOKIE).split(';').find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == COOKIE_NAME).then(|| Self::parse(value))?
        });
        chosen.unwrap_or_else(|| preferred(text(ACCEPT_LANGUAGE)))
    }

    /// Its tag.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
        }
    }

    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Fr => Self::En,
            Self::En => Self::Fr,
        }
    }

    /// Its words.
    pub(crate) fn words(self) -> &'static Words {
        match self {
            Self::Fr => &FR,
            Self::En => &EN,
        }
    }
}

/// The language of ours with the highest weight in an `Accept-Language` header.
fn preferred(header: &str) -> Locale {
    let mut best = (Locale::En, 0);
    for part in header.split(',') {
        let (tag, weight) = part.split_once(';').unwrap_or((part, ""));
        let Some(locale) = Locale::parse(tag) else {
            continue;
        };
        let weight = match weight.trim().strip_prefix("q=") {
            None => 1000,
            Some(weight) => thousandths(weight),
        };
        if weight > best.1 {
            best = (locale, weight);
        }
    }
    best.0
}

/// A weight such as `0.85` in thousandths.
fn thousandths(weight: &str) -> u32 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    whole.parse::<u32>().unwrap_or(0) * 1000 + digits.parse::<u32>().unwrap_or(0)
}

/// Every word of the page. A word that one language lacks does not compile. `{}` stands for a figure and
/// `{name}` for a name.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) brand: &'static str,
    pub(crate) skip: &'static str,
    pub(crate) overview: &'static str,
    pub(crate) analyses: &'static str,
    pub(crate) imports: &'static str,
    pub(crate) jobs: &'static str,
    pub(crate) forecasts: &'static str,
    pub(crate) pages: &'static str,
    pub(crate) language: &'static str,
    pub(crate) language_title: &'static str,
    pub(crate) source: &'static str,
    pub(crate) filters: &'static str,
    pub(crate) period: &'static str,
    pub(crate) days_7: &'static str,
    pub(crate) days_30: &'static str,
    pub(crate) days_90: &'static str,
    pub(crate) this_month: &'static str,
    pub(crate) this_year: &'static str,
    pub(crate) everything: &'static str,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    pub(crate) region: &'static str,
    pub(crate) product: &'static str,
    pub(crate) all_regions: &'static str,
    pub(crate) all_products: &'static str,
    pub(crate) apply: &'static str,
    pub(crate) reset: &'static str,
    pub(crate) total_revenue: &'static str,
    pub(crate) previous: &'static str,
    pub(crate) no_previous: &'static str,
    pub(crate) lines: &'static str,
    pub(crate) units: &'static str,
    pub(crate) average_line: &'static str,
    pub(crate) weekend: &'static str,
    pub(crate) weekend_help: &'static str,
    pub(crate) top_products: &'static str,
    pub(crate) by_region: &'static str,
    pub(crate) curve: &'static str,
    pub(crate) insights: &'static str,
    pub(crate) show_table: &'static str,
    pub(crate) show_forecast: &'static str,
    pub(crate) save: &'static str,
    pub(crate) scale: &'static str,
    pub(crate) linear: &'static str,
    pub(crate) quantile: &'static str,
    pub(crate) png: &'static str,
    pub(crate) csv: &'static str,
    pub(crate) csv_fr: &'static str,
    pub(crate) json: &'static str,
    pub(crate) sales: &'static str,
    pub(crate) average_7: &'static str,
    pub(crate) forecast: &'static str,
    pub(crate) interval: &'static str,
    pub(crate) attainment: &'static str,
    pub(crate) below_target: &'static str,
    pub(crate) click_map: &'static str,
    pub(crate) click_product: &'static str,
    pub(crate) no_forecast: &'static str,
    pub(crate) make_forecast: &'static str,
    pub(crate) no_rows: &'static str,
    pub(crate) insight_weekend: &'static str,
    pub(crate) insight_growth: &'static str,
    pub(crate) insight_target: &'static str,
    pub(crate) empty_title: &'static str,
    pub(crate) empty_text: &'static str,
    pub(crate) import_sample: &'static str,
    pub(crate) import_file: &'static str,
    pub(crate) down_title: &'static str,
    pub(crate) down_text: &'static str,
    pub(crate) slow_title: &'static str,
    pub(crate) slow_text: &'static str,
    pub(crate) bad_title: &'static str,
    pub(crate) missing_title: &'static str,
    pub(crate) broken_title: &'static str,
    pub(crate) retry: &'static str,
    pub(crate) start_over: &'static str,
    pub(crate) loading: &'static str,
    pub(crate) updated: &'static str,
    pub(crate) offline: &'static str,
    pub(crate) sorted: &'static str,
    pub(crate) analysis_intro: &'static str,
    pub(crate) own_analysis: &'static str,
    pub(crate) broken_file: &'static str,
    pub(crate) parameters: &'static str,
    pub(crate) drop_title: &'static str,
    pub(crate) drop_text: &'static str,
    pub(crate) choose_file: &'static str,
    pub(crate) into_table: &'static str,
    pub(crate) table_sales: &'static str,
    pub(crate) table_products: &'static str,
    pub(crate) table_stores: &'static str,
    pub(crate) table_targets: &'static str,
    pub(crate) mode: &'static str,
    pub(crate) mode_upsert: &'static str,
    pub(crate) mode_insert_new: &'static str,
    pub(crate) mode_append: &'static str,
    pub(crate) mode_replace_period: &'static str,
    pub(crate) mode_replace_all: &'static str,
    pub(crate) dry_run: &'static str,
    pub(crate) preview: &'static str,
    pub(crate) start_import: &'static str,
    pub(crate) progress: &'static str,
    pub(crate) decisions: &'static str,
    pub(crate) first_rows: &'static str,
    pub(crate) rejects: &'static str,
    pub(crate) job: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) state: &'static str,
    pub(crate) created: &'static str,
    pub(crate) finished: &'static str,
    pub(crate) read: &'static str,
    pub(crate) inserted: &'static str,
    pub(crate) updated_rows: &'static str,
    pub(crate) unchanged: &'static str,
    pub(crate) rejected: &'static str,
    pub(crate) cancel: &'static str,
    pub(crate) no_jobs: &'static str,
    pub(crate) older: &'static str,
    pub(crate) sources: &'static str,
    pub(crate) why: &'static str,
    pub(crate) model: &'static str,
    pub(crate) window: &'static str,
    pub(crate) made_at: &'static str,
    pub(crate) no_forecasts: &'static str,
    pub(crate) new_forecast: &'static str,
    pub(crate) horizon: &'static str,
    pub(crate) start_forecast: &'static str,
    pub(crate) compare: &'static str,
    pub(crate) compare_text: &'static str,
    pub(crate) accuracy: &'static str,
    pub(crate) no_accuracy: &'static str,
    pub(crate) actual: &'static str,
    pub(crate) error: &'static str,
    pub(crate) lower: &'static str,
    pub(crate) upper: &'static str,
    pub(crate) day: &'static str,
    pub(crate) yes: &'static str,
    pub(crate) no: &'static str,
    pub(crate) unknown: &'static str,
    pub(crate) state_queued: &'static str,
    pub(crate) state_running: &'static str,
    pub(crate) state_succeeded: &'static str,
    pub(crate) state_succeeded_with_rejects: &'static str,
    pub(crate) state_failed: &'static str,
    pub(crate) state_cancelled: &'static str,
    pub(crate) state_interrupted: &'static str,
    pub(crate) kind_import: &'static str,
    pub(crate) kind_analysis: &'static str,
    pub(crate) kind_forecast: &'static str,
}

/// English.
static EN: Words = Words {
    brand: "Comptoir",
    skip: "Skip to the figures",
    overview: "Overview",
    analyses: "Analyses",
    imports: "Imports",
    jobs: "Jobs",
    forecasts: "Forecasts",
    pages: "Pages",
    language: "Français",
    language_title: "Afficher cette page en français",
    source: "Region outlines: IGN, Admin Express COG 2018 (Licence Ouverte Etalab), via france-geojson; simplified. Charts: plotly.js (MIT).",
    filters: "Filters",
    period: "Period",
    days_7: "7 days",
    days_30: "30 days",
    days_90: "90 days",
    this_month: "Month",
    this_year: "Year",
    everything: "All",
    from: "From",
    to: "To",
    region: "Region",
    product: "Product",
    all_regions: "All regions",
    all_products: "All products",
    apply: "Apply",
    reset: "Reset",
    total_revenue: "Total revenue",
    previous: "previous period:",
    no_previous: "no complete period before it to compare with",
    lines: "Sale lines",
    units: "Units",
    average_line: "Average line",
    weekend: "Weekend uplift",
    weekend_help: "mean day, Saturday and Sunday against the others",
    top_products: "Top 5 products",
    by_region: "Sales by region",
    curve: "Sales by day and forecast",
    insights: "What stands out",
    show_table: "Show as a table",
    show_forecast: "Forecast as a table",
    save: "Save",
    scale: "Colours",
    linear: "Linear",
    quantile: "Quantiles",
    png: "PNG",
    csv: "CSV",
    csv_fr: "CSV (Excel)",
    json: "JSON",
    sales: "Sales",
    average_7: "7-day average",
    forecast: "Forecast",
    interval: "80% interval",
    attainment: "of target",
    below_target: "Below target",
    click_map: "Choose a region to filter everything else.",
    click_product: "Choose a product to filter everything else.",
    no_forecast: "No forecast for this selection yet.",
    make_forecast: "Forecast 7 days",
    no_rows: "No sales in this selection.",
    insight_weekend: "Weekends bring {} per day against the other days.",
    insight_growth: "{name} grows most: {} on the previous period.",
    insight_target: "{name} is below its target: {} of it.",
    empty_title: "No sales yet",
    empty_text: "The database is empty. Import a file of your own, or the sample data to look around.",
    import_sample: "Import the sample data",
    import_file: "Import a file",
    down_title: "The figures cannot be reached",
    down_text: "script-service does not answer. Start it (comptoir up), or check --script-url; this page tries again by itself.",
    slow_title: "The answer takes too long",
    slow_text: "script-service has not answered within the time limit. Try a shorter period, or try again.",
    bad_title: "This selection makes no sense",
    missing_title: "There is no such page",
    broken_title: "Something went wrong",
    retry: "Try again",
    start_over: "Start over",
    loading: "Loading …",
    updated: "Figures updated.",
    offline: "The figures could not be refreshed; those shown are the last ones.",
    sorted: "sorted",
    analysis_intro: "Every analysis of the service, those of your own included.",
    own_analysis: "own",
    broken_file: "Cannot be read:",
    parameters: "Parameters",
    drop_title: "Drop a file here",
    drop_text: "CSV, TSV, JSON, NDJSON, xlsx or ods, plain or compressed: encoding, separators and dates are found out.",
    choose_file: "or choose one",
    into_table: "Into the table",
    table_sales: "Sales",
    table_products: "Products",
    table_stores: "Stores",
    table_targets: "Targets",
    mode: "Known rows",
    mode_upsert: "are updated",
    mode_insert_new: "are kept",
    mode_append: "are added again",
    mode_replace_period: "of the period are replaced",
    mode_replace_all: "are all replaced",
    dry_run: "Try only: write nothing",
    preview: "Preview",
    start_import: "Import",
    progress: "Progress",
    decisions: "What was decided",
    first_rows: "First rows",
    rejects: "Rejected rows",
    job: "Job",
    kind: "Kind",
    state: "State",
    created: "Asked for",
    finished: "Finished",
    read: "Read",
    inserted: "Inserted",
    updated_rows: "Updated",
    unchanged: "Unchanged",
    rejected: "Rejected",
    cancel: "Cancel",
    no_jobs: "No job yet.",
    older: "Older",
    sources: "Sources",
    why: "Why",
    model: "Model",
    window: "Days",
    made_at: "Made",
    no_forecasts: "No forecast yet.",
    new_forecast: "New forecast",
    horizon: "Days ahead",
    start_forecast: "Forecast",
    compare: "Compare models",
    compare_text: "Every model on the same days, by how far it was off when those days were still to come.",
    accuracy: "Against what came",
    no_accuracy: "None of the forecast days has come yet.",
    actual: "Actual",
    error: "Error",
    lower: "Low",
    upper: "High",
    day: "Day",
    yes: "yes",
    no: "no",
    unknown: "(unknown)",
    state_queued: "waiting",
    state_running: "running",
    state_succeeded: "done",
    state_succeeded_with_rejects: "done, with rejects",
    state_failed: "failed",
    state_cancelled: "cancelled",
    state_interrupted: "interrupted",
    kind_import: "import",
    kind_analysis: "analysis",
    kind_forecast: "forecast",
};

/// French.
static FR: Words = Words {
    brand: "Comptoir",
    skip: "Aller aux chiffres",
    overview: "Vue d’ensemble",
    analyses: "Analyses",
    imports: "Imports",
    jobs: "Tâches",
    forecasts: "Prévisions",
    pages: "Pages",
    language: "English",
    language_title: "Show this page in English",
    source: "Contours des régions\u{a0}: IGN, Admin Express COG 2018 (Licence Ouverte Etalab), via france-geojson\u{202f}; simplifiés. Graphiques\u{a0}: plotly.js (MIT).",
    filters: "Filtres",
    period: "Période",
    days_7: "7 jours",
    days_30: "30 jours",
    days_90: "90 jours",
    this_month: "Mois",
    this_year: "Année",
    everything: "Tout",
    from: "Du",
    to: "Au",
    region: "Région",
    product: "Produit",
    all_regions: "Toutes les régions",
    all_products: "Tous les produits",
    apply: "Appliquer",
    reset: "Réinitialiser",
    total_revenue: "Chiffre d’affaires",
    previous: "période précédente\u{a0}:",
    no_previous: "pas de période précédente complète à comparer",
    lines: "Lignes de vente",
    units: "Unités",
    average_line: "Ligne moyenne",
    weekend: "Effet week-end",
    weekend_help: "jour moyen, samedi et dimanche contre les autres",
    top_products: "Top 5 des produits",
    by_region: "Ventes par région",
    curve: "Ventes par jour et prévision",
    insights: "À retenir",
    show_table: "Voir le tableau",
    show_forecast: "Voir la prévision en tableau",
    save: "Enregistrer",
    scale: "Couleurs",
    linear: "Linéaires",
    quantile: "Quantiles",
    png: "PNG",
    csv: "CSV",
    csv_fr: "CSV (Excel)",
    json: "JSON",
    sales: "Ventes",
    average_7: "Moyenne sur 7 jours",
    forecast: "Prévision",
    interval: "Intervalle à 80\u{202f}%",
    attainment: "de l’objectif",
    below_target: "Sous l’objectif",
    click_map: "Choisir une région filtre tout le reste.",
    click_product: "Choisir un produit filtre tout le reste.",
    no_forecast: "Pas encore de prévision pour cette sélection.",
    make_forecast: "Prévoir 7 jours",
    no_rows: "Aucune vente dans cette sélection.",
    insight_weekend: "Le week-end rapporte {} par jour par rapport aux autres jours.",
    insight_growth: "{name} progresse le plus\u{a0}: {} sur la période précédente.",
    insight_target: "{name} est sous son objectif\u{a0}: {} atteints.",
    empty_title: "Aucune vente pour l’instant",
    empty_text: "La base est vide. Importez un de vos fichiers, ou les données d’exemple pour découvrir la page.",
    import_sample: "Importer les données d’exemple",
    import_file: "Importer un fichier",
    down_title: "Les chiffres sont injoignables",
    down_text: "script-service ne répond pas. Démarrez-le (comptoir up), ou vérifiez --script-url\u{202f}; cette page réessaie d’elle-même.",
    slow_title: "La réponse tarde trop",
    slow_text: "script-service n’a pas répondu dans le délai. Essayez une période plus courte, ou réessayez.",
    bad_title: "Cette sélection n’a pas de sens",
    missing_title: "Cette page n’existe pas",
    broken_title: "Une erreur est survenue",
    retry: "Réessayer",
    start_over: "Repartir de zéro",
    loading: "Chargement\u{a0}…",
    updated: "Chiffres mis à jour.",
    offline: "Les chiffres n’ont pas pu être actualisés\u{202f}; ceux affichés sont les derniers.",
    sorted: "trié",
    analysis_intro: "Toutes les analyses du service, les vôtres comprises.",
    own_analysis: "personnelle",
    broken_file: "Illisible\u{a0}:",
    parameters: "Paramètres",
    drop_title: "Déposez un fichier ici",
    drop_text: "CSV, TSV, JSON, NDJSON, xlsx ou ods, compressés ou non\u{a0}: encodage, séparateurs et dates sont reconnus.",
    choose_file: "ou choisissez-le",
    into_table: "Dans la table",
    table_sales: "Ventes",
    table_products: "Produits",
    table_stores: "Magasins",
    table_targets: "Objectifs",
    mode: "Lignes connues",
    mode_upsert: "mises à jour",
    mode_insert_new: "conservées",
    mode_append: "ajoutées encore",
    mode_replace_period: "de la période remplacées",
    mode_replace_all: "toutes remplacées",
    dry_run: "À blanc\u{a0}: ne rien écrire",
    preview: "Aperçu",
    start_import: "Importer",
    progress: "Avancement",
    decisions: "Ce qui a été décidé",
    first_rows: "Premières lignes",
    rejects: "Lignes rejetées",
    job: "Tâche",
    kind: "Type",
    state: "État",
    created: "Demandée",
    finished: "Terminée",
    read: "Lues",
    inserted: "Insérées",
    updated_rows: "Mises à jour",
    unchanged: "Inchangées",
    rejected: "Rejetées",
    cancel: "Annuler",
    no_jobs: "Aucune tâche pour l’instant.",
    older: "Plus anciennes",
    sources: "Sources",
    why: "Pourquoi",
    model: "Modèle",
    window: "Jours",
    made_at: "Faite",
    no_forecasts: "Aucune prévision pour l’instant.",
    new_forecast: "Nouvelle prévision",
    horizon: "Jours à prévoir",
    start_forecast: "Prévoir",
    compare: "Comparer les modèles",
    compare_text: "Tous les modèles sur les mêmes jours, selon leur écart quand ces jours étaient encore à venir.",
    accuracy: "Face à ce qui est arrivé",
    no_accuracy: "Aucun des jours prévus n’est encore arrivé.",
    actual: "Réel",
    error: "Écart",
    lower: "Bas",
    upper: "Haut",
    day: "Jour",
    yes: "oui",
    no: "non",
    unknown: "(inconnue)",
    state_queued: "en attente",
    state_running: "en cours",
    state_succeeded: "réussie",
    state_succeeded_with_rejects: "réussie, avec rejets",
    state_failed: "échouée",
    state_cancelled: "annulée",
    state_interrupted: "interrompue",
    kind_import: "import",
    kind_analysis: "analyse",
    kind_forecast: "prévision",
};

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn of(cookie: &'static str, accept: &'static str) -> Locale {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static(cookie));
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(accept));
        Locale::of(&headers)
    }

    #[test]
    fn the_browser_says_which_language() {
        assert_eq!(of("", "fr-FR,fr;q=0.9,en;q=0.8"), Locale::Fr);
        assert_eq!(of("", "de-DE,en;q=0.7,fr;q=0.3"), Locale::En);
        assert_eq!(of("", "en;q=0.25,fr-CA;q=0.5"), Locale::Fr);
        assert_eq!(of("", "ja"), Locale::En);
        assert_eq!(of("", "e"), Locale::En);
    }

    #[test]
    fn what_the_visitor_chose_wins() {
        assert_eq!(of("theme=x; language=en", "fr"), Locale::En);
        assert_eq!(of("language=xx", "fr"), Locale::Fr);
    }
}
