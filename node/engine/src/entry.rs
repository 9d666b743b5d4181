//! The payload of one log entry: groups of requests from one or more nodes, stamped with one time.
//!
//! ```text
//! entry   = format u8 (2 or 3), time i64 (ms since 1970, stamped by the leader), group*
//! group   = member u32, run u32, origin u64, sequence u64, length u32 (bytes of the rest of the group),
//!           auth_count u16, auth list*, request*
//! auth    = count u16, count × (scheme str, id str)
//! request = length u32 (bytes of the rest of the request), conn u64, session i64, xid i32, op i32, auth u16, body
//! ```
//!
//! A node seals what its clients ask for into groups. (member, run, sequence) says which group it is,
//! so that one that was sent twice is applied once (`machine::members`). `origin` names the process
//! and `conn` a connection of it, so that a reply finds its way home and a replayed entry answers
//! nobody. Everything that `apply` needs is in here: it never asks a clock, a connection or a
//! configuration.

use crate::auth::AuthId;
use crate::jute::{Malformed, Reader, Writer, patch_i32};

/// An entry. A newer format is written only once every member can read it: who seals is told when.
pub const FORMAT: u8 = 2;
/// The same, and hard limits of quotas hold for it. This is in the entry, as members may be configured
/// differently and must come to the same state.
pub const FORMAT_ENFORCING: u8 = 3;
/// Bytes of a request in front of its body, the length field not counted.
const REQUEST_HEADER_BYTES: usize = 8 + 8 + 4 + 4 + 2;
/// Bytes of an entry in front of its groups.
const ENTRY_HEADER_BYTES: usize = 1 + 8;
/// Bytes of a group in front of its auth lists.
const GROUP_HEADER_BYTES: usize = 4 + 4 + 8 + 8 + 4 + 2;

/// Why bytes are no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoEntry {
    Malformed,
    /// Written by a program that knows more, or by one from before the first release.
    Format(u8),
}

impl From<Malformed> for NoEntry {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

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

/// Which group it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupId {
    pub member: u32,
    /// Counts the beginnings of this member's numbering.
    pub run: u32,
    /// The process: a random number.
    pub origin: u64,
    /// 1, 2, 3 … within a run; 0 for what a leader decides by itself, which nobody counts.
    pub sequence: u64,
}

impl GroupId {
    /// The group of what a leader decides: no client waits for it, and nobody sends it twice.
    pub const fn of_leader(origin: u64) -> Self {
        Self { member: 0, run: 0, origin, sequence: 0 }
    }
}

/// The requests of one node within an entry.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    pub id: GroupId,
    pub auth_lists: Vec<Vec<AuthId>>,
    requests: Reader<'a>,
}

/// A decoded entry.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    pub time_ms: i64,
    /// Whether what exceeds the hard limit of a quota is refused.
    pub enforces_quotas: bool,
    pub groups: Vec<Group<'a>>,
}

impl<'a> Entry<'a> {
    pub fn decode(payload: &'a [u8]) -> Result<Self, NoEntry> {
        let mut reader = Reader::new(payload);
        let enforces_quotas = match reader.u8()? {
            FORMAT => false,
            FORMAT_ENFORCING => true,
            other => return Err(NoEntry::Format(other)),
        };
        let time_ms = reader.i64()?;
        let mut groups = Vec::new();
        while !reader.is_empty() {
            groups.push(Group::decode(&mut reader)?);
        }
        Ok(Self { time_ms, enforces_quotas, groups })
    }
}

impl<'a> Group<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let id = GroupId {
            member: reader.u32()?,
            run: reader.u32()?,
            origin: reader.u64()?,
            sequence: reader.u64()?,
        };
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
        Ok(Self { id, auth_lists, requests: inner })
    }

    /// One whole group as another node sent it: everything that `apply` relies on is there.
    pub fn check(bytes: &'a [u8]) -> Result<GroupId, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut group = Self::decode(&mut reader)?;
        while let Some(request) = group.next_request()? {
            if usize::from(request.auth) >= group.auth_lists.len() {
                return Err(Malformed);
            }
        }
        if reader.is_empty() { Ok(group.id) } else { Err(Malformed) }
    }

    /// The next request, or `None` at the end of the group.
    pub fn next_request(&mut self) -> Result<Option<Request<'a>>, Malformed> {
        if self.requests.is_empty() {
            return Ok(None);
        }
        let length = self.requests.u32()? as usize;
        let mut fields = Reader::new(self.requests.take(length)?);
        Ok(Some(Request {
            origin: self.id.origin,
            conn: fields.u64()?,
            session: fields.i64()?,
            xid: fields.i32()?,
            op: fields.i32()?,
            auth: fields.u16()?,
            body: fields.rest(),
        }))
    }
}

