//! The clients of the random histories, who keep books: one answer for each request, in order.

use std::collections::VecDeque;

use super::super::*;
use super::world::{NODES, Numbers, World};

/// What a client may have outstanding, so that none is told to slow down.
const OUTSTANDING_MAX: usize = 12;
const LINKS_MAX: usize = 8;

/// A request that was sent: what it was, and the zxid that anybody had been told of before.
pub struct Asked {
    xid: i32,
    op: i32,
    told_zxid: i64,
}

/// One connection of a client, and all that went over it.
pub struct Link {
    pub at: usize,
    pub conn: u64,
    session: i64,
    password: [u8; 16],
    pub open: bool,
    pub closed: bool,
    pub waiting: VecDeque<Asked>,
    /// Paths in the order in which their creation was asked for, and whether it was confirmed.
    pub writes: Vec<(String, bool)>,
    last_zxid: i64,
}

impl Link {
    /// A new process of a node uses the ids of the former one again.
    pub fn is(&self, at: usize, conn: u64) -> bool {
        !self.closed && (self.at, self.conn) == (at, conn)
    }
}

impl World {
    pub fn connect(&mut self, numbers: &mut Numbers) {
        self.connect_to(numbers.below(NODES as u64) as usize, 0, [0; 16]);
    }

    fn connect_to(&mut self, at: usize, session: i64, password: [u8; 16]) {
        if self.links.iter().filter(|link| !link.closed).count() < LINKS_MAX {
            self.open_link(at, session, password);
        }
    }

    pub fn open_link(&mut self, at: usize, session: i64, password: [u8; 16]) {
        let conn = self.nodes[at].front.connect("::1", 1);
        self.links.push(Link {
            at,
            conn,
            session,
            password,
            open: false,
            closed: false,
            waiting: VecDeque::new(),
            writes: Vec::new(),
            last_zxid: 0,
        });
        self.feed(self.links.len() - 1, &connect_request(session, password, 40_000));
    }

    /// A client takes its session to another node, while the old connection still stands.
    pub fn move_session(&mut self, numbers: &mut Numbers) {
        let Some(link) = self.pick_open(numbers) else { return };
        let Link { at, session, password, .. } = self.links[link];
        // That one may not have heard of the session yet.
        self.connect_to((at + 1) % NODES, session, password);
    }

    fn pick_open(&self, numbers: &mut Numbers) -> Option<usize> {
        let open = |link: &&usize| self.links[**link].open && !self.links[**link].closed;
        let all: Vec<usize> = (0..self.links.len()).collect();
        let open: Vec<usize> = all.iter().filter(open).copied().collect();
        let nth = numbers.below(open.len().max(1) as u64) as usize;
        open.get(nth).copied()
    }

    pub fn ask_something(&mut self, numbers: &mut Numbers) {
        let Some(at) = self.pick_open(numbers) else { return };
        let (mut bytes, mut xid) = (Vec::new(), self.links[at].writes.len() as i32 * 100);
        for _ in 0..=numbers.below(3) {
            if self.links[at].waiting.len() >= OUTSTANDING_MAX {
                break;
            }
            xid += 1;
            let op = match numbers.below(10) {
                0..=5 => {
                    let path = format!("/n{}", self.next_path);
                    self.next_path += 1;
                    bytes.extend(create(xid, &path, b""));
                    self.links[at].writes.push((path, false));
                    ops::CREATE
                }
                6 => {
                    bytes.extend(request(xid, ops::SYNC, &text("/")));
                    ops::SYNC
                }
                _ => {
                    bytes.extend(read(xid, ops::EXISTS, "/", false));
                    ops::EXISTS
                }
            };
            let told_zxid = self.told_zxid;
            self.links[at].waiting.push_back(Asked { xid, op, told_zxid });
        }
        self.feed(at, &bytes);
    }

    fn feed(&mut self, link: usize, bytes: &[u8]) {
        let Link { at, conn, .. } = self.links[link];
        let output = self.nodes[at].feed_raw(conn, bytes);
        self.take_answers(link, &output);
        self.obey(at);
    }

    /// Everything a node has to say, to whom it may concern.
    pub fn deliver(&mut self, at: usize, written: BTreeMap<u64, Vec<u8>>) {
        for (conn, bytes) in written {
            if let Some(link) = self.links.iter().position(|link| link.is(at, conn)) {
                self.take_answers(link, &bytes);
            }
        }
        self.obey(at);
    }

    fn take_answers(&mut self, at: usize, mut bytes: &[u8]) {
        let link = &mut self.links[at];
        if !link.open && !bytes.is_empty() {
            let (granted, rest) = bytes.split_at(41);
            let (timeout, session, password) = connect_response(granted);
            assert!(timeout > 0, "no session expires here");
            (link.session, link.password, link.open, bytes) = (session, password, true, rest);
        }
        for reply in replies(bytes) {
            let asked = link.waiting.pop_front();
            let Some(asked) = asked else { unreachable!("{reply:?} was not asked for") };
            assert_eq!((reply.xid, reply.error), (asked.xid, OK), "in order, and once");
            assert!(reply.zxid >= link.last_zxid, "time does not go back");
            link.last_zxid = reply.zxid;
            if asked.op == ops::SYNC || (asked.op == ops::EXISTS && link.at == 2) {
                assert!(reply.zxid >= asked.told_zxid, "it must show what was told before");
            }
            if asked.op == ops::CREATE {
                let path = Reader::new(&reply.body).string().unwrap_or_default().to_owned();
                let write = link.writes.iter_mut().find(|write| !write.1);
                let Some(write) = write else { unreachable!("{path} was not asked for") };
                assert_eq!(write.0, path);
                write.1 = true;
                self.told_zxid = self.told_zxid.max(reply.zxid);
            }
            self.answered += 1;
        }
    }

    pub fn obey(&mut self, at: usize) {
        for (conn, action, reason) in self.nodes[at].front.take_actions() {
            assert_eq!(action, Action::Abort, "{reason}");
            self.cut_off += 1;
            self.moved += usize::from(reason.contains("moved"));
            self.nodes[at].front.disconnect(conn);
            for link in self.links.iter_mut().filter(|link| link.is(at, conn)) {
                link.closed = true;
            }
        }
    }
}
