//! Which sessions of the ensemble ran out of time, on a clock that only ticks move.
//!
//! The clock advances at most one interval per tick, so a node that stalled expires nobody for its
//! own absence. Deadlines are kept in a coarse wheel and checked when their bucket is due; a
//! session that was heard of meanwhile is just put further, so that touching one costs nothing.

use std::collections::BTreeMap;

use super::keyed_hash::{KeyedMap, KeyedState};
use super::limits::{BUCKET_US, EXPIRIES_PER_TICK_MAX, TICK_INTERVAL_MAX_US};

#[derive(Clone, Copy, Debug)]
struct Entry {
    lifetime_us: i64,
    /// When it was last heard of; while it has a connection here, the connection knows better.
    touched_us: i64,
    conn: Option<u64>,
    bucket: i64,
}

/// The deadlines of all sessions.
#[derive(Debug)]
pub struct SessionClock {
    now_us: i64,
    last_tick_us: Option<i64>,
    /// Every session counts as heard of at this time.
    granted_us: i64,
    sessions: KeyedMap<i64, Entry>,
    wheel: BTreeMap<i64, Vec<i64>>,
}

impl SessionClock {
    pub fn new(hash: KeyedState) -> Self {
        Self {
            now_us: 0,
            last_tick_us: None,
            granted_us: 0,
            sessions: KeyedMap::with_hasher(hash),
            wheel: BTreeMap::new(),
        }
    }

    /// The session time: microseconds of ticks so far.
    pub const fn now_us(&self) -> i64 {
        self.now_us
    }

    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Starts or restarts a session's time; it has no connection here yet.
    pub fn open(&mut self, session: i64, timeout_ms: i32) {
        let lifetime_us = i64::from(timeout_ms) * 1000;
        let bucket = bucket_of(self.now_us + lifetime_us);
        let entry = Entry { lifetime_us, touched_us: self.now_us, conn: None, bucket };
        self.sessions.insert(session, entry);
        self.wheel.entry(bucket).or_default().push(session);
    }

    pub fn close(&mut self, session: i64) {
        // Its place in the wheel is skipped when it is due: looking for it now would cost a scan.
        self.sessions.remove(&session);
    }

    pub fn clear(&mut self) {
        self.sessions.clear();
        self.wheel.clear();
    }

    /// Its client was heard of, and has no connection with it yet.
    pub fn touch(&mut self, session: i64) {
        if let Some(entry) = self.sessions.get_mut(&session) {
            entry.touched_us = self.now_us;
        }
    }

    /// Another node heard of it this long ago.
    pub fn heard(&mut self, session: i64, age_us: i64) {
        if let Some(entry) = self.sessions.get_mut(&session) {
            entry.touched_us = entry.touched_us.max(self.now_us.saturating_sub(age_us));
        }
    }

    /// Gives every session its full time from now.
    pub const fn grant_all(&mut self) {
        self.granted_us = self.now_us;
    }

    /// The session has a connection here, which knows from now on when it was heard of.
    pub fn attach(&mut self, session: i64, conn: u64) {
        if let Some(entry) = self.sessions.get_mut(&session) {
            entry.conn = Some(conn);
        }
    }

    /// The connection of this session is gone: its time counts from now.
    pub fn disconnect(&mut self, session: i64, conn: u64) {
        let now_us = self.now_us;
        if let Some(entry) = self.sessions.get_mut(&session).filter(|e| e.conn == Some(conn)) {
            entry.conn = None;
            entry.touched_us = now_us;
        }
    }

    /// The connection that has this session here.
    pub fn conn(&self, session: i64) -> Option<u64> {
        self.sessions.get(&session)?.conn
    }

    /// Moves the clock to `now_us` of the monotonic clock outside, by one interval at most.
    pub fn advance(&mut self, now_us: i64) {
        let elapsed = now_us - self.last_tick_us.unwrap_or(now_us);
        self.now_us += elapsed.clamp(0, TICK_INTERVAL_MAX_US);
        self.last_tick_us = Some(now_us);
    }

    /// Gathers sessions whose time is up. `touched` tells when a connection was last heard of.
    ///
    /// An expired session stays, with a new deadline: should its expiry get lost on the way to the
    /// log, it is found again. `close` ends it, when the log has it.
    pub fn expired(&mut self, touched: impl Fn(u64) -> Option<i64>, out: &mut Vec<i64>) {
        let due = bucket_of(self.now_us);
        while out.len() < EXPIRIES_PER_TICK_MAX
            && let Some(bucket) = self.wheel.first_entry().filter(|bucket| *bucket.key() < due)
        {
            let (key, mut sessions) = bucket.remove_entry();
            for at in 0..sessions.len() {
                if out.len() == EXPIRIES_PER_TICK_MAX {
                    // A new leader may have found them all due at once.
                    self.wheel.insert(key, sessions.split_off(at));
                    return;
                }
                let session = sessions[at];
                let Some(entry) = self.sessions.get_mut(&session) else { continue };
                if entry.bucket != key {
                    continue;
                }
                let by_conn_us = entry.conn.and_then(&touched).unwrap_or(self.granted_us);
                entry.touched_us = entry.touched_us.max(by_conn_us).max(self.granted_us);
                let mut deadline = entry.touched_us + entry.lifetime_us;
                if deadline <= self.now_us {
                    out.push(session);
                    deadline = self.now_us + entry.lifetime_us;
                }
                entry.bucket = bucket_of(deadline);
                self.wheel.entry(entry.bucket).or_default().push(session);
            }
        }
    }

