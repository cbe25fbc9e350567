//! What the sample data must add up to: the one place that knows the figures.
//!
//! The top five products, the top five regions and the total of November are published figures that the
//! sample reproduces; the other products and regions share what those leave of the total. October is set so
//! that the published growth comes out, and the days so that the published weekend uplift and forecast do.
//!
//! All sums of a month agree: its days, its products and its regions each add up to the same total.

use crate::generate::calendar::Date;

/// One of the two months of the sample; the arrays below hold one figure for each, in this order.
pub(super) struct Month {
    pub first: Date,
    /// Revenue of each day of the month, in whole euros. The forecast depends on every one of them.
    pub daily_euros: &'static [i64],
}

/// One product of the company; its id is its position, counted from 1.
pub(super) struct Product {
    pub name: &'static str,
    pub category: &'static str,
    /// Price before any discount: a whole number of euros, so that a discount in whole percent gives whole
    /// cents.
    pub list_price_euros: i64,
    /// The most pieces that one sale has.
    pub max_quantity: i64,
    /// Revenue in October and November, in cents.
    pub revenue_cents: [i64; 2],
    /// What the company wanted to sell in October and November, in euros.
    pub target_euros: [i64; 2],
}

/// One of the 13 regions of metropolitan France.
pub(super) struct Region {
    pub name: &'static str,
    /// Revenue in October and November, in cents.
    pub revenue_cents: [i64; 2],
}

/// One store; its id is its position, counted from 1.
pub(super) struct Store {
    pub city: &'static str,
    pub region: &'static str,
    pub address: &'static str,
    /// How often its region's sales happen here, relative to the region's other stores.
    pub weight: i64,
}

pub(super) const MONTHS: [Month; 2] = [
    Month {
        first: Date::new(2023, 10, 1),
        daily_euros: &[
            34_586, 34_001, 33_328, 41_315, 34_851, 33_803, 52_265, 36_238, 34_571, 35_285, 38_227, 38_485,
            33_055, 50_005, 38_421, 33_061, 39_262, 36_796, 39_852, 34_419, 49_652, 38_682, 33_127, 37_425,
            38_482, 38_240, 35_430, 48_365, 38_123, 35_743, 37_365,
        ],
    },
    Month {
        first: Date::new(2023, 11, 1),
        daily_euros: &[
            38_948, 38_721, 39_452, 47_299, 39_454, 38_316, 40_948, 35_839, 43_825, 38_318, 46_621, 39_953,
            35_257, 37_184, 36_631, 41_362, 39_222, 44_862, 49_647, 38_441, 51_858, 51_174, 47_729, 59_940,
            60_918, 45_266, 30_725, 30_304, 31_811, 25_653,
        ],
    },
];

pub(super) const PRODUCTS: [Product; 8] = [
    Product {
        name: "Premium Package",
        category: "Packages",
        list_price_euros: 499,
        max_quantity: 3,
        revenue_cents: [29_840_000, 32_045_000],
        target_euros: [290_000, 300_000],
    },
    Product {
        name: "Business Suite",
        category: "Suites",
        list_price_euros: 349,
        max_quantity: 4,
        revenue_cents: [26_895_000, 28_567_000],
        target_euros: [265_000, 275_000],
    },
    Product {
        name: "Standard Package",
        category: "Packages",
        list_price_euros: 199,
        max_quantity: 5,
        revenue_cents: [20_348_000, 21_089_000],
        target_euros: [200_000, 205_000],
    },
    Product {
        name: "Basic Package",
        category: "Packages",
        list_price_euros: 99,
        max_quantity: 8,
        revenue_cents: [18_012_000, 18_543_000],
        target_euros: [178_000, 180_000],
    },
    Product {
        name: "Add-on Module A",
        category: "Add-ons",
        list_price_euros: 59,
        max_quantity: 10,
        revenue_cents: [11_890_000, 12_023_000],
        target_euros: [130_000, 135_000],
    },
    Product {
        name: "Add-on Module B",
        category: "Add-ons",
        list_price_euros: 79,
        max_quantity: 8,
        revenue_cents: [5_561_000, 5_894_000],
        target_euros: [55_000, 57_000],
    },
    Product {
        name: "Onboarding & Training",
        category: "Services",
        list_price_euros: 450,
        max_quantity: 2,
        revenue_cents: [3_370_000, 3_865_000],
        target_euros: [33_000, 38_000],
    },
    Product {
        name: "Support Plan",
        category: "Services",
        list_price_euros: 29,
        max_quantity: 12,
        revenue_cents: [2_330_000, 2_541_800],
        target_euros: [23_000, 25_000],
    },
];

