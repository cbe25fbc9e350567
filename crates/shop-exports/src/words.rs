//! The words that headers are made of: English and French, cut apart however they are written together.
//!
//! `Lineitem quantity`, `MontantLigne`, `QUANTITYORDERED` and `prix_unitaire_ttc` are words that follow each
//! other; what they mean together is for [`super::headers`] to say.

/// What a word of a header stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Word {
    /// Something that is sold.
    Product,
    /// Where it is sold.
    Store,
    /// A sale as a whole: order, ticket, invoice, transaction.
    Order,
    /// One line of it.
    Line,
    /// Who buys.
    Customer,
    /// Somebody else, or what says nothing of a sale: clerks, cards, devices, notes.
    Aside,
    /// What identifies: id, number, code, reference.
    Id,
    /// A code of a product whatever stands beside it: SKU, EAN.
    Sku,
    /// What is read: name, label, title.
    Name,
    /// A group of products.
    Category,
    /// How many.
    Quantity,
    /// What one costs.
    Price,
    /// Of one.
    Unit,
    /// Money.
    Amount,
    /// All of something.
    Total,
    /// All of something before this or that.
    Subtotal,
    /// What is sold, as money or as an event: sales, vente.
    Sale,
    /// After something is taken off: discounts, or taxes.
    Net,
    /// Before something is taken off.
    Gross,
    /// Without taxes.
    Untaxed,
    /// With taxes.
    Taxed,
    /// A tax.
    Tax,
    /// What is taken off a price.
    Discount,
    /// Of a hundred.
    Percent,
    /// Bringing it to the buyer.
    Shipping,
    /// What it cost the seller, or what is left of it.
    Cost,
    /// What was meant to be sold.
    Plan,
    /// Money given back.
    Refund,
    /// What others keep of it.
    Fee,
    /// What the buyer gives on top.
    Tip,
    /// Paying.
    Payment,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A zone of time.
    Zone,
    /// A month, a quarter, a year.
    Period,
    /// When it came to be.
    Created,
    /// When it was paid.
    Paid,
    /// When it was done.
    Completed,
    /// When something later happened: shipped, updated, due.
    Later,
    /// When it was taken back.
    Cancelled,
    /// What became of it.
    Status,
    /// What kind of thing it is.
    Type,
    /// How: live or test, but also of payment.
    Mode,
    /// Whether it is only a test.
    Test,
    /// Which money.
    Currency,
    /// A currency by its name or sign; a unit of the amount.
    Money,
    /// Money turned into another currency.
    Converted,
    /// A town.
    City,
    /// The code of a town.
    Postal,
    /// A part of a country; in English also what became of it.
    Region,
    /// A country.
    Country,
    /// Who pays, as an address.
    Billing,
    /// How it is sold: web, shop.
    Channel,
    /// Of each.
    Of,
    /// What stands between words.
    Filler,
}

use Word::{
    Amount, Aside, Billing, Cancelled, Category, Channel, City, Completed, Converted, Cost, Country, Created,
    Currency, Customer, Date, Discount, Fee, Filler, Gross, Id, Later, Line, Mode, Money, Name, Net, Of,
    Order, Paid, Payment, Percent, Period, Plan, Postal, Price, Product, Quantity, Refund, Region, Sale,
    Shipping, Sku, Status, Store, Subtotal, Tax, Taxed, Test, Time, Tip, Total, Type, Unit, Untaxed, Zone,
};

