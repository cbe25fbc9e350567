//! Exports of shops, one for each system and shape, to figures that were worked out by hand.

mod reading;

use reading::{Asked, Read};
use shop_exports::headers::Taxes;
use shop_exports::{Database, Known, Options};

fn read(text: &str) -> Read {
    reading::read(text, &Database::default(), &Options::default())
}

fn answered(text: &str, answers: &[(&str, &str)]) -> Read {
    let options = Options {
        answers: answers
            .iter()
            .map(|(id, answer)| ((*id).to_owned(), (*answer).to_owned()))
            .collect(),
        ..Options::default()
    };
    reading::read(text, &Database::default(), &options)
}

fn shop() -> Database {
    let named = |id, name: &str| Known {
        id,
        name: Some(name.into()),
        ..Known::default()
    };
    let store = |id, city: &str| Known {
        id,
        city: Some(city.into()),
        ..Known::default()
    };
    Database {
        products: vec![named(1, "Café"), named(2, "Thé")],
        stores: vec![store(1, "Paris"), store(2, "Lyon")],
        ..Database::default()
    }
}

#[test]
fn products_and_stores_by_name_are_made() {
    let read = read(include_str!("exports/names.csv"));

    assert_eq!(read.total(), 1_630);
    assert_eq!(read.products(), ["Café moulu 250 g", "Thé vert"]);
    assert_eq!(read.stores(), ["Paris", "Lyon"]);
}

#[test]
fn codes_keep_their_zeros_and_bare_numbers_of_stores_are_asked_for() {
    let text = include_str!("exports/sku.csv");
    let silent = read(text);
    assert_eq!(silent.questions(), [Asked::new("new_stores", Some("unknown"))]);
    assert_eq!(silent.faults, ["unknown_store", "unknown_store"]);

    let read = answered(text, &[("new_stores", "create")]);

    assert_eq!(read.total(), 4_500);
    assert_eq!(read.products(), ["TAS-BL", "000123"]);
    assert_eq!(read.stores(), ["Store 1"]);
}

#[test]
fn quantity_times_price_in_a_shop_of_which_nothing_is_known() {
    let read = read(include_str!("exports/qty-price.csv"));

    assert_eq!(read.total(), 412);
    assert_eq!(read.stores(), ["Main shop"]);
    assert_eq!(read.units(), 8_000);
}

#[test]
fn lines_without_ids_are_a_bag() {
    let text = "product_id;store_id;date;quantité;montant\n1;1;13/11/2023;2;30,00\n";
    let once = reading::read(text, &shop(), &Options::default());
    assert_eq!(once.total(), 3_000);
    assert_eq!(once.questions(), []);

    let twice = format!("{text}1;1;13/11/2023;2;30,00\n");
    let twice = reading::read(&twice, &shop(), &Options::default());

    assert_eq!(twice.lines.len(), 2);
    assert_eq!(twice.keys().len(), 2, "the two lines are two sales");
    assert!(
        twice.keys().is_superset(&once.keys()),
        "the first of them is the one of before"
    );
}

#[test]
fn a_report_of_woocommerce_with_a_refund() {
    let read = read(include_str!("exports/woocommerce-report.csv"));

    assert_eq!(read.by_day(), [("2023-11-13", 3_000), ("2023-11-14", -1_500)]);
    assert_eq!(read.stores(), ["Paris", "Lyon"]);
    assert_eq!(read.products().len(), 2);
    assert_eq!(read.units(), 1_000);
}

#[test]
fn an_order_of_shopify_with_a_discount_on_its_first_line() {
    let read = read(include_str!("exports/shopify.csv"));

    // #1001: 2 × 15.00 + 10.00 − 4.00; #1002: voided; #1003: 20.00, of which 5.00 were given back;
    // #1004: a test of nothing, cancelled.
    assert_eq!(read.by_day(), [("2023-11-13", 3_600), ("2023-11-15", 1_500)]);
    assert_eq!(read.products(), ["Tasse bleue", "Bol blanc"]);
    assert_eq!(read.skipped, ["voided", "cancelled"]);
    let cents: Vec<i64> = read.lines.iter().map(|line| line.amount_cents.unwrap()).collect();
    assert_eq!(cents, [2_700, 900, 2_000, -500]);
}

