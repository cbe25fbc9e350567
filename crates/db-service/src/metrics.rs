//! What is counted, in Prometheus' text format.

use crate::engine::{Engine, EngineError, Kind, Shares, Timing};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, PullingGauge, Registry,
};
use service_kit::metrics::{HttpMetrics, LATENCY_BUCKETS_S};
use std::sync::{Arc, Weak};

/// Backups and checks that are made by themselves.
pub(crate) struct UpkeepMetrics {
    backups: IntCounterVec,
    last_backup_s: IntGauge,
    checks: IntCounterVec,
    last_check_s: IntGauge,
    damaged: IntGauge,
}

impl UpkeepMetrics {
    #[expect(
        clippy::expect_used,
        reason = "names are constants that Prometheus accepts, registered once"
    )]
    fn new(registry: &Registry) -> Self {
        let counters = |name: &str, help: &str| {
            let counters = IntCounterVec::new(Opts::new(name, help), &["outcome"]).expect("a constant name");
            registry
                .register(Box::new(counters.clone()))
                .expect("registered once");
            for outcome in ["ok", "failed"] {
                counters.with_label_values(&[outcome]).reset();
            }
            counters
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help).expect("a constant name");
            registry
                .register(Box::new(gauge.clone()))
                .expect("registered once");
            gauge
        };
        Self {
            backups: counters(
                "scheduled_backups_total",
                "backups made by themselves, by outcome",
            ),
            last_backup_s: gauge(
                "last_scheduled_backup_timestamp_seconds",
                "when the last of them was made that passed its check; 0 for none since the start",
            ),
            checks: counters(
                "scheduled_checks_total",
                "looks at every page of the database, by outcome",
            ),
            last_check_s: gauge(
                "last_scheduled_check_timestamp_seconds",
                "when every page was last whole; 0 for never since the start",
            ),
            damaged: gauge("database_damaged", "whether the last such look found damage"),
        }
    }

    /// A backup was made, or not.
    pub(crate) fn backed_up(&self, ok: bool, at_s: i64) {
        self.backups.with_label_values(&[outcome(ok)]).inc();
        if ok {
            self.last_backup_s.set(at_s);
        }
    }

    /// Every page was looked at, or not.
    pub(crate) fn checked(&self, error: Option<&EngineError>, at_s: i64) {
        self.checks.with_label_values(&[outcome(error.is_none())]).inc();
        match error {
            None => {
                self.last_check_s.set(at_s);
                self.damaged.set(0);
            }
            Some(EngineError::Damaged(_)) => self.damaged.set(1),
            Some(_) => {}
        }
    }
}

fn outcome(ok: bool) -> &'static str {
    if ok { "ok" } else { "failed" }
}

/// Requests, statements, and the engine's own figures.
pub(crate) struct Metrics {
    /// Requests by route.
    pub http: HttpMetrics,
    /// Backups and checks that are made by themselves.
    pub upkeep: UpkeepMetrics,
    statements: HistogramVec,
    /// Open streamed answers.
    pub open_streams: IntGauge,
    /// Interactive streams that have a connection.
    pub interactive_streams: IntGauge,
}

impl Metrics {
    /// Everything registered.
    #[expect(
        clippy::expect_used,
        reason = "names are constants that Prometheus accepts, registered once"
    )]
    pub(crate) fn new(engine: &Arc<dyn Engine>) -> Self {
        let http = HttpMetrics::new("db");
        let statements = HistogramVec::new(
            HistogramOpts::new(
                "statement_duration_seconds",
                "time a statement ran, the wait for its turn not counted, by route and kind",
            )
            .buckets(LATENCY_BUCKETS_S.to_vec()),
            &["route", "kind"],
        )
        .expect("a constant name");
        let open_streams =
            IntGauge::new("open_streams", "streamed answers being sent now").expect("a constant name");
        let interactive_streams = IntGauge::new(
            "interactive_streams",
            "interactive streams that have a connection now",
        )
        .expect("a constant name");
        let registry = http.registry();
        registry
            .register(Box::new(interactive_streams.clone()))
            .expect("registered once");
        registry
            .register(Box::new(statements.clone()))
            .expect("registered once");
        registry
            .register(Box::new(open_streams.clone()))
            .expect("registered once");
        registry
            .register(Box::new(EngineMetrics::new(engine)))
            .expect("registered once");
        Self {
            upkeep: UpkeepMetrics::new(registry),
            http,
            statements,
            open_streams,
            interactive_streams,
        }
    }

    /// Shows how many bytes of `spools` are taken.
    #[expect(clippy::expect_used, reason = "a constant name, registered once")]
    #[expect(clippy::cast_precision_loss, reason = "metrics are floats")]
    pub(crate) fn watch_spools(&self, spools: &Arc<Shares>) {
        let spools = Arc::clone(spools);
        let gauge = PullingGauge::new(
            "spool_bytes",
            "size of the bodies of bulk inserts that are kept on the disk",
            Box::new(move || spools.taken() as f64),
        )
        .expect("a constant name");
        self.http
            .registry()
            .register(Box::new(gauge))
            .expect("registered once");
    }

    /// A statement ran.
    pub(crate) fn ran(&self, route: &str, kind: Kind, timing: Timing) {
        self.statements
            .with_label_values(&[route, kind.as_str()])
            .observe(timing.ran.as_secs_f64());
    }
}

/// Figures that the engine keeps, read when they are asked for.
struct EngineMetrics {
    engine: Weak<dyn Engine>,
    gauges: Vec<IntGauge>,
    counters: Vec<IntCounter>,
}

impl EngineMetrics {
    #[expect(clippy::expect_used, reason = "names are constants that Prometheus accepts")]
    fn new(engine: &Arc<dyn Engine>) -> Self {
        let gauge = |name: &str, help: &str| IntGauge::new(name, help).expect("a constant name");
        let counter = |name: &str, help: &str| IntCounter::new(name, help).expect("a constant name");
        Self {
            engine: Arc::downgrade(engine),
            gauges: vec![
                gauge("reads_queued", "reads that wait for a connection"),
                gauge("read_connections", "connections that read"),
                gauge("writes_queued", "writes that wait for the writer"),
                gauge("wal_bytes", "size of the write-ahead log"),
                gauge("database_bytes", "size of the database file"),
            ],
            counters: vec![
                counter("commits_total", "commits"),
                counter(
                    "writes_total",
                    "writes in these commits: writes_total / commits_total share one sync",
                ),
                counter("checkpoints_total", "checkpoints"),
            ],
        }
    }
}

impl Collector for EngineMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.gauges
            .iter()
            .flat_map(Collector::desc)
            .chain(self.counters.iter().flat_map(Collector::desc))
            .collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Some(engine) = self.engine.upgrade() else {
            return Vec::new();
        };
        let stats = engine.stats();
        let gauges = [
            stats.reads_queued,
            stats.read_connections,
            stats.writes_queued,
            stats.wal_bytes,
            stats.database_bytes,
        ];
        for (gauge, value) in self.gauges.iter().zip(gauges) {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
        for (counter, value) in self
            .counters
            .iter()
            .zip([stats.commits, stats.writes, stats.checkpoints])
        {
            counter.inc_by(value.saturating_sub(counter.get()));
        }
        self.gauges
            .iter()
            .flat_map(Collector::collect)
            .chain(self.counters.iter().flat_map(Collector::collect))
            .collect()
    }
}
