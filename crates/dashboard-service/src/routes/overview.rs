//! The first page: total, products, regions, the curve with its forecast, and what stands out.

use crate::App;
use crate::answer::{self, NamedAnswer, Row, number, text};
use crate::figure::{self, Figure, Item, Lines, NamedValues, Outlook};
use crate::filter::{Filters, Preset, Query, natural_window};
use crate::forecast;
use crate::format;
use crate::labels;
use crate::language::Language;
use crate::page::{self, Failure, View, Visit};
use crate::table::{Table, shown};
use crate::words::Words;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::civil::Date;
use script_client::script_api::{ColumnType, ForecastRequest, ForecastRun};
use script_client::{ScriptClient, ScriptError};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How many products the chart and its table show.
const TOP: usize = 5;

/// `GET /`: the overview of the sales that the query string chooses.
pub(crate) async fn get(
    State(app): State<App>,
    visit: Visit,
    axum::extract::Query(query): axum::extract::Query<Query>,
) -> Response {
    visit.answer(view(&app, &visit, &query).await)
}

async fn view(app: &App, visit: &Visit, query: &Query) -> Result<View, Failure> {
    let filters = Filters::parse(query).map_err(Failure::BadFilter)?;
    match load(&app.script, &filters).await? {
        Some(facts) => Ok(render(&facts, &filters, visit.language)?),
        None => Ok(View {
            title: visit.language.words().overview.to_owned(),
            html: Empty {
                w: visit.language.words(),
            }
            .render()?,
            figures: BTreeMap::new(),
        }),
    }
}

/// The table of one widget, as the page shows it.
pub(crate) async fn table(app: &App, visit: &Visit, query: &Query, widget: &str) -> Result<Table, Failure> {
    let filters = Filters::parse(query).map_err(Failure::BadFilter)?;
    let language = visit.language;
    let Some(facts) = load(&app.script, &filters).await? else {
        return Ok(Table::default());
    };
    match widget {
        "summary" => Ok(Table::of(&facts.summary, &[], language)),
        "products" => Ok(product_table(&facts, &filters, language)),
        "regions" => Ok(region_table(&facts, &filters, language)),
        "trend" => Ok(Table::of(&facts.trend, &[], language)),
        "forecast" => facts
            .forecast
            .as_ref()
            .map(|run| forecast::table(run, language))
            .ok_or(Failure::Missing),
        _ => Err(Failure::Missing),
    }
}

/// The page of a database without sales.
#[derive(Template)]
#[template(path = "empty.html")]
struct Empty {
    w: &'static Words,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    w: &'static Words,
    period: String,
    region: Option<String>,
    product: Option<String>,
    presets: Vec<Choice>,
    from: String,
    to: String,
    regions: Vec<Choice>,
    products: Vec<Choice>,
    filtered: bool,
    total: String,
    change: Option<Change>,
    lines: String,
    units: String,
    average: String,
    weekend: String,
    insights: Vec<Insight>,
    days: String,
    forecast: String,
    forecast_note: String,
    forecast_request: String,
    product_table: String,
    region_table: String,
    save: String,
}

/// Something that can be chosen.
struct Choice {
    value: String,
    label: String,
    link: String,
    chosen: bool,
}

/// How the total compares with the period before.
struct Change {
    text: String,
    previous: String,
    up: bool,
}

/// A sentence that leads to its analysis.
struct Insight {
    text: String,
    link: String,
}

/// Everything that the page shows.
struct Facts {
    from: Date,
    to: Date,
    summary: NamedAnswer,
    product: NamedAnswer,
    region: NamedAnswer,
    trend: NamedAnswer,
    seasonality: NamedAnswer,
    growth: NamedAnswer,
    /// Absent where a region is chosen: targets are those of all regions.
    targets: Option<NamedAnswer>,
    forecast: Option<ForecastRun>,
    every_product: NamedAnswer,
    every_region: NamedAnswer,
}