#[test]
fn a_till_that_writes_the_total_of_the_ticket_on_every_line() {
    let read = read(include_str!("exports/till.csv"));

    // Ticket 1: 2 × 1.20 + 3.50; ticket 2: 1.20; ticket 3: a return of 3.50.
    assert_eq!(read.total(), 240 + 350 + 120 - 350);
    assert_eq!(read.lines.len(), 4);
    assert_eq!(read.lines[0].time.as_deref(), Some("09:12:00"));
    assert!(read.says("amount", "Prix unitaire TTC"));
}

#[test]
fn an_invoicing_table_with_percents_and_totals_below() {
    let read = read(include_str!("exports/invoices.csv"));

    // With taxes: 2 × 100 − 10 % = 180 + 20 % = 216; 50 + 20 % = 60; the third was cancelled.
    assert_eq!(read.total(), 21_600 + 6_000);
    assert_eq!(read.questions(), [Asked::new("taxes", Some("included"))]);
    assert_eq!(read.skipped, ["annulée", "total"]);

    let read = answered(include_str!("exports/invoices.csv"), &[("taxes", "excluded")]);
    assert_eq!(read.total(), 18_000 + 5_000);
}

#[test]
fn prestashop_details_of_orders() {
    let read = read(include_str!("exports/prestashop.csv"));

    assert_eq!(read.total(), 2_400 + 3_600);
    assert_eq!(read.skipped, ["annulé"]);
    assert_eq!(read.products(), ["Mug", "Carnet"]);
}

#[test]
fn items_of_square() {
    let read = read(include_str!("exports/square.csv"));

    // 3.50 + (8.00 − 1.00) − 3.50
    assert_eq!(read.total(), 350 + 700 - 350);
    assert_eq!(read.products(), ["Latte", "Cake"]);
    assert_eq!(read.stores(), ["Main Street"]);
    assert_eq!(read.questions(), [Asked::new("currency", Some("USD"))]);
}

#[test]
fn payments_of_stripe() {
    let read = read(include_str!("exports/stripe.csv"));

    // 49.00; 20.00 of which 5.00 were given back; a failed one; one of the test mode.
    assert_eq!(read.total(), 4_900 + 2_000 - 500);
    assert_eq!(read.products(), ["Subscription"]);
    assert_eq!(read.skipped, ["failed", "test"]);
}

#[test]
fn payments_without_a_product_go_to_one() {
    let read = read(
        include_str!("exports/stripe.csv")
            .replace("ch_2,Subscription", "ch_2,Invoice 17")
            .replace("ch_1,Subscription", "ch_1,Invoice 18")
            .as_str(),
    );

    assert_eq!(read.total(), 4_900 + 2_000 - 500);
    assert_eq!(read.products(), ["Sales"]);
}

#[test]
fn a_bakery_with_its_currency_in_every_cell() {
    let read = read(include_str!("exports/bakery.csv"));

    assert_eq!(read.total(), 90 + 2 * 120 + 120);
    assert_eq!(read.products(), ["BAGUETTE", "PAIN AU CHOCOLAT"]);
}

#[test]
fn headers_that_are_written_together() {
    let read = read(include_str!("exports/glued.csv"));

    assert_eq!(read.total(), 287_100 + 276_590);
    assert_eq!(read.skipped, ["cancelled"]);
    assert_eq!(read.stores(), ["NYC", "Reims"]);
}

#[test]
fn a_restaurant_whose_dishes_have_a_word_of_their_own() {
    let read = read(include_str!("exports/restaurant.csv"));

    assert_eq!(read.total(), 1_325 + 1_600 + 3_700);
    assert_eq!(read.products().len(), 3);
}