/// Every word that is known, folded.
const WORDS: &[(Word, &[&str])] = &[
    (
        Product,
        &[
            "product",
            "products",
            "produit",
            "produits",
            "article",
            "articles",
            "item",
            "items",
            "lineitem",
            "plat",
            "prestation",
            "good",
            "goods",
            "merchandise",
            "marchandise",
            "variant",
            "variante",
            "variation",
            "declinaison",
            "stock",
            "listing",
            "modele",
        ],
    ),
    (
        Store,
        &[
            "store",
            "stores",
            "shop",
            "magasin",
            "magasins",
            "boutique",
            "branch",
            "outlet",
            "location",
            "etablissement",
            "pdv",
            "agence",
            "succursale",
            "restaurant",
            "entrepot",
            "warehouse",
            "site",
            "depot",
        ],
    ),
    (
        Order,
        &[
            "order",
            "orders",
            "commande",
            "commandes",
            "ticket",
            "tickets",
            "receipt",
            "invoice",
            "invoiceno",
            "facture",
            "factures",
            "transaction",
            "transactions",
            "bon",
            "cart",
            "panier",
            "basket",
            "bill",
            "recu",
            "check",
            "addition",
            "charge",
            "piece",
            "document",
            "cde",
            "trx",
            "cmd",
        ],
    ),
    (
        Line,
        &[
            "line", "ligne", "lines", "lignes", "row", "position", "entry", "lig",
        ],
    ),
    (
        Customer,
        &[
            "customer",
            "customers",
            "client",
            "clients",
            "buyer",
            "acheteur",
            "member",
            "membre",
            "guest",
            "email",
            "mail",
            "e mail",
            "courriel",
            "phone",
            "tel",
            "telephone",
            "mobile",
            "company",
            "societe",
            "firstname",
            "lastname",
            "prenom",
            "contact",
            "user",
            "utilisateur",
            "account",
            "compte",
            "recipient",
            "destinataire",
            "fidelite",
            "loyalty",
            "retailer",
        ],
    ),
    (
        Aside,
        &[
            "employee",
            "employe",
            "cashier",
            "caissier",
            "caissiere",
            "vendeur",
            "vendeuse",
            "seller",
            "serveur",
            "server",
            "waiter",
            "staff",
            "operator",
            "operateur",
            "card",
            "carte",
            "device",
            "appareil",
            "terminal",
            "note",
            "notes",
            "comment",
            "comments",
            "commentaire",
            "commentaires",
            "remarque",
            "remarques",
            "message",
            "address",
            "adresse",
            "address1",
            "address2",
            "street",
            "rue",
            "url",
            "image",
            "photo",
            "link",
            "lien",
            "weight",
            "poids",
            "tag",
            "tags",
            "rating",
            "gender",
            "sexe",
            "age",
            "birth",
            "naissance",
            "vendor",
            "fournisseur",
            "supplier",
            "brand",
            "marque",
            "ip",
            "browser",
            "coupon",
            "risk",
            "fulfillment",
            "fulfilment",
            "priority",
            "statement",
            "descriptor",
            "marketing",
            "compare",
            "requires",
            "taxable",
            "attributes",
            "attribut",
            "attributs",
            "modifier",
            "modifiers",
            "size",
            "taille",
            "color",
            "couleur",
            "ingredients",
            "reason",
            "motif",
            "raison",
            "rep",
            "msrp",
            "caisse",
            "register",
            "table",
            "couverts",
            "session",
            "territory",
            "quarter",
            "qtr",
            "method",
            "methode",
            "moyen",
            "entry",
            "balance",
            "solde",
            "outstanding",
            "duties",
            "deposit",
            "acompte",
            "gift",
            "cadeau",
            "delai",
            "points",
            "iban",
            "siret",
            "siren",
            "livreur",
            "stock_restant",
            "lot",
            "batch",
            "expiration",
            "peremption",
            "unite_mesure",
            "uom",
            "barista",
            "commercial",
            "representant",
        ],
    ),
    (
        Id,
        &[
            "id",
            "ids",
            "no",
            "n",
            "nr",
            "num",
            "numero",
            "number",
            "nb_piece",
            "code",
            "codes",
            "ref",
            "reference",
            "refs",
            "identifiant",
            "identifier",
            "key",
            "cle",
            "uid",
            "uuid",
            "guid",
            "token",
            "index",
            "idx",
            "seq",
            "sequence",
        ],
    ),
    (
        Sku,
        &[
            "sku",
            "ean",
            "ean13",
            "gtin",
            "upc",
            "barcode",
            "isbn",
            "plu",
            "asin",
            "stockcode",
            "gencod",
            "gencode",
            "barre",
            "barres",
        ],
    ),
    (
        Name,
        &[
            "name",
            "names",
            "nom",
            "noms",
            "libelle",
            "label",
            "title",
            "titre",
            "designation",
            "description",
            "intitule",
            "detail",
            "details",
            "denomination",
            "desc",
            "objet",
        ],
    ),
    (
        Category,
        &[
            "category",
            "categories",
            "categorie",
            "famille",
            "family",
            "rayon",
            "gamme",
            "department",
            "departement_produit",
            "subcategory",
            "souscategorie",
            "collection",
            "productline",
            "segment",
            "sub",
            "sous",
            "groupe",
            "group",
        ],
    ),
    (
        Quantity,
        &[
            "quantity",
            "quantities",
            "quantite",
            "quantites",
            "qty",
            "qte",
            "qt",
            "qtes",
            "quant",
            "units",
            "unites",
            "nb",
            "nbr",
            "nbre",
            "nombre",
            "count",
            "volume",
            "pieces",
            "sold",
            "vendu",
            "vendue",
            "vendus",
            "vendues",
            "ordered",
            "purchased",
            "commandee",
            "commandees",
            "achetee",
            "facturee",
            "livree",
        ],
    ),
    (
        Price,
        &[
            "price", "prices", "prix", "pu", "tarif", "puttc", "puht", "pv", "px",
        ],
    ),
    (
        Unit,
        &[
            "unit",
            "unitaire",
            "each",
            "unite",
            "uni",
            "piece_unit",
            "unitaires",
        ],
    ),
    (
        Amount,
        &[
            "amount", "amounts", "montant", "montants", "value", "valeur", "money", "somme", "sum", "mt",
            "mnt", "mtt",
        ],
    ),
    (
        Total,
        &[
            "total",
            "totals",
            "totale",
            "totaux",
            "tot",
            "grand",
            "global",
            "collected",
            "encaisse",
        ],
    ),
    (Subtotal, &["subtotal", "soustotal", "sub_total"]),
    (
        Sale,
        &[
            "sale", "sales", "vente", "ventes", "revenue", "revenues", "revenu", "ca", "turnover", "chiffre",
            "affaires", "recette", "recettes", "income", "proceeds", "earnings", "takings",
        ],
    ),
    (Net, &["net", "nette", "nets"]),
    (Gross, &["gross", "brut", "brute"]),
    (
        Untaxed,
        &[
            "ht",
            "excl",
            "excluding",
            "hors",
            "hors_taxes",
            "htva",
            "exvat",
            "untaxed",
            "pretax",
            "ex",
        ],
    ),
    (
        Taxed,
        &[
            "ttc",
            "incl",
            "including",
            "tvac",
            "inclusive",
            "taxincl",
            "inclus",
            "incluse",
            "incluses",
            "compris",
            "comprise",
            "comprises",
        ],
    ),
    (
        Tax,
        &["tax", "taxes", "tva", "vat", "gst", "taxe", "hst", "pst", "mwst"],
    ),
    (
        Discount,
        &[
            "discount",
            "discounts",
            "remise",
            "remises",
            "rabais",
            "reduction",
            "reductions",
            "promo",
            "promotion",
            "rebate",
            "ristourne",
            "markdown",
            "disc",
            "promotional",
            "promotions",
            "rebates",
        ],
    ),
    (
        Percent,
        &[
            "percent",
            "percentage",
            "pct",
            "pourcentage",
            "taux",
            "rate",
            "ratio",
        ],
    ),
    (
        Shipping,
        &[
            "shipping",
            "livraison",
            "delivery",
            "freight",
            "port",
            "postage",
            "ship",
            "expedition",
            "transport",
            "carrier",
            "transporteur",
            "handling",
        ],
    ),
    (
        Cost,
        &[
            "cost",
            "costs",
            "cout",
            "couts",
            "cogs",
            "achat",
            "achats",
            "revient",
            "marge",
            "margin",
            "profit",
            "profits",
            "benefice",
            "purchase",
            "purchases",
            "depense",
            "expense",
            "operating",
        ],
    ),
    (
        Plan,
        &[
            "target",
            "goal",
            "budget",
            "objectif",
            "objectifs",
            "forecast",
            "prevision",
            "previsions",
            "plan",
            "planned",
            "prevu",
            "prevue",
            "cible",
            "estimated",
            "estime",
            "catalogue",
            "list",
            "original",
            "avant",
        ],
    ),
    (
        Refund,
        &[
            "refund",
            "refunds",
            "refunded",
            "rembourse",
            "remboursement",
            "remboursements",
            "remboursee",
            "avoir",
            "avoirs",
            "return",
            "returned",
            "returns",
            "retour",
            "retours",
            "credit",
            "chargeback",
        ],
    ),
    (
        Fee,
        &[
            "fee",
            "fees",
            "frais",
            "commission",
            "commissions",
            "service",
            "payout",
            "versement",
            "versements",
            "virement",
            "reversement",
        ],
    ),
    (Tip, &["tip", "tips", "pourboire", "pourboires", "gratuity"]),
    (
        Payment,
        &[
            "payment",
            "payments",
            "paiement",
            "paiements",
            "reglement",
            "reglements",
            "pay",
            "tender",
            "cash",
            "especes",
            "cb",
            "cheque",
            "paypal",
        ],
    ),
    (
        Date,
        &[
            "date",
            "dates",
            "datetime",
            "timestamp",
            "jour",
            "day",
            "at",
            "le",
            "horodatage",
            "dt",
            "dateheure",
        ],
    ),
    (Time, &["time", "heure", "heures", "hour", "hours", "h"]),
    (Zone, &["zone", "timezone", "fuseau", "tz"]),
    (
        Period,
        &[
            "month",
            "mois",
            "year",
            "annee",
            "week",
            "semaine",
            "trimestre",
            "weekday",
            "period",
            "periode",
            "an",
        ],
    ),
    (
        Created,
        &[
            "created",
            "creation",
            "cree",
            "creee",
            "placed",
            "passee",
            "issued",
            "emission",
            "add",
            "opened",
            "ouverture",
        ],
    ),
    (Paid, &["paid", "paye", "payee", "settled", "captured", "posted"]),
    (
        Completed,
        &[
            "completed",
            "closed",
            "cloture",
            "processed",
            "finished",
            "done",
            "terminee",
        ],
    ),
    (
        Later,
        &[
            "shipped",
            "fulfilled",
            "delivered",
            "updated",
            "modified",
            "modification",
            "maj",
            "upd",
            "due",
            "echeance",
            "available",
            "expiry",
            "accepts",
            "exported",
            "export",
            "required",
            "transfer",
            "imported",
            "deadline",
            "sent",
            "depart",
        ],
    ),
    (
        Cancelled,
        &[
            "cancelled",
            "canceled",
            "annule",
            "annulee",
            "annulation",
            "voided",
            "void",
            "cancel",
        ],
    ),
    (Status, &["status", "statut", "etat", "financial"]),
    (
        Type,
        &[
            "type",
            "nature",
            "event",
            "kind",
            "operation",
            "mouvement",
            "movement",
        ],
    ),
    (Mode, &["mode"]),
    (Test, &["test", "livemode", "live", "sandbox", "demo"]),
    (Currency, &["currency", "devise", "monnaie", "currencycode"]),
    (
        Money,
        &[
            "eur", "euro", "euros", "usd", "dollar", "dollars", "gbp", "chf", "cad", "aud", "jpy",
        ],
    ),
    (
        Converted,
        &[
            "converted",
            "converti",
            "convertie",
            "local",
            "settlement",
            "base",
        ],
    ),
    (City, &["city", "ville", "town", "commune", "localite"]),
    (
        Postal,
        &[
            "postal",
            "postcode",
            "zip",
            "zipcode",
            "postalcode",
            "cp",
            "poste",
            "postale",
        ],
    ),
    (
        Region,
        &["region", "state", "province", "departement", "county", "area"],
    ),
    (Country, &["country", "pays"]),
    (Billing, &["billing", "facturation", "invoicing"]),
    (
        Channel,
        &[
            "channel",
            "canal",
            "source",
            "origine",
            "origin",
            "provenance",
            "plateforme",
            "platform",
        ],
    ),
    (Of, &["per", "par"]),
    (
        Filler,
        &[
            "de",
            "du",
            "des",
            "la",
            "les",
            "l",
            "d",
            "en",
            "the",
            "of",
            "a",
            "au",
            "aux",
            "on",
            "in",
            "and",
            "et",
            "for",
            "pour",
            "by",
            "un",
            "une",
            "my",
            "our",
            "utc",
            "gmt",
            "cet",
            "local_time",
            "is",
            "with",
        ],
    ),
];

