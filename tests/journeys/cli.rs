//! The command line: what it prints where, and how it ends.

use crate::program;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

const UNREACHABLE: [&str; 2] = ["--script-url", "http://127.0.0.1:9"];

fn path(file: &std::path::Path) -> &str {
    file.to_str().unwrap()
}

#[test]
fn a_port_in_use_is_told_with_the_flag_that_changes_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();

    let flags = ["--db-port", "--script-port", "--dashboard-port"];
    for flag in flags {
        let mut args = vec!["up", "--data", path(folder.path())];
        for other in flags {
            args.extend([other, if other == flag { &port } else { "0" }]);
        }
        let ended = program().run(&args);

        assert_eq!(ended.code, Some(1));
        assert_eq!(
            ended.stderr,
            format!(
                "comptoir: port {port} is in use by another program: stop it, or choose another port with {flag}\n"
            )
        );
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "it wrote something"
    );
}

#[test]
fn another_address_than_loopback_needs_tokens() {
    let folder = tempfile::tempdir().unwrap();

    let ended = program().run(&[
        "up",
        "--host",
        "0.0.0.0",
        "--db-port",
        "0",
        "--script-port",
        "0",
        "--dashboard-port",
        "0",
        "--data",
        path(folder.path()),
    ]);

    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("no token file"), "{}", ended.stderr);
}

#[tokio::test]
async fn the_stack_stops_in_order_when_asked() {
    let mut up = program().up();
    up.script.get("/analysis/total").await;

    assert_eq!(up.stop(), Some(0));

    let log = fs::metadata(up.data.join("sales.db-wal"));
    assert!(
        log.map_or(0, |log| log.len()) == 0,
        "the log was not written back"
    );
}

#[test]
fn a_second_stack_on_the_same_data_does_not_import_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = program().up_in(folder.path(), &[]);
    assert_eq!(first.stop(), Some(0));

    let again = program().up_in(folder.path(), &[]);

    let jobs = program().run(&[
        "query",
        "SELECT COUNT(*) AS jobs FROM jobs WHERE kind = 'import'",
        "--db-url",
        again.db.base(),
    ]);
    assert_eq!(jobs.stdout.trim_end().replace('\r', ""), "jobs\n1");
}