#[test]
fn continuation_lines_of_a_spreadsheet() {
    let read = read(include_str!("exports/continued.csv"));

    assert_eq!(read.by_day(), [("2023-11-13", 3_500), ("2023-11-14", 900)]);
    assert_eq!(read.tickets(), ["F-1", "F-1", "F-2"]);
}

#[test]
fn weights_and_words_in_the_quantity() {
    let read = read(
        "date;produit;quantité;montant\n13/11/2023;Comté;0,350;10,50\n13/11/2023;Comté;annulation;9,00\n",
    );

    assert_eq!((read.total(), read.units()), (1_050, 350));
    assert_eq!(read.skipped, ["annulation"]);
}

#[test]
fn pending_orders_are_left_out_unless_they_are_most_of_the_shop() {
    let text = "order;date;product;amount;status\n1;2023-11-13;Tea;5.00;pending\n2;2023-11-13;Tea;6.00;pending\n\
                3;2023-11-13;Tea;7.00;completed\n";
    let asked = read(text);
    assert_eq!(asked.questions(), [Asked::new("pending", None)]);
    assert!(asked.lines.is_empty());

    assert_eq!(answered(text, &[("pending", "keep")]).total(), 1_800);
    assert_eq!(answered(text, &[("pending", "leave_out")]).total(), 700);
}

#[test]
fn a_line_amount_that_is_given_wins_over_a_price() {
    let read = read("date,product,quantity,unit price,total\n2023-11-13,Tea,2,5.00,9.00\n");

    assert_eq!(read.total(), 900);
}

#[test]
fn costs_and_plans_are_never_the_amount() {
    let read =
        reading::refused("date,product,quantity,unit cost,target,profit\n2023-11-13,Tea,2,5.00,9.00,1.00\n");

    assert!(
        read.message.contains("no header stands for an amount"),
        "{}",
        read.message
    );
}

#[test]
fn a_column_named_price_that_grows_with_the_quantity_is_of_the_line() {
    let read = read(
        "date,sku,quantity,item-price\n2023-11-13,A,1,5.00\n2023-11-13,A,3,15.00\n2023-11-13,B,2,8.00\n",
    );

    assert_eq!(read.total(), 2_800);
}

#[test]
fn lines_in_another_currency_are_rejected_with_the_reason() {
    let read = read(
        "date;produit;montant;devise\n13/11/2023;A;10,00;EUR\n13/11/2023;B;20,00;EUR\n14/11/2023;C;30,00;USD\n",
    );

    assert_eq!(read.total(), 3_000);
    assert_eq!(read.faults, ["other_currency"]);
}

#[test]
fn lines_in_another_currency_are_converted_at_the_rate_of_the_request() {
    let text = "date;produit;montant;devise\n13/11/2023;A;10,00;EUR\n14/11/2023;C;30,05;USD\n14/11/2023;D;0,01;USD\n";
    let options = Options {
        rates: [("USD".to_owned(), "0.92".to_owned())].into(),
        ..Options::default()
    };

    let read = reading::read(text, &Database::default(), &options);

    // 30.05 × 0.92 = 27.646, 0.01 × 0.92 = 0.0092: each rounded by itself.
    assert_eq!(read.total(), 1_000 + 2_765 + 1);
    assert!(read.says("currency", "converted to EUR at 0.92"));
}

#[test]
fn a_file_all_in_another_currency_than_the_sales_so_far_asks_what_it_is_worth() {
    let euros = Database {
        currency: Some("EUR".into()),
        ..Database::default()
    };
    for text in [
        "date,product,amount,currency\n2023-11-13,Tea,10.00,USD\n",
        "date,product,amount (USD)\n2023-11-13,Tea,10.00\n",
        "date,product,amount\n2023-11-13,Tea,$10.00\n",
    ] {
        let read = reading::read(text, &euros, &Options::default());
        assert_eq!(read.questions(), [Asked::new("rate_USD", None)], "{text}");

        let options = Options {
            answers: [("rate_USD".to_owned(), "0.92".to_owned())].into(),
            ..Options::default()
        };
        assert_eq!(reading::read(text, &euros, &options).total(), 920, "{text}");
    }
}

