//! The reads: what they answer, and to whom.

use super::*;

fn outcome(
    read: impl FnOnce(&mut Vec<u8>) -> Result<(), ErrorCode>,
) -> (Result<(), ErrorCode>, usize) {
    let mut out = Vec::new();
    let result = read(&mut out);
    (result, out.len())
}

/// A path and no watch.
fn read(path: &str) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_string(path);
    out.put_bool(false);
    out
}

#[test]
fn reads_need_the_znode_and_then_permission() {
    let mut world = World::new();
    let acl = [(2, "world", "anyone"), (16, "ip", "127.0.0.1"), (1, "digest", "u:secret")];
    world.auth.push(id("digest", "u:secret"));
    assert_eq!(world.send(ops::CREATE, &create("/a", b"", &acl, 0)), ErrorCode::OK);
    let machine = &mut world.machine;
    let nobody = [id("ip", "1.1.1.1")];
    for (path, error) in [("/none", ErrorCode::NO_NODE), ("/a", ErrorCode::NO_AUTH)] {
        let refused = (Err(error), 0);
        assert_eq!(outcome(|out| machine.exists(path, &nobody, out)), refused);
        assert_eq!(outcome(|out| machine.get_data(path, &nobody, out)), refused);
        assert_eq!(outcome(|out| machine.get_acl(path, &nobody, out)), refused);
        assert_eq!(outcome(|out| machine.get_children(path, &nobody, out)), refused);
        assert_eq!(outcome(|out| machine.get_children2(path, &nobody, out)), refused);
        assert_eq!(outcome(|out| machine.all_children_number(path, &nobody, out)), refused);
    }
    for path in ["a", "/a/", "//a", "/a\u{1}"] {
        assert_eq!(outcome(|out| machine.get_data(path, &nobody, out)).0, Err(ErrorCode::NO_NODE));
    }
    assert_eq!(
        outcome(|out| machine.exists("/a\0", &nobody, out)).0,
        Err(ErrorCode::BAD_ARGUMENTS)
    );
}

#[test]
fn an_acl_is_shown_whole_to_its_admins_only() {
    let mut world = World::new();
    let acl = [(16, "ip", "127.0.0.1"), (1, "digest", "u:secret")];
    world.auth.push(id("digest", "u:secret"));
    assert_eq!(world.send(ops::CREATE, &create("/a", b"", &acl, 0)), ErrorCode::OK);
    for (auth, shown) in [(&world.auth[..1], "u:secret"), (&world.auth[1..], "u:x")] {
        let (mut out, mut expected) = (Vec::new(), Vec::new());
        assert_eq!(world.machine.get_acl("/a", auth, &mut out), Ok(()));
        put_acl(&[acl[0], (1, "digest", shown)], &mut expected);
        assert_eq!(&out[..expected.len()], expected);
        assert_eq!(out.len(), expected.len() + 68);
    }
}

/// A list of a thousand ids allows what it says to each of them, and to nobody else.
#[test]
fn a_long_acl_holds_for_each_of_its_ids() {
    let mut world = World::new();
    let names: Vec<String> = (0..1000).map(|number| format!("u{number}:p")).collect();
    let mut list: Vec<_> = names.iter().map(|name| (1, "digest", name.as_str())).collect();
    list.extend([(4, "ip", "10.0.0.0/8"), (2, "ip", "10.1.2.3")]);
    assert_eq!(world.send(ops::CREATE, &create("/a", b"", &list, 0)), ErrorCode::OK);
    let may_read =
        |scheme, name| world.machine.get_data("/a", &[id(scheme, name)], &mut Vec::new()).is_ok();
    assert!(names.iter().all(|name| may_read("digest", name)));
    for (scheme, name) in
        [("digest", "u1000:p"), ("digest", "u1"), ("x509", "u1:p"), ("ip", "10.1.2.3")]
    {
        assert!(!may_read(scheme, name), "{scheme} {name}");
    }
}

