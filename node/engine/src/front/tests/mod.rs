//! Scenarios against a whole front with a log that commits when told to.

mod barriers;
mod certificates;
mod ensemble;
mod flow;
mod groups;
mod leaderless;
mod limits;
mod ordering;
mod reconfig;
mod robustness;
mod sessions;
mod touches;
mod watching;

use std::collections::BTreeMap;

use super::handshake::PASSWORD_BYTES;
use super::{Action, Config, Front};
use crate::error::ErrorCode;
use crate::jute::{Reader, Writer};
use crate::ops;

const ORIGIN: u64 = 0xFEED;
const PING_XID: i32 = -2;

fn config() -> Config {
    Config {
        origin: ORIGIN,
        member: 1,
        min_session_timeout_ms: 2000,
        max_session_timeout_ms: 40_000,
        frame_bytes_max: 0xF_FFFF,
        batch_bytes_max: 1 << 20,
        connection_outstanding_max: 1000,
        outstanding_max: 10_000,
        unsent_bytes_max: 64 << 20,
        super_digest: String::new(),
        skip_acl: false,
        reconfig_enabled: false,
        ttl_enabled: true,
        linearizable_reads: false,
        read_only_mode: false,
    }
}

/// One reply or event.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reply {
    xid: i32,
    zxid: i64,
    error: i32,
    body: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Client {
    conn: u64,
    session: i64,
    password: [u8; PASSWORD_BYTES],
}

struct Node {
    front: Front,
    index: u64,
    now_us: i64,
}

impl Node {
    fn new() -> Self {
        Self::with(config())
    }

    fn with(config: Config) -> Self {
        let mut node = Self { front: Front::new(config), index: 0, now_us: 1_000_000 };
        let first = node.front.bootstrap_entry(&[1; 16], &[2; 32], 100, 1);
        assert_eq!(node.apply(&first), BTreeMap::new());
        node
    }

    /// One of several nodes: they begin alike.
    fn member(member: u32) -> Self {
        Self::with(Config { member, origin: u64::from(member), ..config() })
    }

    fn tick(&mut self, count: usize) {
        for _ in 0..count {
            self.now_us += 100_000;
            self.front.tick(self.now_us);
        }
    }

    fn apply(&mut self, payload: &[u8]) -> BTreeMap<u64, Vec<u8>> {
        self.index += 1;
        assert_eq!(self.front.apply(self.index, payload, self.now_us), Ok(()));
        self.written()
    }

    fn written(&mut self) -> BTreeMap<u64, Vec<u8>> {
        let mut out: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        while let Some((conn, bytes)) = self.front.take_reply() {
            out.entry(conn).or_default().extend(bytes);
        }
        out
    }

    /// Commits everything that was gathered, and passes every barrier; the bytes of each connection.
    fn commit_raw(&mut self) -> BTreeMap<u64, Vec<u8>> {
        let mut out: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        while let Some(payload) = self.front.take_batch(5000) {
            for (conn, bytes) in self.apply(&payload) {
                out.entry(conn).or_default().extend(bytes);
            }
        }
        // A node that is alone knows at once what is committed.
        while let Some(token) = self.front.take_barrier() {
            self.front.pass_barrier(token, self.index);
            for (conn, bytes) in self.written() {
                out.entry(conn).or_default().extend(bytes);
            }
        }
        out
    }

    /// The same as replies.
    fn commit(&mut self) -> BTreeMap<u64, Vec<Reply>> {
        self.commit_raw().into_iter().map(|(conn, bytes)| (conn, replies(&bytes))).collect()
    }

    fn feed_raw(&mut self, conn: u64, bytes: &[u8]) -> Vec<u8> {
        self.front.feed(conn, bytes, self.now_us);
        self.front.take_output(conn)
    }

    fn feed(&mut self, conn: u64, bytes: &[u8]) -> Vec<Reply> {
        replies(&self.feed_raw(conn, bytes))
    }

    fn client(&mut self) -> Client {
        let conn = self.front.connect("127.0.0.1", self.now_us);
        self.greet(conn)
    }

    /// A session of its own for this connection.
    fn greet(&mut self, conn: u64) -> Client {
        assert_eq!(self.feed_raw(conn, &connect_request(0, [0; 16], 10_000)), []);
        let granted = self.commit_raw().remove(&conn).unwrap_or_default();
        let (_, session, password) = connect_response(&granted);
        Client { conn, session, password }
    }

