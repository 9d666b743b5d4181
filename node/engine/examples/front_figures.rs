//! What a request costs in the engine: reads in `feed`, writes from `feed` to the reply.
//!
//! `cargo run --release --example front_figures [requests]`. Thirty connections, one request each in
//! turn, as clients at depth one behave; each round is one log entry. A measurement, not a test: it
//! asserts only that every request was answered.

#![allow(clippy::cast_precision_loss, reason = "the figures are for people")]

use std::time::Instant;

use raftkeeper_engine::front::{Config, Front};
use raftkeeper_engine::jute::Writer;
use raftkeeper_engine::ops;

const CONNECTIONS: usize = 30;
const DATA: [u8; 100] = [0x5A; 100];
const ROUNDS_OF_WARMING: usize = 200;

fn config() -> Config {
    Config {
        origin: 7,
        member: 1,
        min_session_timeout_ms: 2000,
        max_session_timeout_ms: 40_000,
        frame_bytes_max: 0xF_FFFF,
        batch_bytes_max: 1 << 20,
        connection_outstanding_max: 1000,
        outstanding_max: 100_000,
        unsent_bytes_max: 64 << 20,
        super_digest: String::new(),
        skip_acl: false,
        reconfig_enabled: false,
        ttl_enabled: true,
        linearizable_reads: false,
        read_only_mode: false,
    }
}

fn framed(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_buf(Some(payload));
    out
}

fn request(op: i32, path: &str, rest: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_i32(1);
    out.put_i32(op);
    out.put_string(path);
    rest(&mut out);
    framed(&out)
}

fn create(path: &str) -> Vec<u8> {
    request(ops::CREATE, path, |out| {
        out.put_buf(Some(&DATA));
        out.put_i32(1);
        out.put_i32(31);
        out.put_string("world");
        out.put_string("anyone");
        out.put_i32(0);
    })
}

fn set(path: &str) -> Vec<u8> {
    request(ops::SET_DATA, path, |out| {
        out.put_buf(Some(&DATA));
        out.put_i32(-1);
    })
}

fn get(path: &str) -> Vec<u8> {
    request(ops::GET_DATA, path, |out| out.put_bool(false))
}

struct Bench {
    front: Front,
    conns: Vec<u64>,
    index: u64,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self { front: Front::new(config()), conns: Vec::new(), index: 0 };
        let first = bench.front.bootstrap_entry(&[1; 16], &[2; 32], 100, 1);
        bench.apply(&first);
        let mut hello = Vec::new();
        hello.put_i32(0);
        hello.put_i64(0);
        hello.put_i32(30_000);
        hello.put_i64(0);
        hello.put_buf(Some(&[0; 16]));
        hello.put_bool(false);
        for _ in 0..CONNECTIONS {
            let conn = bench.front.connect("127.0.0.1", 1);
            bench.front.feed(conn, &framed(&hello), 1);
            bench.conns.push(conn);
        }
        assert_eq!(bench.commit(), CONNECTIONS);
        let conn = bench.conns[0];
        bench.front.feed(conn, &create("/bench"), 1);
        assert_eq!(bench.commit(), 1);
        bench
    }

    fn apply(&mut self, payload: &[u8]) {
        self.index += 1;
        assert_eq!(self.front.apply(self.index, payload, 1), Ok(()));
    }

    /// Commits what was gathered; answers how many connections got something.
    fn commit(&mut self) -> usize {
        let mut answered = 0;
        while let Some(payload) = self.front.take_batch(1_795_000_000_000) {
            self.apply(&payload);
            while let Some((_, output)) = self.front.take_reply() {
                answered += 1;
                self.front.recycle(output);
            }
        }
        answered
    }

    /// Prints the time of one request, the best of five runs.
    fn timed(&mut self, what: &str, frames: &[Vec<u8>]) {
        let rounds: Vec<&[Vec<u8>]> = frames.chunks_exact(CONNECTIONS).collect();
        let (warming, measured) = rounds.split_at(ROUNDS_OF_WARMING);
        for round in warming {
            self.round(round);
        }
        let mut best = f64::MAX;
        for part in measured.chunks(measured.len().div_ceil(5)) {
            let start = Instant::now();
            for round in part {
                self.round(round);
            }
            best = best.min(start.elapsed().as_nanos() as f64 / (part.len() * CONNECTIONS) as f64);
        }
        println!("{what:<30} {best:8.0} ns a request");
    }

    fn round(&mut self, frames: &[Vec<u8>]) {
        let mut answered = 0;
        for (at, frame) in frames.iter().enumerate() {
            let conn = self.conns[at];
            self.front.feed(conn, frame, 1);
            let output = self.front.take_output(conn);
            answered += usize::from(!output.is_empty());
            self.front.recycle(output);
        }
        answered += self.commit();
        assert_eq!(answered, frames.len());
    }
}

fn main() {
    let count = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(600_000);
    let mut bench = Bench::new();
    let path = |n: usize| format!("/bench/n{n:06}");
    let frames = |make: fn(&str) -> Vec<u8>| {
        (0..count).map(|n| make(&path(n * 7919 % count))).collect::<Vec<_>>()
    };
    bench.timed("create 100 bytes", &frames(create));
    bench.timed("get", &frames(get));
    bench.timed("set 100 bytes", &frames(set));
}
