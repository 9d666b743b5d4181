//! The state of a machine as bytes, and back.
//!
//! ```text
//! snapshot = frame*          frame = tag u8, length u32, payload
//! 1 header   version u16 (2), index u64, zxid i64, time i64, next session i64,
//!            bootstrapped bool, [cluster id 16 bytes, secret 32 bytes]
//! 2 ACL      id u32, list as on the wire        (all but the open one; before any znode)
//! 3 session  id i64, timeout i32, origin u64, connection u64
//! 4 znodes   records of the store, whole ones
//! 5 trailer  counts: ACLs u32, sessions u32, znodes u64, members u32; digest u64
//! 6 member   id u32, run u32, origin u64, last group u64
//! ```
//!
//! What is small (all but the znodes) is encoded when the snapshot begins; the store's walk shows the
//! znodes as they were then, however late it comes to them. Checksums are the file's business; what is
//! checked here is that everything arrived and fits together.

use core::fmt;

use crate::jute::{Malformed, Reader, Writer, patch_i32};

use super::members::MEMBER_BYTES;
use super::sessions::{Facts, Sessions};
use super::tree::Tree;
use super::{CLUSTER_ID_BYTES, Machine, SECRET_BYTES};

const VERSION: u16 = 2;
const HEADER: u8 = 1;
const ACL: u8 = 2;
const SESSION: u8 = 3;
const ZNODES: u8 = 4;
const TRAILER: u8 = 5;
const MEMBER: u8 = 6;
/// Bytes of a frame before its payload.
const FRAME_HEADER_BYTES: usize = 5;
/// A frame is about as long as the pieces that were asked for, or one znode. A longer one is damage.
const FRAME_BYTES_MAX: usize = 1 << 30;

/// A snapshot that cannot be restored: where, in bytes from its start, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged {
    pub offset: u64,
    pub what: &'static str,
}

impl fmt::Display for Damaged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "snapshot damaged at byte {} of its content: {}", self.offset, self.what)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    acls: u32,
    sessions: u32,
    znodes: u64,
    members: u32,
}

/// A snapshot under way.
#[derive(Debug)]
pub(super) struct Writing {
    head: Vec<u8>,
    head_at: usize,
    counts: Counts,
    digest: u64,
    znodes_left: bool,
    trailer_left: bool,
}

/// A restore under way.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// What came of a frame whose end has not come yet.
    pending: Vec<u8>,
    /// Where `pending` starts in the snapshot.
    offset: u64,
    has_header: bool,
    seen: Counts,
    /// What the trailer said: how many of each there are, and the digest of all.
    told: Option<(Counts, u64)>,
    checked: Checked,
    failed: Option<Damaged>,
}

/// How far the checks behind the last piece are.
#[derive(Clone, Copy, Debug, Default)]
enum Checked {
    #[default]
    Nothing,
    /// The store is one whole tree; what is beside it knows its znodes below this id.
    Store(u32),
    All,
}

impl Machine {
    /// Freezes the state as it is; answers the applied index and the zxid. A snapshot under way is
    /// given up for it.
    pub fn snapshot_begin(&mut self) -> (u64, i64) {
        self.snapshot_abandon();
        let mut head = Vec::new();
        put_frame(HEADER, &mut head, |out| self.put_header(out));
        let mut counts = Counts { znodes: self.tree.store.node_count(), ..Counts::default() };
        for (id, list) in self.tree.acls.used() {
            put_frame(ACL, &mut head, |out| {
                out.put_u32(id);
                out.extend_from_slice(list);
            });
            counts.acls += 1;
        }
        let mut sessions = Vec::new();
        self.sessions.put(&mut sessions);
        for session in sessions.chunks_exact(SESSION_BYTES) {
            put_frame(SESSION, &mut head, |out| out.extend_from_slice(session));
            counts.sessions += 1;
        }
        let mut members = Vec::new();
        self.members.put(&mut members);
        for member in members.chunks_exact(MEMBER_BYTES) {
            put_frame(MEMBER, &mut head, |out| out.extend_from_slice(member));
            counts.members += 1;
        }
        self.tree.store.walk_begin();
        let digest = self.digest();
        self.writing = Some(Writing {
            head,
            head_at: 0,
            counts,
            digest,
            znodes_left: true,
            trailer_left: true,
        });
        (self.index, self.zxid)
    }

