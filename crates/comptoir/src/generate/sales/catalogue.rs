//! The 200 products and 200 stores of generated sales, the same whatever the seed.

/// A product; its id is its position, counted from 1.
pub(super) struct Product {
    pub name: String,
    pub category: &'static str,
    /// List price. A whole number of euros, so that a discount in whole percent gives whole cents.
    pub price_euros: u64,
    /// How often it is sold, relative to the others.
    pub weight: usize,
}

/// A store; its id is its position, counted from 1.
pub(super) struct Store {
    pub city: &'static str,
    pub region: &'static str,
    pub address: String,
    /// How often a sale happens here, relative to the others.
    pub weight: usize,
}

/// Each kind in each edition. The most popular sells about forty times as often as the least.
pub(super) fn products() -> Vec<Product> {
    let mut products = Vec::new();
    for (kind, category, price_euros) in KINDS {
        for (edition, percent) in EDITIONS {
            // 77 and 200 have no common factor, so every rank occurs once and each kind has popular products.
            let rank = products.len() * 77 % 200;
            products.push(Product {
                name: format!("{kind} {edition}"),
                category,
                price_euros: price_euros * percent / 100,
                weight: weight_of_rank(rank),
            });
        }
    }
    products
}

/// The stores of each region in turn, spread over its cities. The first of a region sells most.
pub(super) fn stores() -> Vec<Store> {
    let mut stores = Vec::new();
    for (region, count, cities) in REGIONS {
        for rank in 0..count {
            stores.push(Store {
                city: cities[rank % cities.len()],
                region,
                address: format!("{} {}", 1 + rank * 7, STREETS[rank / cities.len()]),
                weight: weight_of_rank(rank),
            });
        }
    }
    stores
}

/// A little flatter than Zipf's law at the top.
fn weight_of_rank(rank: usize) -> usize {
    10_000 / (rank + 5)
}

/// Kind, category, and the price that the editions are a percentage of, in euros.
const KINDS: [(&str, &str, u64); 20] = [
    ("Desk", "Furniture", 340),
    ("Chair", "Furniture", 180),
    ("Shelf", "Furniture", 120),
    ("Cabinet", "Furniture", 210),
    ("Lamp", "Furniture", 60),
    ("Monitor", "Electronics", 220),
    ("Keyboard", "Electronics", 50),
    ("Mouse", "Electronics", 30),
    ("Headset", "Electronics", 80),
    ("Webcam", "Electronics", 70),
    ("Printer", "Electronics", 190),
    ("Scanner", "Electronics", 150),
    ("Router", "Electronics", 110),
    ("Notebook", "Supplies", 8),
    ("Pen Set", "Supplies", 12),
    ("Binder", "Supplies", 6),
    ("Paper Box", "Supplies", 25),
    ("Label Roll", "Supplies", 10),
    ("Toner", "Supplies", 75),
    ("Whiteboard", "Supplies", 90),
];

/// Edition, and its price in percent of that of the kind.
const EDITIONS: [(&str, u64); 10] = [
    ("Basic", 60),
    ("Eco", 70),
    ("Compact", 85),
    ("Classic", 100),
    ("Comfort", 115),
    ("Plus", 130),
    ("Pro", 160),
    ("Premium", 200),
    ("Studio", 250),
    ("Signature", 320),
];

/// Region, its number of stores, and its cities.
const REGIONS: [(&str, usize, [&str; 5]); 13] = [
    (
        "Île-de-France",
        36,
        [
            "Paris",
            "Boulogne-Billancourt",
            "Saint-Denis",
            "Versailles",
            "Créteil",
        ],
    ),
    (
        "Auvergne-Rhône-Alpes",
        24,
        ["Lyon", "Grenoble", "Saint-Étienne", "Clermont-Ferrand", "Annecy"],
    ),
    (
        "Nouvelle-Aquitaine",
        18,
        ["Bordeaux", "Limoges", "Poitiers", "La Rochelle", "Pau"],
    ),
    (
        "Occitanie",
        18,
        ["Toulouse", "Montpellier", "Nîmes", "Perpignan", "Albi"],
    ),
    (
        "Hauts-de-France",
        18,
        ["Lille", "Amiens", "Roubaix", "Dunkerque", "Calais"],
    ),
    (
        "Provence-Alpes-Côte d'Azur",
        15,
        ["Marseille", "Nice", "Toulon", "Avignon", "Cannes"],
    ),
    (
        "Grand Est",
        17,
        ["Strasbourg", "Reims", "Metz", "Nancy", "Mulhouse"],
    ),
    (
        "Pays de la Loire",
        12,
        ["Nantes", "Angers", "Le Mans", "Laval", "Cholet"],
    ),
    (
        "Bretagne",
        10,
        ["Rennes", "Brest", "Quimper", "Lorient", "Vannes"],
    ),
    (
        "Normandie",
        10,
        ["Rouen", "Le Havre", "Caen", "Cherbourg", "Évreux"],
    ),
    (
        "Bourgogne-Franche-Comté",
        9,
        ["Dijon", "Besançon", "Belfort", "Auxerre", "Nevers"],
    ),
    (
        "Centre-Val de Loire",
        8,
        ["Tours", "Orléans", "Bourges", "Blois", "Chartres"],
    ),
    (
        "Corse",
        5,
        ["Ajaccio", "Bastia", "Porto-Vecchio", "Corte", "Calvi"],
    ),
];

/// As many as the largest region has stores in one city.
const STREETS: [&str; 8] = [
    "rue de la République",
    "avenue Victor Hugo",
    "place du Marché",
    "rue de la Gare",
    "boulevard Gambetta",
    "rue Pasteur",
    "cours Jean Jaurès",
    "rue des Écoles",
];
