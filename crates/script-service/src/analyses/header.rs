//! The header of an analysis file: the comment lines before its statement.
//!
//! ```sql
//! -- title: Revenue by region
//! -- title fr: Ventes par région
//! -- description: Net revenue of each region in the window.
//! -- description fr: Chiffre d'affaires net de chaque région de la période.
//! -- position: 5
//! -- window: last_30_days
//! -- reads: window
//! -- param: top integer 20 "How many"
//! -- param fr: top "Combien"
//! -- column: region text
//! -- column: total_sales money
//! -- column: share percent = total_sales / window_total
//! -- figure: regions integer
//! -- headline: total_sales
//! -- chart: bar region total_sales
//! -- note if regions: {regions} regions sold something.
//! SELECT ..
//! ```
//!
//! A statement reads the daily sums (`days`, `product_days`, `store_days`) and, where it compares periods,
//! `product_periods` and `store_periods`; filters have been applied to all of them. A `money` column is integer cents
//! in SQL. A column with `= a / b` is the exact quotient of two columns of the statement. `reads: all` is for
//! statements that look at days outside the window and the one it is compared with. A `figure` is a value that every
//! row repeats; it stands beside the rows in the answer. Behind a language tag come the texts in another language; a
//! parameter in braces stands for its value there and in the description. The `position` is the place in the list of
//! built-in analyses.

use super::parameters;
use script_api::{
    AnalysisColumn, AnalysisParameter, ChartHint, ColumnType, DefaultWindow, HeaderError, Translations,
};

/// A column that a file declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeclaredColumn {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: ColumnType,
    /// Their unit: `EUR`, `%` or none.
    pub unit: Option<String>,
    /// The two columns of the statement whose quotient it is.
    pub quotient: Option<(String, String)>,
}

impl DeclaredColumn {
    /// What callers learn of it.
    pub(crate) fn described(&self) -> AnalysisColumn {
        AnalysisColumn {
            name: self.name.clone(),
            kind: self.kind,
            unit: self.unit.clone(),
        }
    }
}

/// When a note is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoteCondition {
    Always,
    /// The figure is there and neither zero nor false.
    If(String),
    /// The figure is absent, zero or false.
    Unless(String),
}

/// A note, figures in braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub condition: NoteCondition,
    pub text: String,
}

/// Which days a statement looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Those of the window, of the one it is compared with, and six before.
    #[default]
    Window,
    /// All that have sales.
    All,
}

/// A parsed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub title: String,
    pub titles: Translations,
    pub description: String,
    pub descriptions: Translations,
    /// Where it stands in the list; the last places are taken by those that do not say.
    pub position: u64,
    pub window: DefaultWindow,
    pub reads: Reach,
    pub parameters: Vec<AnalysisParameter>,
    pub columns: Vec<DeclaredColumn>,
    pub figures: Vec<DeclaredColumn>,
    pub headline: Option<String>,
    pub chart: Option<ChartHint>,
    pub notes: Vec<Note>,
    /// The statement, header left out.
    pub sql: String,
    /// The line of the file on which it begins, the first being 1.
    pub sql_line: u64,
}

/// Parses the text of a file. All faults at once.
pub(crate) fn parse(text: &str) -> Result<Header, Vec<HeaderError>> {
    let mut header = Header {
        title: String::new(),
        titles: Translations::new(),
        description: String::new(),
        descriptions: Translations::new(),
        position: u64::MAX,
        window: DefaultWindow::default(),
        reads: Reach::default(),
        parameters: Vec::new(),
        columns: Vec::new(),
        figures: Vec::new(),
        headline: None,
        chart: None,
        notes: Vec::new(),
        sql: String::new(),
        sql_line: 1,
    };
    let mut errors = Vec::new();
    let mut header_lines = 0;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start_matches('\u{feff}').trim();
        let Some(comment) = line.strip_prefix("--") else {
            if line.is_empty() {
                header_lines = index + 1;
                continue;
            }
            break;
        };
        header_lines = index + 1;
        if let Err(message) = take(&mut header, comment.trim()) {
            errors.push(HeaderError {
                line: index as u64 + 1,
                message,
            });
        }
    }
    let statement: Vec<&str> = text.lines().skip(header_lines).collect();
    let statement = statement.join("\n");
    statement
        .trim()
        .trim_end_matches(';')
        .trim_end()
        .clone_into(&mut header.sql);
    header.sql_line = header_lines as u64 + 1;
    let first = header.sql.get(..6).unwrap_or_default().to_ascii_uppercase();
    if !first.starts_with("SELECT") && !first.starts_with("WITH") {
        errors.push(HeaderError {
            line: header_lines as u64 + 1,
            message: "after the header comes one SELECT statement".into(),
        });
    }
    for name in parameters::named_in(&header.sql) {
        let known = parameters::COMMON.contains(&name.as_str())
            || header.parameters.iter().any(|parameter| parameter.name == name);
        if !known {
            let marked = format!(":{name}");
            let line = text
                .lines()
                .position(|line| line.contains(&marked))
                .unwrap_or(header_lines);
            errors.push(HeaderError {
                line: line as u64 + 1,
                message: format!(
                    "`:{name}` is neither declared by `-- param:` nor one that every analysis has"
                ),
            });
        }
    }
    if header.title.is_empty() {
        errors.push(HeaderError {
            line: 1,
            message: "the header lacks `-- title: ..`".into(),
        });
    }
    if errors.is_empty() {
        Ok(header)
    } else {
        Err(errors)
    }
}