type Asked = Vec<(&'static str, String)>;

/// Asks for everything. `None` when there are no sales at all.
async fn load(script: &ScriptClient, filters: &Filters) -> Result<Option<Facts>, Failure> {
    let with = |mut window: Asked, region: bool, product: bool| {
        if let Some(name) = filters.region.as_ref().filter(|_| region) {
            window.push(("region", name.clone()));
        }
        if let Some(id) = filters.product.filter(|_| product) {
            window.push(("product", id.to_string()));
        }
        window
    };
    let all: Asked = vec![("period", "all".to_owned())];
    let (every_product, every_region) = tokio::try_join!(
        answer::ask(script, "product", &all),
        answer::ask(script, "region", &all),
    )?;
    let Some((_, latest)) = every_product.days() else {
        return Ok(None);
    };
    known(filters, &every_product, &every_region)?;
    let window = filters.window(Some(latest));
    let product_query = with(window.clone(), true, false);
    let region_query = with(window.clone(), false, true);
    let both = with(window, true, true);
    let (product, region, trend, seasonality) = tokio::try_join!(
        answer::ask(script, "product", &product_query),
        answer::ask(script, "region", &region_query),
        answer::ask(script, "trend", &both),
        answer::ask(script, "seasonality", &both),
    )?;
    let Some((from, to)) = trend.days() else {
        return Ok(None);
    };
    let natural = natural_window(from, to);
    let summary_query = with(natural.clone(), true, true);
    let growth_query = with(natural.clone(), false, true);
    let target_query = with(natural, false, false);
    let (summary, growth, targets, forecast) = tokio::try_join!(
        answer::ask(script, "summary", &summary_query),
        answer::ask(script, "growth", &growth_query),
        targets(script, filters, &target_query),
        forecast::latest(script, filters, to),
    )?;
    Ok(Some(Facts {
        from,
        to,
        summary,
        product,
        region,
        trend,
        seasonality,
        growth,
        targets,
        forecast,
        every_product,
        every_region,
    }))
}

async fn targets(
    script: &ScriptClient,
    filters: &Filters,
    query: &Asked,
) -> Result<Option<NamedAnswer>, ScriptError> {
    if filters.region.is_some() {
        return Ok(None);
    }
    answer::ask(script, "targets", query).await.map(Some)
}

/// Refuses a region or product that never sold anything: a mistyped one is not a quiet one.
fn known(filters: &Filters, products: &NamedAnswer, regions: &NamedAnswer) -> Result<(), Failure> {
    if let Some(region) = &filters.region
        && !regions.rows.iter().any(|row| text(row, "region") == region)
    {
        return Err(Failure::BadFilter(format!("region: {region}")));
    }
    if let Some(product) = filters.product
        && !products
            .rows
            .iter()
            .any(|row| number(row, "product_id", 0) == Some(product))
    {
        return Err(Failure::BadFilter(format!("product: {product}")));
    }
    Ok(())
}

fn render(facts: &Facts, filters: &Filters, language: Language) -> Result<View, askama::Error> {
    let w = language.words();
    let empty = Row::new();
    let summary = facts.summary.first().unwrap_or(&empty);
    let figure =
        |name: &str, kind: ColumnType| shown(summary.get(name).unwrap_or(&Value::Null), kind, language);
    let analysis_link = |name: &str| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("from", &facts.from.to_string());
        query.append_pair("to", &facts.to.to_string());
        format!("/analyses/{name}?{}", query.finish())
    };
    let products = product_table(facts, filters, language);
    let regions = region_table(facts, filters, language);
    let html = Overview {
        w,
        period: format::period(facts.from, facts.to, language),
        region: filters.region.clone(),
        product: filters
            .product
            .and_then(|id| product_name(&facts.every_product, id)),
        presets: presets(filters, language),
        from: facts.from.to_string(),
        to: facts.to.to_string(),
        regions: region_choices(facts, filters, language),
        products: product_choices(facts, filters),
        filtered: !filters.is_default(),
        total: figure("total_revenue", ColumnType::Money),
        change: number(summary, "growth", 1).map(|tenths| Change {
            text: format::change(tenths, language),
            previous: figure("previous_revenue", ColumnType::Money),
            up: tenths >= 0,
        }),
        lines: figure("lines", ColumnType::Integer),
        units: figure("units", ColumnType::Integer),
        average: figure("average_line", ColumnType::Money),
        weekend: number(&facts.seasonality.figures, "weekend_uplift", 1)
            .map_or_else(|| "–".to_owned(), |tenths| format::change(tenths, language)),
        insights: insights(facts, language, analysis_link),
        days: page::table(&Table::of(&facts.trend, &[], language), language)?,
        forecast: match &facts.forecast {
            Some(run) => page::table(&forecast::table(run, language), language)?,
            None => String::new(),
        },
        forecast_note: facts
            .forecast
            .as_ref()
            .map(|run| forecast::note(run, language))
            .unwrap_or_default(),
        forecast_request: forecast_request(filters, facts.to),
        product_table: page::table(&products, language)?,
        region_table: page::table(&regions, language)?,
        save: filters.query().replacen('?', "&", 1),
    }
    .render()?;
    Ok(View {
        title: w.overview.to_owned(),
        html,
        figures: figures(facts, filters, language),
    })
}

/// What a job is asked that forecasts what the page shows.
fn forecast_request(filters: &Filters, to: Date) -> String {
    let request = ForecastRequest {
        model: Some("auto".to_owned()),
        horizon: Some(7),
        to: Some(to),
        region: filters.region.clone(),
        product: filters.product,
        ..ForecastRequest::default()
    };
    serde_json::to_string(&request).unwrap_or_default() // of texts and numbers, which serialise
}

