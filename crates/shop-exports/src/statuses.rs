//! What became of an order, as shops call it in English and French.

use crate::fold;
use serde::{Deserialize, Serialize};

/// What a status word does to its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// They are sales.
    Sale,
    /// They are refunds: negative lines.
    Refund,
    /// They never became sales, or are none: left out and counted.
    LeftOut,
    /// Not paid yet: left out unless that is how this shop works.
    Pending,
    /// Nobody knows the word.
    Unknown,
}

/// Words that decide by themselves wherever they stand in a status, the first kind that matches.
const WORDS: &[(Treatment, &[&str])] = &[
    (
        Treatment::Sale,
        &[
            "partially refunded",
            "partially_refunded",
            "partiellement rembourse",
            "remboursement partiel",
            "partial refund",
            "not refunded",
            "invoiced",
            "emise",
            "non rembourse",
            "no refund",
        ],
    ),
    (
        Treatment::LeftOut,
        &[
            "void",
            "fail",
            "cancel",
            "declin",
            "expire",
            "draft",
            "abandon",
            "error",
            "refus",
            "reject",
            "incomplete",
            "trash",
            "deleted",
            "annul",
            "echou",
            "echec",
            "erreur",
            "brouillon",
            "devis",
            "quote",
            "estimate",
            "payout",
            "virement",
            "transfer",
            "stripe_fee",
            "fee",
            "test",
            "duplicate",
            "blocked",
            "requires_payment",
            "requires payment",
            "requires_action",
            "no sale",
            "supprim",
            "perdu",
            "lost",
            "adjustment",
            "topup",
            "reserve",
            "withdrawal",
            "bordereau",
            "frais",
            "non abouti",
            "stop",
        ],
    ),
    (
        Treatment::Refund,
        &[
            "refund",
            "return",
            "rembours",
            "avoir",
            "retour",
            "credit note",
            "credit_note",
            "creditnote",
            "chargeback",
            "reversal",
            "reversed",
        ],
    ),
    (
        Treatment::Pending,
        &[
            "pending",
            "on hold",
            "on-hold",
            "onhold",
            "await",
            "unpaid",
            "not paid",
            "attente",
            "impaye",
            "non paye",
            "a payer",
            "uncaptured",
            "authorized",
            "autorise",
            "waiting",
            "overdue",
            "en retard",
            "a regler",
            "non regle",
            "unfulfilled payment",
            "hold",
            "due",
        ],
    ),
    (
        Treatment::Sale,
        &[
            "paid",
            "complet",
            "succe",
            "process",
            "closed",
            "ship",
            "deliver",
            "fulfill",
            "sale",
            "sold",
            "payment",
            "charge",
            "live",
            "approved",
            "captured",
            "settled",
            "invoice",
            "resolved",
            "paye",
            "paie",
            "regle",
            "accept",
            "termine",
            "livre",
            "livraison",
            "expedi",
            "prepar",
            "valid",
            "factur",
            "encaiss",
            "vente",
            "active",
            "done",
            "finish",
            "confirm",
            "ok",
            "open",
            "vendu",
            "cloture",
            "ticket",
            "purchase",
            "order",
            "commande",
            "normal",
            "solde",
            "disputed",
            "cours",
            "recu",
            "received",
            "posted",
            "cleared",
        ],
    ),
];

/// What the status `text` does to its rows.
#[must_use]
pub fn treatment(text: &str) -> Treatment {
    let folded = fold::key(text);
    if folded.is_empty() {
        return Treatment::Unknown;
    }
    for (treatment, words) in WORDS {
        if words.iter().any(|word| is_in(&folded, word)) {
            return *treatment;
        }
    }
    Treatment::Unknown
}

/// Whether a word of `text` begins with `word`, or its words stand in it.
fn is_in(text: &str, word: &str) -> bool {
    let begins = |at: usize| {
        text[..at]
            .chars()
            .next_back()
            .is_none_or(|before| !before.is_alphanumeric())
    };
    let whole = word.len() <= 3;
    text.match_indices(word).any(|(at, _)| {
        let behind = text[at + word.len()..].chars().next();
        // Short words stand alone; of longer ones the stem is enough: `cancel`, `annul`.
        begins(at)
            && (!whole
                || behind.is_none_or(|behind| {
                    !behind.is_alphanumeric() || matches!(behind, 'e' | 's' | 'd' | 'i')
                }))
    })
}

/// Whether a cell of a column for tests (`Mode`, `livemode`, `Test`) says that the row is one. `header` is the
/// column's.
#[must_use]
pub fn is_test(header: &str, text: &str) -> bool {
    let (header, text) = (fold::key(header), fold::key(text));
    match text.as_str() {
        "test" | "sandbox" | "demo" => true,
        "true" | "yes" | "1" | "oui" | "vrai" => header.contains("test") || header.contains("sandbox"),
        "false" | "no" | "0" | "non" | "faux" => header.contains("live"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_shops_are_known() {
        for (text, expected) in [
            ("paid", Treatment::Sale),
            ("Completed", Treatment::Sale),
            ("wc-completed", Treatment::Sale),
            ("processing", Treatment::Sale),
            ("Paiement accepté", Treatment::Sale),
            ("Livré", Treatment::Sale),
            ("En cours de préparation", Treatment::Sale),
            ("Shipped", Treatment::Sale),
            ("partially_refunded", Treatment::Sale),
            ("refunded", Treatment::Refund),
            ("Refund", Treatment::Refund),
            ("Remboursé", Treatment::Refund),
            ("Avoir", Treatment::Refund),
            ("voided", Treatment::LeftOut),
            ("failed", Treatment::LeftOut),
            ("Canceled", Treatment::LeftOut),
            ("Annulée", Treatment::LeftOut),
            ("Erreur de paiement", Treatment::LeftOut),
            ("test", Treatment::LeftOut),
            ("payout", Treatment::LeftOut),
            ("pending", Treatment::Pending),
            ("En attente de paiement", Treatment::Pending),
            ("on-hold", Treatment::Pending),
            ("Impayée", Treatment::Pending),
            ("Cash", Treatment::Unknown),
            ("Dine-in", Treatment::Unknown),
            ("", Treatment::Unknown),
        ] {
            assert_eq!(treatment(text), expected, "{text}");
        }
    }

    #[test]
    fn tests_are_told_by_column_and_word() {
        assert!(is_test("Mode", "Test"));
        assert!(!is_test("Mode", "Live"));
        assert!(is_test("livemode", "false"));
        assert!(is_test("test", "true"));
        assert!(!is_test("test", "false"));
    }
}
