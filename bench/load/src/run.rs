//! The measuring mode: setup, one thread per share of the connections, the sum of what they saw.

use std::sync::{Arc, Barrier, OnceLock};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mio::Poll;

use crate::channel::Channel;
use crate::layout;
use crate::options::Options;
use crate::pipeline;
use crate::preload;
use crate::report;
use crate::wire;
use crate::worker::{Measured, SLOT, Window, Worker};
use crate::workload::Workload;

/// How the threads begin together: all are ready, the window is set, all go.
struct Start {
    ready: Barrier,
    go: Barrier,
    window: OnceLock<Window>,
}

pub fn run(options: &Options) -> Result<(), String> {
    let threads = options.threads.min(options.connections);
    // Names of one run must not meet those of another that was cut short.
    let run = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|error| error.to_string())?
        .as_millis() as u64;
    if options.setup {
        preload::fill(options)?;
    }
    create_own_parents(options, run)?;

    let start = Arc::new(Start {
        ready: Barrier::new(threads + 1),
        go: Barrier::new(threads + 1),
        window: OnceLock::new(),
    });
    let handles: Vec<_> = (0..threads)
        .map(|thread| {
            let (options, start) = (options.clone(), Arc::clone(&start));
            thread::spawn(move || share(&options, run, thread, threads, &start))
        })
        .collect();
    announce_window(options, &start)?;
    let mut shares = Vec::with_capacity(threads);
    for handle in handles {
        shares.push(handle.join().map_err(|_| "a thread of the load failed")??);
    }
    let mut sum = shares.pop().ok_or("no thread ran")?;
    for share in &shares {
        sum.merge(share);
    }
    delete_own_parents(options, run)?;
    print(options, &sum)
}

/// Sets the window, and says when it opens and closes: the caller reads the server's CPU time then.
fn announce_window(options: &Options, start: &Start) -> Result<(), String> {
    start.ready.wait();
    let from = Instant::now() + options.warm_up;
    let window = *start.window.get_or_init(|| Window { from, until: from + options.measured });
    start.go.wait();
    thread::sleep(window.from.saturating_duration_since(Instant::now()));
    report::print(&report::WindowEdge { mode: "run", window: "opens" })?;
    thread::sleep(window.until.saturating_duration_since(Instant::now()));
    report::print(&report::WindowEdge { mode: "run", window: "closes" })
}

/// One thread: its connections, its measurement, its cleaning up.
fn share(
    options: &Options,
    run: u64,
    thread: usize,
    threads: usize,
    start: &Start,
) -> Result<Measured, String> {
    let numbers: Vec<usize> = (thread..options.connections).step_by(threads).collect();
    let opened = Channel::open_all(options, &numbers).and_then(|channels| {
        let workloads = numbers.iter().map(|number| Workload::new(options, run, *number)).collect();
        Worker::new(channels, workloads, options.depth)
    });
    // A thread that failed comes here too: the others wait for it.
    start.ready.wait();
    start.go.wait();
    let mut worker = opened?;
    let window = start.window.get().ok_or("the window was not set")?;
    let measured = worker.measure(*window)?;
    worker.finish(options.clean)?;
    Ok(measured)
}

fn print(options: &Options, measured: &Measured) -> Result<(), String> {
    let seconds = options.measured.as_secs_f64();
    let requests = measured.latency.count();
    report::print(&report::RunDone {
        mode: "run",
        op: options.mix.name(),
        connections: options.connections,
        depth: options.depth,
        value_bytes: options.value_bytes,
        seconds,
        requests,
        per_second: requests as f64 / seconds,
        errors: measured.errors.clone(),
        lost_connections: measured.lost_connections,
        longest_silence_ms: longest_silence_ms(&measured.slots),
        latency_us: (&measured.latency).into(),
    })
}

fn longest_silence_ms(slots: &[u32]) -> u64 {
    // The last slot is only the window's end, not a whole step.
    let whole = &slots[..slots.len().saturating_sub(1)];
    let longest = whole.split(|count| *count > 0).map(<[u32]>::len).max().unwrap_or(0);
    longest as u64 * SLOT.as_millis() as u64
}

fn create_own_parents(options: &Options, run: u64) -> Result<(), String> {
    own_parents(options, run, |out, xid, path| {
        wire::put_create(out, xid, path, b"");
    })
}

fn delete_own_parents(options: &Options, run: u64) -> Result<(), String> {
    if !options.clean {
        return Ok(());
    }
    own_parents(options, run, wire::put_delete)
}

fn own_parents(
    options: &Options,
    run: u64,
    put: impl Fn(&mut Vec<u8>, i32, &[u8]),
) -> Result<(), String> {
    if !options.mix.creates() {
        return Ok(());
    }
    let mut poll = Poll::new().map_err(|error| error.to_string())?;
    let mut channels = Channel::open_all(options, &[0])?;
    pipeline::register(&poll, &mut channels)?;
    let mut numbers = 0..options.connections;
    let count = pipeline::drive(&mut poll, &mut channels, 1, &[], |_, out, xid| {
        let Some(number) = numbers.next() else {
            return false;
        };
        put(out, xid, layout::own_parent(&options.root, run, number).as_bytes());
        true
    })?;
    preload::close(&mut poll, &mut channels, 1 + count as i32)
}

#[cfg(test)]
mod tests {
    use super::longest_silence_ms;

    /// Two empty slots between full ones are 20 ms of silence.
    #[test]
    fn silence_is_the_longest_run_of_empty_slots() {
        assert_eq!(longest_silence_ms(&[1, 0, 0, 5, 0, 2, 0]), 20);
        assert_eq!(longest_silence_ms(&[1, 1, 0]), 0);
        assert_eq!(longest_silence_ms(&[0, 0, 0, 0]), 30);
    }
}