fn take(header: &mut Header, comment: &str) -> Result<(), String> {
    let Some((key, value)) = comment.split_once(':') else {
        return Ok(()); // a remark
    };
    let value = value.trim();
    match key.trim() {
        "title" => value.clone_into(&mut header.title),
        "description" => value.clone_into(&mut header.description),
        "position" => {
            header.position = value
                .parse()
                .map_err(|_| format!("`{value}` is not a whole number"))?;
        }
        "window" => {
            header.window = match value {
                "last_30_days" => DefaultWindow::Last30Days,
                "month" => DefaultWindow::Month,
                "all" => DefaultWindow::All,
                other => return Err(format!("`{other}` is not last_30_days, month or all")),
            }
        }
        "reads" => {
            header.reads = match value {
                "window" => Reach::Window,
                "all" => Reach::All,
                other => return Err(format!("`{other}` is not window or all")),
            }
        }
        "param" => header.parameters.push(parameter(value)?),
        "column" => header.columns.push(column(value)?),
        "figure" => header.figures.push(column(value)?),
        "headline" => header.headline = Some(value.to_owned()),
        "chart" => header.chart = Some(chart(value)?),
        "note" => header.notes.push(Note {
            condition: NoteCondition::Always,
            text: value.to_owned(),
        }),
        other => return take_qualified(header, other, value),
    }
    Ok(())
}

/// Takes a line whose key has a second word: a language, or the condition of a note.
fn take_qualified(header: &mut Header, key: &str, value: &str) -> Result<(), String> {
    let note = |condition| Note {
        condition,
        text: value.to_owned(),
    };
    let mut words = key.split_whitespace();
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some("title"), Some(language), None, None) => {
            header.titles.insert(language_tag(language)?, value.to_owned());
        }
        (Some("description"), Some(language), None, None) => {
            header
                .descriptions
                .insert(language_tag(language)?, value.to_owned());
        }
        (Some("param"), Some(language), None, None) => {
            let (parameter, text) = translation(value)?;
            let parameter = header
                .parameters
                .iter_mut()
                .find(|known| known.name == parameter)
                .ok_or_else(|| format!("`{parameter}` is not declared by `-- param:` before"))?;
            parameter
                .descriptions
                .insert(language_tag(language)?, text.to_owned());
        }
        (Some("note"), Some("if"), Some(figure), None) => {
            header.notes.push(note(NoteCondition::If(figure.to_owned())));
        }
        (Some("note"), Some("unless"), Some(figure), None) => {
            header.notes.push(note(NoteCondition::Unless(figure.to_owned())));
        }
        _ => {
            return Err(format!(
                "`{key}` is not one of title, description, position, window, reads, param, column, figure, headline, \
                 chart, note"
            ));
        }
    }
    Ok(())
}

/// `text` if it is the tag of a language other than English, such as `fr`.
fn language_tag(text: &str) -> Result<String, String> {
    let is_tag = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_lowercase());
    match text {
        "en" => Err("the line without a language tag is the English one".to_owned()),
        tag if is_tag => Ok(tag.to_owned()),
        other => Err(format!("`{other}` is not the tag of a language, such as `fr`")),
    }
}

/// The parts of `name "text"`.
fn translation(text: &str) -> Result<(&str, &str), String> {
    text.split_once('"')
        .and_then(|(name, text)| Some((name.trim(), text.trim_end().strip_suffix('"')?)))
        .ok_or_else(|| format!("`{text}` is not `name \"text\"`"))
}

