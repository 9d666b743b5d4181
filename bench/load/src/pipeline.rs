//! Sends a known list of requests as fast as the server takes them: setup, preload, cleaning up.
//!
//! Nothing here is measured; every reply must come, and come without an error that was not expected.

use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use crate::channel::{Channel, Scratch};

/// Requests outstanding on a connection: enough to fill a batch, below the servers' own limits.
const WINDOW: usize = 500;
/// A server that answers nothing for so long is not going to.
const SILENCE_MAX: Duration = Duration::from_mins(2);
const EVENTS_PER_TURN: usize = 1024;

#[derive(Default, Clone)]
struct Progress {
    sent: i32,
    answered: i32,
    exhausted: bool,
}

impl Progress {
    fn is_done(&self) -> bool {
        self.exhausted && self.answered == self.sent
    }
}

/// Sends what `source(channel, out, xid)` appends until it says false for every channel, and waits
/// for all replies. `first_xid` has not been used before. Errors in `tolerated` count as success.
pub fn drive(
    poll: &mut Poll,
    channels: &mut [Channel],
    first_xid: i32,
    tolerated: &[i32],
    mut source: impl FnMut(usize, &mut Vec<u8>, i32) -> bool,
) -> Result<u64, String> {
    let mut progress = vec![Progress::default(); channels.len()];
    let mut events = Events::with_capacity(EVENTS_PER_TURN);
    let mut scratch = Scratch::new();
    let mut last_progress = Instant::now();
    for (index, channel) in channels.iter_mut().enumerate() {
        refill(index, channel, &mut progress[index], first_xid, &mut source)?;
    }
    while !progress.iter().all(Progress::is_done) {
        wait(poll, &mut events, Duration::from_secs(1))?;
        if last_progress.elapsed() > SILENCE_MAX {
            return Err(format!("no reply for {} s", SILENCE_MAX.as_secs()));
        }
        for event in &events {
            let Token(index) = event.token();
            let one = &mut progress[index];
            // A server that has answered the close of a session shuts its socket: no error.
            if one.is_done() {
                continue;
            }
            channels[index].receive(&mut scratch, |reply| {
                if reply.xid != first_xid + one.answered {
                    return Err(format!("reply {} is out of order", reply.xid));
                }
                if reply.error != 0 && !tolerated.contains(&reply.error) {
                    return Err(format!("error {} where none was expected", reply.error));
                }
                one.answered += 1;
                Ok(())
            })?;
            refill(index, &mut channels[index], one, first_xid, &mut source)?;
            last_progress = Instant::now();
        }
    }
    Ok(progress.iter().map(|one| u64::from(one.sent.unsigned_abs())).sum())
}

/// Waits for socket events; a signal in between is no error.
pub fn wait(poll: &mut Poll, events: &mut Events, timeout: Duration) -> Result<(), String> {
    match poll.poll(events, Some(timeout)) {
        Err(error) if error.kind() != std::io::ErrorKind::Interrupted => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// Registers the channels so that a token is an index into `channels`.
pub fn register(poll: &Poll, channels: &mut [Channel]) -> Result<(), String> {
    for (index, channel) in channels.iter_mut().enumerate() {
        channel.register(poll.registry(), Token(index)).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn refill(
    index: usize,
    channel: &mut Channel,
    progress: &mut Progress,
    first_xid: i32,
    source: &mut impl FnMut(usize, &mut Vec<u8>, i32) -> bool,
) -> Result<(), String> {
    while !progress.exhausted && ((progress.sent - progress.answered) as usize) < WINDOW {
        if source(index, &mut channel.outgoing, first_xid + progress.sent) {
            progress.sent += 1;
        } else {
            progress.exhausted = true;
        }
    }
    channel.flush().map_err(|error| error.to_string())
}