    /// Microseconds until a session expires if nothing is heard of it.
    pub fn left_us(&self, session: i64, touched: impl Fn(u64) -> Option<i64>) -> Option<i64> {
        let entry = self.sessions.get(&session)?;
        let by_conn_us = entry.conn.and_then(touched).unwrap_or(self.granted_us);
        let touched_us = entry.touched_us.max(by_conn_us).max(self.granted_us);
        Some((touched_us + entry.lifetime_us - self.now_us).max(0))
    }
}

const fn bucket_of(time_us: i64) -> i64 {
    time_us.div_euclid(BUCKET_US)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> SessionClock {
        let mut clock = SessionClock::new(KeyedState::new(9));
        clock.advance(1_000_000);
        clock
    }

    fn tick(clock: &mut SessionClock, now_us: i64, touched: Option<i64>) -> Vec<i64> {
        clock.advance(now_us);
        let mut out = Vec::new();
        clock.expired(|_| touched, &mut out);
        out
    }

    /// Without a word a session expires after its timeout, at most a bucket late, and not before.
    #[test]
    fn silent_session_expires() {
        let mut clock = clock();
        clock.open(7, 1000);
        let mut expired_at = None;
        for step in 1..=15 {
            if !tick(&mut clock, 1_000_000 + step * 100_000, None).is_empty() {
                expired_at = Some(step);
                break;
            }
        }
        assert_eq!(expired_at, Some(11));
        clock.close(7);
        assert_eq!(tick(&mut clock, 2_600_000, None), []);
        assert_eq!(tick(&mut clock, 3_100_000, None), []);
        assert_eq!(tick(&mut clock, 3_600_000, None), []);
        assert_eq!((clock.len(), clock.wheel.len()), (0, 0));
    }

    /// A stall of the node moves the clock by one interval only.
    #[test]
    fn stall_expires_nobody() {
        let mut clock = clock();
        clock.open(7, 1000);
        assert_eq!(tick(&mut clock, 3_600_000_000, None), []);
        assert_eq!(clock.now_us(), TICK_INTERVAL_MAX_US);
        assert_eq!(tick(&mut clock, 5, None), [], "a clock that goes back moves nothing");
        assert_eq!(clock.now_us(), TICK_INTERVAL_MAX_US);
    }

    /// What its connection heard counts; after the disconnect, the time runs from there.
    #[test]
    fn connection_keeps_session_until_it_goes() {
        let mut clock = clock();
        clock.open(7, 1000);
        clock.attach(7, 1);
        for step in 1..=30 {
            let heard = Some(step * 100_000);
            assert_eq!(tick(&mut clock, 1_000_000 + step * 100_000, heard), []);
        }
        clock.disconnect(7, 2);
        assert_eq!(clock.conn(7), Some(1), "another connection's end is none of its business");
        clock.disconnect(7, 1);
        assert_eq!(clock.left_us(7, |_| None), Some(1_000_000));
        assert_eq!(tick(&mut clock, 4_500_000, None), []);
        assert_eq!(tick(&mut clock, 5_000_000, None), []);
        assert_eq!(tick(&mut clock, 5_100_000, None), [7]);
    }

    /// An expiry that got lost before the log is asked for again.
    #[test]
    fn lost_expiry_is_repeated() {
        let mut clock = clock();
        clock.open(7, 400);
        assert_eq!(tick(&mut clock, 1_500_000, None), [7]);
        assert_eq!(tick(&mut clock, 1_600_000, None), []);
        assert_eq!(tick(&mut clock, 2_100_000, None), [7]);
    }

    /// What another node heard prolongs a session, and never shortens it.
    #[test]
    fn hearsay_prolongs() {
        let mut clock = clock();
        clock.open(7, 1000);
        clock.advance(1_400_000);
        clock.heard(7, 100_000);
        clock.heard(7, 300_000);
        clock.heard(7, i64::MAX);
        clock.heard(8, 0);
        assert_eq!(clock.left_us(7, |_| None), Some(900_000));
        assert_eq!(clock.len(), 1);
    }

    /// A grant gives everybody the full time, with a connection here or without.
    #[test]
    fn grant_gives_everybody_the_full_time() {
        let mut clock = clock();
        clock.open(7, 1000);
        clock.open(8, 2000);
        clock.attach(8, 1);
        clock.advance(1_500_000);
        clock.advance(2_000_000);
        clock.grant_all();
        assert_eq!(clock.left_us(7, |_| None), Some(1_000_000));
        assert_eq!(clock.left_us(8, |_| Some(0)), Some(2_000_000));
        assert_eq!(tick(&mut clock, 2_500_000, Some(0)), []);
        assert_eq!(tick(&mut clock, 3_000_000, Some(0)), []);
        assert_eq!(tick(&mut clock, 3_100_000, Some(0)), [7]);
    }

    /// Many at once come in bounded portions.
    #[test]
    fn expiries_are_bounded() {
        let mut clock = clock();
        for session in 0..2 * EXPIRIES_PER_TICK_MAX as i64 {
            clock.open(session, 100 + (session % 2) as i32 * 100);
        }
        clock.advance(1_500_000);
        let mut all = tick(&mut clock, 2_000_000, None);
        assert_eq!(all.len(), EXPIRIES_PER_TICK_MAX);
        all.extend(tick(&mut clock, 2_000_000, None));
        all.sort_unstable();
        assert!(all.into_iter().eq(0..2 * EXPIRIES_PER_TICK_MAX as i64), "each once");
    }
}