/// Begins an entry; its groups are appended.
pub fn begin_entry(time_ms: i64, enforces_quotas: bool, groups_bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(ENTRY_HEADER_BYTES + groups_bytes);
    out.put_u8(if enforces_quotas { FORMAT_ENFORCING } else { FORMAT });
    out.put_i64(time_ms);
    out
}

/// Gathers the requests of one node until they are sealed into a group.
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
    pub const fn bytes(&self) -> usize {
        self.auth.len() + self.requests.len()
    }

    /// Bytes of the group that `seal` appends.
    pub const fn sealed_bytes(&self) -> usize {
        GROUP_HEADER_BYTES + self.bytes()
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

    /// The connection of each request, in order.
    pub fn conns(&self) -> impl Iterator<Item = u64> + '_ {
        let mut reader = Reader::new(&self.requests);
        core::iter::from_fn(move || {
            let length = reader.u32().ok()? as usize;
            Reader::new(reader.take(length).ok()?).u64().ok()
        })
    }

    /// Appends the group to `out`; the builder is empty afterwards.
    pub fn seal(&mut self, id: GroupId, out: &mut Vec<u8>) {
        out.reserve(self.sealed_bytes());
        out.put_u32(id.member);
        out.put_u32(id.run);
        out.put_u64(id.origin);
        out.put_u64(id.sequence);
        let length_at = out.len();
        out.put_u32(0);
        out.put_u16(self.auth_count);
        out.append(&mut self.auth);
        out.append(&mut self.requests);
        let length = (out.len() - length_at - 4) as i32;
        patch_i32(out, length_at, length);
        self.auth_count = 0;
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(sequence: u64) -> Vec<u8> {
        let mut builder = GroupBuilder::default();
        let auth = builder.add_auth(&[AuthId { scheme: "ip".into(), id: "::1".into() }]);
        for conn in [4, 5] {
            builder.push(conn, 7, 1, 5, auth.unwrap_or_default(), b"body");
        }
        assert_eq!(builder.conns().collect::<Vec<_>>(), [4, 5]);
        let (mut out, bytes) = (Vec::new(), builder.sealed_bytes());
        builder.seal(GroupId { member: 2, run: 3, origin: 9, sequence }, &mut out);
        assert_eq!((out.len(), builder.is_empty(), builder.bytes()), (bytes, true, 0));
        out
    }

    /// What is sealed is decoded again, group by group.
    #[test]
    fn groups_keep_their_order_and_content() {
        let mut payload = begin_entry(77, false, 0);
        payload.extend(group(1));
        payload.extend(group(2));
        let entry = Entry::decode(&payload);
        let Ok(entry) = entry else { unreachable!("{entry:?}") };
        assert_eq!((entry.time_ms, entry.enforces_quotas), (77, false));
        let sequences: Vec<u64> = entry.groups.iter().map(|group| group.id.sequence).collect();
        assert_eq!(sequences, [1, 2]);
        let mut first = entry.groups[0].clone();
        let mut conns = Vec::new();
        while let Ok(Some(request)) = first.next_request() {
            assert_eq!((request.origin, request.session, request.body), (9, 7, &b"body"[..]));
            conns.push(request.conn);
        }
        assert_eq!(conns, [4, 5]);
    }

    /// Whether quotas are enforced is the leader's to say, and the rest of the entry is the same.
    #[test]
    fn entry_says_whether_quotas_are_enforced() {
        let [plain, enforcing] = [false, true].map(|enforces| begin_entry(77, enforces, 0));
        assert_eq!(plain[1..], enforcing[1..]);
        for (payload, expected) in [(plain, false), (enforcing, true)] {
            let entry = Entry::decode(&payload).map(|entry| (entry.time_ms, entry.enforces_quotas));
            assert_eq!(entry.ok(), Some((77, expected)));
        }
    }

    /// A format of another program is told apart from damage.
    #[test]
    fn unknown_format_is_named() {
        let mut payload = begin_entry(77, false, 0);
        for other in [0, 1, 4, 255] {
            payload[0] = other;
            assert_eq!(Entry::decode(&payload).err(), Some(NoEntry::Format(other)));
        }
        assert_eq!(Entry::decode(&[]).err(), Some(NoEntry::Malformed));
        assert_eq!(Entry::decode(&[FORMAT, 0]).err(), Some(NoEntry::Malformed));
    }

    /// A group of another node is whole, or it is refused: every cut, more bytes, a list that is not there.
    #[test]
    fn group_of_another_node_is_checked() {
        let whole = group(5);
        assert_eq!(Group::check(&whole).map(|id| id.sequence), Ok(5));
        for length in 0..whole.len() {
            assert_eq!(Group::check(&whole[..length]), Err(Malformed), "{length}");
        }
        assert_eq!(Group::check(&[&whole[..], b"x"].concat()), Err(Malformed));
        let mut other_list = whole;
        let auth_at = other_list.len() - b"body".len() - 1;
        other_list[auth_at] = 1;
        assert_eq!(Group::check(&other_list), Err(Malformed));
    }
}
