//! One thread's share of the connections, each with `depth` requests outstanding (a closed loop).
//!
//! A request is timed from when it is put into the send buffer to when its reply has been read;
//! only replies within the measured window count.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use crate::channel::{Channel, Scratch};
use crate::histogram::Histogram;
use crate::pipeline;
use crate::preload;
use crate::workload::Workload;

const EVENTS_PER_TURN: usize = 1024;
/// Width of the slots in which silence is looked for.
pub const SLOT: Duration = Duration::from_millis(10);
/// How long the replies that are still on their way at the end are waited for.
const DRAIN_MAX: Duration = Duration::from_mins(1);

/// The measured window, the same for all threads.
#[derive(Clone, Copy)]
pub struct Window {
    pub from: Instant,
    pub until: Instant,
}

pub struct Measured {
    pub latency: Histogram,
    pub errors: BTreeMap<i32, u64>,
    pub lost_connections: usize,
    /// Replies in each `SLOT` of the window.
    pub slots: Vec<u32>,
}

struct Session {
    workload: Workload,
    outstanding: VecDeque<Instant>,
    next_xid: i32,
    alive: bool,
}

pub struct Worker {
    poll: Poll,
    channels: Vec<Channel>,
    sessions: Vec<Session>,
    depth: usize,
}

impl Worker {
    pub fn new(
        channels: Vec<Channel>,
        workloads: Vec<Workload>,
        depth: usize,
    ) -> Result<Self, String> {
        let mut worker = Self {
            poll: Poll::new().map_err(|error| error.to_string())?,
            channels,
            sessions: workloads.into_iter().map(Session::new).collect(),
            depth,
        };
        pipeline::register(&worker.poll, &mut worker.channels)?;
        Ok(worker)
    }

    /// Runs until the window is over and every reply has come.
    pub fn measure(&mut self, window: Window) -> Result<Measured, String> {
        let mut measured = Measured::new(window);
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        let mut scratch = Scratch::new();
        for index in 0..self.channels.len() {
            self.refill(index, window.until, &mut measured);
        }
        while self.has_outstanding() {
            pipeline::wait(&mut self.poll, &mut events, Duration::from_millis(100))?;
            let now = Instant::now();
            if now > window.until + DRAIN_MAX {
                return Err("replies are missing at the end of the run".into());
            }
            for event in &events {
                let index = event.token().0;
                self.receive(index, window, &mut scratch, &mut measured);
                self.refill(index, window.until, &mut measured);
            }
        }
        Ok(measured)
    }

    /// Deletes what the run created and closes the sessions. Lost connections are left as they are.
    pub fn finish(&mut self, clean: bool) -> Result<(), String> {
        if self.sessions.iter().any(|session| !session.alive) {
            return Err("connections were lost; what they created is left".into());
        }
        let xid = self.sessions.iter().map(|session| session.next_xid).max().unwrap_or(1);
        let mut behind = xid;
        if clean {
            let sessions = &mut self.sessions;
            let count = pipeline::drive(
                &mut self.poll,
                &mut self.channels,
                xid,
                &[],
                |index, out, xid| sessions[index].workload.put_clean(out, xid),
            )?;
            behind += count as i32;
        }
        preload::close(&mut self.poll, &mut self.channels, behind)
    }

    fn has_outstanding(&self) -> bool {
        self.sessions.iter().any(|session| session.alive && !session.outstanding.is_empty())
    }

    fn receive(
        &mut self,
        index: usize,
        window: Window,
        scratch: &mut Scratch,
        measured: &mut Measured,
    ) {
        let session = &mut self.sessions[index];
        if !session.alive {
            return;
        }
        let mut now = None;
        let outcome = self.channels[index].receive(scratch, |reply| {
            // One clock reading for all replies of a read: they were there at the same time.
            let now = *now.get_or_insert_with(Instant::now);
            let expected = session.next_xid - session.outstanding.len() as i32;
            let Some(sent) = session.outstanding.pop_front().filter(|_| reply.xid == expected)
            else {
                return Err(format!("reply {} is out of order", reply.xid));
            };
            measured.record(window, sent, now, reply.error);
            Ok(())
        });
        if let Err(reason) = outcome {
            session.lose(self.channels[index].number, &reason, measured);
        }
    }

    /// Tops the connection up to its depth, unless `until` has passed.
    fn refill(&mut self, index: usize, until: Instant, measured: &mut Measured) {
        let session = &mut self.sessions[index];
        let channel = &mut self.channels[index];
        if !session.alive {
            return;
        }
        let now = Instant::now();
        if now <= until {
            while session.outstanding.len() < self.depth {
                session.workload.put_next(&mut channel.outgoing, session.next_xid);
                session.outstanding.push_back(now);
                session.next_xid += 1;
            }
        }
        if let Err(error) = channel.flush() {
            session.lose(channel.number, &error.to_string(), measured);
        }
    }
}

impl Session {
    fn new(workload: Workload) -> Self {
        Self { workload, outstanding: VecDeque::new(), next_xid: 1, alive: true }
    }

    fn lose(&mut self, number: usize, reason: &str, measured: &mut Measured) {
        if self.alive {
            eprintln!("raftkeeper-load: connection {number}: {reason}");
            self.alive = false;
            self.outstanding.clear();
            measured.lost_connections += 1;
        }
    }
}

impl Measured {
    fn new(window: Window) -> Self {
        let slots = (window.until - window.from).as_millis() / SLOT.as_millis();
        Self {
            latency: Histogram::new(),
            errors: BTreeMap::new(),
            lost_connections: 0,
            slots: vec![0; slots as usize + 1],
        }
    }

    fn record(&mut self, window: Window, sent: Instant, now: Instant, error: i32) {
        if now < window.from || now > window.until {
            return;
        }
        self.latency.record((now - sent).as_nanos() as u64);
        let slot = ((now - window.from).as_millis() / SLOT.as_millis()) as usize;
        self.slots[slot] += 1;
        if error != 0 {
            *self.errors.entry(error).or_default() += 1;
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.latency.merge(&other.latency);
        self.lost_connections += other.lost_connections;
        for (code, count) in &other.errors {
            *self.errors.entry(*code).or_default() += count;
        }
        for (mine, theirs) in self.slots.iter_mut().zip(&other.slots) {
            *mine += theirs;
        }
    }
}
