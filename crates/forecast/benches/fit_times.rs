//! Times our side of `benches/compare.py`: CPU time per fit, as JSON lines.
//!
//! Reads `{"start", "values", "model", "params"}` lines on standard input and answers each with
//! `{"seconds", "fits"}`: the median CPU time of one fit, in seconds, and how many were timed.

use std::error::Error;
use std::io::{self, BufRead, Write};

use forecast::{Model, Params, Request, Series, Step, run, stop};
use rustix::time::{ClockId, clock_gettime};
use serde::Deserialize;

/// Time after which a fit is repeated no more, and the least and most repeats.
const BUDGET_SECONDS: f64 = 2.0;
const FEWEST: usize = 5;
const MOST: usize = 200;

#[derive(Deserialize)]
struct Job {
    start: String,
    values: Vec<Option<f64>>,
    model: Model,
    #[serde(default)]
    params: Params,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let job: Job = serde_json::from_str(&line?)?;
        let series = Series::new(job.start.parse()?, Step::Day, job.values)?;
        let mut times = Vec::new();
        let begin = cpu_seconds();
        while times.len() < FEWEST || (times.len() < MOST && cpu_seconds() - begin < BUDGET_SECONDS) {
            let before = cpu_seconds();
            if job.model == Model::Auto {
                let request = Request {
                    params: job.params.clone(),
                    ..Request::default()
                };
                std::hint::black_box(run(&series, &request, stop::never())?);
            } else {
                std::hint::black_box(job.model.fit(&series, &job.params, stop::never())?);
            }
            times.push(cpu_seconds() - before);
        }
        times.sort_by(f64::total_cmp);
        let answer = serde_json::json!({
            "seconds": times[times.len() / 2],
            "fits": times.len(),
        });
        writeln!(out, "{answer}")?;
    }
    Ok(())
}

/// CPU time of this process in seconds, all threads.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    std::time::Duration::try_from(time).map_or(0.0, |time| time.as_secs_f64())
}
