//! Why files and records are not taken, and what their columns are, as a shop owner reads it, by the names that
//! script-service uses.

use crate::language::Language;

/// A code, and its meaning in English and French.
type Reason = (&'static str, &'static str, &'static str);

/// Why a file is refused, and what to do.
pub(crate) const REFUSALS: [Reason; 9] = [
    (
        "unknown_columns",
        "It does not look like a list of sales: a day and an amount, or a price and a quantity, are needed. Export the \
         lines of sales, with their headers, and drop that file.",
        "Ce n’est pas une liste de ventes reconnaissable\u{a0}: il faut une date et un montant, ou un prix et une \
         quantité. Exportez les lignes de vente, avec leurs en-têtes, et déposez ce fichier.",
    ),
    (
        "wrong_dialect",
        "No table was found in it. Export it as CSV or as an Excel workbook.",
        "Aucun tableau n’y a été trouvé. Exportez-le en CSV ou en classeur Excel.",
    ),
    (
        "empty_source",
        "It holds no lines. Choose a longer period in the export, and try again.",
        "Il ne contient aucune ligne. Choisissez une période plus longue dans l’export, puis réessayez.",
    ),
    (
        "unsupported_format",
        "It is no table. Export it as CSV or as an Excel workbook (.xlsx).",
        "Ce n’est pas un tableau. Exportez-le en CSV ou en classeur Excel (.xlsx).",
    ),
    (
        "unreadable",
        "It cannot be read to its end: it may be damaged or incomplete. Export it again.",
        "Il ne peut pas être lu jusqu’au bout\u{a0}: il est peut-être abîmé ou incomplet. Exportez-le de nouveau.",
    ),
    (
        "too_large",
        "It is too large for a look before the import. Save its sheet as CSV and drop that.",
        "Il est trop grand pour un aperçu. Enregistrez sa feuille en CSV et déposez ce fichier.",
    ),
    (
        "conflicting_numbers",
        "Its numbers contradict each other: decimal commas here, decimal points there. Drop it again and answer the question.",
        "Ses nombres se contredisent\u{a0}: virgules décimales ici, points décimaux là. Déposez-le de nouveau et répondez à \
         la question.",
    ),
    (
        "conflicting_dates",
        "Its dates contradict each other: the day first here, the month first there. Drop it again and answer the question.",
        "Ses dates se contredisent\u{a0}: le jour d’abord ici, le mois d’abord là. Déposez-le de nouveau et répondez à la \
         question.",
    ),
    (
        "question_open",
        "It leaves a question open. Drop it again and answer it.",
        "Il laisse une question ouverte. Déposez-le de nouveau et répondez-y.",
    ),
];

/// Why a record is left out.
pub(crate) const REJECTS: [Reason; 17] = [
    (
        "wrong_field_count",
        "more or fewer fields than headers",
        "trop ou pas assez de champs",
    ),
    ("bad_integer", "no whole number", "nombre entier attendu"),
    ("bad_amount", "no readable amount", "montant illisible"),
    ("bad_date", "no readable date", "date illisible"),
    ("bad_quantity", "no readable quantity", "quantité illisible"),
    (
        "missing_value",
        "an empty cell where a value is needed",
        "cellule vide alors qu’une valeur est nécessaire",
    ),
    (
        "unknown_product",
        "a product that is not known",
        "produit inconnu",
    ),
    ("unknown_store", "a store that is not known", "magasin inconnu"),
    (
        "ambiguous_product",
        "several products have this name",
        "plusieurs produits portent ce nom",
    ),
    (
        "ambiguous_store",
        "several stores have this name",
        "plusieurs magasins portent ce nom",
    ),
    (
        "duplicate_key_in_file",
        "the same number as an earlier line of the file",
        "même numéro qu’une ligne précédente du fichier",
    ),
    (
        "duplicate_key",
        "a number that is there already",
        "numéro déjà présent",
    ),
    ("other_currency", "another currency", "autre devise"),
    ("bad_encoding", "unreadable characters", "caractères illisibles"),
    (
        "unterminated_quote",
        "a quote that is not closed",
        "guillemet non fermé",
    ),
    ("bad_json", "no JSON object", "objet JSON illisible"),
    ("record_too_long", "a line that is too long", "ligne trop longue"),
];

/// The parts of a line that a header may stand for, and the columns of our tables.
pub(crate) const PARTS: [Reason; 37] = [
    ("id", "number of the line", "numéro de la ligne"),
    ("line_number", "line of the order", "ligne de la commande"),
    ("ticket_id", "ticket or order", "ticket ou commande"),
    ("sale_date", "day", "jour"),
    ("sale_time", "time", "heure"),
    ("product_id", "product, by number", "produit, par numéro"),
    ("product_code", "product, by code", "produit, par code"),
    ("product_name", "product, by name", "produit, par nom"),
    ("category", "category", "catégorie"),
    ("store_id", "store, by number", "magasin, par numéro"),
    ("store_code", "store, by code", "magasin, par code"),
    ("store_name", "store, by name", "magasin, par nom"),
    ("city", "town", "ville"),
    ("postal_code", "postal code", "code postal"),
    ("region", "region", "région"),
    ("quantity", "quantity", "quantité"),
    ("unit_price", "price of one", "prix unitaire"),
    ("amount", "amount", "montant"),
    ("discount", "discount", "remise"),
    ("discount_percent", "discount in percent", "remise en pourcentage"),
    (
        "order_discount",
        "discount of the order",
        "remise sur la commande",
    ),
    ("order_total", "total of the order", "total de la commande"),
    ("refund", "given back", "remboursement"),
    ("tax", "taxes", "taxes"),
    ("cost", "cost", "coût"),
    ("status", "status", "statut"),
    ("type", "kind of line", "type de ligne"),
    ("cancelled_at", "cancelled", "annulation"),
    ("currency", "currency", "devise"),
    ("channel", "channel", "canal"),
    (
        "buyer",
        "buyer (never stored as it stands)",
        "acheteur (jamais enregistré tel quel)",
    ),
    ("name", "name", "nom"),
    ("code", "code", "code"),
    ("price", "price", "prix"),
    ("address", "address", "adresse"),
    ("month", "month", "mois"),
    ("target_amount", "target", "objectif"),
];

/// What `code` means, where `reasons` know it.
pub(crate) fn of(reasons: &[Reason], code: &str, language: Language) -> Option<&'static str> {
    let (_, en, fr) = reasons.iter().find(|(known, _, _)| *known == code)?;
    Some(match language {
        Language::En => en,
        Language::Fr => fr,
    })
}

/// The `reasons` by their codes, for the script of the page.
pub(crate) fn by_code(reasons: &[Reason], language: Language) -> serde_json::Value {
    let pairs = reasons
        .iter()
        .map(|(code, _, _)| ((*code).to_owned(), of(reasons, code, language).into()));
    serde_json::Value::Object(pairs.collect())
}
