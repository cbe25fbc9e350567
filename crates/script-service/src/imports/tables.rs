//! The tables that files are imported into: their columns, keys and the headers they are known by.
//!
//! The names of columns that imports write come from here; none is made of a caller's text.

use script_api::ImportTable;
use tabular::{Column, Kind, Spec};

/// What there is to know about the columns of a table.
pub(crate) trait TableSpec {
    /// Its columns and keys.
    fn spec(self) -> &'static Spec;
}

impl TableSpec for ImportTable {
    fn spec(self) -> &'static Spec {
        match self {
            Self::Products => &PRODUCTS,
            Self::Stores => &STORES,
            Self::Targets => &TARGETS,
            Self::Sales => &SALES,
        }
    }
}

const fn column(
    name: &'static str,
    stored_as: &'static str,
    kind: Kind,
    required: bool,
    synonyms: &'static [&'static str],
) -> Column {
    Column {
        name,
        stored_as,
        kind,
        required,
        synonyms,
    }
}

/// Where quantities are kept, in thousandths.
pub(crate) const QUANTITY_MILLI: &str = "quantity_milli";

const PRODUCT_REFERENCE: &[&str] = &[
    "product",
    "product ref",
    "product code",
    "sku",
    "item",
    "item id",
    "article",
    "code article",
    "ref article",
    "reference article",
    "id article",
    "produit",
    "id produit",
    "code produit",
    "ref produit",
    "reference produit",
    "n produit",
    "no produit",
];
const STORE_REFERENCE: &[&str] = &[
    "store",
    "store code",
    "store number",
    "shop",
    "shop id",
    "branch",
    "magasin",
    "id magasin",
    "code magasin",
    "ref magasin",
    "n magasin",
    "no magasin",
    "boutique",
    "id boutique",
    "code boutique",
    "point de vente",
    "id point de vente",
];

static PRODUCTS: Spec = Spec {
    stored_as: "products",
    key: 1,
    knows_header: None,
    columns: &[
        column(
            "id",
            "id",
            Kind::Integer,
            true,
            &[
                "product id",
                "id produit",
                "code produit",
                "ref produit",
                "reference produit",
                "reference",
                "ref",
                "sku",
                "code article",
                "ref article",
                "code",
                "n produit",
            ],
        ),
        column(
            "name",
            "name",
            Kind::Text,
            true,
            &[
                "product",
                "product name",
                "title",
                "label",
                "nom",
                "nom du produit",
                "nom produit",
                "produit",
                "libelle",
                "designation",
                "intitule",
                "article",
            ],
        ),
        column(
            "price",
            "price_cents",
            Kind::Cents,
            true,
            &[
                "unit price",
                "list price",
                "price eur",
                "prix",
                "prix unitaire",
                "prix de vente",
                "prix ttc",
                "prix eur",
                "tarif",
                "prix catalogue",
                "pu",
            ],
        ),
        column(
            "category",
            "category",
            Kind::Text,
            false,
            &[
                "family",
                "department",
                "categorie",
                "famille",
                "rayon",
                "gamme",
                "type de produit",
            ],
        ),
    ],
};

static STORES: Spec = Spec {
    stored_as: "stores",
    key: 1,
    knows_header: None,
    columns: &[
        column(
            "id",
            "id",
            Kind::Integer,
            true,
            &[
                "store id",
                "shop id",
                "store code",
                "store number",
                "id magasin",
                "code magasin",
                "n magasin",
                "no magasin",
                "id boutique",
                "code boutique",
                "code",
                "magasin",
                "id point de vente",
            ],
        ),
        column(
            "city",
            "city",
            Kind::Text,
            true,
            &["town", "ville", "commune", "localite"],
        ),
        column(
            "region",
            "region",
            Kind::Text,
            false,
            &["state", "area", "nom region", "nom de la region"],
        ),
        column(
            "address",
            "address",
            Kind::Text,
            false,
            &[
                "street",
                "street address",
                "adresse",
                "rue",
                "adresse postale",
                "voie",
            ],
        ),
    ],
};

static TARGETS: Spec = Spec {
    stored_as: "product_targets",
    key: 2,
    knows_header: None,
    columns: &[
        column(
            "product_id",
            "product_id",
            Kind::Reference("products"),
            true,
            PRODUCT_REFERENCE,
        ),
        column(
            "month",
            "month",
            Kind::Month,
            true,
            &["period", "mois", "periode"],
        ),
        column(
            "target_amount",
            "target_cents",
            Kind::Cents,
            true,
            &[
                "target",
                "goal",
                "budget",
                "objectif",
                "objectif ca",
                "montant objectif",
                "montant cible",
                "cible",
            ],
        ),
    ],
};

static SALES: Spec = Spec {
    stored_as: "sales",
    key: 1,
    knows_header: None,
    columns: &[
        column(
            "id",
            "id",
            Kind::Integer,
            true,
            &[
                "sale id",
                "line id",
                "order line",
                "n",
                "no",
                "numero",
                "n ligne",
                "no ligne",
                "id ligne",
                "numero de ligne",
                "id vente",
                "n vente",
                "no vente",
                "numero de vente",
                "ref vente",
                "reference vente",
            ],
        ),
        column(
            "product_id",
            "product_id",
            Kind::Reference("products"),
            true,
            PRODUCT_REFERENCE,
        ),
        column(
            "store_id",
            "store_id",
            Kind::Reference("stores"),
            true,
            STORE_REFERENCE,
        ),
        column(
            "sale_date",
            "sale_date",
            Kind::Date,
            true,
            &[
                "date",
                "day",
                "sold on",
                "sold at",
                "order date",
                "transaction date",
                "date de vente",
                "date vente",
                "date de la vente",
                "jour",
                "date commande",
                "date de commande",
                "date ticket",
            ],
        ),
        column(
            "quantity",
            QUANTITY_MILLI,
            Kind::Integer,
            true,
            &[
                "qty",
                "units",
                "count",
                "quantite",
                "qte",
                "qt",
                "nb",
                "nombre",
                "unites",
                "quantite vendue",
            ],
        ),
        column(
            "amount",
            "amount_cents",
            Kind::Cents,
            true,
            &[
                "total",
                "revenue",
                "sales",
                "line total",
                "total amount",
                "amount eur",
                "price paid",
                "montant",
                "montant ttc",
                "montant eur",
                "montant total",
                "total ttc",
                "ca",
                "ca ttc",
                "chiffre d affaires",
                "prix total",
            ],
        ),
        column(
            "ticket_id",
            "ticket_id",
            Kind::Text,
            false,
            &[
                "ticket",
                "receipt",
                "receipt id",
                "order id",
                "transaction id",
                "n ticket",
                "no ticket",
                "numero de ticket",
                "num ticket",
                "id ticket",
                "n commande",
                "numero de commande",
            ],
        ),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;
    use tabular::header::fold;

    #[test]
    fn no_header_stands_for_two_columns_of_a_table() {
        for table in ImportTable::ALL {
            let mut seen = std::collections::HashSet::new();
            for column in table.spec().columns {
                for name in std::iter::once(&column.name).chain(column.synonyms) {
                    assert!(seen.insert(fold(name)), "{name} stands twice in {table}");
                }
            }
        }
    }

    #[test]
    fn synonyms_are_written_folded() {
        for table in ImportTable::ALL {
            for synonym in table.spec().columns.iter().flat_map(|column| column.synonyms) {
                assert_eq!(fold(synonym), *synonym, "{table}");
            }
        }
    }
}