fn presets(filters: &Filters, language: Language) -> Vec<Choice> {
    let w = language.words();
    Preset::ALL
        .into_iter()
        .map(|preset| {
            let there = filters.with_period(preset);
            let label = match preset {
                Preset::Days7 => w.days_7,
                Preset::Days30 => w.days_30,
                Preset::Days90 => w.days_90,
                Preset::Month => w.this_month,
                Preset::Year => w.this_year,
                Preset::All => w.everything,
            };
            Choice {
                value: preset.name().to_owned(),
                label: label.to_owned(),
                link: format!("/{}", there.query()),
                chosen: there == *filters,
            }
        })
        .collect()
}

fn region_choices(facts: &Facts, filters: &Filters, language: Language) -> Vec<Choice> {
    let mut choices: Vec<Choice> = facts
        .every_region
        .rows
        .iter()
        .map(|row| {
            let name = text(row, "region");
            Choice {
                value: name.to_owned(),
                label: labels::value(name, language).to_owned(),
                link: String::new(),
                chosen: filters.region.as_deref() == Some(name),
            }
        })
        .collect();
    choices.sort_by(|a, b| a.label.cmp(&b.label));
    choices
}

fn product_choices(facts: &Facts, filters: &Filters) -> Vec<Choice> {
    facts
        .every_product
        .rows
        .iter()
        .filter_map(|row| {
            let id = number(row, "product_id", 0)?;
            Some(Choice {
                value: id.to_string(),
                label: text(row, "name").to_owned(),
                link: String::new(),
                chosen: filters.product == Some(id),
            })
        })
        .collect()
}

fn product_name(products: &NamedAnswer, id: i64) -> Option<String> {
    let row = products
        .rows
        .iter()
        .find(|row| number(row, "product_id", 0) == Some(id))?;
    Some(text(row, "name").to_owned())
}

/// The row of the product in the targets.
fn target_of<'a>(facts: &'a Facts, product: &Row) -> Option<&'a Row> {
    let id = product.get("product_id")?;
    facts
        .targets
        .as_ref()?
        .rows
        .iter()
        .find(|row| row.get("product_id") == Some(id))
}

/// The products that are shown: the first ones, and the chosen one wherever it stands.
fn top_products<'a>(facts: &'a Facts, filters: &Filters) -> Vec<&'a Row> {
    let chosen = |row: &Row| filters.product.is_some() && number(row, "product_id", 0) == filters.product;
    let rows = facts.product.rows.iter().enumerate();
    rows.filter(|(place, row)| *place < TOP || chosen(row))
        .map(|(_, row)| row)
        .collect()
}

fn product_table(facts: &Facts, filters: &Filters, language: Language) -> Table {
    let w = language.words();
    let rows: Vec<Row> = top_products(facts, filters)
        .into_iter()
        .map(|row| {
            let mut row = row.clone();
            if let Some(target) = target_of(facts, &row) {
                for name in ["target", "attainment", "below_target"] {
                    row.insert(name.to_owned(), target.get(name).cloned().unwrap_or_default());
                }
            }
            row
        })
        .collect();
    let label = |name: &str| labels::column(name, language);
    let (name, sales, share, target, attainment) = (
        label("name"),
        label("total_sales"),
        label("share"),
        label("target"),
        label("attainment"),
    );
    let mut columns = vec![
        ("name", name.as_str(), ColumnType::Text),
        ("total_sales", sales.as_str(), ColumnType::Money),
        ("share", share.as_str(), ColumnType::Percent),
    ];
    if facts
        .targets
        .as_ref()
        .is_some_and(|targets| !targets.rows.is_empty())
    {
        columns.push(("target", target.as_str(), ColumnType::Money));
        columns.push(("attainment", attainment.as_str(), ColumnType::Percent));
    }
    let mut table = Table::from_rows(w.top_products, &columns, &rows, language);
    for (line, row) in table.rows.iter_mut().zip(&rows) {
        let id = number(row, "product_id", 0);
        line.link = id.map(|id| format!("/{}", filters.toggle_product(id).query()));
        line.chosen = id.is_some() && id == filters.product;
        line.marked = row.get("below_target") == Some(&Value::Bool(true));
    }
    table
}

fn region_table(facts: &Facts, filters: &Filters, language: Language) -> Table {
    let mut table = Table::of(&facts.region, &["region", "total_sales", "share"], language);
    for (line, row) in table.rows.iter_mut().zip(&facts.region.rows) {
        let region = text(row, "region");
        line.link = Some(format!("/{}", filters.toggle_region(region).query()));
        line.chosen = filters.region.as_deref() == Some(region);
    }
    table
}