fn column(text: &str) -> Result<DeclaredColumn, String> {
    let (declared, quotient) = match text.split_once('=') {
        Some((declared, quotient)) => {
            let (above, below) = quotient
                .split_once('/')
                .ok_or_else(|| format!("`{}` is not `a / b`", quotient.trim()))?;
            (
                declared,
                Some((name(above.trim())?.to_owned(), name(below.trim())?.to_owned())),
            )
        }
        None => (text, None),
    };
    let mut words = declared.split_whitespace();
    let column_name = name(words.next().unwrap_or_default())?;
    let kind = column_type(words.next().ok_or("a column is `name type`")?)?;
    let unit = words.next().map(str::to_owned).or(match kind {
        ColumnType::Money => Some("EUR".to_owned()),
        ColumnType::Percent => Some("%".to_owned()),
        _ => None,
    });
    if let Some(extra) = words.next() {
        return Err(format!("`{extra}` is one word too many"));
    }
    let divides = matches!(
        kind,
        ColumnType::Money | ColumnType::Percent | ColumnType::Index | ColumnType::Number
    );
    if quotient.is_some() && !divides {
        return Err("a quotient is money, percent, index or number".into());
    }
    if quotient.is_none() && kind == ColumnType::Index {
        return Err("an index is a quotient: `index = a / b`".into());
    }
    Ok(DeclaredColumn {
        name: column_name.to_owned(),
        kind,
        unit,
        quotient,
    })
}

fn parameter(text: &str) -> Result<AnalysisParameter, String> {
    let (declared, description) = match text.split_once('"') {
        Some((declared, description)) => (declared, description.trim_end_matches('"')),
        None => (text, ""),
    };
    let mut words = declared.split_whitespace();
    let parameter_name = name(words.next().unwrap_or_default())?;
    let kind = column_type(words.next().ok_or("a parameter is `name type [default]`")?)?;
    if matches!(kind, ColumnType::Percent | ColumnType::Index) {
        return Err("a parameter is text, integer, number, money, date, month or boolean".into());
    }
    let default = words.next().map(str::to_owned);
    if let Some(extra) = words.next() {
        return Err(format!("`{extra}` is one word too many"));
    }
    Ok(AnalysisParameter {
        name: parameter_name.to_owned(),
        kind,
        default,
        description: description.to_owned(),
        descriptions: Translations::new(),
    })
}

fn chart(text: &str) -> Result<ChartHint, String> {
    let mut words = text.split_whitespace().map(str::to_owned);
    let kind = words.next().unwrap_or_default();
    match kind.as_str() {
        "number" => Ok(ChartHint {
            kind,
            x: None,
            y: words.collect(),
        }),
        "bar" | "line" | "map" => Ok(ChartHint {
            kind,
            x: words.next(),
            y: words.collect(),
        }),
        other => Err(format!("`{other}` is not number, bar, line or map")),
    }
}

fn column_type(word: &str) -> Result<ColumnType, String> {
    serde_json::from_value(serde_json::Value::from(word)).map_err(|_| {
        format!("`{word}` is not text, integer, number, money, percent, index, date, month or boolean")
    })
}

fn name(word: &str) -> Result<&str, String> {
    let fits = word.starts_with(|first: char| first.is_ascii_lowercase())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if fits {
        Ok(word)
    } else {
        Err(format!(
            "`{word}` is not a name of lower-case letters, digits and _"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_with_their_lines() {
        let errors =
            parse("-- title: X\n-- column: Bad money\n-- colour: red\nDELETE FROM sales").unwrap_err();

        let lines: Vec<u64> = errors.iter().map(|error| error.line).collect();
        assert_eq!(lines, [2, 3, 4]);
    }

    #[test]
    fn texts_in_other_languages_stand_beside_the_english_ones() {
        let header = parse(
            "-- title: X\n-- title fr: L’X\n-- description fr: C’est l’X.\n-- param: top integer 20\n\
             -- param fr: top \"Combien\"\n-- title en: X\nSELECT 1",
        );
        let errors = header.unwrap_err();
        assert_eq!(errors[0].line, 6, "{errors:?}");

        let header = parse(
            "-- title: X\n-- title fr: L’X\n-- description fr: C’est l’X.\n-- param: top integer 20\n\
             -- param fr: top \"Combien\"\nSELECT :top",
        )
        .unwrap();
        assert_eq!(header.titles["fr"], "L’X");
        assert_eq!(header.descriptions["fr"], "C’est l’X.");
        assert_eq!(header.parameters[0].descriptions["fr"], "Combien");

        for wrong in [
            "title french: L’X",
            "param fr: top \"Combien\"",
            "title fr x: L’X",
        ] {
            let errors = parse(&format!("-- title: X\n-- {wrong}\nSELECT 1")).unwrap_err();
            assert_eq!(errors[0].line, 2, "{wrong}");
        }
    }

    #[test]
    fn a_header_is_read_whole() {
        let header = parse(
            "-- title: X\n-- just a remark\n-- column: share percent = a / b\n-- param: top integer 20 \"How many\"\n\nSELECT 1;\n",
        )
        .unwrap();

        assert_eq!(header.sql, "SELECT 1");
        assert_eq!(header.columns[0].unit.as_deref(), Some("%"));
        assert_eq!(header.columns[0].quotient, Some(("a".into(), "b".into())));
        assert_eq!(header.parameters[0].default.as_deref(), Some("20"));
    }
}
