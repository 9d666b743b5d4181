//! What this node answers itself: reads of its state, and everything about its watches.

use super::auth_sets::put_who_am_i;
use super::connections::{Connection, Pending, State, Waiting};
use super::replies::{UNSENT_TOO_MUCH, begin_reply, end_reply, put_event};
use super::requests::own_ids;
use super::watches::{CHILD, DATA, PERSISTENT, RECURSIVE, Watches};
use super::{Action, Config, Front};
use crate::auth::AuthId;
use crate::error::ErrorCode;
use crate::jute::{Malformed, Reader, Writer};
use crate::machine::{EventKind, Machine, STEPS_PER_PATH};
use crate::ops;

/// The zxid in the header of an event that tells what was missed.
const CATCH_UP_ZXID: i64 = -1;

/// What a local operation may look at and change.
struct Scene<'a> {
    machine: &'a mut Machine,
    watches: &'a mut Watches,
    config: &'a Config,
    auth: &'a [AuthId],
    conn: u64,
    session: i64,
    out: &'a mut Vec<u8>,
}

impl Front {
    /// Answers a request that waited and whose turn it is.
    pub(super) fn run(&mut self, id: u64, pending: &Pending, now_us: i64) {
        match &pending.what {
            Waiting::Write | Waiting::Reconfig => return,
            Waiting::Local(asked) | Waiting::Barrier(_, asked) => {
                self.run_local(id, pending.xid, pending.op, &asked.body);
            }
            Waiting::Answer(answer) => self.write_answer(id, pending.xid, *answer),
        }
        self.account(id, pending.xid, pending.op, now_us - pending.start_us, now_us);
    }

    /// Executes and answers one local operation.
    pub(super) fn run_local(&mut self, id: u64, xid: i32, op: i32, body: &[u8]) {
        let Self { machine, connections, watches, auth_sets, buffers, dirty, config, .. } = self;
        let Some(connection) = connections.get_mut(id) else { return };
        if connection.state == State::Closed {
            return;
        }
        Self::mark_dirty(buffers, dirty, connection);
        let Connection { session, auth, out, .. } = connection;
        let auth = auth_sets.ids(*auth);
        let mut scene = Scene { machine, watches, config, auth, conn: id, session: *session, out };
        let mut events = Ok(());
        if matches!(op, ops::SET_WATCHES | ops::SET_WATCHES2) {
            events = scene.set_watches(op, body);
        }
        let at = begin_reply(scene.out, xid, scene.machine.last_zxid());
        let outcome = events.and_then(|()| scene.answer(op, body));
        end_reply(scene.out, at, outcome.err().unwrap_or(ErrorCode::OK));
        if scene.out.len() > config.unsent_bytes_max {
            self.end(id, Action::Abort, UNSENT_TOO_MUCH);
        }
    }
}

