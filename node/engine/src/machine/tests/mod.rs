//! Tests of the machine as a whole: requests in, replies and events out.

mod multi;
mod quota;
mod random;
mod reads;
mod sessions;
mod snapshots;
mod successor;
mod ttl;
mod writes;

use super::*;
use crate::jute::Writer;

pub const ANYONE: &[(i32, &str, &str)] = &[(31, "world", "anyone")];

/// A machine with one session (1, of connection 1), and what its last request did.
pub struct World {
    pub machine: Machine,
    pub effects: Effects,
    pub auth: Vec<AuthId>,
    pub conn: u64,
    pub session: i64,
    pub time_ms: i64,
    /// As every entry says.
    pub enforces_quotas: bool,
}

pub const FIRST_SESSION: i64 = 0x0100_0000_0000_0001;

impl World {
    pub fn new() -> Self {
        Self::seeded(1)
    }

    pub fn seeded(seed: u64) -> Self {
        let mut world = Self {
            machine: Machine::new(seed),
            effects: Effects::default(),
            auth: vec![id("ip", "127.0.0.1")],
            conn: 1,
            session: 0,
            time_ms: 1_000,
            enforces_quotas: false,
        };
        let mut body = Vec::new();
        body.put_buf(Some(&[7; CLUSTER_ID_BYTES]));
        body.put_buf(Some(&[9; SECRET_BYTES]));
        body.put_i64(FIRST_SESSION);
        assert_eq!(world.send(ops::BOOTSTRAP, &body), ErrorCode::OK);
        world.session = world.open(1);
        world
    }

    /// Creates a session for a connection.
    pub fn open(&mut self, conn: u64) -> i64 {
        let (before, mut body) = (self.conn, Vec::new());
        body.put_i32(5_000);
        self.conn = conn;
        assert_eq!(self.send(ops::CREATE_SESSION, &body), ErrorCode::OK);
        self.conn = before;
        self.effects.session_opened.map_or(0, |opened| opened.session)
    }

    pub fn send(&mut self, op: i32, body: &[u8]) -> ErrorCode {
        let index = self.machine.applied_index() + 1;
        assert_eq!(self.machine.begin(index, Some(self.time_ms)), Ok(()));
        if self.enforces_quotas {
            self.machine.enforce_quotas();
        }
        let (conn, session) = (self.conn, self.session);
        let request = Request { origin: 1, conn, session, xid: 1, op, auth: 0, body };
        self.machine.apply(&request, &self.auth, &mut self.effects);
        self.effects.error
    }

    pub fn create(&mut self, path: &str) -> ErrorCode {
        self.send(ops::CREATE, &create(path, b"", ANYONE, 0))
    }

    /// Creates, and answers the path that came of it.
    pub fn create_as(&mut self, path: &str, flags: i32) -> String {
        assert_eq!(self.send(ops::CREATE, &create(path, b"", ANYONE, flags)), ErrorCode::OK);
        Reader::new(&self.effects.body).string().unwrap_or_default().into()
    }

    pub fn delete(&mut self, path: &str) -> ErrorCode {
        self.send(ops::DELETE, &versioned(path, -1))
    }

    pub fn set(&mut self, path: &str, data: &[u8]) -> ErrorCode {
        self.send(ops::SET_DATA, &set_data(path, Some(data), -1))
    }

    pub fn stat(&self, path: &str) -> Option<Stat> {
        let mut out = Vec::new();
        self.machine.exists(path, &[id("super", "")], &mut out).ok()?;
        assert_eq!(out.len(), 68);
        Stat::read(&mut Reader::new(&out))
    }

    pub fn data(&self, path: &str) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.machine.get_data(path, &[id("super", "")], &mut out).ok()?;
        Reader::new(&out).buf().ok()?.map(<[u8]>::to_vec)
    }

    pub fn children(&mut self, path: &str) -> Result<Vec<String>, ErrorCode> {
        let mut out = Vec::new();
        self.machine.get_children(path, &self.auth, &mut out)?;
        Ok(strings(&mut Reader::new(&out)))
    }

    /// The events of the last request.
    pub fn events(&self) -> Vec<(EventKind, &str)> {
        self.effects.events.iter().map(|event| (event.kind, self.effects.path(event))).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    pub czxid: i64,
    pub mzxid: i64,
    pub ctime: i64,
    pub mtime: i64,
    pub version: i32,
    pub cversion: i32,
    pub aversion: i32,
    pub owner: i64,
    pub data_bytes: i32,
    pub num_children: i32,
    pub pzxid: i64,
}

impl Stat {
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            czxid: reader.i64().ok()?,
            mzxid: reader.i64().ok()?,
            ctime: reader.i64().ok()?,
            mtime: reader.i64().ok()?,
            version: reader.i32().ok()?,
            cversion: reader.i32().ok()?,
            aversion: reader.i32().ok()?,
            owner: reader.i64().ok()?,
            data_bytes: reader.i32().ok()?,
            num_children: reader.i32().ok()?,
            pzxid: reader.i64().ok()?,
        })
    }
}

pub fn id(scheme: &str, id: &str) -> AuthId {
    AuthId { scheme: scheme.into(), id: id.into() }
}

/// A vector of strings, sorted: the order of children is not promised.
pub fn strings(reader: &mut Reader<'_>) -> Vec<String> {
    let count = reader.vec_len().ok().flatten().unwrap_or(0);
    let mut out: Vec<String> =
        (0..count).filter_map(|_| reader.string().ok().map(Into::into)).collect();
    out.sort();
    out
}

pub fn put_acl(acl: &[(i32, &str, &str)], out: &mut Vec<u8>) {
    out.put_i32(acl.len() as i32);
    for (perms, scheme, id) in acl {
        out.put_i32(*perms);
        out.put_string(scheme);
        out.put_string(id);
    }
}

pub fn create(path: &str, data: &[u8], acl: &[(i32, &str, &str)], flags: i32) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_string(path);
    out.put_buf(Some(data));
    put_acl(acl, &mut out);
    out.put_i32(flags);
    out
}

pub fn create_ttl(path: &str, flags: i32, ttl_ms: i64) -> Vec<u8> {
    let mut out = create(path, b"", ANYONE, flags);
    out.put_i64(ttl_ms);
    out
}

/// The body of delete and of check.
pub fn versioned(path: &str, version: i32) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_string(path);
    out.put_i32(version);
    out
}

pub fn set_data(path: &str, data: Option<&[u8]>, version: i32) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_string(path);
    out.put_buf(data);
    out.put_i32(version);
    out
}

pub fn set_acl(path: &str, acl: &[(i32, &str, &str)], version: i32) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_string(path);
    put_acl(acl, &mut out);
    out.put_i32(version);
    out
}

/// The body of multi and multiRead.
pub fn framed(operations: &[(i32, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (op, body) in operations {
        super::multi::put_header(*op, false, -1, &mut out);
        out.extend_from_slice(body);
    }
    super::multi::put_end(&mut out);
    out
}
