//! What makes a line the same line when its file comes again: nothing is overwritten or added twice in silence.

use crate::support::{Dice, Stack, counters};
use reqwest::Method;
use serde_json::{Value, json};
use std::fmt::Write as _;

async fn import(stack: &Stack, query: &str, text: &str) -> Value {
    let path = format!("/jobs/import?table=sales{query}");
    stack.script.job(&path, text.to_owned()).await
}

async fn cents(stack: &Stack) -> i64 {
    let sum = stack
        .value("SELECT COALESCE(SUM(amount_cents), 0) FROM sales")
        .await;
    sum.as_i64().unwrap()
}

/// Lines of a shop on days from `first` on, numbered from 1.
fn numbered(store: u64, first: u64, lines: u64) -> String {
    let mut text = "id,product_id,store_id,sale_date,quantity,amount\n".to_owned();
    for line in 1..=lines {
        let day = first + line / 3;
        writeln!(text, "{line},1,{store},2023-11-{day:02},1,{line}.00").unwrap();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_two_shops_that_are_numbered_from_1_do_not_overwrite_each_other() {
    for mode in ["", "&mode=insert_new"] {
        let stack = Stack::start_with(|config| config.batch_rows = 4).await;
        stack.seed().await;
        let (lyon, rouen) = (numbered(10, 1, 9), numbered(20, 1, 12));
        let first = import(&stack, mode, &lyon).await;
        assert_eq!(first["state"], "succeeded", "{first:#}");

        let asked = import(&stack, mode, &rouen).await;

        assert_eq!(asked["error"]["code"], "question_open", "{asked:#}");
        let detail = asked["error"]["detail"].as_str().unwrap();
        assert!(
            detail.contains("sale 1 of 2023-11-01, from job 1") && detail.contains("`keys`"),
            "{detail}"
        );
        assert_eq!(cents(&stack).await, 4_500);
        assert_eq!(stack.value("SELECT COUNT(*) FROM sales").await, 9);
        let answer = format!("{mode}&answers={{%22keys%22:%22content%22}}");
        for (turn, added) in [(1, 12), (2, 0)] {
            let job = import(&stack, &answer, &rouen).await;
            assert_eq!(job["counters"]["inserted"], added, "{turn}: {job:#}");
        }
        assert_eq!(cents(&stack).await, 4_500 + 7_800);
        // Lines that were read by what they say are nobody's ids: the next file of the first shop asks.
        let longer = import(&stack, mode, &numbered(10, 1, 11)).await;
        assert_eq!(longer["error"]["code"], "question_open", "{longer:#}");
        assert_eq!(cents(&stack).await, 4_500 + 7_800);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_the_last_lines_leave_open_takes_back_the_first() {
    let stack = Stack::start_with(|config| config.batch_rows = 4).await;
    stack.seed().await;
    import(&stack, "", &numbered(10, 1, 6)).await;
    let mut late = "id,product_id,store_id,sale_date,quantity,amount\n".to_owned();
    for line in (20..40).chain(1..=6) {
        writeln!(late, "{line},1,20,2023-11-20,1,7.00").unwrap();
    }

    let asked = import(&stack, "", &late).await;

    assert_eq!(asked["error"]["code"], "question_open", "{asked:#}");
    assert_eq!(stack.value("SELECT COUNT(*) FROM sales").await, 6);
    assert_eq!(counters(&asked)[1..4], [0, 0, 0], "{asked:#}");
    let job = import(&stack, "&answers={%22keys%22:%22id%22}", &late).await;
    assert_eq!(job["counters"]["moved"], 6, "{job:#}");
    assert_eq!(job["counters"]["updated"], 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn few_sales_that_move_are_counted_and_more_than_the_limit_are_asked_about() {
    let stack = Stack::start_with(|config| config.max_moved_percent = 10).await;
    stack.seed().await;
    let known = numbered(10, 1, 20);
    import(&stack, "", &known).await;
    let moved = |lines: u64| {
        let mut text = known.clone();
        for line in 1..=lines {
            let day = 1 + line / 3;
            let (old, new) = (
                format!("\n{line},1,10,2023-11-{day:02}"),
                format!("\n{line},1,10,2023-12-01"),
            );
            text = text.replacen(&old, &new, 1);
        }
        text
    };

    let at_the_limit = import(&stack, "", &moved(2)).await;
    let beyond = import(
        &stack,
        "&dry_run=true",
        &numbered(10, 1, 20).replace("2023-11-0", "2023-10-0"),
    )
    .await;

    assert_eq!(at_the_limit["state"], "succeeded", "{at_the_limit:#}");
    assert_eq!(at_the_limit["counters"]["moved"], 2);
    assert_eq!(at_the_limit["sources"][0]["counters"]["moved"], 2);
    assert_eq!(beyond["error"]["code"], "question_open", "{beyond:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_were_there_are_counted_by_the_job_that_brought_them() {
    let stack = Stack::start().await;
    let head = "date;magasin;produit;quantité;montant\n";
    let (one, two, three) = (
        "13/11/2023;Rouen;Café;2;30,00\n",
        "14/11/2023;Rouen;Thé;1;4,00\n",
        "15/11/2023;Rouen;Sel;1;1,00\n",
    );
    let first = import(&stack, "", &format!("{head}{one}{one}")).await;
    let second = import(&stack, "", &format!("{head}{two}")).await;

    let all = import(&stack, "", &format!("{head}{one}{two}{one}{three}")).await;

    assert_eq!(counters(&all), [4, 1, 0, 3, 0], "{all:#}");
    let expected = json!([{"job": first["id"], "lines": 2}, {"job": second["id"], "lines": 1}]);
    assert_eq!(all["already"], expected, "{all:#}");
    let note = all["notes"].to_string();
    assert!(
        note.contains("3 lines were there already, from job 1 (2), job 2 (1)"),
        "{note}"
    );
    let added = import(&stack, "&mode=append", &format!("{head}{two}")).await;
    assert_eq!(added["counters"]["inserted"], 1, "{added:#}");
    // Who takes the first back learns who left out lines because of it.
    let undone = stack.script.job(&format!("/jobs/{}/undo", first["id"]), "").await;
    assert_eq!(
        undone["result"]["relied_on_by"],
        json!([{"job": all["id"], "lines": 2}]),
        "{undone:#}"
    );
}

/// Lines by what they say, each as often as it was sold.
fn bag(dice: &mut Dice, store: &str, days: std::ops::Range<u64>) -> Vec<(u64, String)> {
    let mut lines = Vec::new();
    for day in days {
        for _ in 0..dice.roll(4) {
            let euros = 1 + dice.roll(3);
            lines.push((
                day,
                format!("{day:02}/11/2023;{store};Produit {};1;{euros},00\n", dice.roll(3)),
            ));
        }
    }
    lines
}

/// Pairs of exports of two shops, that overlap in days, come again, and repeat lines: the sums are those of the bag of
/// all lines that were sold.
#[tokio::test(flavor = "multi_thread")]
async fn exports_that_overlap_add_up_to_what_was_sold() {
    for seed in 1..=6 {
        let mut dice = Dice(0x2545_f491 * seed);
        let stack = Stack::start_with(|config| config.batch_rows = 3).await;
        let shops = ["Rouen", "Nantes"].map(|shop| bag(&mut dice, shop, 1..10));
        let sold: usize = shops.iter().map(Vec::len).sum();
        for shop in &shops {
            let middle = 3 + dice.roll(3);
            for (from, to) in [(1, middle), (middle - 1, 10), (1, 10)] {
                let lines = shop.iter().filter(|(day, _)| (from..to).contains(day));
                let lines: String = lines.map(|(_, line)| line.as_str()).collect();
                if lines.is_empty() {
                    continue;
                }
                let text = format!("date;magasin;produit;quantité;montant\n{lines}");
                let job = import(&stack, "", &text).await;
                assert_eq!(job["state"], "succeeded", "{seed}: {job:#}\n{text}");
            }
        }
        let euros = shops.iter().flatten().map(|(_, line)| {
            let amount = line.trim_end().rsplit(';').next().unwrap();
            amount.split(',').next().unwrap().parse::<i64>().unwrap()
        });

        let lines = stack.value("SELECT COUNT(*) FROM sales").await;
        assert_eq!(
            (lines.as_u64(), cents(&stack).await),
            (Some(sold as u64), euros.sum::<i64>() * 100),
            "{seed}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_asks_about_ids_that_are_those_of_other_sales() {
    let stack = Stack::start().await;
    stack.seed().await;
    import(&stack, "", &numbered(10, 1, 9)).await;

    let request = stack.script.request(Method::POST, "/imports/preview?table=sales");
    let shown: Value = request
        .body(numbered(20, 5, 9))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();

    let ids: Vec<&str> = shown["questions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|question| question["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["keys"], "{shown:#}");
}
