//! Tables that the tests look for.

use crate::columns::{Column, Kind, Spec};

const fn column(name: &'static str, kind: Kind, required: bool, synonyms: &'static [&'static str]) -> Column {
    Column {
        name,
        stored_as: name,
        kind,
        required,
        synonyms,
    }
}

/// Lines of sales.
pub(crate) static SALES: Spec = Spec {
    stored_as: "sales",
    key: 1,
    knows_header: None,
    columns: &[
        column("id", Kind::Integer, true, &["n ligne", "no ligne", "line id"]),
        column(
            "product_id",
            Kind::Reference("products"),
            true,
            &["ref produit", "produit", "sku"],
        ),
        column("store_id", Kind::Reference("stores"), true, &["magasin", "store"]),
        column("sale_date", Kind::Date, true, &["date", "date de vente"]),
        column("quantity", Kind::Integer, true, &["quantite", "qty"]),
        column("amount", Kind::Cents, true, &["montant", "montant ttc", "total"]),
        column("ticket_id", Kind::Text, false, &["ticket"]),
    ],
};

/// Shops.
pub(crate) static STORES: Spec = Spec {
    stored_as: "stores",
    key: 1,
    knows_header: None,
    columns: &[
        column("id", Kind::Integer, true, &["code"]),
        column("city", Kind::Text, true, &["ville", "commune"]),
        column("region", Kind::Text, false, &["state"]),
        column("address", Kind::Text, false, &["adresse"]),
    ],
};