#[test]
fn services_that_are_not_there_have_an_exit_code_of_their_own() {
    let file = journeys::repository().join("data/sales.csv");
    let [flag, address] = UNREACHABLE;

    for args in [
        &["analyze", "region", flag, address][..],
        &["import", path(&file), "--table", "sales", flag, address],
    ] {
        let ended = program().run(args);
        assert_eq!(ended.code, Some(4), "{ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(ended.stderr.contains("comptoir up"), "{}", ended.stderr);
    }
}

#[test]
fn wrong_arguments_are_told_apart_from_failures() {
    assert_eq!(program().run(&["import"]).code, Some(2));
    assert_eq!(
        program().run(&["import", "x.csv", "--table", "sold"]).code,
        Some(2)
    );
    assert_eq!(program().run(&["generate", "--out", "x"]).code, Some(2));
    assert_eq!(program().run(&["nothing"]).code, Some(2));
}

#[test]
fn every_command_has_help() {
    let help = program().run(&["--help"]);
    assert_eq!(help.code, Some(0));

    for command in [
        "up", "import", "rejects", "replay", "schedule", "analyze", "query", "generate", "backup", "restore",
        "token", "openapi",
    ] {
        assert!(help.stdout.contains(command));
        assert_eq!(program().run(&[command, "--help"]).code, Some(0), "{command}");
    }
}

#[test]
fn piped_output_is_csv_and_a_table_is_for_people() {
    let up = program().up();
    let analyze = |format: &[&str]| {
        let mut args = vec![
            "analyze",
            "region",
            "--limit",
            "2",
            "--script-url",
            up.script.base(),
        ];
        args.extend(format);
        let ended = program().run(&args);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout.replace('\r', "")
    };

    assert_eq!(
        analyze(&[]),
        "region,total_sales,share\nÎle-de-France,450230.00,36.1\nAuvergne-Rhône-Alpes,320150.00,25.7\n"
    );
    assert!(analyze(&["--format", "json"]).starts_with('{'));
    let table = analyze(&["--format", "table"]);
    assert!(table.contains("450,230.00") && table.contains('│'), "{table}");
    assert!(table.contains(&"█".repeat(24)), "{table}");
    assert!(!analyze(&["--format", "table", "--no-bars"]).contains('█'));

    let unknown = program().run(&["analyze", "regoin", "--script-url", up.script.base()]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("regoin"), "{}", unknown.stderr);

    let query = |args: &[&str]| {
        let mut all = vec!["query", "--db-url", up.db.base()];
        all.extend(args);
        program().run(&all)
    };
    let sum = query(&[
        "SELECT SUM(amount) AS total FROM sales WHERE sale_date >= ?",
        "2023-11-01",
    ]);
    assert_eq!(sum.stdout.replace('\r', ""), "total\n1245678.0\n");
    let wrong = query(&["SELEC 1"]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("syntax error"), "{}", wrong.stderr);
}

#[test]
fn a_reader_that_goes_away_ends_a_command_quietly() {
    let up = program().up_empty();
    let many =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) SELECT i FROM n";
    let mut child = program()
        .command()
        .args(["query", many, "--db-url", up.db.base()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();

    let ended = child.wait_with_output().unwrap();

    assert_eq!(first.trim_end(), "i");
    assert_eq!(ended.status.code(), Some(0));
    assert!(
        ended.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
}

#[test]
fn an_import_says_what_became_of_the_records() {
    let up = program().up();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("more.csv");
    fs::write(
        &file,
        "id,product_id,store_id,sale_date,quantity,amount\n\
         900001,1,1,2023-11-05,1,100.00\n\
         900002,77,1,2023-11-05,1,100.00\n",
    )
    .unwrap();
    let import = |source: &str| {
        program().run(&[
            "import",
            source,
            "--table",
            "sales",
            "--script-url",
            up.script.base(),
        ])
    };

    let ended = import(path(&file));

    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stdout.contains("unknown_product"), "{}", ended.stdout);
    let again = import(path(&journeys::repository().join("data/sales.csv")));
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.stdout.contains("3,916"), "{}", again.stdout);
    let missing = import("no-such-file.csv");
    assert_eq!(missing.code, Some(1));
    assert_eq!(missing.stderr.lines().count(), 1, "{}", missing.stderr);
}

#[test]
fn an_import_shows_what_gave_way_and_one_with_too_many_rejects_what_was_wrong() {
    let up = program().up();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("more.csv");
    let import = |records: &str, more: &[&str]| {
        fs::write(
            &file,
            format!("id,product_id,store_id,sale_date,quantity,amount\n{records}"),
        )
        .unwrap();
        let mut args = vec!["import", path(&file), "--table", "sales", "--script-url"];
        args.push(up.script.base());
        args.extend(more);
        program().run(&args)
    };

    let replaced = import("900001,1,1,2023-11-05,1,100.00\n", &["--mode", "replace-period"]);
    assert_eq!(replaced.code, Some(0), "{replaced:?}");
    assert!(replaced.stdout.contains("deleted"), "{}", replaced.stdout);

    let unknown: Vec<String> = (0..11)
        .map(|id| format!("{},77,1,2023-11-06,1,100.00\n", 900_100 + id))
        .collect();
    let unknown = unknown.concat();
    let wrong = format!("900002,1,1,2023-11-06,1,100.00\n{unknown}900003,1,1,2023-11-06,x,1.00\n");
    let failed = import(&wrong, &["--max-rejects", "5"]);

    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert_eq!(failed.stderr.lines().count(), 1, "{}", failed.stderr);
    assert!(!failed.stdout.contains("deleted"), "{}", failed.stdout);
    // The tenth record is listed and the eleventh is not; its reason, that of the last, has a line in the table.
    let listed = failed.stdout.matches("(unknown_product)").count();
    assert_eq!(listed, 10, "{}", failed.stdout);
    for told in ["and 2 more", "bad_integer", "│ 11 "] {
        let squeezed = failed.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeezed.contains(told), "{told}: {}", failed.stdout);
    }
}

