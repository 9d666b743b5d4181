//! Sessions: which there are, what connection owns each, and their end.
//!
//! Everything comes by the log. When a session has to end is decided outside, where a clock is.

use std::collections::BTreeMap;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::error::ErrorCode;
use crate::jute::{Malformed, Reader, Writer};
use crate::store::ROOT;

use super::delete;
use super::digest;
use super::effects::{Attached, Effects, SessionOpened};
use super::tree::Tree;

/// Bytes of the id of a cluster, and of the secret behind session passwords.
pub const CLUSTER_ID_BYTES: usize = 16;
pub const SECRET_BYTES: usize = 32;

/// What others may know of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionView {
    pub timeout_ms: i32,
    /// (origin, connection).
    pub owner: (u64, u64),
}

/// What the first entry of a cluster said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub cluster_id: [u8; CLUSTER_ID_BYTES],
    pub secret: [u8; SECRET_BYTES],
}

#[derive(Debug, Default)]
pub struct Sessions {
    pub(super) facts: Option<Facts>,
    pub(super) next_id: i64,
    pub(super) live: BTreeMap<i64, SessionView>,
    /// The sum over all of them.
    pub(super) digest: u64,
}

impl Sessions {
    /// Carries out BOOTSTRAP. A cluster has one beginning: a second one is refused.
    pub fn bootstrap(&mut self, body: &[u8]) -> Result<(), ErrorCode> {
        let mut reader = Reader::new(body);
        let facts = Facts { cluster_id: array(reader.buf()?)?, secret: array(reader.buf()?)? };
        let first = reader.i64()?;
        if self.facts.is_some() || first <= 0 {
            return Err(ErrorCode::BAD_ARGUMENTS);
        }
        self.facts = Some(facts);
        self.next_id = first;
        Ok(())
    }

    pub fn get(&self, session: i64) -> Option<SessionView> {
        self.live.get(&session).copied()
    }

    /// The password of a session id: no other server hands it out, nobody can guess it.
    pub fn password(&self, session: i64) -> [u8; 16] {
        let mut password = [0; 16];
        let secret: &[u8] = self.facts.as_ref().map_or(&[], |facts| &facts.secret);
        // A key of any length will do for an HMAC, so there is always one.
        if let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(secret) {
            hmac.update(&session.to_be_bytes());
            password.copy_from_slice(&hmac.finalize().into_bytes()[..16]);
        }
        password
    }

    /// Whether this connection may write for the session.
    pub fn check(&self, session: i64, owner: (u64, u64)) -> Result<i64, ErrorCode> {
        match self.live.get(&session) {
            None => Err(ErrorCode::SESSION_EXPIRED),
            Some(view) if view.owner != owner => Err(ErrorCode::SESSION_MOVED),
            Some(_) => Ok(session),
        }
    }

    pub fn create(
        &mut self,
        body: &[u8],
        owner: (u64, u64),
        effects: &mut Effects,
    ) -> Result<(), ErrorCode> {
        let timeout_ms = Reader::new(body).i32()?;
        if self.facts.is_none() {
            return Err(ErrorCode::SYSTEM_ERROR);
        }
        let session = self.next_id;
        self.next_id = session.wrapping_add(1);
        let view = SessionView { timeout_ms, owner };
        self.live.insert(session, view);
        self.digest = self.digest.wrapping_add(digest_of(session, view));
        effects.session_opened =
            Some(SessionOpened { session, timeout_ms, password: self.password(session) });
        Ok(())
    }

    /// Makes a connection the owner. A timeout in the body, negotiated anew, replaces the former.
    pub fn attach(
        &mut self,
        session: i64,
        body: &[u8],
        owner: (u64, u64),
        effects: &mut Effects,
    ) -> Result<(), ErrorCode> {
        let password = self.password(session);
        let view = self.live.get_mut(&session).ok_or(ErrorCode::SESSION_EXPIRED)?;
        let before = *view;
        if !body.is_empty() {
            view.timeout_ms = Reader::new(body).i32()?;
        }
        view.owner = owner;
        let timeout_ms = view.timeout_ms;
        let (was, is) = (digest_of(session, before), digest_of(session, *view));
        self.digest = self.digest.wrapping_sub(was).wrapping_add(is);
        let previous_owner = (before.owner != owner).then_some(before.owner);
        effects.attached = Some(Attached { session, timeout_ms, password, previous_owner });
        Ok(())
    }