/// Largest first.
pub(super) const REGIONS: [Region; 13] = [
    region("Île-de-France", [43_208_253, 45_023_000]),
    region("Auvergne-Rhône-Alpes", [30_902_510, 32_015_000]),
    region("Nouvelle-Aquitaine", [17_384_831, 18_567_000]),
    region("Occitanie", [9_872_951, 12_045_000]),
    region("Hauts-de-France", [9_164_959, 8_945_000]),
    region("Provence-Alpes-Côte d'Azur", [2_065_000, 2_148_000]),
    region("Grand Est", [1_640_000, 1_625_000]),
    region("Pays de la Loire", [1_142_000, 1_234_000]),
    region("Bretagne", [924_000, 986_000]),
    region("Normandie", [748_000, 741_500]),
    region("Bourgogne-Franche-Comté", [539_000, 562_000]),
    region("Centre-Val de Loire", [470_000, 487_300]),
    region("Corse", [184_496, 189_000]),
];

pub(super) const STORES: [Store; 29] = [
    store("Paris", "Île-de-France", "12 rue de Rivoli", 5),
    store("Paris", "Île-de-France", "88 avenue de Clichy", 3),
    store("Boulogne-Billancourt", "Île-de-France", "41 route de la Reine", 3),
    store("Versailles", "Île-de-France", "7 rue de la Paroisse", 2),
    store("Saint-Denis", "Île-de-France", "15 rue de la République", 2),
    store("Créteil", "Île-de-France", "3 avenue du Général de Gaulle", 2),
    store("Lyon", "Auvergne-Rhône-Alpes", "54 rue de la République", 4),
    store("Lyon", "Auvergne-Rhône-Alpes", "19 cours Lafayette", 3),
    store("Grenoble", "Auvergne-Rhône-Alpes", "6 place Victor Hugo", 2),
    store("Saint-Étienne", "Auvergne-Rhône-Alpes", "22 rue Michelet", 2),
    store("Annecy", "Auvergne-Rhône-Alpes", "9 rue Royale", 2),
    store("Bordeaux", "Nouvelle-Aquitaine", "31 rue Sainte-Catherine", 4),
    store("Limoges", "Nouvelle-Aquitaine", "5 rue du Clocher", 1),
    store("Pau", "Nouvelle-Aquitaine", "14 rue Serviez", 1),
    store("La Rochelle", "Nouvelle-Aquitaine", "27 rue du Palais", 2),
    store("Toulouse", "Occitanie", "46 rue d'Alsace-Lorraine", 4),
    store("Montpellier", "Occitanie", "11 rue de la Loge", 3),
    store("Nîmes", "Occitanie", "2 boulevard Amiral Courbet", 1),
    store("Lille", "Hauts-de-France", "63 rue de Béthune", 3),
    store("Amiens", "Hauts-de-France", "18 rue des Trois Cailloux", 1),
    store(
        "Marseille",
        "Provence-Alpes-Côte d'Azur",
        "73 rue Saint-Ferréol",
        1,
    ),
    store("Nice", "Provence-Alpes-Côte d'Azur", "25 avenue Jean Médecin", 1),
    store("Strasbourg", "Grand Est", "8 rue des Grandes Arcades", 1),
    store("Nantes", "Pays de la Loire", "20 rue Crébillon", 1),
    store("Rennes", "Bretagne", "10 rue Le Bastard", 1),
    store("Rouen", "Normandie", "37 rue du Gros-Horloge", 1),
    store("Dijon", "Bourgogne-Franche-Comté", "55 rue de la Liberté", 1),
    store("Tours", "Centre-Val de Loire", "16 rue Nationale", 1),
    store("Ajaccio", "Corse", "4 cours Napoléon", 1),
];

const fn region(name: &'static str, revenue_cents: [i64; 2]) -> Region {
    Region { name, revenue_cents }
}

const fn store(city: &'static str, region: &'static str, address: &'static str, weight: i64) -> Store {
    Store {
        city,
        region,
        address,
        weight,
    }
}