#[test]
fn what_a_request_says_of_the_currency_is_not_that_of_the_sales_so_far() {
    let euros = Database {
        currency: Some("EUR".into()),
        ..Database::default()
    };
    let options = Options {
        constants: [("currency".to_owned(), "USD".to_owned())].into(),
        rates: [("USD".to_owned(), "0.5".to_owned())].into(),
        ..Options::default()
    };

    let read = reading::read("date,product,amount\n2023-11-13,Tea,10.00\n", &euros, &options);

    assert_eq!(read.total(), 500);
}

#[test]
fn sales_so_far_without_taxes_make_those_of_a_file_that_has_both() {
    let net = Database {
        taxes: Some(Taxes::Excluded),
        ..Database::default()
    };
    let text = "date;produit;montant ht;montant ttc\n13/11/2023;A;10,00;12,00\n";

    assert_eq!(reading::read(text, &net, &Options::default()).total(), 1_000);
    assert_eq!(read(text).total(), 1_200);
}

#[test]
fn regions_of_france_are_found_for_stores_and_not_for_other_countries() {
    let text = "date;produit;montant;magasin;code postal;ville;pays\n\
                13/11/2023;A;10,00;Centre;69003;Lyon;France\n13/11/2023;A;10,00;Mitte;10115;Berlin;Allemagne\n";

    let read = read(text);

    let regions: Vec<Option<&str>> = read
        .lines
        .iter()
        .map(|line| line.store.region.as_deref())
        .collect();
    assert_eq!(regions, [Some("Auvergne-Rhône-Alpes"), None]);
}

#[test]
fn dollars_in_an_empty_database_are_a_question_that_assumes_them() {
    let read = reading::read(
        include_str!("exports/us-thousands.csv"),
        &shop(),
        &Options::default(),
    );

    assert_eq!(read.total(), 123_400 + 250_000);
    assert_eq!(read.questions(), [Asked::new("currency", Some("USD"))]);
}

#[test]
fn line_numbers_that_begin_anew_are_no_ids() {
    let november = reading::read(include_str!("exports/november.csv"), &shop(), &Options::default());
    let december = reading::read(include_str!("exports/december.csv"), &shop(), &Options::default());

    assert_eq!(november.total() + december.total(), 10_000);
    assert!(november.keys().is_disjoint(&december.keys()));
}

#[test]
fn one_of_several_stores_is_asked_for() {
    let text = "date;produit;montant\n13/11/2023;Café;2,00\n";
    let read = reading::read(text, &shop(), &Options::default());
    assert_eq!(read.questions(), [Asked::new("store", None)]);

    let constants = Options {
        constants: [("store".to_owned(), "Lyon".to_owned())].into(),
        ..Options::default()
    };
    let read = reading::read(text, &shop(), &constants);
    assert_eq!((read.total(), read.made_stores.len()), (200, 0));
}

