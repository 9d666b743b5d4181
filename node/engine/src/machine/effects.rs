//! What applying one request did: the answer, the events for watches, and what became of sessions.
//!
//! One `Effects` is used for request after request, so that its buffers are allocated once. Deliver
//! what is in it before the next `apply`: the ACLs that its events name may be forgotten then.

use core::fmt::Write as _;

use crate::error::ErrorCode;

/// A change that watches may wait for; the numbers are those of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum EventKind {
    Created = 1,
    Deleted = 2,
    DataChanged = 3,
    ChildrenChanged = 4,
}

/// One change of one znode, in the order in which watches are to hear of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: EventKind,
    /// Where the path is in `Effects::paths`; ask `Effects::path`.
    pub start: u32,
    pub end: u32,
    /// The znode's ACL, for `Machine::can_read`; that of a deleted znode as it was.
    pub acl: u32,
}

/// A session that was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionOpened {
    pub session: i64,
    pub timeout_ms: i32,
    pub password: [u8; 16],
}

/// A session that belongs to another connection now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attached {
    pub session: i64,
    pub timeout_ms: i32,
    pub password: [u8; 16],
    /// (origin, connection) that owned it before, if that was another one.
    pub previous_owner: Option<(u64, u64)>,
}

#[derive(Debug)]
pub struct Effects {
    pub zxid: i64,
    pub error: ErrorCode,
    /// The body of the reply; empty if `error` is not OK.
    pub body: Vec<u8>,
    pub events: Vec<Event>,
    pub paths: String,
    pub sessions_closed: Vec<i64>,
    pub session_opened: Option<SessionOpened>,
    pub attached: Option<Attached>,
    /// The session belongs to another connection: close this one and send no reply.
    pub moved: bool,
    /// The hard limit of a quota was in the way, of the request or of a part of it.
    pub over_quota: bool,
}

impl Default for Effects {
    fn default() -> Self {
        Self {
            zxid: 0,
            error: ErrorCode::OK,
            body: Vec::new(),
            events: Vec::new(),
            paths: String::new(),
            sessions_closed: Vec::new(),
            session_opened: None,
            attached: None,
            moved: false,
            over_quota: false,
        }
    }
}

/// A point to go back to when a sub-operation of a multi fails.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    body: usize,
    events: usize,
    paths: usize,
}

impl Effects {
    /// The path of one of `events`.
    pub fn path(&self, event: &Event) -> &str {
        self.paths.get(event.start as usize..event.end as usize).unwrap_or_default()
    }

    /// Forgets the last request; keeps the buffers.
    pub fn clear(&mut self) {
        self.zxid = 0;
        self.error = ErrorCode::OK;
        self.body.clear();
        self.events.clear();
        self.paths.clear();
        self.sessions_closed.clear();
        self.session_opened = None;
        self.attached = None;
        self.moved = false;
        self.over_quota = false;
    }

    pub(super) fn fail(&mut self, error: ErrorCode) {
        self.error = error;
        self.moved = error == ErrorCode::SESSION_MOVED;
        self.body.clear();
        self.events.clear();
        self.paths.clear();
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { body: self.body.len(), events: self.events.len(), paths: self.paths.len() }
    }

    pub(super) fn back_to(&mut self, mark: Mark) {
        self.body.truncate(mark.body);
        self.events.truncate(mark.events);
        self.paths.truncate(mark.paths);
    }

    /// Adds a path to `paths`, for the events that follow, and answers where it is.
    pub(super) fn add_path(&mut self, path: &str) -> (u32, u32) {
        let start = self.paths.len() as u32;
        self.paths.push_str(path);
        (start, self.paths.len() as u32)
    }

    /// Likewise, followed by the number of a sequential znode.
    pub(super) fn add_numbered_path(&mut self, path: &str, number: i32) -> (u32, u32) {
        let (start, _) = self.add_path(path);
        // Writing to a String cannot fail.
        let _ = write!(self.paths, "{number:010}");
        (start, self.paths.len() as u32)
    }

    pub(super) fn add_event(&mut self, kind: EventKind, (start, end): (u32, u32), acl: u32) {
        self.events.push(Event { kind, start, end, acl });
    }

    /// `ChildrenChanged` for the parent of a path that is in `paths` already: it is its beginning.
    pub(super) fn add_parent_event(&mut self, (start, end): (u32, u32), acl: u32) {
        let path = self.paths.get(start as usize..end as usize).unwrap_or_default();
        let parent_length = path.rfind('/').unwrap_or(0).max(1) as u32;
        self.add_event(EventKind::ChildrenChanged, (start, start + parent_length), acl);
    }
}