impl Scene<'_> {
    fn answer(&mut self, op: i32, body: &[u8]) -> Result<(), ErrorCode> {
        let mut body = Reader::new(body);
        match op {
            ops::EXISTS | ops::GET_DATA | ops::GET_CHILDREN | ops::GET_CHILDREN2 => {
                let path = body.path()?;
                let watch = body.bool()?;
                self.read(op, path, watch)
            }
            ops::GET_ACL => self.machine.get_acl(body.path()?, self.auth, self.out),
            ops::GET_ALL_CHILDREN_NUMBER => {
                self.machine.all_children_number(body.path()?, self.auth, self.out)
            }
            ops::GET_EPHEMERALS => {
                self.machine.get_ephemerals(self.session, body.string()?, self.out);
                Ok(())
            }
            ops::MULTI_READ => self.machine.multi_read(body, self.auth, self.out),
            ops::CHECK_WATCHES | ops::REMOVE_WATCHES => self.ask_or_remove(op, &mut body),
            ops::ADD_WATCH => self.add_watch(&mut body),
            ops::SYNC => {
                self.out.put_buf(body.buf()?);
                Ok(())
            }
            ops::WHO_AM_I => {
                put_who_am_i(own_ids(self.auth, self.config.skip_acl), self.out);
                Ok(())
            }
            // Ping, and setWatches, whose work is done: the header is all there is.
            _ => Ok(()),
        }
    }

    /// A read that may leave a watch: after its checks passed; exists also where there is no znode.
    fn read(&mut self, op: i32, path: &str, watch: bool) -> Result<(), ErrorCode> {
        let (outcome, kind) = match op {
            ops::EXISTS => (self.machine.exists(path, self.auth, self.out), DATA),
            ops::GET_DATA => (self.machine.get_data(path, self.auth, self.out), DATA),
            ops::GET_CHILDREN => (self.machine.get_children(path, self.auth, self.out), CHILD),
            _ => (self.machine.get_children2(path, self.auth, self.out), CHILD),
        };
        let absent = op == ops::EXISTS && outcome == Err(ErrorCode::NO_NODE);
        if watch && (outcome.is_ok() || absent) {
            self.watches.add(self.conn, path, kind);
        }
        outcome
    }

    /// checkWatches and removeWatches: path, type of watch.
    fn ask_or_remove(&mut self, op: i32, body: &mut Reader<'_>) -> Result<(), ErrorCode> {
        let path = body.string()?;
        let kinds = match body.i32()? {
            1 => CHILD,
            2 => DATA,
            3 => DATA | CHILD | PERSISTENT | RECURSIVE,
            4 => PERSISTENT,
            5 => RECURSIVE,
            _ => return Err(ErrorCode::MARSHALLING_ERROR),
        };
        let found = if op == ops::REMOVE_WATCHES {
            self.watches.remove(self.conn, path, kinds)
        } else {
            self.watches.kinds(self.conn, path) & kinds != 0
        };
        if found { Ok(()) } else { Err(ErrorCode::NO_WATCHER) }
    }

    /// addWatch needs neither the znode nor a permission; Java's client expects an error code back.
    fn add_watch(&mut self, body: &mut Reader<'_>) -> Result<(), ErrorCode> {
        let path = body.string()?;
        let kind = match body.i32()? {
            0 => PERSISTENT,
            1 => RECURSIVE,
            _ => return Err(ErrorCode::MARSHALLING_ERROR),
        };
        self.watches.add(self.conn, path, kind);
        self.out.put_i32(ErrorCode::OK.0);
        Ok(())
    }

    /// Arms the watches that a client had elsewhere, or tells it at once what it missed.
    fn set_watches(&mut self, op: i32, body: &[u8]) -> Result<(), ErrorCode> {
        let mut body = Reader::new(body);
        let since = body.i64()?;
        // All lists are read before the first one has an effect.
        let lists = [read_paths(&mut body)?, read_paths(&mut body)?, read_paths(&mut body)?];
        let [data, exist, child] = lists;
        let mut lasting = [Vec::new(), Vec::new()];
        if op == ops::SET_WATCHES2 {
            lasting = [read_paths(&mut body)?, read_paths(&mut body)?];
        }
        let sets = [&data, &exist, &child, &lasting[0], &lasting[1]];
        self.machine.add_steps(sets.map(Vec::len).iter().sum::<usize>() * STEPS_PER_PATH);
        for path in data {
            let missed = match self.machine.stamps(path) {
                None => Some(EventKind::Deleted),
                Some(stamps) => (stamps.mzxid > since).then_some(EventKind::DataChanged),
            };
            self.arm_or_tell(path, DATA, missed);
        }
        for path in exist {
            let missed = self.machine.stamps(path).map(|_| EventKind::Created);
            self.arm_or_tell(path, DATA, missed);
        }
        for path in child {
            let missed = match self.machine.stamps(path) {
                None => Some(EventKind::Deleted),
                Some(stamps) => (stamps.pzxid > since).then_some(EventKind::ChildrenChanged),
            };
            self.arm_or_tell(path, CHILD, missed);
        }
        for (paths, kind) in lasting.iter().zip([PERSISTENT, RECURSIVE]) {
            for path in paths {
                self.watches.add(self.conn, path, kind);
            }
        }
        Ok(())
    }

    fn arm_or_tell(&mut self, path: &str, kind: u8, missed: Option<EventKind>) {
        match missed {
            Some(event) => put_event(self.out, event as i32, CATCH_UP_ZXID, path),
            None => self.watches.add(self.conn, path, kind),
        }
    }
}

fn read_paths<'a>(body: &mut Reader<'a>) -> Result<Vec<&'a str>, Malformed> {
    let count = body.vec_len()?.unwrap_or(0);
    let mut paths = Vec::new();
    for _ in 0..count {
        paths.push(body.string()?);
    }
    Ok(paths)
}
