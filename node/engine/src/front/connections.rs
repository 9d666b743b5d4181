//! The client connections of this node: one slot each, and what waits in it.
//!
//! An id is `generation << 32 | slot`: a slot is used again, an id never, so that a reply that
//! comes late from the log finds nobody instead of a stranger.

use std::collections::VecDeque;

use super::auth_sets::AuthSetId;
use super::splitter::Splitter;
use super::statistics::ConnectionStatistics;
use crate::error::ErrorCode;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its first frame has to be a `ConnectRequest`.
    Handshake,
    /// The log is asked for its session; what it sends meanwhile is held.
    Opening,
    Open,
    /// Open, and takes nothing more until a change of the membership is answered.
    Reconfiguring,
    /// Nothing more is taken from it; what it asked before is still answered.
    Draining,
    /// The same, and then it is closed.
    Leaving,
    /// Its end was ordered: nothing more is written to it.
    Closed,
}

/// What of a connection goes on with its next feed: the driver sends one as soon as there is room for
/// answers, and one without bytes if nothing has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    Not,
    /// Input is kept back.
    Input,
    /// Requests in the queue, and the input behind them. None of them waits for the log, so they are not
    /// counted as outstanding; no write is among them, since what is before one cannot wait.
    Answers,
}

/// One request of a connection that cannot be answered yet; the queue holds them as they came.
#[derive(Debug)]
pub struct Pending {
    pub xid: i32,
    pub op: i32,
    pub start_us: i64,
    pub what: Waiting,
}

impl Pending {
    const fn weight(&self) -> usize {
        match &self.what {
            Waiting::Local(asked) | Waiting::Barrier(_, asked) => asked.weight,
            Waiting::Write | Waiting::Reconfig | Waiting::Answer(_) => 0,
        }
    }
}

/// A request that this node answers itself.
#[derive(Debug)]
pub struct Asked {
    pub body: Box<[u8]>,
    /// Its bytes, and the steps of work that its answer may take.
    pub weight: usize,
}

#[derive(Debug)]
pub enum Waiting {
    /// A write that is on its way through the log.
    Write,
    /// A request that this node answers itself once the barrier of this token is passed, too.
    Barrier(u64, Asked),
    /// A change of the membership that the driver carries out; the last one in its queue.
    Reconfig,
    /// A request that this node answers itself, once everything before it is answered.
    Local(Asked),
    /// An answer that is certain already.
    Answer(Answer),
}

/// A reply that consists of a header only.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    pub error: ErrorCode,
    /// Auth packets are answered with zxid 0, as in ZooKeeper.
    pub without_zxid: bool,
    /// Why the connection is to be closed after it, if it is.
    pub then_close: Option<&'static str>,
}

impl Answer {
    pub const fn error(error: ErrorCode) -> Self {
        Self { error, without_zxid: false, then_close: None }
    }
}

/// One client.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is known by itself, at another time")]
pub struct Connection {
    pub id: u64,
    pub address: Box<str>,
    pub state: State,
    pub splitter: Splitter,
    /// Input that was kept back: while the session is being opened, or while the answers are many.
    pub held: Vec<u8>,
    /// What is to be written to the socket.
    pub out: Vec<u8>,
    /// It is in the list of connections that have something to be written.
    pub dirty: bool,
    /// The driver was told to stop reading.
    pub stopped: bool,
    pub pause: Pause,
    /// The client knows the readOnly field of the handshake.
    pub has_read_only: bool,
    /// It is served without a leader: it may not write, and no deadline of a session holds for it.
    pub read_only: bool,
    pub session: i64,
    pub timeout_ms: i32,
    pub auth: AuthSetId,
    /// Requests in order; unless it is empty or paused, the first one is a write, or waits for a barrier
    /// or a change of the membership.
    pub queue: VecDeque<Pending>,
    /// How much the requests weigh that are in the queue.
    pub queued_weight: usize,
    /// When there was a sign of life of its client, by the session clock.
    pub touched_us: i64,
    pub statistics: ConnectionStatistics,
}

impl Connection {
    /// Puts a request behind those that wait.
    pub fn push(&mut self, pending: Pending) {
        self.queued_weight += pending.weight();
        self.queue.push_back(pending);
    }

    /// Takes the request whose turn it is.
    pub fn pop(&mut self) -> Option<Pending> {
        let pending = self.queue.pop_front()?;
        self.queued_weight = self.queued_weight.saturating_sub(pending.weight());
        Some(pending)
    }

    /// How many requests of it count as outstanding.
    pub fn outstanding(&self) -> usize {
        if self.pause == Pause::Answers { 0 } else { self.queue.len() }
    }
}

struct Slot {
    generation: u32,
    connection: Option<Box<Connection>>,
}

/// All connections.
#[derive(Default)]
pub struct Connections {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Connections {
    pub fn insert(&mut self, address: &str, auth: AuthSetId, touched_us: i64) -> &mut Connection {
        let number = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, connection: None });
            self.slots.len() as u32 - 1
        });
        let slot = &mut self.slots[number as usize];
        slot.generation += 1;
        let id = u64::from(slot.generation) << 32 | u64::from(number);
        slot.connection.insert(Box::new(Connection {
            id,
            address: address.into(),
            state: State::Handshake,
            splitter: Splitter::default(),
            held: Vec::new(),
            out: Vec::new(),
            dirty: false,
            stopped: false,
            pause: Pause::Not,
            has_read_only: false,
            read_only: false,
            session: 0,
            timeout_ms: 0,
            auth,
            queue: VecDeque::new(),
            queued_weight: 0,
            touched_us,
            statistics: ConnectionStatistics::default(),
        }))
    }

    pub fn get(&self, id: u64) -> Option<&Connection> {
        let connection = self.slots.get(id as u32 as usize)?.connection.as_deref()?;
        (connection.id == id).then_some(connection)
    }

    pub fn get_mut(&mut self, id: u64) -> Option<&mut Connection> {
        let connection = self.slots.get_mut(id as u32 as usize)?.connection.as_deref_mut()?;
        (connection.id == id).then_some(connection)
    }

    pub fn remove(&mut self, id: u64) -> Option<Box<Connection>> {
        self.get(id)?;
        let number = id as u32;
        let slot = &mut self.slots[number as usize];
        // A slot whose generations are used up stays empty: no id may come twice.
        if slot.generation < u32::MAX {
            self.free.push(number);
        }
        slot.connection.take()
    }

    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.slots.iter().filter_map(|slot| slot.connection.as_deref())
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        self.slots.iter_mut().filter_map(|slot| slot.connection.as_deref_mut())
    }
}

#[cfg(test)]
mod tests {
    use super::super::auth_sets::NOBODY;
    use super::*;

    /// A slot is used again, its id is not.
    #[test]
    fn id_never_comes_twice() {
        let mut connections = Connections::default();
        let first = connections.insert("a", NOBODY, 0).id;
        assert!(connections.remove(first).is_some());
        assert!(connections.remove(first).is_none());
        let second = connections.insert("b", NOBODY, 0).id;
        assert_ne!(first, second);
        assert_eq!(first as u32, second as u32);
        assert!(connections.get(first).is_none() && connections.get_mut(first).is_none());
        assert_eq!(connections.get(second).map(|c| &*c.address), Some("b"));
        assert_eq!((connections.len(), connections.iter().count()), (1, 1));
    }
}