#[test]
fn a_cached_list_follows_the_children() {
    let mut world = World::new();
    assert_eq!(world.create("/d"), ErrorCode::OK);
    for name in ["/d/a", "/d/b"] {
        assert_eq!(world.create(name), ErrorCode::OK);
        let count = if name == "/d/a" { 1 } else { 2 };
        assert_eq!(world.children("/d").map(|names| names.len()), Ok(count));
    }
    assert_eq!(
        world.children("/d"),
        Ok(vec!["a".into(), "b".into()]),
        "the second time from the cache"
    );
    let failing = framed(&[
        (ops::CREATE, create("/d/c", b"", ANYONE, 0)),
        (ops::DELETE, versioned("/none", -1)),
    ]);
    assert_eq!(world.send(ops::MULTI, &failing), ErrorCode::OK);
    assert_eq!(world.children("/d"), Ok(vec!["a".into(), "b".into()]));
    assert_eq!(world.delete("/d/a"), ErrorCode::OK);
    assert_eq!(world.children("/d"), Ok(vec!["b".into()]));
    assert_eq!(world.delete("/d/b"), ErrorCode::OK);
    assert_eq!(world.delete("/d"), ErrorCode::OK);
    assert_eq!(world.create("/e"), ErrorCode::OK);
    assert_eq!(world.children("/e"), Ok(vec![]));
    let mut out = Vec::new();
    assert_eq!(world.machine.get_children2("/", &world.auth, &mut out), Ok(()));
    let mut reader = Reader::new(&out);
    assert_eq!(strings(&mut reader), ["e", "zookeeper"]);
    assert_eq!(Stat::read(&mut reader), world.stat("/"));
}

#[test]
fn all_descendants_are_counted() {
    let mut world = World::new();
    for path in ["/a", "/a/b", "/a/b/c", "/ab"] {
        assert_eq!(world.create(path), ErrorCode::OK);
    }
    for (path, count) in [("/a", 2), ("/a/b/c", 0), ("/", 7)] {
        let mut out = Vec::new();
        assert_eq!(world.machine.all_children_number(path, &[], &mut out), Ok(()));
        assert_eq!(Reader::new(&out).i32(), Ok(count), "{path}");
    }
}

#[test]
fn ephemerals_are_those_of_the_session_under_the_prefix() {
    let mut world = World::new();
    let other = world.open(2);
    for path in ["/d", "/de"] {
        assert_eq!(world.create(path), ErrorCode::OK);
    }
    for path in ["/b", "/d/b", "/a", "/de/b", "/aa", "/d/a"] {
        assert_eq!(world.create_as(path, 1), path);
    }
    let all = ["/a", "/aa", "/b", "/d/a", "/d/b", "/de/b"];
    let list = |session, prefix| {
        let mut out = Vec::new();
        world.machine.get_ephemerals(session, prefix, &mut out);
        strings(&mut Reader::new(&out))
    };
    for (prefix, found) in [
        ("/", &all[..]),
        (" ", &all),
        ("/a", &all[..2]),
        ("/d", &all[3..]),
        ("/d/", &all[3..5]),
        ("/d/b", &all[4..5]),
        ("/d/bb", &[]),
        ("/de/", &all[5..]),
        ("/x", &[]),
        ("a", &[]),
    ] {
        assert_eq!(list(world.session, prefix), found, "{prefix}");
    }
    assert_eq!(list(other, ""), Vec::<String>::new());
}

#[test]
fn multi_read_answers_results_and_errors_side_by_side() {
    let mut world = World::new();
    assert_eq!(world.send(ops::CREATE, &create("/a", b"data", ANYONE, 0)), ErrorCode::OK);
    let body = framed(&[
        (ops::GET_DATA, read("/a")),
        (ops::GET_DATA, read("/x")),
        (ops::GET_CHILDREN, read("/a")),
    ]);
    let mut out = Vec::new();
    assert_eq!(world.machine.multi_read(Reader::new(&body), &[], &mut out), Ok(()));
    let mut reply = Reader::new(&out);
    assert_eq!((reply.i32(), reply.bool(), reply.i32()), (Ok(ops::GET_DATA), Ok(false), Ok(0)));
    assert_eq!(reply.buf(), Ok(Some(&b"data"[..])));
    assert_eq!(Stat::read(&mut reply), world.stat("/a"));
    assert_eq!((reply.i32(), reply.bool(), reply.i32()), (Ok(-1), Ok(false), Ok(-101)));
    assert_eq!(reply.i32(), Ok(-101));
    assert_eq!((reply.i32(), reply.bool(), reply.i32()), (Ok(ops::GET_CHILDREN), Ok(false), Ok(0)));
    assert!(strings(&mut reply).is_empty());
    assert_eq!((reply.i32(), reply.bool(), reply.i32()), (Ok(-1), Ok(true), Ok(-1)));
    assert!(reply.is_empty());
    for bad in [(ops::EXISTS, read("/a")), (ops::DELETE, versioned("/a", -1))] {
        let body = framed(&[(ops::GET_DATA, read("/a")), bad]);
        let result = outcome(|out| world.machine.multi_read(Reader::new(&body), &[], out));
        assert_eq!(result, (Err(ErrorCode::MARSHALLING_ERROR), 0));
    }
}