    /// What one request is answered, through the log if need be.
    fn ask(&mut self, client: Client, frame: &[u8]) -> Reply {
        let mut answers = self.feed(client.conn, frame);
        answers.extend(self.commit().remove(&client.conn).unwrap_or_default());
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers.remove(0)
    }

    fn actions(&mut self) -> Vec<(u64, Action)> {
        self.front.take_actions().into_iter().map(|(conn, action, _)| (conn, action)).collect()
    }
}

fn replies(bytes: &[u8]) -> Vec<Reply> {
    let mut reader = Reader::new(bytes);
    let mut out = Vec::new();
    while !reader.is_empty() {
        let length = reader.i32().unwrap_or(-1) as usize;
        let mut frame = Reader::new(reader.take(length).unwrap_or_default());
        out.push(Reply {
            xid: frame.i32().unwrap_or(i32::MIN),
            zxid: frame.i64().unwrap_or(i64::MIN),
            error: frame.i32().unwrap_or(i32::MIN),
            body: frame.rest().to_vec(),
        });
    }
    out
}

/// (xid, error) of each.
fn outline(replies: &[Reply]) -> Vec<(i32, i32)> {
    replies.iter().map(|reply| (reply.xid, reply.error)).collect()
}

fn framed(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_buf(Some(payload));
    out
}

fn connect_request(session: i64, password: [u8; 16], timeout_ms: i32) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_i32(0);
    out.put_i64(0);
    out.put_i32(timeout_ms);
    out.put_i64(session);
    out.put_buf(Some(&password));
    out.put_bool(false);
    framed(&out)
}

/// (timeout, session, password) of a whole reply to a handshake.
fn connect_response(bytes: &[u8]) -> (i32, i64, [u8; 16]) {
    let mut reader = Reader::new(bytes);
    assert_eq!(reader.i32(), Ok(bytes.len() as i32 - 4));
    assert_eq!(reader.i32(), Ok(0));
    let (timeout, session) = (reader.i32().unwrap_or(-1), reader.i64().unwrap_or(-1));
    let mut password = [0; 16];
    password.copy_from_slice(reader.buf().ok().flatten().unwrap_or_default());
    (timeout, session, password)
}

fn request(xid: i32, op: i32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_i32(xid);
    out.put_i32(op);
    out.extend_from_slice(body);
    framed(&out)
}

fn text(value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_string(value);
    out
}

fn create_with(xid: i32, path: &str, data: &[u8], flags: i32, acl: (i32, &str, &str)) -> Vec<u8> {
    let mut body = text(path);
    body.put_buf(Some(data));
    body.put_i32(1);
    body.put_i32(acl.0);
    body.put_string(acl.1);
    body.put_string(acl.2);
    body.put_i32(flags);
    request(xid, ops::CREATE, &body)
}

fn create(xid: i32, path: &str, data: &[u8]) -> Vec<u8> {
    create_with(xid, path, data, 0, (31, "world", "anyone"))
}

fn set(xid: i32, path: &str, data: &[u8]) -> Vec<u8> {
    let mut body = text(path);
    body.put_buf(Some(data));
    body.put_i32(-1);
    request(xid, ops::SET_DATA, &body)
}

fn delete(xid: i32, path: &str) -> Vec<u8> {
    let mut body = text(path);
    body.put_i32(-1);
    request(xid, ops::DELETE, &body)
}

/// exists, getData, getChildren.
fn read(xid: i32, op: i32, path: &str, watch: bool) -> Vec<u8> {
    let mut body = text(path);
    body.put_bool(watch);
    request(xid, op, &body)
}

fn get(xid: i32, path: &str) -> Vec<u8> {
    read(xid, ops::GET_DATA, path, false)
}

fn ping() -> Vec<u8> {
    request(PING_XID, ops::PING, &[])
}

fn auth(scheme: &str, credentials: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_i32(0);
    body.put_string(scheme);
    body.put_buf(Some(credentials));
    request(-4, ops::AUTH, &body)
}

/// The data that a getData reply holds.
fn data_of(reply: &Reply) -> Vec<u8> {
    Reader::new(&reply.body).buf().ok().flatten().unwrap_or_default().to_vec()
}

const OK: i32 = ErrorCode::OK.0;
