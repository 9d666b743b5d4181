//! multi: all or none, at one zxid, and what the answer says.

use super::*;
use EventKind::{ChildrenChanged, Created, DataChanged, Deleted};

/// The answer as (type, error in the header, error in the body or 0 for a result).
fn results(world: &World) -> Vec<(i32, i32, i32)> {
    let mut body = Reader::new(&world.effects.body);
    let mut out = Vec::new();
    while let (Ok(op), Ok(false), Ok(error)) = (body.i32(), body.bool(), body.i32()) {
        let mut inner = 0;
        match op {
            ops::ERROR => inner = body.i32().unwrap_or(i32::MIN),
            ops::CREATE => assert!(body.string().is_ok()),
            ops::CREATE2 => assert!(body.string().is_ok() && Stat::read(&mut body).is_some()),
            ops::SET_DATA => assert!(Stat::read(&mut body).is_some()),
            _ => {}
        }
        out.push((op, error, inner));
    }
    assert!(body.is_empty());
    out
}

fn end() -> Vec<u8> {
    framed(&[])
}

#[test]
fn sub_operations_see_each_other_and_share_a_zxid() {
    let mut world = World::new();
    let body = framed(&[
        (ops::CREATE, create("/a", b"", ANYONE, 0)),
        (ops::CREATE2, create("/a/b-", b"", ANYONE, 2)),
        (ops::SET_DATA, set_data("/a", Some(b"xy"), 0)),
        (ops::CHECK, versioned("/a", 1)),
        (ops::CREATE_CONTAINER, create("/c", b"", ANYONE, 4)),
        (ops::DELETE, versioned("/a/b-0000000000", 0)),
    ]);
    let before = world.machine.last_zxid();
    assert_eq!(world.send(ops::MULTI, &body), ErrorCode::OK);
    assert_eq!(
        results(&world),
        [
            (ops::CREATE, 0, 0),
            (ops::CREATE2, 0, 0),
            (ops::SET_DATA, 0, 0),
            (ops::CHECK, 0, 0),
            (ops::CREATE2, 0, 0),
            (ops::DELETE, 0, 0)
        ]
    );
    assert_eq!(
        world.events(),
        [
            (Created, "/a"),
            (ChildrenChanged, "/"),
            (Created, "/a/b-0000000000"),
            (ChildrenChanged, "/a"),
            (DataChanged, "/a"),
            (Created, "/c"),
            (ChildrenChanged, "/"),
            (Deleted, "/a/b-0000000000"),
            (ChildrenChanged, "/a"),
        ]
    );
    assert_eq!(world.machine.last_zxid(), before + 1);
    let stat = world.stat("/a").map(|stat| (stat.czxid, stat.mzxid, stat.pzxid, stat.cversion));
    assert_eq!(stat, Some((before + 1, before + 1, before + 1, 2)));
}

#[test]
fn a_failed_multi_leaves_no_trace_but_its_zxid() {
    let mut world = World::new();
    for path in ["/a", "/a/b"] {
        assert_eq!(world.create(path), ErrorCode::OK);
    }
    assert_eq!(world.create_as("/e", 1), "/e");
    let paths = ["/", "/a", "/a/b", "/e"];
    let before = paths.map(|path| (world.stat(path), world.data(path)));
    let body = framed(&[
        (ops::SET_DATA, set_data("/a/b", Some(b"new"), -1)),
        (ops::DELETE, versioned("/a/b", -1)),
        (ops::CREATE, create("/a/b", b"again", &[(31, "ip", "1.2.3.4")], 0)),
        (ops::DELETE, versioned("/a/b", -1)),
        (ops::DELETE, versioned("/a", -1)),
        (ops::DELETE, versioned("/e", -1)),
        (ops::CREATE, create("/x", b"", ANYONE, 1)),
        (ops::CHECK, versioned("/none", -1)),
        (ops::CREATE, create("/y", b"", ANYONE, 0)),
    ]);
    assert_eq!(world.send(ops::MULTI, &body), ErrorCode::OK);
    let codes: Vec<i32> = results(&world).iter().map(|result| result.1).collect();
    assert_eq!(codes, [0, 0, 0, 0, 0, 0, 0, -101, -2]);
    assert!(results(&world).iter().all(|result| result.0 == ops::ERROR && result.1 == result.2));
    assert_eq!(world.events(), []);
    assert_eq!(paths.map(|path| (world.stat(path), world.data(path))), before);
    assert_eq!(world.machine.ephemeral_paths(world.session), ["/e"]);
    assert_eq!(world.create("/a/b/c"), ErrorCode::OK, "the tree is whole");
    assert_eq!(world.machine.acl_count(), 2, "the list of the attempt is forgotten");
}