#[test]
fn the_configuration_is_served_from_what_this_node_was_told() {
    let mut world = World::new();
    world.machine.set_config(b"server.1=h");
    assert_eq!(world.data("/zookeeper/config").as_deref(), Some(&b"server.1=h"[..]));
    assert_eq!(world.stat("/zookeeper/config").map(|stat| stat.data_bytes), Some(10));
}

#[test]
fn stamps_are_those_of_the_znode() {
    let mut world = World::new();
    assert_eq!(world.create("/a"), ErrorCode::OK);
    let zxid = world.effects.zxid;
    assert_eq!(world.set("/a", b"1"), ErrorCode::OK);
    assert_eq!(world.create("/a/b"), ErrorCode::OK);
    let expected = Stamps { czxid: zxid, mzxid: zxid + 1, pzxid: zxid + 2, acl: 0 };
    assert_eq!((world.machine.stamps("/a"), world.machine.stamps("/x")), (Some(expected), None));
}

/// Results of sixteen megabytes are an answer; whoever asks for more then gets none.
#[test]
fn a_multi_read_that_asks_for_too_much_is_refused() {
    let mut world = World::new();
    let data = vec![7; 2 << 20];
    assert_eq!(world.send(ops::CREATE, &create("/a", &data, ANYONE, 0)), ErrorCode::OK);
    let body = |count| framed(&vec![(ops::GET_DATA, read("/a")); count]);
    let (machine, before) = (&mut world.machine, b"before".to_vec());
    let mut ask = |count| {
        let mut out = before.clone();
        let result = machine.multi_read(Reader::new(&body(count)), &[], &mut out);
        (result, out.len() / data.len())
    };
    assert_eq!(ask(8), (Ok(()), 8));
    assert_eq!(ask(9), (Err(ErrorCode::BAD_ARGUMENTS), 0));
    assert_eq!(ask(300), (Err(ErrorCode::BAD_ARGUMENTS), 0));
}

/// What costs more than its request and its answer show is counted; the rest is not.
#[test]
fn work_is_counted_where_it_does_not_show() {
    let mut world = World::new();
    let long: Vec<String> = (0..1000).map(|number| format!("u{number}:p")).collect();
    let list: Vec<_> = long.iter().map(|id| (31, "digest", id.as_str())).collect();
    let few = &[(31, "ip", "127.0.0.1")];
    for (path, acl) in [("/a", ANYONE), ("/few", few), ("/long", &list[..])] {
        assert_eq!(world.send(ops::CREATE, &create(path, b"", acl, 0)), ErrorCode::OK);
    }
    for child in ["/a/1", "/a/2", "/a/3"] {
        assert_eq!(world.create_as(child, 1), child);
    }
    let (machine, session, auth) = (&mut world.machine, world.session, [id("digest", "u999:p")]);
    for (who, result) in [("u999:p", Ok(())), ("u1000:p", Err(ErrorCode::NO_AUTH))] {
        let auth = [id("digest", who)];
        assert_eq!(machine.get_data("/long", &auth, &mut Vec::new()), result);
    }
    let mut cost = |read: &mut dyn FnMut(&mut Machine, &mut Vec<u8>)| {
        let before = machine.steps();
        read(machine, &mut Vec::new());
        machine.steps() - before
    };
    let mut get = |path| cost(&mut |machine, out| _ = machine.get_data(path, &auth, out));
    assert_eq!((get("/a"), get("/long")), (0, 10));
    assert!((10..60).contains(&get("/few")));
    assert_eq!(cost(&mut |machine, out| _ = machine.all_children_number("/a", &[], out)), 3);
    assert_eq!(cost(&mut |machine, out| machine.get_ephemerals(session, "/a/2", out)), 3 + 20);
    let body = framed(&vec![(ops::GET_DATA, read("/a")); 8]);
    let many = cost(&mut |machine, out| _ = machine.multi_read(Reader::new(&body), &[], out));
    assert!((8 * 20 + 1..8 * 25).contains(&many), "{many}");
}
