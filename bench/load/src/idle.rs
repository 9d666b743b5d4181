//! Sessions that do nothing but stay: each pings every third of its timeout, as clients do, and
//! the pings are spread evenly over that time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use crate::channel::{Channel, Scratch};
use crate::histogram::Histogram;
use crate::options::Options;
use crate::pipeline;
use crate::report;
use crate::wire;

const TURN: Duration = Duration::from_millis(20);
const EVENTS_PER_TURN: usize = 1024;

#[derive(Default)]
struct Pinging {
    waiting: VecDeque<Instant>,
    lost: bool,
}

pub fn idle(options: &Options) -> Result<(), String> {
    let started = Instant::now();
    let numbers: Vec<usize> = (0..options.connections).collect();
    let mut channels = Channel::open_all(options, &numbers)?;
    let mut poll = Poll::new().map_err(|error| error.to_string())?;
    pipeline::register(&poll, &mut channels)?;
    let timeout_ms = channels.first().map_or(0, |channel| channel.timeout_ms);
    report::print(&report::IdleReady {
        mode: "idle",
        ready: true,
        sessions: channels.len(),
        timeout_ms,
        seconds_to_open: started.elapsed().as_secs_f64(),
    })?;
    let interval = Duration::from_millis(timeout_ms.unsigned_abs().into()) / 3;
    let done = hold(&mut poll, &mut channels, interval, options.measured)?;
    report::print(&done)
}

fn hold(
    poll: &mut Poll,
    channels: &mut [Channel],
    interval: Duration,
    held: Duration,
) -> Result<report::IdleDone, String> {
    let mut sessions: Vec<Pinging> = channels.iter().map(|_| Pinging::default()).collect();
    let mut events = Events::with_capacity(EVENTS_PER_TURN);
    let mut scratch = Scratch::new();
    let mut latency = Histogram::new();
    let mut pings = 0_u64;
    let started = Instant::now();
    while started.elapsed() < held {
        let due = started.elapsed().as_secs_f64() / interval.as_secs_f64() * channels.len() as f64;
        while pings < due as u64 {
            let index = (pings % channels.len() as u64) as usize;
            pings += 1;
            ping(&mut channels[index], &mut sessions[index]);
        }
        pipeline::wait(poll, &mut events, TURN)?;
        for event in &events {
            let index = event.token().0;
            receive(&mut channels[index], &mut sessions[index], &mut scratch, &mut latency);
        }
    }
    Ok(report::IdleDone {
        mode: "idle",
        sessions: channels.len(),
        pings,
        pongs: latency.count(),
        lost_connections: sessions.iter().filter(|session| session.lost).count(),
        pong_us: (&latency).into(),
    })
}

fn ping(channel: &mut Channel, session: &mut Pinging) {
    if session.lost {
        return;
    }
    wire::put_ping(&mut channel.outgoing);
    session.waiting.push_back(Instant::now());
    session.lost = channel.flush().is_err();
}

fn receive(
    channel: &mut Channel,
    session: &mut Pinging,
    scratch: &mut Scratch,
    latency: &mut Histogram,
) {
    if session.lost {
        return;
    }
    let outcome = channel.receive(scratch, |_| {
        let sent = session.waiting.pop_front().ok_or("a pong without a ping")?;
        latency.record(sent.elapsed().as_nanos() as u64);
        Ok(())
    });
    if let Err(reason) = outcome {
        eprintln!("raftkeeper-load: connection {}: {reason}", channel.number);
        session.lost = true;
    }
}