#[test]
fn an_empty_multi_answers_with_its_end_only() {
    let mut world = World::new();
    assert_eq!(world.send(ops::MULTI, &end()), ErrorCode::OK);
    assert_eq!(world.effects.body, end());
}

#[test]
fn what_is_no_multi_is_refused_before_anything_is_done() {
    let mut world = World::new();
    let first = (ops::CREATE, create("/a", b"", ANYONE, 0));
    let mut read = Vec::new();
    read.put_string("/");
    read.put_bool(false);
    for bad in [
        (ops::GET_DATA, read),
        (ops::SET_ACL, set_acl("/", ANYONE, -1)),
        (ops::CREATE, create("/t", b"", ANYONE, 5)),
        (ops::CREATE, create("/t", b"", ANYONE, 7)),
        (ops::DELETE, b"\0".to_vec()),
    ] {
        let error = world.send(ops::MULTI, &framed(&[first.clone(), bad]));
        assert_eq!(error, ErrorCode::MARSHALLING_ERROR);
        assert_eq!((world.stat("/a"), world.effects.body.len()), (None, 0));
    }
    assert_eq!(world.send(ops::MULTI, b""), ErrorCode::MARSHALLING_ERROR);
    let null_path = [&(-1_i32).to_be_bytes()[..], &(-1_i32).to_be_bytes()[..]].concat();
    let failing = (ops::CHECK, versioned("/none", -1));
    let body = framed(&[failing, (ops::CHECK, null_path)]);
    assert_eq!(world.send(ops::MULTI, &body), ErrorCode::MARSHALLING_ERROR);
}

#[test]
fn the_flags_choose_the_operation_within_a_multi() {
    let mut world = World::new();
    let body = framed(&[
        (ops::CREATE, create("/c", b"", ANYONE, 4)),
        (ops::CREATE_TTL, create_ttl("/t", 5, 10)),
        (ops::CREATE_TTL, create_ttl("/p", 0, 10)),
    ]);
    assert_eq!(world.send(ops::MULTI, &body), ErrorCode::OK);
    let types: Vec<i32> = results(&world).iter().map(|result| result.0).collect();
    assert_eq!(types, [ops::CREATE2, ops::CREATE2, ops::CREATE]);
    assert_eq!((world.machine.tree.containers.len(), world.machine.tree.ttls.len()), (1, 1));
    let bad_mode = framed(&[(ops::CREATE_TTL, create_ttl("/p2", 77, 10))]);
    assert_eq!(world.send(ops::MULTI, &bad_mode), ErrorCode::OK);
    assert_eq!(results(&world), [(ops::ERROR, -8, -8)]);
}

#[test]
fn a_multi_of_another_connection_is_moved_as_a_whole() {
    let mut world = World::new();
    world.conn = 2;
    assert_eq!(
        world.send(ops::MULTI, &framed(&[(ops::CHECK, versioned("/", -1))])),
        ErrorCode::SESSION_MOVED
    );
    assert!(world.effects.moved && world.effects.body.is_empty());
    world.session = 12345;
    assert_eq!(world.send(ops::MULTI, &framed(&[(ops::CHECK, versioned("/", -1))])), ErrorCode::OK);
    assert_eq!(results(&world), [(ops::ERROR, -112, -112)]);
}
