//! When a connection is read and when not: bounds on what waits, and who goes on when.
//!
//! What waits for the log goes on when the log comes back. What waits for its client, because answers
//! are many or took long to make, is *paused*: the driver is asked once to come back, and does so with
//! a feed, as soon as there is room for answers. Whoever waits for us in either way is no silent client.

use super::connections::{Connection, Pause, State};
use super::limits::{HELD_BYTES_MAX, OUTPUT_BYTES_MAX, QUEUED_WEIGHT_MAX, STEPS_MAX};
use super::{Action, Config, Front};

impl Front {
    /// Begins what one call of the driver causes: the bound on its work holds from here.
    pub(super) fn begin_turn(&mut self) {
        self.steps_before = self.machine.steps();
    }

    /// As much was worked in this turn as may be.
    pub(super) fn has_worked_enough(&self) -> bool {
        self.machine.steps().wrapping_sub(self.steps_before) >= STEPS_MAX
    }

    /// So much is outstanding in all that whoever has a part in it is not read.
    fn is_full(&self) -> bool {
        self.outstanding >= self.config.outstanding_max || self.batches.is_full()
    }

    /// Goes on with this connection by its next feed, which the driver is asked for: once, since each
    /// asking is a feed.
    pub(super) fn pause(&mut self, id: u64, pause: Pause) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if pause == Pause::Answers {
            self.outstanding -= connection.queue.len();
        }
        connection.pause = pause;
        self.stop(id);
    }

    /// The feed that a paused connection waited for.
    pub(super) fn go_on(&mut self, id: u64, now_us: i64) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let pause = core::mem::replace(&mut connection.pause, Pause::Not);
        if pause == Pause::Answers {
            self.outstanding += connection.queue.len();
            self.answer_waiting(id, now_us);
        }
    }

    fn stop(&mut self, id: u64) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if !connection.stopped {
            connection.stopped = true;
            self.stopped.push(id);
        }
        self.actions.push((id, Action::StopReading, "".into()));
    }

    /// Tells the driver to stop reading a connection that reached a bound.
    pub(super) fn stop_when_full(&mut self, id: u64) {
        let full = self.is_full();
        let Some(connection) = self.connections.get(id) else { return };
        if connection.state == State::Closed || connection.stopped {
            return;
        }
        // As in ZooKeeper, others are read: a ping must not wait for a disk that is slow.
        let has_part = full && connection.outstanding() > 0;
        if has_part || is_busy(connection, &self.config) || connection.held.len() > HELD_BYTES_MAX {
            self.stop(id);
        }
    }

    /// Lets a connection be read again if it was stopped and has room now.
    pub(super) fn read_again(&mut self, id: u64) {
        let full = self.is_full();
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.stopped && has_room(connection, &self.config, full) {
            self.stopped.retain(|&other| other != id);
            release(connection, &mut self.actions);
        }
    }

    /// The same for all, after something was answered. Goes on with input that they sent before.
    pub(super) fn read_stopped_again(&mut self) {
        if self.stopped.is_empty() {
            return;
        }
        for at in 0..self.stopped.len() {
            let (id, full) = (self.stopped[at], self.is_full());
            let Some(connection) = self.connections.get(id) else { continue };
            if !connection.held.is_empty() && may_go_on(connection, &self.config, full) {
                self.consume_held(id, self.seen_us);
            }
        }
        let full = self.is_full();
        let Self { stopped, connections, actions, config, .. } = self;
        stopped.retain(|&id| {
            let Some(connection) = connections.get_mut(id) else { return false };
            if connection.state != State::Closed && !has_room(connection, config, full) {
                return true;
            }
            release(connection, actions);
            false
        });
    }
}

type Actions = Vec<(u64, Action, std::borrow::Cow<'static, str>)>;

fn release(connection: &mut Connection, actions: &mut Actions) {
    connection.stopped = false;
    if connection.state != State::Closed {
        actions.push((connection.id, Action::ReadAgain, "".into()));
    }
}

/// What has to happen before more is taken of a connection's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    Nothing,
    /// The log has to come back: its session is not there yet, or as much of it waits as may.
    Log,
    /// It has answers to take first, or others have their turn.
    Feed,
}

pub(super) fn obstacle(connection: &Connection, config: &Config, worked: bool) -> Obstacle {
    match connection.state {
        _ if connection.pause != Pause::Not => Obstacle::Feed,
        State::Opening | State::Reconfiguring => Obstacle::Log,
        State::Open if is_busy(connection, config) => Obstacle::Log,
        State::Open if worked || has_enough(connection) => Obstacle::Feed,
        _ => Obstacle::Nothing,
    }
}

/// It has as many answers to take as may be.
pub(super) const fn has_enough(connection: &Connection) -> bool {
    connection.out.len() >= OUTPUT_BYTES_MAX
}

fn is_busy(connection: &Connection, config: &Config) -> bool {
    connection.queue.len() >= config.connection_outstanding_max
        || connection.queued_weight >= QUEUED_WEIGHT_MAX
}

/// Half of the bound must be free again, lest it be stopped and read in turns.
fn may_go_on(connection: &Connection, config: &Config, full: bool) -> bool {
    connection.pause == Pause::Not
        && connection.queue.len() <= config.connection_outstanding_max / 2
        && connection.queued_weight <= QUEUED_WEIGHT_MAX / 2
        && (!full || connection.queue.is_empty())
}

fn has_room(connection: &Connection, config: &Config, full: bool) -> bool {
    let waits = matches!(connection.state, State::Opening | State::Reconfiguring);
    let held_max = if waits { HELD_BYTES_MAX } else { 0 };
    connection.held.len() <= held_max && may_go_on(connection, config, full)
}
