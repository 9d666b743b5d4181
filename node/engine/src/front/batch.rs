//! Writes on their way to the log: gathered, and handed out in groups of bounded size.

use std::collections::VecDeque;

use super::auth_sets::{AuthSetId, AuthSets};
use super::limits::BATCHES_WAITING_MAX;
use crate::entry::{GroupBuilder, GroupId};

/// What a write is, besides its body.
#[derive(Clone, Copy, Debug)]
pub struct WriteHeader {
    pub conn: u64,
    pub session: i64,
    pub xid: i32,
    pub op: i32,
    pub auth: AuthSetId,
}

/// The gathered writes, in the order they came.
#[derive(Debug)]
pub struct Batches {
    /// Batches that reached their size, oldest first.
    full: VecDeque<GroupBuilder>,
    filling: GroupBuilder,
    /// Names the batch being filled, for the auth lists that are in it; 0 is none.
    epoch: u64,
    bytes_max: usize,
}

impl Batches {
    pub fn new(bytes_max: usize) -> Self {
        Self { full: VecDeque::new(), filling: GroupBuilder::default(), epoch: 1, bytes_max }
    }

    pub fn push(&mut self, sets: &mut AuthSets, header: WriteHeader, body: &[u8]) {
        let auth = self.auth_index(sets, header.auth);
        let WriteHeader { conn, session, xid, op, .. } = header;
        self.filling.push(conn, session, xid, op, auth, body);
        if self.filling.bytes() >= self.bytes_max {
            self.rotate();
        }
    }

    fn auth_index(&mut self, sets: &mut AuthSets, set: AuthSetId) -> u16 {
        if let Some(index) = sets.index_in(set, self.epoch) {
            return index;
        }
        let index = self.filling.add_auth(sets.ids(set)).or_else(|| {
            self.rotate();
            self.filling.add_auth(sets.ids(set))
        });
        // An empty batch always takes a list: `None` cannot come twice.
        let index = index.unwrap_or_default();
        sets.set_index(set, self.epoch, index);
        index
    }

    fn rotate(&mut self) {
        self.full.push_back(core::mem::take(&mut self.filling));
        self.epoch += 1;
    }

    pub fn is_empty(&self) -> bool {
        self.full.is_empty() && self.filling.is_empty()
    }

    /// More than this must not gather before the log took some.
    pub fn is_full(&self) -> bool {
        self.full.len() >= BATCHES_WAITING_MAX
    }

    /// Bytes that `seal` will append.
    pub fn next_bytes(&self) -> usize {
        self.full.front().unwrap_or(&self.filling).sealed_bytes()
    }

    /// Appends the oldest batch as a group.
    pub fn seal(&mut self, id: GroupId, out: &mut Vec<u8>) {
        if let Some(mut batch) = self.full.pop_front() {
            return batch.seal(id, out);
        }
        self.epoch += 1;
        self.filling.seal(id, out);
    }

    /// Drops everything that was gathered, and names the connection of each write.
    pub fn forget(&mut self, each: impl FnMut(u64)) {
        self.rotate();
        self.full.iter().flat_map(GroupBuilder::conns).for_each(each);
        self.full.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::auth_sets::NOBODY;
    use super::super::keyed_hash::KeyedState;
    use super::*;
    use crate::auth::AuthId;
    use crate::entry::{Entry, begin_entry};

    fn header(xid: i32, auth: AuthSetId) -> WriteHeader {
        WriteHeader { conn: 1, session: 2, xid, op: 5, auth }
    }

    fn seal(batches: &mut Batches) -> Option<Vec<u8>> {
        if batches.is_empty() {
            return None;
        }
        let mut payload = begin_entry(1, false, 0);
        let expected = payload.len() + batches.next_bytes();
        batches.seal(GroupId::of_leader(9), &mut payload);
        assert_eq!(payload.len(), expected);
        Some(payload)
    }

    fn decoded(payload: Option<Vec<u8>>) -> (usize, Vec<(i32, u16, usize)>) {
        let payload = payload.unwrap_or_default();
        let Ok(entry) = Entry::decode(&payload) else { return (usize::MAX, Vec::new()) };
        let mut group = entry.groups[0].clone();
        let mut requests = Vec::new();
        while let Ok(Some(request)) = group.next_request() {
            requests.push((request.xid, request.auth, request.body.len()));
        }
        (group.auth_lists.len(), requests)
    }

    /// A list of ids is in each batch once, whoever uses it.
    #[test]
    fn auth_list_travels_once_per_batch() {
        let mut sets = AuthSets::new(KeyedState::new(1));
        let other = sets.acquire(vec![AuthId { scheme: "ip".into(), id: "::1".into() }]);
        let mut batches = Batches::new(10_000);
        for round in 0..2 {
            for xid in 0..4 {
                let auth = if xid % 2 == 0 { NOBODY } else { other };
                batches.push(&mut sets, header(xid, auth), b"");
            }
            let expected = vec![(0, 0, 0), (1, 1, 0), (2, 0, 0), (3, 1, 0)];
            assert_eq!(decoded(seal(&mut batches)), (2, expected), "round {round}");
            assert!(batches.is_empty());
        }
    }

    /// Entries keep the order of the writes and stop growing once they reach the size.
    #[test]
    fn batches_are_bounded_and_ordered() {
        let mut sets = AuthSets::new(KeyedState::new(1));
        let mut batches = Batches::new(1000);
        for xid in 0..10 {
            batches.push(&mut sets, header(xid, NOBODY), &[0; 300]);
        }
        assert!(!batches.is_full());
        let mut seen = Vec::new();
        while let Some(payload) = seal(&mut batches) {
            assert!(payload.len() < 1000 + 400);
            seen.extend(decoded(Some(payload)).1.iter().map(|request| request.0));
        }
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
        for xid in 0..100 {
            batches.push(&mut sets, header(xid, NOBODY), &[0; 300]);
        }
        assert!(batches.is_full());
        let mut conns = Vec::new();
        batches.forget(|conn| conns.push(conn));
        assert_eq!(conns, [1; 100]);
        assert!(batches.is_empty() && !batches.is_full());
    }
}