#[test]
fn stores_that_are_called_the_same_are_told_apart() {
    let text = "date;produit;montant\n13/11/2023;Café;2,00\n";
    let mut database = shop();
    for (id, city) in [(12, "Paris"), (14, "PARIS"), (20, "Nantes")] {
        database.stores.push(Known {
            id,
            city: Some(city.into()),
            ..Known::default()
        });
    }
    let asked = reading::read(text, &database, &Options::default());
    let choices: Vec<_> = asked.prepared.questions[0]
        .choices
        .iter()
        .map(|choice| choice.value.clone())
        .collect();
    assert_eq!(
        choices,
        ["Paris (1)", "Lyon", "Paris (12)", "PARIS (14)", "Nantes"]
    );

    let answered = |answer: &str| Options {
        answers: [("store".to_owned(), answer.to_owned())].into(),
        ..Options::default()
    };
    for (choice, store) in choices.iter().zip([1, 2, 12, 14, 20]) {
        let read = reading::read(text, &database, &answered(choice));
        assert_eq!((read.total(), read.questions().len()), (200, 0), "{choice}");
        assert_eq!(read.lines[0].store.id, Some(store), "{choice}");
    }
    let of_several = reading::read(text, &database, &answered("paris"));
    assert_eq!(of_several.questions(), [Asked::new("store", None)]);
    let another = reading::read(text, &database, &answered("Metz"));
    assert_eq!(another.stores(), ["Metz"]);
}

#[test]
fn numbers_that_are_ids_and_codes_are_asked_about() {
    let mut database = shop();
    database.products[1].code = Some("1".into());
    let text = "date;ref produit;montant\n13/11/2023;1;2,00\n";

    let read = reading::read(text, &database, &constants_of_store());

    assert_eq!(read.questions(), [Asked::new("product_numbers", None)]);
}

fn constants_of_store() -> Options {
    Options {
        constants: [("store".to_owned(), "Paris".to_owned())].into(),
        ..Options::default()
    }
}

#[test]
fn lines_of_an_online_retailer_with_credit_notes() {
    let read = read(
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n\
         536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom\n\
         536365,71053,WHITE METAL LANTERN,6,12/1/2010 8:26,3.39,17850,United Kingdom\n\
         C536379,D,Discount,-1,12/13/2010 9:41,27.50,14527,United Kingdom\n",
    );

    assert_eq!(read.total(), 1_530 + 2_034 - 2_750);
    assert_eq!(read.stores(), ["Main shop"]);
    assert_eq!(read.by_day()[0].0, "2010-12-01");
}

#[test]
fn a_table_of_orders_with_profits_and_ratios() {
    let read = read(
        "Row ID,Order ID,Order Date,Ship Date,Ship Mode,Customer ID,Customer Name,Segment,Country,City,State,Postal Code,\
         Region,Product ID,Category,Sub-Category,Product Name,Sales,Quantity,Discount,Profit\n\
         1,CA-2016-152156,11/8/2016,11/11/2016,Second Class,CG-12520,Claire Gute,Consumer,United States,Henderson,Kentucky,\
         42420,South,FUR-BO-10001798,Furniture,Bookcases,Bush Somerset Bookcase,261.96,2,0,41.9136\n\
         2,CA-2016-152156,11/8/2016,11/11/2016,Second Class,CG-12520,Claire Gute,Consumer,United States,Henderson,Kentucky,\
         42420,South,FUR-CH-10000454,Furniture,Chairs,Hon Deluxe Chairs,731.94,3,0.2,219.582\n\
         3,CA-2016-138688,6/16/2016,6/20/2016,Second Class,DV-13045,Darrin Van Huff,Corporate,United States,Los Angeles,\
         California,90036,West,OFF-LA-10000240,Office Supplies,Labels,Self-Adhesive Labels,14.62,2,0,6.8714\n",
    );

    assert_eq!(read.total(), 26_196 + 73_194 + 1_462);
    assert_eq!(read.units(), 7_000);
    assert_eq!(read.stores(), ["Henderson", "Los Angeles"]);
}

#[test]
fn a_supermarket_with_taxes_beside() {
    let read = read(
        "Invoice ID,Branch,City,Customer type,Gender,Product line,Unit price,Quantity,Tax 5%,Total,Date,Time,Payment,cogs,\
         gross margin percentage,gross income,Rating\n\
         750-67-8428,A,Yangon,Member,Female,Health and beauty,74.69,7,26.1415,548.9715,1/5/2019,13:08,Ewallet,522.83,4.76,26.14,9.1\n\
         226-31-3081,C,Naypyitaw,Normal,Female,Electronic accessories,15.28,5,3.82,80.22,3/28/2019,10:29,Cash,76.4,4.76,3.82,9.6\n",
    );

    assert_eq!(read.total(), 54_897 + 8_022);
    assert_eq!(read.stores(), ["A", "C"]);
}

