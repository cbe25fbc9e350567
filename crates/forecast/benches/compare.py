#!/usr/bin/env python3
"""CPU time per fit: this crate against statsmodels and Prophet, medians, ratios in one run.

    python3 crates/forecast/benches/compare.py

needs cargo, Python 3.9 or newer with venv, and a package index for pip. It makes a virtual environment in a
temporary directory, installs the two libraries there, runs both sides on one core in turn, prints a table and
removes the directory again; `--venv DIR` keeps the environment in DIR and finds it there the next time.

CPU time is user plus system time, children included, since Prophet fits in a process of its own. On both sides
a fit starts from the values and ends with the parameters; no forecast is timed. `statsmodels` and ours fit
the same likelihood: "like for like" compares the same treatment of the starting level, "as they come" our
default with theirs.
"""

import argparse
import datetime
import json
import math
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

REQUIREMENTS = ["statsmodels==0.15.0", "prophet==1.5.0"]
ROOT = pathlib.Path(__file__).resolve().parents[3]
FEWEST, MOST, BUDGET_SECONDS = 5, 30, 20.0
PYTHON_SIDE = "--python-side"

GOALS = {"arima": 50.0, "sarima": 10.0, "prophet_short": 20.0, "prophet": 3.0}


def revenue(days):
    """Made-up daily revenue: weekend, slow rise, a yearly wave, noise."""
    noise = random.Random(days)
    return [
        round(12_000 + 6 * day + (2_200 if day % 7 > 4 else 0)
              + 1_500 * math.sin(2 * math.pi * day / 365.25) + noise.gauss(0, 500), 2)
        for day in range(days)
    ]


def jobs():
    """Every fit that is timed: name, length, model and settings."""
    for days in (60, 180, 730, 1826):
        for diffuse in ("unit-free", "statsmodels"):
            yield {"days": days, "model": "arima", "params": {"order": [5, 1, 0], "diffuse": diffuse}}
    for days in (60, 180, 730):
        for diffuse in ("unit-free", "statsmodels"):
            yield {"days": days, "model": "sarima",
                   "params": {"order": [1, 1, 1], "seasonal_order": [0, 1, 1, 7], "diffuse": diffuse}}
    for days in (30, 60, 180, 360, 730, 1826):
        yield {"days": days, "model": "prophet", "params": {"prophet": {"weekly": True, "yearly": days >= 730}}}
    yield {"days": 730, "model": "auto", "params": {}}


def python_side():
    """Reads jobs on standard input, answers with the median CPU time of a fit; runs in the environment."""
    import logging
    import resource
    import warnings

    import pandas
    from prophet import Prophet
    from statsmodels.tsa.arima.model import ARIMA

    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)

    def cpu():
        uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(use.ru_utime + use.ru_stime for use in uses)

    def fit(job, index, frame):
        params = job["params"]
        if job["model"] == "prophet":
            settings = params["prophet"]
            Prophet(weekly_seasonality=settings["weekly"], yearly_seasonality=settings["yearly"],
                    daily_seasonality=False, uncertainty_samples=0).fit(frame)
            return
        model = ARIMA(pandas.Series(job["values"], index=index), order=params["order"],
                      seasonal_order=params.get("seasonal_order", (0, 0, 0, 0)),
                      concentrate_scale=params["diffuse"] == "unit-free")
        model.fit()

    for line in sys.stdin:
        job = json.loads(line)
        index = pandas.date_range(job["start"], periods=len(job["values"]), freq="D")
        frame = pandas.DataFrame({"ds": index, "y": job["values"]})
        fit(job, index, frame)  # warm up: imports, caches
        times, begin = [], cpu()
        while len(times) < FEWEST or (len(times) < MOST and cpu() - begin < BUDGET_SECONDS):
            before = cpu()
            fit(job, index, frame)
            times.append(cpu() - before)
        print(json.dumps({"seconds": statistics.median(times), "fits": len(times)}), flush=True)


def rust_binary():
    """Builds our side and returns its path."""
    messages = subprocess.run(
        ["cargo", "bench", "-q", "-p", "forecast", "--bench", "fit_times", "--no-run", "--message-format=json"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    artifacts = [json.loads(line) for line in messages.splitlines() if line.startswith("{")]
    return next(a["executable"] for a in artifacts
                if a.get("executable") and a["target"]["name"] == "fit_times")


def environment(directory):
    """Makes the virtual environment unless it is there, and returns its interpreter."""
    python = pathlib.Path(directory) / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
    return python


def ask(process, job):
    process.stdin.write(json.dumps(job) + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        sys.exit(f"no answer for {job['model']} on {job['days']} days")
    return json.loads(answer)["seconds"]


def compare(directory):
    single = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    ours = subprocess.Popen([rust_binary()], **pipes)
    theirs = subprocess.Popen([environment(directory), __file__, PYTHON_SIDE],
                              env={**os.environ, **single}, stderr=subprocess.DEVNULL, **pipes)
    start = str(datetime.date(2022, 1, 3))
    print(f"{'model':<34}{'days':>5}{'ours ms':>10}{'Python ms':>11}{'ratio':>8}{'goal':>6}")
    missed, default = [], {}
    for job in jobs():
        job = {**job, "start": start, "values": revenue(job["days"])}
        diffuse = job["params"].get("diffuse")
        name = f"{job['model']} ({diffuse}, like for like)" if diffuse else job["model"]
        mine = ask(ours, job)
        if job["model"] == "auto":
            print(f"{name:<34}{job['days']:>5}{mine * 1e3:>10.1f}{'':>11}{'':>8}  < 1 s")
            missed += [name] if mine >= 1.0 else []
            continue
        python = ask(theirs, job)
        short = job["model"] == "prophet" and job["days"] < 365
        goal = GOALS["prophet_short" if short else job["model"]]
        rows = [(name, mine, python)]
        if diffuse == "unit-free":
            default[job["model"], job["days"]] = mine
        elif diffuse:
            rows.append((f"{job['model']} (as they come)", default[job["model"], job["days"]], python))
        for name, mine, python in rows:
            ratio = python / mine
            print(f"{name:<34}{job['days']:>5}{mine * 1e3:>10.3f}{python * 1e3:>11.2f}{ratio:>8.1f}{goal:>6.0f}",
                  flush=True)
            missed += [f"{name} on {job['days']} days"] if ratio < goal else []
    for process in (ours, theirs):
        process.stdin.close()
        process.wait()
    print("\nevery goal is met" if not missed else "\nbelow the goal: " + "; ".join(missed))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", metavar="DIR", help="keep the virtual environment here")
    parser.add_argument(PYTHON_SIDE, action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.python_side:
        python_side()
    elif arguments.venv:
        compare(arguments.venv)
    else:
        with tempfile.TemporaryDirectory(prefix="forecast-bench-") as directory:
            compare(directory)


if __name__ == "__main__":
    main()