/// `header` as folded words: cut at blanks, punctuation, and where small letters meet capitals; words that
/// are written together are cut where all parts are known.
pub(crate) fn cut(header: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in crate::fold::camel(header).split(|character: char| !character.is_alphanumeric()) {
        if part.is_empty() {
            continue;
        }
        let word = crate::fold::letters(part);
        if word.is_empty() {
            continue;
        }
        if find(&word).is_some() {
            words.push(word);
            continue;
        }
        match segments(&word) {
            Some(segments) => words.extend(segments.into_iter().map(str::to_owned)),
            None => words.push(word),
        }
    }
    joined(words)
}

/// The words of `header` but for those that say whether taxes are in it.
pub(crate) fn cut_without_taxes(header: &str) -> Vec<String> {
    let mut words = cut(header);
    words.retain(|word| !matches!(find(word), Some(Word::Taxed | Word::Untaxed | Word::Tax)));
    words
}

/// `words` with those put together that were cut apart by what they are written with: `P.U.`, `Sous-total`.
fn joined(words: Vec<String>) -> Vec<String> {
    let mut joined: Vec<String> = Vec::with_capacity(words.len());
    let mut letters = String::new();
    for word in words {
        let before = joined.last().map_or("", String::as_str);
        if matches!((before, word.as_str()), ("sous" | "sub", "total")) {
            joined.pop();
            joined.push("soustotal".into());
            letters.clear();
            continue;
        }
        if word.len() > 1 {
            letters.clear();
        } else {
            letters.push_str(&word);
            if letters.len() > 1 && find(&letters).is_some() {
                joined.truncate(joined.len() + 1 - letters.len());
                joined.push(std::mem::take(&mut letters));
                continue;
            }
        }
        joined.push(word);
    }
    joined
}