#[test]
fn a_card_terminal_whose_prices_are_of_the_line() {
    let read = read(
        "Date;Heure;Type;ID de transaction;Moyen de paiement;Quantité;Description;Devise;Prix (brut);Prix (net);TVA;Taux de TVA\n\
         13/11/2023;09:12;Vente;T1;Carte;2;Café;EUR;5,00;4,55;0,45;10 %\n\
         13/11/2023;09:20;Vente;T2;Carte;1;Thé;EUR;3,00;2,73;0,27;10 %\n\
         14/11/2023;10:00;Remboursement;T3;Carte;1;Thé;EUR;3,00;2,73;0,27;10 %\n",
    );

    assert_eq!(read.total(), 500 + 300 - 300);
    assert_eq!(read.units(), 2_000);
}

#[test]
fn a_till_of_a_shop_in_columns_of_its_own() {
    let read = read(
        "ID_TICKET;DATE_VENTE;HEURE_VENTE;NOM_MAGASIN;CODE_EAN;LIB_ARTICLE;QTE_VENDUE;PV_TTC;MT_REMISE;MT_LIGNE_TTC;VENDEUR\n\
         T001;13/11/2023;10:02;Lille;0012345678905;Savon;2;4,50;1,00;8,00;Anne\n\
         T001;13/11/2023;10:02;Lille;3012345678902;Huile;1;12,90;0,00;12,90;Anne\n\
         T002;13/11/2023;10:09;Rouen;0012345678905;Savon;1;4,50;0,00;4,50;Luc\n",
    );

    assert_eq!(read.total(), 800 + 1_290 + 450);
    assert_eq!(read.stores(), ["Lille", "Rouen"]);
    assert!(
        read.lines
            .iter()
            .all(|line| line.product.code.as_deref() != Some("12345678905"))
    );
}

#[test]
fn payments_with_fees() {
    let read = read(
        "Date,Time,TimeZone,Name,Type,Status,Currency,Gross,Fee,Net,From Email Address,Transaction ID,Item Title\n\
         11/13/2023,10:00:00,CET,Anne,Website Payment,Completed,EUR,50.00,-1.70,48.30,a@example.com,1AB,Mug\n\
         11/13/2023,11:00:00,CET,Luc,Payment Refund,Completed,EUR,-20.00,0.00,-20.00,b@example.com,2AB,Bowl\n\
         11/14/2023,12:00:00,CET,Bank,General Withdrawal,Completed,EUR,-100.00,0.00,-100.00,,3AB,\n",
    );

    assert_eq!(read.total(), 5_000 - 2_000);
}

#[test]
fn orders_whose_lines_are_only_told_by_their_total() {
    let text = "Order ID,Order Date,Product,Qty,Order Total\n1,2023-11-13,Tea,1,30.00\n1,2023-11-13,Mug,2,30.00\n2,2023-11-13,Tea,1,10.00\n";
    assert_eq!(read(text).questions(), [Asked::new("order_totals", None)]);

    assert_eq!(answered(text, &[("order_totals", "spread")]).total(), 4_000);
}

#[test]
fn a_table_by_month_is_no_list_of_sales() {
    let refused = reading::refused("Mois;Chiffre d'affaires\n2023-11;12 000\n2023-12;18 000\n");

    assert!(
        refused.message.contains("the day of a sale"),
        "{}",
        refused.message
    );
}