    /// Ends a session and deletes its ephemeral znodes. One that is gone already has ended as wished.
    pub fn close(
        &mut self,
        session: i64,
        tree: &mut Tree,
        zxid: i64,
        effects: &mut Effects,
    ) -> Result<(), ErrorCode> {
        let Some(view) = self.live.remove(&session) else { return Ok(()) };
        self.digest = self.digest.wrapping_sub(digest_of(session, view));
        effects.sessions_closed.push(session);
        for path in ephemeral_paths(tree, session, "") {
            let id = tree.find(&path)?;
            delete::remove(tree, id, &path, zxid, effects)?;
        }
        Ok(())
    }

    /// Ends every session that the body lists and that its connection still owns: one that was taken
    /// up elsewhere after its end was decided lives on.
    pub fn expire(
        &mut self,
        body: &[u8],
        tree: &mut Tree,
        zxid: i64,
        effects: &mut Effects,
    ) -> Result<(), ErrorCode> {
        let mut reader = Reader::new(body);
        let count = reader.vec_len()?.unwrap_or(0);
        // All or nothing: half a list ends nobody.
        if reader.rest().len() != count * EXPIRY_BYTES {
            return Err(ErrorCode::MARSHALLING_ERROR);
        }
        while !reader.is_empty() {
            let (session, owner) = (reader.i64()?, (reader.u64()?, reader.u64()?));
            if self.check(session, owner).is_ok() {
                self.close(session, tree, zxid, effects)?;
            }
        }
        Ok(())
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        for (session, view) in &self.live {
            out.put_i64(*session);
            out.put_i32(view.timeout_ms);
            out.put_u64(view.owner.0);
            out.put_u64(view.owner.1);
        }
    }

    pub(super) fn restore(&mut self, record: &mut Reader<'_>) -> Result<(), Malformed> {
        let session = record.i64()?;
        let timeout_ms = record.i32()?;
        let view = SessionView { timeout_ms, owner: (record.u64()?, record.u64()?) };
        self.digest = self.digest.wrapping_add(digest_of(session, view));
        match self.live.insert(session, view) {
            None => Ok(()),
            Some(_) => Err(Malformed),
        }
    }
}

/// Bytes of one session in EXPIRE: session i64, origin u64, connection u64.
const EXPIRY_BYTES: usize = 8 + 8 + 8;

fn digest_of(session: i64, view: SessionView) -> u64 {
    let (origin, conn) = view.owner;
    digest::of_words(&[session as u64, u64::from(view.timeout_ms as u32), origin, conn])
}

/// The ephemeral znodes of a session whose path begins with `prefix`, sorted: the order in which they go
/// must be the same everywhere.
pub fn ephemeral_paths(tree: &Tree, session: i64, prefix: &str) -> Vec<String> {
    let store = &tree.store;
    let prefix = prefix.as_bytes();
    let mut paths = Vec::new();
    // Most have the same parent, whose path is made, and compared, once.
    let (mut parent, mut head) = (None, Vec::new());
    for &id in tree.ephemerals.get(&session).into_iter().flatten() {
        let own = store.parent(id);
        if own != parent {
            parent = own;
            head.clear();
            store.push_path(own.unwrap_or(ROOT), &mut head);
            if own != Some(ROOT) {
                head.push(b'/');
            }
        }
        let common = head.len().min(prefix.len());
        if head[..common] == prefix[..common] && store.name_bytes(id).starts_with(&prefix[common..])
        {
            paths.extend(String::from_utf8([&head, store.name_bytes(id)].concat()));
        }
    }
    paths.sort_unstable();
    paths
}

fn array<const N: usize>(bytes: Option<&[u8]>) -> Result<[u8; N], Malformed> {
    bytes.unwrap_or_default().try_into().map_err(|_| Malformed)
}