/// What the folded `word` stands for; `None` for one that nobody knows.
pub(crate) fn find(word: &str) -> Option<Word> {
    WORDS
        .iter()
        .find(|(_, words)| words.contains(&word))
        .map(|(found, _)| *found)
}

/// `word` as known words written together: the fewest. Short ones only where they are what people glue on.
fn segments(word: &str) -> Option<Vec<&str>> {
    const SHORT: [&str; 10] = ["id", "no", "ht", "pu", "ttc", "tva", "qte", "qty", "nom", "sku"];
    if !word.is_ascii() || word.len() < 4 || word.len() > 40 {
        return None;
    }
    // The best way to cut the first n letters, by its number of words and where its last one begins.
    let mut best: Vec<Option<(usize, usize)>> = vec![None; word.len() + 1];
    best[0] = Some((0, 0));
    for end in 2..=word.len() {
        for start in 0..end - 1 {
            let part = &word[start..end];
            let Some((count, _)) = best[start] else { continue };
            let is_known = (part.len() >= 4 || SHORT.contains(&part)) && find(part).is_some();
            if is_known && best[end].is_none_or(|(fewest, _)| count + 1 < fewest) {
                best[end] = Some((count + 1, start));
            }
        }
    }
    let mut end = word.len();
    best[end]?;
    let mut parts = Vec::new();
    while end > 0 {
        let (_, start) = best[end]?;
        parts.push(&word[start..end]);
        end = start;
    }
    parts.reverse();
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_once_and_folded() {
        let mut seen = std::collections::HashMap::new();
        for (word, spellings) in WORDS {
            for spelling in *spellings {
                let before = seen.insert(*spelling, *word);
                assert!(
                    before.is_none_or(|before| *spelling == "entry" || before == *word),
                    "{spelling} is {before:?} and {word:?}"
                );
            }
        }
    }

    #[test]
    fn headers_are_cut_however_they_are_written_together() {
        for (header, words) in [
            ("Lineitem quantity", "lineitem quantity"),
            ("MontantLigne", "montant ligne"),
            ("idProduit", "id produit"),
            ("QUANTITYORDERED", "quantity ordered"),
            ("PRICEEACH", "price each"),
            ("ORDERLINENUMBER", "order line number"),
            ("N° ligne", "n ligne"),
            ("Réf. produit", "ref produit"),
            ("prix_unitaire_ttc", "prix unitaire ttc"),
            ("InvoiceNo", "invoice no"),
            ("order-item-id", "order item id"),
            ("idproduit", "id produit"),
            ("P.U. H.T.", "pu ht"),
            ("Sous-total", "soustotal"),
        ] {
            assert_eq!(cut(header).join(" "), words, "{header}");
        }
    }
}
