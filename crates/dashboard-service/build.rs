//! Takes plotly.js out of the `plotly` crate: the script, compressed once, and the style rules that it would
//! otherwise write into the page, which a strict content security policy forbids.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::{env, fs};

/// How the script begins; the version follows.
const BANNER: &str = "/**\n* plotly.js v";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let scripts = plotly::Plot::offline_js_sources();
    // The first script is plotly.js; the second, MathJax, is for titles in LaTeX only.
    let script = between(&scripts, "<script type=\"text/javascript\">", "</script>")
        .map(str::trim_start)
        .filter(|script| script.starts_with(BANNER))
        .ok_or("the plotly crate does not begin with plotly.js any more")?;
    let version = script[BANNER.len()..].lines().next().unwrap_or_default().trim();
    println!("cargo::rustc-env=PLOTLY_JS_VERSION={version}");

    let mut packed = GzEncoder::new(fs::File::create(out.join("plotly.js.gz"))?, Compression::best());
    packed.write_all(script.as_bytes())?;
    packed.finish()?;
    fs::write(out.join("plotly.css"), rules(script)?)?;
    Ok(())
}

/// The style sheet in `script`: an object from selectors, `X` for the plot and `Y` for its messages, to
/// declarations.
fn rules(script: &str) -> Result<String, Box<dyn Error>> {
    let start = script
        .find("{\"X,X div\":")
        .ok_or("plotly.js has its style rules elsewhere")?;
    let mut rest = &script[start + 1..];
    let mut sheet = String::new();
    while !rest.starts_with('}') {
        let (selector, after) = token(rest)?;
        let (declarations, after) = token(after.strip_prefix(':').ok_or("a rule without declarations")?)?;
        let selector = selector
            .replace('X', ".js-plotly-plot .plotly")
            .replace('Y', ".plotly-notifier");
        writeln!(sheet, "{selector}{{{declarations}}}")?;
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Ok(sheet)
}

/// The string or name that `text` begins with, and what follows.
fn token(text: &str) -> Result<(String, &str), Box<dyn Error>> {
    let quote = text.chars().next().ok_or("the style rules end early")?;
    if quote == '"' || quote == '\'' {
        let end = text[1..].find(quote).ok_or("a string without an end")? + 1;
        Ok((text[1..end].to_owned(), &text[end + 1..]))
    } else {
        let end = text.find(':').ok_or("a name without a value")?;
        Ok((text[..end].to_owned(), &text[end..]))
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let start = text.find(before)? + before.len();
    let end = text[start..].find(after)? + start;
    Some(&text[start..end])
}