    /// Appends the next piece, about `bytes_max` long; nothing at the end.
    pub fn snapshot_next(&mut self, bytes_max: usize, out: &mut Vec<u8>) {
        let Some(writing) = &mut self.writing else { return };
        let head_left = writing.head.get(writing.head_at..).unwrap_or_default();
        if !head_left.is_empty() {
            let piece = head_left.get(..bytes_max.max(1)).unwrap_or(head_left);
            out.extend_from_slice(piece);
            writing.head_at += piece.len();
        } else if writing.znodes_left {
            let store = &mut self.tree.store;
            put_frame(ZNODES, out, |out| writing.znodes_left = store.walk_next(out, bytes_max));
        } else if writing.trailer_left {
            writing.trailer_left = false;
            let (counts, digest) = (writing.counts, writing.digest);
            put_frame(TRAILER, out, |out| {
                out.put_u32(counts.acls);
                out.put_u32(counts.sessions);
                out.put_u64(counts.znodes);
                out.put_u32(counts.members);
                out.put_u64(digest);
            });
        } else {
            self.writing = None;
        }
    }

    pub fn snapshot_abandon(&mut self) {
        if self.writing.take().is_some() {
            self.tree.store.walk_abandon();
        }
    }

    /// Forgets all state, for the pieces of a snapshot to come.
    pub fn restore_begin(&mut self) {
        let (seed, config) = (self.seed, core::mem::take(&mut self.config));
        let reading = Some(Reading::default());
        *self = Self { tree: Tree::bare(seed), config, reading, ..Self::new(seed) };
    }

    /// Takes a stretch of a snapshot, cut anywhere. After an error only `restore_begin` helps.
    pub fn restore_piece(&mut self, data: &[u8]) -> Result<(), Damaged> {
        let Some(mut reading) = self.reading.take() else {
            return Err(Damaged { offset: 0, what: "no restore has begun" });
        };
        let result = match reading.failed {
            Some(damaged) => Err(damaged),
            None => self.restore_frames(&mut reading, data),
        };
        reading.failed = result.err();
        self.reading = Some(reading);
        result
    }

    fn restore_frames(&mut self, reading: &mut Reading, data: &[u8]) -> Result<(), Damaged> {
        let mut pending = core::mem::take(&mut reading.pending);
        pending.extend_from_slice(data);
        let mut used = 0;
        while let Some(rest) = pending.get(used..) {
            let offset = reading.offset + used as u64;
            let frame = next_frame(rest).map_err(|what| Damaged { offset, what })?;
            let Some((tag, payload)) = frame else { break };
            self.restore_frame(reading, tag, payload).map_err(|what| Damaged { offset, what })?;
            used += FRAME_HEADER_BYTES + payload.len();
        }
        pending.drain(..used);
        reading.pending = pending;
        reading.offset += used as u64;
        Ok(())
    }

    /// After the last piece: goes on with the checks by about so many znodes; whether something is
    /// left of those that go through all of them.
    pub fn restore_more(&mut self, znodes: u32) -> Result<bool, Damaged> {
        let Some(mut reading) = self.reading.take() else {
            return Err(Damaged { offset: 0, what: "no restore has begun" });
        };
        let result = match reading.failed {
            Some(damaged) => Err(damaged),
            None => self
                .check_some(&mut reading, znodes)
                .map_err(|what| Damaged { offset: reading.offset, what }),
        };
        reading.failed = result.err();
        self.reading = Some(reading);
        result
    }

    /// Checks that everything came and fits together, as far as `restore_more` has not. The machine is
    /// usable after `Ok` only; otherwise nothing can be applied to half a state.
    pub fn restore_end(&mut self) -> Result<(), Damaged> {
        while self.restore_more(u32::MAX)? {}
        self.reading = None;
        Ok(())
    }