#[test]
fn faults_that_the_service_finds_are_wrong_arguments() {
    let up = program().up_empty();
    let file = journeys::repository().join("data/sales.csv");
    for (args, words) in [
        (
            &["--table", "sales", "--option", "colour=red"][..],
            "unknown field `colour`",
        ),
        (
            &["--table", "sales", "--preview", "--option", "locale=de"],
            "`de`",
        ),
    ] {
        let mut all = vec!["import", path(&file), "--script-url", up.script.base()];
        all.extend(args);
        let ended = program().run(&all);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
        assert_eq!(ended.stderr.matches(words).count(), 1, "{}", ended.stderr);
    }
    let several = program().run(&[
        "import",
        path(&file),
        "--table",
        "sales",
        "--option",
        "locale=de",
        "--option",
        "decimal=dot",
        "--script-url",
        up.script.base(),
    ]);
    assert_eq!(several.code, Some(2));
    let lines: Vec<&str> = several.stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{}", several.stderr);
    assert!(lines[0].contains("2 faults"), "{}", several.stderr);
}

#[test]
fn exports_need_no_table_and_a_question_without_a_terminal_names_its_options() {
    let up = program().up();
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &str| {
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        file
    };
    let torn = put(
        "torn.csv",
        "date;produit;magasin;montant\n13/12/2023;Thé vert;Lyon 2;1,50\n14/12/2023;Thé vert;Lyon 2;1.50\n",
    );
    let orders = put(
        "orders.csv",
        "date;produit;magasin;montant\n13/12/2023;Thé noir;Lyon 2;4,50\n",
    );
    let products = put("list.csv", "id,name,price,category\n77,Late,10.00,Late\n");
    let import = |files: &[&std::path::Path], more: &[&str]| {
        let mut args = vec!["import", "--script-url", up.script.base()];
        args.extend(files.iter().map(|file| path(file)));
        args.extend(more);
        program().run(&args)
    };

    let open = import(&[&orders, &torn], &[]);
    assert_eq!(open.code, Some(2), "{open:?}");
    assert!(
        open.stderr.contains("torn.csv leaves a question open"),
        "{}",
        open.stderr
    );
    assert!(open.stderr.contains("--answer decimal=comma"), "{}", open.stderr);
    assert!(open.stderr.contains("--answer decimal=point"), "{}", open.stderr);
    assert_eq!(open.stdout, "", "nothing is imported before all is answered");

    let answered = import(&[&orders, &products, &torn], &["--answer", "decimal=comma"]);
    assert_eq!(answered.code, Some(3), "{answered:?}");
    let told = &answered.stdout;
    assert!(
        told.find("list.csv into products") < told.find("orders.csv into sales"),
        "{told}"
    );
    assert!(
        told.contains("orders.csv: 1 line of sales of 2023-12-13, 4.50 EUR."),
        "{told}"
    );
    assert!(told.contains("To take it back: comptoir jobs undo "), "{told}");

    let people = put("people.csv", "nom;prénom\nDupont;Anne\n");
    let refused = import(&[&people], &[]);
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert!(
        refused.stderr.contains("people.csv") && refused.stderr.contains("day of a sale"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_preview_shows_decisions_and_rows_and_imports_nothing() {
    let up = program().up();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("export.csv");
    let text = "N°;Réf. produit;Magasin;Date;Qté;Montant TTC\n\
        900001;1;1;05/11/2023;1;1\u{a0}234,50\n\
        900002;77;1;25/11/2023;1;10,00\n";
    let windows_1252: Vec<u8> = text
        .chars()
        .map(|letter| u8::try_from(u32::from(letter)).unwrap())
        .collect();
    fs::write(&file, windows_1252).unwrap();
    let sales = || {
        program()
            .run(&[
                "query",
                "SELECT COUNT(*) AS n FROM sales",
                "--db-url",
                up.db.base(),
            ])
            .stdout
    };
    let before = sales();

    let shown = program().run(&[
        "import",
        path(&file),
        "--table",
        "sales",
        "--preview",
        "--option",
        r#"mapping={"id":"N°"}"#,
        "--script-url",
        up.script.base(),
    ]);

    assert_eq!(shown.code, Some(0), "{shown:?}");
    for told in [
        "windows-1252",
        "`;`",
        "Montant TTC",
        "synonym",
        "comma (evidence)",
        "1234.50",
        "unknown_product",
    ] {
        assert!(shown.stdout.contains(told), "{told}: {}", shown.stdout);
    }
    assert_eq!(sales(), before);
    let both = program().run(&[
        "import",
        path(&file),
        "--table",
        "sales",
        "--preview",
        "--dry-run",
    ]);
    assert_eq!(both.code, Some(2));
}

#[test]
fn rejects_go_out_to_a_file_and_come_back_corrected() {
    let up = program().up();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("more.csv");
    let rejects = folder.path().join("rejects.csv");
    fs::write(
        &file,
        "id,product_id,store_id,sale_date,quantity,amount\n\
         900001,1,1,2023-11-05,1,100.00\n\
         900002,77,1,2023-11-05,1,100.00\n\
         900003,1,1,2023-11-05,x,1.00\n",
    )
    .unwrap();
    let run = |args: &[&str]| {
        let mut all = args.to_vec();
        all.extend(["--script-url", up.script.base()]);
        program().run(&all)
    };
    let imported = run(&["import", path(&file), "--table", "sales"]);
    assert_eq!(imported.code, Some(3), "{imported:?}");
    let job = imported
        .stdout
        .split("job ")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .to_owned();
    assert!(
        imported
            .stdout
            .contains(&format!("comptoir rejects {job} > rejects.csv"))
    );

    let listed = run(&["rejects", &job]);
    fs::write(&rejects, listed.stdout.replace(",77,unknown", ",2,unknown")).unwrap();
    let replayed = run(&["replay", &job, path(&rejects)]);

    assert_eq!(replayed.code, Some(3), "{replayed:?}");
    assert!(replayed.stdout.contains("bad_integer") && !replayed.stdout.contains("unknown_product"));
    let again = run(&["replay", &job, path(&rejects)]);
    assert_eq!(again.code, Some(1));
    assert!(
        again.stderr.contains("replayed before") && again.stderr.contains("`--again`"),
        "{}",
        again.stderr
    );
    let french = run(&["rejects", &job, "--format", "csv-fr"]);
    assert!(french.stdout.starts_with("\u{feff}source;"), "{}", french.stdout);
}

#[test]
fn schedules_are_kept_from_the_command_line() {
    let up = program().up();
    fs::create_dir(up.data.join("inbox")).unwrap();
    let run = |args: &[&str]| {
        let mut all = vec!["schedule"];
        all.extend(args);
        all.extend(["--script-url", up.script.base()]);
        program().run(&all)
    };

    let nightly = run(&[
        "set",
        "nightly",
        "--cron",
        "0 6 * * *",
        "--time-zone",
        "Europe/Paris",
    ]);
    assert_eq!(nightly.code, Some(0), "{nightly:?}");
    assert!(nightly.stdout.contains("T06:00:00+0"), "{}", nightly.stdout);
    let figures = run(&[
        "set",
        "figures",
        "--cron",
        "0 7 * * 1",
        "--job",
        "analysis",
        "--request",
        r#"{"analyses":["total"]}"#,
    ]);
    assert_eq!(figures.code, Some(0), "{figures:?}");
    assert_eq!(
        run(&["set", "inbox", "--watch", "inbox/*.csv", "--table", "sales"]).code,
        Some(0)
    );
    assert!(run(&["pause", "nightly"]).stdout.contains("paused"));
    assert!(run(&["resume", "nightly"]).stdout.contains("T06:00:00+0"));
    assert!(run(&["run", "figures"]).stdout.contains("made job"));
    assert_eq!(run(&["remove", "figures"]).code, Some(0));
    let wrong = run(&["set", "x", "--cron", "often"]);
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.stderr.contains("`often` is not minute, hour"),
        "{}",
        wrong.stderr
    );
    assert_eq!(run(&["set", "x"]).code, Some(2));

    let list = run(&["list"]).stdout;
    assert!(
        list.contains("inbox/*.csv") && list.contains("nightly") && !list.contains("figures"),
        "{list}"
    );
}

#[test]
fn a_backup_can_be_restored_when_nobody_has_the_database_open() {
    let mut up = program().up();
    let folder = tempfile::tempdir().unwrap();
    let (copy, database) = (folder.path().join("copy.db"), up.data.join("sales.db"));
    let backup = || program().run(&["backup", "--out", path(&copy), "--db-url", up.db.base()]);
    assert_eq!(backup().code, Some(0));
    assert_eq!(backup().code, Some(1), "a file was replaced without --force");
    let restore = || program().run(&["restore", path(&copy), "--database", path(&database)]);

    let refused = restore();
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("stop the service"), "{}", refused.stderr);
    assert_eq!(up.stop(), Some(0));
    let restored = restore();

    assert_eq!(restored.code, Some(0), "{restored:?}");
    fs::write(&copy, b"not a database").unwrap();
    assert_eq!(restore().code, Some(1));
    let again = program().up_in(&up.data, &[]);
    let count = program().run(&[
        "query",
        "SELECT COUNT(*) AS n FROM sales",
        "--db-url",
        again.db.base(),
    ]);
    assert_eq!(count.stdout.replace('\r', ""), "n\n7576\n");
}

#[test]
fn tokens_open_what_their_scope_says() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens.toml");
    let new = |scope: &str| {
        let ended = program().run(&[
            "token",
            "new",
            "--name",
            scope,
            "--scope",
            scope,
            "--file",
            path(&tokens),
        ]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout.trim().to_owned()
    };
    let (admin, reader) = (new("admin"), new("read"));
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    let up = program()
        .with("COMPTOIR_DB_TOKEN", &admin)
        .up_in(&data, &["--no-sample", "--db-tokens", path(&tokens)]);
    let query = |token: &[&str]| {
        let mut args = vec!["query", "SELECT 1 AS one", "--db-url", up.db.base()];
        args.extend(token);
        program().run(&args)
    };

    assert_eq!(
        query(&["--db-token", &reader]).stdout.replace('\r', ""),
        "one\n1\n"
    );
    assert_eq!(query(&[]).code, Some(1));
    let copy = folder.path().join("copy.db");
    let backup = program().run(&[
        "backup",
        "--out",
        path(&copy),
        "--db-url",
        up.db.base(),
        "--db-token",
        &reader,
    ]);
    assert_eq!(backup.code, Some(1), "a reader made a backup");
    assert!(!copy.exists());
}

#[test]
fn the_generator_writes_what_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let out = path(folder.path());

    let ended = program().run(&["generate", "--rows", "1000", "--out", out]);

    assert_eq!(ended.code, Some(0));
    let sales = fs::read_to_string(folder.path().join("sales.csv")).unwrap();
    assert_eq!(sales.lines().count(), 1_001);
    let sample = program().run(&["generate", "--sample", "--out", out]);
    assert_eq!(sample.code, Some(0));
    assert_eq!(
        fs::read(folder.path().join("sales.csv")).unwrap(),
        fs::read(journeys::repository().join("data/sales.csv")).unwrap()
    );
}
