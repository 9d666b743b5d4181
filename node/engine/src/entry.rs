//! The payload of one log entry: a batch of requests, stamped with one time, from one or more nodes.
//!
//! ```text
//! entry   = version u8 (1), time i64 (ms since 1970, stamped by the leader), group*
//! group   = origin u64, length u32 (bytes of the rest of the group), auth_count u16, auth list*, request*
//! auth    = count u16, count × (scheme str, id str)
//! request = length u32 (bytes of the rest of the request), conn u64, session i64, xid i32, op i32, auth u16, body
//! ```
//!
//! `origin` names one run of one node and `conn` a connection of that run, so that a reply finds its
//! way home and a replayed entry answers nobody. Everything that `apply` needs is in here: it never
//! asks a clock, a connection or a configuration.

use crate::auth::AuthId;
use crate::jute::{Malformed, Reader, Writer, patch_i32};

const VERSION: u8 = 1;
/// Bytes of a request in front of its body, the length field not counted.
const REQUEST_HEADER_BYTES: usize = 8 + 8 + 4 + 4 + 2;

/// One request of an entry, on loan from the payload.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub origin: u64,
    pub conn: u64,
    pub session: i64,
    pub xid: i32,
    pub op: i32,
    /// Index into the auth lists of the request's group.
    pub auth: u16,
    pub body: &'a [u8],
}

/// The requests of one node within an entry.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    pub origin: u64,
    pub auth_lists: Vec<Vec<AuthId>>,
    requests: Reader<'a>,
}

/// A decoded entry.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    pub time_ms: i64,
    pub groups: Vec<Group<'a>>,
}

impl<'a> Entry<'a> {
    pub fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        if reader.u8()? != VERSION {
            return Err(Malformed);
        }
        let time_ms = reader.i64()?;
        let mut groups = Vec::new();
        while !reader.is_empty() {
            groups.push(Group::decode(&mut reader)?);
        }
        Ok(Self { time_ms, groups })
    }
}

impl<'a> Group<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let origin = reader.u64()?;
        let length = reader.u32()? as usize;
        let mut inner = Reader::new(reader.take(length)?);
        let mut auth_lists = Vec::new();
        for _ in 0..inner.u16()? {
            let mut ids = Vec::new();
            for _ in 0..inner.u16()? {
                ids.push(AuthId { scheme: inner.string()?.into(), id: inner.string()?.into() });
            }
            auth_lists.push(ids);
        }
        Ok(Self { origin, auth_lists, requests: inner })
    }

    /// The next request, or `None` at the end of the group.
    pub fn next_request(&mut self) -> Result<Option<Request<'a>>, Malformed> {
        if self.requests.is_empty() {
            return Ok(None);
        }
        let length = self.requests.u32()? as usize;
        let mut fields = Reader::new(self.requests.take(length)?);
        Ok(Some(Request {
            origin: self.origin,
            conn: fields.u64()?,
            session: fields.i64()?,
            xid: fields.i32()?,
            op: fields.i32()?,
            auth: fields.u16()?,
            body: fields.rest(),
        }))
    }
}

/// Gathers the requests of one node until they are sealed into an entry.
#[derive(Debug, Default)]
pub struct GroupBuilder {
    auth_count: u16,
    auth: Vec<u8>,
    requests: Vec<u8>,
    count: usize,
}

impl GroupBuilder {
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Requests gathered so far.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Bytes gathered so far, for the bound on a batch.
    pub fn bytes(&self) -> usize {
        self.auth.len() + self.requests.len()
    }

    /// Adds an auth list and answers its index. `None` once 65,535 lists are in: seal the batch first.
    pub fn add_auth(&mut self, ids: &[AuthId]) -> Option<u16> {
        let index = self.auth_count;
        self.auth_count = index.checked_add(1)?;
        self.auth.put_u16(ids.len() as u16);
        for id in ids {
            self.auth.put_string(&id.scheme);
            self.auth.put_string(&id.id);
        }
        Some(index)
    }

    pub fn push(&mut self, conn: u64, session: i64, xid: i32, op: i32, auth: u16, body: &[u8]) {
        let out = &mut self.requests;
        out.put_u32((REQUEST_HEADER_BYTES + body.len()) as u32);
        out.put_u64(conn);
        out.put_i64(session);
        out.put_i32(xid);
        out.put_i32(op);
        out.put_u16(auth);
        out.extend_from_slice(body);
        self.count += 1;
    }

    /// The entry with this one group in it; the builder is empty afterwards.
    pub fn seal(&mut self, origin: u64, time_ms: i64) -> Vec<u8> {
        let mut out = Vec::with_capacity(32 + self.bytes());
        out.put_u8(VERSION);
        out.put_i64(time_ms);
        out.put_u64(origin);
        let length_at = out.len();
        out.put_u32(0);
        out.put_u16(self.auth_count);
        out.append(&mut self.auth);
        out.append(&mut self.requests);
        let length = (out.len() - length_at - 4) as i32;
        patch_i32(&mut out, length_at, length);
        self.auth_count = 0;
        self.count = 0;
        out
    }
}