    fn check_some(&mut self, reading: &mut Reading, znodes: u32) -> Result<bool, &'static str> {
        let (told, digest) = reading.told.ok_or("it is cut off: the trailer is missing")?;
        if !reading.pending.is_empty() {
            return Err("bytes after the trailer");
        }
        if told != (Counts { znodes: told.znodes, ..reading.seen }) {
            return Err("ACLs, sessions or members are missing");
        }
        reading.checked = match reading.checked {
            Checked::Nothing => match self.tree.store.restore_more(told.znodes, znodes) {
                Err(_) => return Err("the znodes do not make the whole tree"),
                Ok(true) => Checked::Nothing,
                Ok(false) => Checked::Store(0),
            },
            Checked::Store(from) => match self.tree.know_some(from, znodes) {
                Err(_) => return Err("a znode has an ACL that is not in the snapshot"),
                Ok(Some(next)) => Checked::Store(next),
                Ok(None) => {
                    self.check_rest(digest)?;
                    Checked::All
                }
            },
            Checked::All => Checked::All,
        };
        Ok(!matches!(reading.checked, Checked::All))
    }

    /// What takes no time for each znode.
    fn check_rest(&self, digest: u64) -> Result<(), &'static str> {
        let mut owners = self.tree.ephemerals.keys();
        if owners.any(|session| self.sessions.get(*session).is_none()) {
            return Err("an ephemeral znode belongs to no session");
        }
        if self.digest() != digest {
            return Err("its content is not what was written: the digest differs");
        }
        Ok(())
    }

    fn put_header(&self, out: &mut Vec<u8>) {
        out.put_u16(VERSION);
        out.put_u64(self.index);
        out.put_i64(self.zxid);
        out.put_i64(self.time_ms);
        out.put_i64(self.sessions.next_id);
        out.put_bool(self.sessions.facts.is_some());
        if let Some(facts) = &self.sessions.facts {
            out.extend_from_slice(&facts.cluster_id);
            out.extend_from_slice(&facts.secret);
        }
    }

    fn restore_frame(
        &mut self,
        reading: &mut Reading,
        tag: u8,
        payload: &[u8],
    ) -> Result<(), &'static str> {
        if reading.told.is_some() {
            return Err("a frame after the trailer");
        }
        if reading.has_header == (tag == HEADER) {
            return Err("the header is missing or comes twice");
        }
        let mut record = Reader::new(payload);
        match tag {
            HEADER => {
                reading.has_header = true;
                self.restore_header(&mut record)?;
            }
            ACL => {
                reading.seen.acls += 1;
                let id = record.u32().map_err(|_| "an ACL does not decode")?;
                if !self.tree.acls.restore(id, record.rest()) {
                    return Err("an ACL comes twice or has an impossible id");
                }
                return Ok(());
            }
            SESSION => {
                reading.seen.sessions += 1;
                self.sessions.restore(&mut record).map_err(|_| "a session does not decode")?;
            }
            ZNODES => {
                while !record.is_empty() {
                    self.tree.store.restore(&mut record).map_err(|_| "a znode does not decode")?;
                }
            }
            MEMBER => {
                reading.seen.members += 1;
                self.members.restore(&mut record).map_err(|_| "a member does not decode")?;
            }
            TRAILER => {
                reading.told =
                    Some(read_trailer(&mut record).map_err(|_| "the trailer does not decode")?);
            }
            _ => return Err("a frame of unknown kind"),
        }
        if record.is_empty() { Ok(()) } else { Err("a frame is longer than what is in it") }
    }

    fn restore_header(&mut self, record: &mut Reader<'_>) -> Result<(), &'static str> {
        if record.u16() != Ok(VERSION) {
            return Err("its version is not known to this program");
        }
        self.read_header(record).map_err(|_| "the header does not decode")
    }

    fn read_header(&mut self, record: &mut Reader<'_>) -> Result<(), Malformed> {
        self.index = record.u64()?;
        self.zxid = record.i64()?;
        self.time_ms = record.i64()?;
        self.sessions = Sessions { next_id: record.i64()?, ..Sessions::default() };
        if record.bool()? {
            let cluster_id = record.take(CLUSTER_ID_BYTES)?.try_into().map_err(|_| Malformed)?;
            let secret = record.take(SECRET_BYTES)?.try_into().map_err(|_| Malformed)?;
            self.sessions.facts = Some(Facts { cluster_id, secret });
        }
        Ok(())
    }
}

/// Bytes of one session as `Sessions::put` writes it.
const SESSION_BYTES: usize = 8 + 4 + 8 + 8;

fn read_trailer(record: &mut Reader<'_>) -> Result<(Counts, u64), Malformed> {
    let (acls, sessions, znodes) = (record.u32()?, record.u32()?, record.u64()?);
    let counts = Counts { acls, sessions, znodes, members: record.u32()? };
    Ok((counts, record.u64()?))
}

fn put_frame(tag: u8, out: &mut Vec<u8>, put_payload: impl FnOnce(&mut Vec<u8>)) {
    out.put_u8(tag);
    let length_at = out.len();
    out.put_u32(0);
    put_payload(out);
    let length = (out.len() - length_at - 4) as i32;
    patch_i32(out, length_at, length);
}

/// The first frame of `pending`, once all of it is there.
fn next_frame(pending: &[u8]) -> Result<Option<(u8, &[u8])>, &'static str> {
    let mut reader = Reader::new(pending);
    let (Ok(tag), Ok(length)) = (reader.u8(), reader.u32()) else { return Ok(None) };
    let length = length as usize;
    if length > FRAME_BYTES_MAX || !(HEADER..=MEMBER).contains(&tag) {
        return Err("this is no frame");
    }
    Ok(reader.take(length).ok().map(|payload| (tag, payload)))
}
