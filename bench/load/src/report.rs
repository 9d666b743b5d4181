//! What goes to standard output: one JSON object a line, for a program to read.

use std::collections::BTreeMap;
use std::io::Write as _;

use serde::Serialize;

use crate::histogram::Histogram;

#[derive(Serialize)]
pub struct Preloaded {
    pub mode: &'static str,
    pub created: u64,
    pub seconds: f64,
}

#[derive(Serialize)]
pub struct IdleReady {
    pub mode: &'static str,
    pub ready: bool,
    pub sessions: usize,
    pub timeout_ms: i32,
    pub seconds_to_open: f64,
}

#[derive(Serialize)]
pub struct IdleDone {
    pub mode: &'static str,
    pub sessions: usize,
    pub pings: u64,
    pub pongs: u64,
    pub lost_connections: usize,
    pub pong_us: Latency,
}

#[derive(Serialize)]
pub struct WindowEdge {
    pub mode: &'static str,
    pub window: &'static str,
}

#[derive(Serialize)]
pub struct RunDone {
    pub mode: &'static str,
    pub op: &'static str,
    pub connections: usize,
    pub depth: usize,
    pub value_bytes: usize,
    pub seconds: f64,
    pub requests: u64,
    pub per_second: f64,
    /// Replies with an error, by code; they are counted as requests too.
    pub errors: BTreeMap<i32, u64>,
    pub lost_connections: usize,
    /// The longest stretch in which no connection got any reply, in steps of 10 ms.
    pub longest_silence_ms: u64,
    pub latency_us: Latency,
}

#[derive(Serialize)]
pub struct Latency {
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p99_9: f64,
    pub max: f64,
}

impl From<&Histogram> for Latency {
    fn from(histogram: &Histogram) -> Self {
        Self {
            mean: histogram.mean_us(),
            p50: histogram.percentile_us(0.5),
            p90: histogram.percentile_us(0.9),
            p99: histogram.percentile_us(0.99),
            p99_9: histogram.percentile_us(0.999),
            max: histogram.max_us(),
        }
    }
}

pub fn print(record: &impl Serialize) -> Result<(), String> {
    let line = serde_json::to_string(record).map_err(|error| error.to_string())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| error.to_string())
}
