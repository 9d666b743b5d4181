//! Sessions: created, moved, closed and expired by entries of the log.

use super::*;
use EventKind::{ChildrenChanged, Deleted};

fn expire(sessions: &[(i64, u64)]) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_i32(sessions.len() as i32);
    for (session, conn) in sessions {
        body.put_i64(*session);
        body.put_u64(1);
        body.put_u64(*conn);
    }
    body
}

#[test]
fn ids_count_up_from_the_first_and_passwords_are_of_the_secret() {
    let mut world = World::new();
    assert_eq!(world.session, FIRST_SESSION);
    let second = world.open(2);
    assert_eq!(second, FIRST_SESSION + 1);
    let password = world.machine.password(second);
    assert_eq!(world.effects.session_opened.map(|opened| opened.password), Some(password));
    assert_ne!(password, world.machine.password(FIRST_SESSION));
    assert_eq!(
        world.machine.session(second),
        Some(SessionView { timeout_ms: 5_000, owner: (1, 2) })
    );
    let mut body = Vec::new();
    body.put_buf(Some(&[0; 16]));
    body.put_buf(Some(&[0; 32]));
    body.put_i64(1);
    assert_eq!(
        world.send(ops::BOOTSTRAP, &body),
        ErrorCode::BAD_ARGUMENTS,
        "a cluster begins once"
    );
}

#[test]
fn a_session_belongs_to_the_connection_that_attached_last() {
    let mut world = World::new();
    world.conn = 2;
    assert_eq!(world.create("/a"), ErrorCode::SESSION_MOVED);
    assert!(world.effects.moved);
    let zxid = world.machine.last_zxid();
    assert_eq!(world.send(ops::ATTACH_SESSION, &7_000_i32.to_be_bytes()), ErrorCode::OK);
    let password = world.machine.password(FIRST_SESSION);
    let previous_owner = Some((1, 1));
    let attached = Attached { session: FIRST_SESSION, timeout_ms: 7_000, password, previous_owner };
    assert_eq!(world.effects.attached, Some(attached));
    assert_eq!(world.machine.last_zxid(), zxid, "nothing was written");
    assert_eq!(world.create("/a"), ErrorCode::OK);
    assert_eq!(world.send(ops::ATTACH_SESSION, b""), ErrorCode::OK);
    assert_eq!(world.effects.attached, Some(Attached { previous_owner: None, ..attached }));
    world.conn = 1;
    assert_eq!(world.create("/b"), ErrorCode::SESSION_MOVED);
    world.session = 5;
    assert_eq!(world.send(ops::ATTACH_SESSION, b""), ErrorCode::SESSION_EXPIRED);
}

#[test]
fn closing_deletes_the_ephemerals_at_one_zxid() {
    let mut world = World::new();
    assert_eq!(world.create("/dir"), ErrorCode::OK);
    for path in ["/dir/b", "/a"] {
        assert_eq!(world.create_as(path, 1), path);
    }
    assert_eq!(world.create_as("/dir/gone", 1), "/dir/gone");
    assert_eq!(world.delete("/dir/gone"), ErrorCode::OK);
    assert_eq!(world.send(ops::CLOSE_SESSION, b""), ErrorCode::OK);
    assert_eq!(
        world.events(),
        [(Deleted, "/a"), (ChildrenChanged, "/"), (Deleted, "/dir/b"), (ChildrenChanged, "/dir")]
    );
    assert_eq!(world.effects.sessions_closed, [FIRST_SESSION]);
    let zxid = world.effects.zxid;
    assert_eq!(world.stat("/").map(|stat| stat.pzxid), Some(zxid));
    assert_eq!(world.stat("/dir").map(|stat| (stat.pzxid, stat.cversion)), Some((zxid, 4)));
    assert_eq!(world.create("/late"), ErrorCode::SESSION_EXPIRED);
    assert_eq!(world.send(ops::CLOSE_SESSION, b""), ErrorCode::OK);
    assert!(world.effects.sessions_closed.is_empty() && world.effects.events.is_empty());
    assert_eq!(world.machine.ephemerals_count(), 0);
}

#[test]
fn many_sessions_expire_in_one_request() {
    let mut world = World::new();
    let others = [world.open(2), world.open(3)];
    for (conn, session) in [(2, others[0]), (3, others[1])] {
        (world.conn, world.session) = (conn, session);
        let path = format!("/of-{conn}");
        assert_eq!(world.create_as(&path, 1), path);
    }
    (world.conn, world.session) = (0, 0);
    let body = expire(&[(others[0], 2), (999, 2), (FIRST_SESSION, 7), (others[1], 3)]);
    let cut = &body[..body.len() - 1];
    assert_eq!(world.send(ops::EXPIRE_SESSIONS, cut), ErrorCode::MARSHALLING_ERROR);
    assert_eq!(world.machine.sessions().count(), 3);
    assert_eq!(world.send(ops::EXPIRE_SESSIONS, &body), ErrorCode::OK);
    assert_eq!(world.effects.sessions_closed, others);
    assert_eq!(world.events().len(), 4);
    assert_eq!(
        world.machine.sessions().map(|(session, _)| session).collect::<Vec<_>>(),
        [FIRST_SESSION]
    );
    assert_eq!(world.children("/"), Ok(vec!["zookeeper".into()]));
}

#[test]
fn without_a_beginning_there_is_no_session() {
    let mut machine = Machine::new(1);
    let mut effects = Effects::default();
    assert_eq!(machine.begin(1, None), Ok(()));
    let body = 4_000_i32.to_be_bytes();
    let request = Request {
        origin: 1,
        conn: 1,
        session: 0,
        xid: 0,
        op: ops::CREATE_SESSION,
        auth: 0,
        body: &body,
    };
    machine.apply(&request, &[], &mut effects);
    assert_eq!((effects.error, effects.session_opened), (ErrorCode::SYSTEM_ERROR, None));
}

#[test]
fn a_session_that_was_taken_up_meanwhile_does_not_expire() {
    let mut world = World::new();
    let noticed = expire(&[(FIRST_SESSION, 1)]);
    world.conn = 2;
    assert_eq!(world.send(ops::ATTACH_SESSION, b""), ErrorCode::OK);
    assert_eq!(world.send(ops::EXPIRE_SESSIONS, &noticed), ErrorCode::OK);
    assert!(world.effects.sessions_closed.is_empty());
    assert_eq!(world.create("/alive"), ErrorCode::OK);
    assert_eq!(world.send(ops::EXPIRE_SESSIONS, &expire(&[(FIRST_SESSION, 2)])), ErrorCode::OK);
    assert_eq!(world.effects.sessions_closed, [FIRST_SESSION]);
}