#[test]
fn an_english_spreadsheet_with_units_and_a_currency_sign() {
    let read = read(
        "Retailer,Retailer ID,Invoice Date,Region,State,City,Product,Price per Unit,Units Sold,Total Sales,Operating Profit,\
         Operating Margin,Sales Method\n\
         Foot Locker,1185732,1/1/2020,Northeast,New York,New York,Street Footwear,$50.00,\"1,200\",\"$60,000\",\"$30,000\",50%,In-store\n\
         Foot Locker,1185732,1/2/2020,Northeast,New York,New York,Athletic Footwear,$50.00,\"1,000\",\"$50,000\",\"$15,000\",30%,Online\n",
    );

    assert_eq!(read.total(), 6_000_000 + 5_000_000);
    assert_eq!(read.units(), 2_200_000);
}

#[test]
fn a_marketplace_with_the_ids_of_its_lines() {
    let read = read(
        "order-id\torder-item-id\tpurchase-date\tbuyer-name\tsku\tproduct-name\tquantity-purchased\tcurrency\titem-price\titem-tax\tshipping-price\tship-city\n\
         403-1\t111\t2023-11-13T10:15:00+00:00\tAnne\tMUG-1\tMug\t2\tEUR\t24.00\t4.00\t3.90\tLyon\n\
         403-2\t112\t2023-11-13T11:15:00+00:00\tLuc\tMUG-1\tMug\t1\tEUR\t12.00\t2.00\t3.90\tParis\n",
    );

    assert_eq!(read.total(), 3_600);
    assert_eq!(read.keys(), ["111".to_owned(), "112".to_owned()].into());
}

#[test]
fn a_coffee_shop_by_ids_with_names_beside() {
    let read = read(
        "transaction_id,transaction_date,transaction_time,transaction_qty,store_id,store_location,product_id,unit_price,\
         product_category,product_type,product_detail\n\
         1,1/1/2023,7:06:11,2,5,Lower Manhattan,32,3,Coffee,Gourmet brewed coffee,Ethiopia Rg\n\
         2,1/1/2023,7:08:56,2,5,Lower Manhattan,57,3.1,Tea,Brewed Chai tea,Spicy Eye Opener Chai Lg\n\
         3,1/13/2023,7:14:04,1,8,Astoria,32,3,Coffee,Gourmet brewed coffee,Ethiopia Rg\n",
    );

    assert_eq!(read.total(), 600 + 620 + 300);
    assert_eq!(read.products().len(), 2);
    assert_eq!(read.stores(), ["Lower Manhattan", "Astoria"]);
    assert_eq!(read.questions(), []);
}

#[test]
fn a_machine_that_sells_coffee() {
    let read = read(
        "date,datetime,cash_type,card,money,coffee_name\n\
         2024-03-01,2024-03-01 10:15:50.520,card,ANON-0000-0000-0001,38.7,Latte\n\
         2024-03-01,2024-03-01 12:19:22.539,card,ANON-0000-0000-0002,38.7,Hot Chocolate\n",
    );

    assert_eq!(read.total(), 7_740);
    assert_eq!(read.products(), ["Latte", "Hot Chocolate"]);
}

#[test]
fn orders_of_a_web_shop_as_nested_json() {
    let text = include_str!("exports/woocommerce.json");
    let read = read(text);

    // 18.00 + 3.60 + 9.00 + 1.80; cancelled; 20.00 + 4.00, of which 6.00 were given back.
    assert_eq!(read.by_day(), [("2023-11-13", 3_240), ("2023-11-15", 1_800)]);
    assert_eq!(read.products(), ["Tasse bleue", "Bol blanc"]);
    assert_eq!(read.stores(), ["Lyon", "Paris"]);
    assert_eq!(read.questions(), [Asked::new("taxes", Some("included"))]);

    let net = answered(text, &[("taxes", "excluded")]);
    assert_eq!(net.by_day(), [("2023-11-13", 2_700), ("2023-11-15", 1_400)]);
}

#[test]
fn orders_within_an_object() {
    let text = format!("{{\"orders\": {}}}", include_str!("exports/woocommerce.json"));

    assert_eq!(read(&text).total(), 3_240 + 1_800);
}