fn figures(facts: &Facts, filters: &Filters, language: Language) -> BTreeMap<String, Figure> {
    let w = language.words();
    let money =
        |row: &Row, name: &str| shown(row.get(name).unwrap_or(&Value::Null), ColumnType::Money, language);
    let percent = |row: &Row, name: &str| {
        shown(
            row.get(name).unwrap_or(&Value::Null),
            ColumnType::Percent,
            language,
        )
    };
    let products = top_products(facts, filters).into_iter().map(|row| {
        let id = number(row, "product_id", 0);
        let target = target_of(facts, row);
        let mut words = format!("{} · {}", money(row, "total_sales"), percent(row, "share"));
        if let Some(target) = target {
            let _ = write!(words, " · {} {}", percent(target, "attainment"), w.attainment);
        }
        Item {
            name: text(row, "name").to_owned(),
            key: text(row, "name").to_owned(),
            value: row.get("total_sales").cloned().unwrap_or_default(),
            text: words,
            link: id.map(|id| format!("/{}", filters.toggle_product(id).query())),
            chosen: filters.product.is_none() || filters.product == id,
            marked: target.and_then(|target| target.get("below_target")) == Some(&Value::Bool(true)),
        }
    });
    let regions = facts.region.rows.iter().map(|row| {
        let name = text(row, "region");
        Item {
            name: labels::value(name, language).to_owned(),
            key: name.to_owned(),
            value: row.get("total_sales").cloned().unwrap_or_default(),
            text: format!("{} · {}", money(row, "total_sales"), percent(row, "share")),
            link: Some(format!("/{}", filters.toggle_region(name).query())),
            chosen: filters.region.as_deref().is_none_or(|region| region == name),
            marked: false,
        }
    });
    let mut sales = figure::series(&facts.trend, "total_sales", ColumnType::Money, language);
    w.sales.clone_into(&mut sales.name);
    let mut average = figure::series(&facts.trend, "moving_average_7d", ColumnType::Money, language);
    w.average_7.clone_into(&mut average.name);
    BTreeMap::from([
        (
            "products".to_owned(),
            Figure::Bars(NamedValues {
                label: w.top_products.to_owned(),
                items: products.collect(),
                name: None,
                others: Vec::new(),
            }),
        ),
        (
            "regions".to_owned(),
            Figure::Map(NamedValues {
                label: w.by_region.to_owned(),
                items: regions.collect(),
                name: None,
                others: Vec::new(),
            }),
        ),
        (
            "trend".to_owned(),
            Figure::Lines(Lines {
                label: w.curve.to_owned(),
                x: figure::column(&facts.trend, "date"),
                series: vec![sales, average],
                forecast: facts.forecast.as_ref().map(|run| outlook(facts, run, language)),
            }),
        ),
    ])
}

/// The forecast, tied to the last day so that the line does not break.
fn outlook(facts: &Facts, run: &ForecastRun, language: Language) -> Outlook {
    let mut outlook = forecast::outlook(run, language);
    if let Some(last) = facts.trend.rows.last() {
        let value = last.get("total_sales").cloned().unwrap_or_default();
        outlook.x.insert(0, last.get("date").cloned().unwrap_or_default());
        outlook
            .texts
            .insert(0, shown(&value, ColumnType::Money, language));
        outlook.low.insert(0, value.clone());
        outlook.high.insert(0, value.clone());
        outlook.values.insert(0, value);
    }
    outlook
}

fn insights(facts: &Facts, language: Language, link: impl Fn(&str) -> String) -> Vec<Insight> {
    let w = language.words();
    let mut insights = Vec::new();
    if let Some(uplift) = number(&facts.seasonality.figures, "weekend_uplift", 1) {
        insights.push(Insight {
            text: w.insight_weekend.replace("{}", &format::change(uplift, language)),
            link: link("seasonality"),
        });
    }
    let best = facts
        .growth
        .rows
        .iter()
        .filter_map(|row| Some((row, number(row, "growth", 1)?)));
    if let Some((row, growth)) = best
        .max_by_key(|(_, growth)| *growth)
        .filter(|(_, growth)| *growth > 0)
    {
        insights.push(Insight {
            text: w
                .insight_growth
                .replace("{name}", labels::value(text(row, "region"), language))
                .replace("{}", &format::change(growth, language)),
            link: link("growth"),
        });
    }
    let rows = facts.targets.iter().flat_map(|targets| &targets.rows);
    let below = rows.filter(|row| row.get("below_target") == Some(&Value::Bool(true)));
    for row in below.take(3) {
        insights.push(Insight {
            text: w.insight_target.replace("{name}", text(row, "name")).replace(
                "{}",
                &shown(
                    row.get("attainment").unwrap_or(&Value::Null),
                    ColumnType::Percent,
                    language,
                ),
            ),
            link: link("targets"),
        });
    }
    insights
}
