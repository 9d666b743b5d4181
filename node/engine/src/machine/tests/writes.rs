//! create, delete, setData, setACL: what they change, what they tell, which error comes first.

use super::*;
use EventKind::{ChildrenChanged, Created, DataChanged, Deleted};

#[test]
fn the_tree_starts_as_a_zookeeper_does() {
    let mut world = World::new();
    assert_eq!(world.children("/"), Ok(vec!["zookeeper".into()]));
    assert_eq!(world.children("/zookeeper"), Ok(vec!["config".into(), "quota".into()]));
    let shown =
        |path| world.stat(path).map(|stat| (stat.czxid, stat.pzxid, stat.cversion, stat.aversion));
    assert_eq!(shown("/"), Some((0, 0, -1, 0)));
    assert_eq!(shown("/zookeeper"), Some((0, 0, -2, 0)));
    assert_eq!(shown("/zookeeper/config"), Some((0, 0, 0, -1)));
    for special in ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"] {
        assert_eq!(world.delete(special), ErrorCode::BAD_ARGUMENTS, "{special}");
        assert_eq!(world.data(special), Some(Vec::new()), "{special}");
    }
    assert_eq!(world.set("/zookeeper/config", b"x"), ErrorCode::NO_AUTH);
    assert_eq!(world.set("/zookeeper/quota", b"x"), ErrorCode::OK);
}

#[test]
fn a_create_stamps_the_znode_and_its_parent() {
    let mut world = World::new();
    assert_eq!(world.create("/a"), ErrorCode::OK);
    let zxid = world.effects.zxid;
    world.time_ms = 2_000;
    assert_eq!(world.send(ops::CREATE2, &create("/a/b", b"xyz", ANYONE, 0)), ErrorCode::OK);
    assert_eq!(world.effects.zxid, zxid + 1);
    assert_eq!(world.events(), [(Created, "/a/b"), (ChildrenChanged, "/a")]);
    let mut body = Reader::new(&world.effects.body);
    assert_eq!(body.string(), Ok("/a/b"));
    let answered = Stat::read(&mut body);
    assert!(body.is_empty());
    let expected = Stat {
        czxid: zxid + 1,
        mzxid: zxid + 1,
        ctime: 2_000,
        mtime: 2_000,
        version: 0,
        cversion: 0,
        aversion: 0,
        owner: 0,
        data_bytes: 3,
        num_children: 0,
        pzxid: zxid + 1,
    };
    assert_eq!((answered, world.stat("/a/b")), (Some(expected), Some(expected)));
    let parent = world.stat("/a");
    assert_eq!(
        parent.map(|stat| (stat.cversion, stat.pzxid, stat.mzxid)),
        Some((1, zxid + 1, zxid))
    );
    assert_eq!(parent.map(|stat| (stat.num_children, stat.mtime)), Some((1, 1_000)));
    assert_eq!(world.delete("/a/b"), ErrorCode::OK);
    assert_eq!(world.events(), [(Deleted, "/a/b"), (ChildrenChanged, "/a")]);
    let parent = world.stat("/a");
    assert_eq!(
        parent.map(|stat| (stat.cversion, stat.pzxid, stat.num_children)),
        Some((2, zxid + 2, 0))
    );
    assert_eq!(world.create("/top"), ErrorCode::OK);
    assert_eq!(world.events(), [(Created, "/top"), (ChildrenChanged, "/")]);
}

#[test]
fn sequence_numbers_count_all_creates_and_wrap() {
    let mut world = World::new();
    assert_eq!(world.create("/q"), ErrorCode::OK);
    assert_eq!(world.create_as("/q/n-", 2), "/q/n-0000000000");
    assert_eq!(world.create("/q/plain"), ErrorCode::OK);
    assert_eq!(world.create_as("/q/n-", 3), "/q/n-0000000002");
    assert_eq!(world.create_as("/q/", 2), "/q/0000000003");
    assert_eq!(world.delete("/q/n-0000000002"), ErrorCode::OK);
    assert_eq!(world.create_as("/q/n-", 2), "/q/n-0000000004");
    let tree = &mut world.machine.tree;
    if let Ok(queue) = tree.find("/q") {
        let meta = tree.store.meta(queue);
        tree.store.set_meta(queue, &crate::store::Meta { creates: i32::MAX, ..meta });
    }
    assert_eq!(world.create_as("/q/n-", 2), "/q/n-2147483647");
    assert_eq!(world.create_as("/q/n-", 2), "/q/n--2147483648");
    assert_eq!(world.create_as("/q/n-", 2), "/q/n--2147483647");
}

#[test]
fn create_checks_in_the_order_of_zookeeper() {
    let mut world = World::new();
    let invalid: &[(i32, &str, &str)] = &[];
    assert_eq!(
        world.send(ops::CREATE, &create("/ro", b"", &[(1, "world", "anyone")], 0)),
        ErrorCode::OK
    );
    assert_eq!(world.create_as("/eph", 1), "/eph");
    assert_eq!(world.create("/ok"), ErrorCode::OK);
    let mut try_create = |path, acl, flags| world.send(ops::CREATE, &create(path, b"", acl, flags));
    assert_eq!(try_create("nothing", invalid, 7), ErrorCode::BAD_ARGUMENTS);
    assert_eq!(try_create("/x", invalid, 5), ErrorCode::BAD_ARGUMENTS);
    assert_eq!(try_create("no-slash", invalid, 0), ErrorCode::BAD_ARGUMENTS);
    assert_eq!(try_create("/x\0", invalid, 0), ErrorCode::BAD_ARGUMENTS);
    assert_eq!(try_create("/none/..", invalid, 0), ErrorCode::INVALID_ACL);
    assert_eq!(try_create("/none/..", ANYONE, 0), ErrorCode::NO_NODE);
    assert_eq!(try_create("/ro/..", ANYONE, 0), ErrorCode::NO_AUTH);
    assert_eq!(try_create("/ok/..", ANYONE, 0), ErrorCode::BAD_ARGUMENTS);
    assert_eq!(try_create("/ok/", ANYONE, 0), ErrorCode::BAD_ARGUMENTS);
    assert_eq!(try_create("/ok", ANYONE, 0), ErrorCode::NODE_EXISTS);
    assert_eq!(try_create("/", ANYONE, 0), ErrorCode::NODE_EXISTS);
    assert_eq!(try_create("/eph/x", ANYONE, 0), ErrorCode::NO_CHILDREN_FOR_EPHEMERALS);
    assert_eq!(world.effects.events, []);
    assert_eq!(world.send(ops::CREATE, b"\0\0"), ErrorCode::MARSHALLING_ERROR);
    let null_path = [&(-1_i32).to_be_bytes()[..], &create("", b"", ANYONE, 0)[4..]].concat();
    assert_eq!(world.send(ops::CREATE, &null_path), ErrorCode::MARSHALLING_ERROR);
    world.session += 1;
    assert_eq!(world.send(ops::CREATE, &create("bad", b"", invalid, 9)), ErrorCode::BAD_ARGUMENTS);
    assert_eq!(
        world.send(ops::CREATE, &create("bad", b"", invalid, 0)),
        ErrorCode::SESSION_EXPIRED
    );
}

#[test]
fn the_operation_decides_about_container_and_ttl() {
    let mut world = World::new();
    let owner = |world: &World, path: &str| {
        world.machine.tree.find(path).map(|id| world.machine.tree.store.meta(id).owner)
    };
    assert_eq!(world.create_as("/plain", 4), "/plain");
    assert_eq!(owner(&world, "/plain"), Ok(0), "container flags with a plain create");
    assert_eq!(world.send(ops::CREATE_CONTAINER, &create("/c", b"", ANYONE, 4)), ErrorCode::OK);
    assert_eq!(owner(&world, "/c"), Ok(i64::MIN));
    assert_eq!(world.send(ops::CREATE_TTL, &create_ttl("/t", 5, 99)), ErrorCode::OK);
    assert_eq!(owner(&world, "/t").map(i64::cast_unsigned), Ok(0xff00_0000_0000_0063));
    assert_eq!(world.send(ops::CREATE_TTL, &create_ttl("/t-", 6, 99)), ErrorCode::OK);
    assert_eq!(Reader::new(&world.effects.body).string(), Ok("/t-0000000003"));
    for path in ["/plain", "/c", "/t"] {
        assert_eq!(world.stat(path).map(|stat| stat.owner), Some(0), "{path}");
    }
    for (flags, ttl_ms) in [(5, 0), (5, -1), (5, 0x100_0000_0000), (0, 5), (1, 5), (0, -1), (4, 1)]
    {
        let error = world.send(ops::CREATE_TTL, &create_ttl("/bad", flags, ttl_ms));
        assert_eq!(error, ErrorCode::BAD_ARGUMENTS, "{flags} {ttl_ms}");
    }
    assert_eq!(world.create_as("/e", 1), "/e");
    assert_eq!(world.stat("/e").map(|stat| stat.owner), Some(FIRST_SESSION));
}

#[test]
fn delete_checks_in_the_order_of_zookeeper() {
    let mut world = World::new();
    for path in ["/a", "/a/b", "/a/b/c"] {
        assert_eq!(world.create(path), ErrorCode::OK);
    }
    assert_eq!(
        world.send(ops::CREATE, &create("/ro", b"", &[(1, "world", "anyone")], 0)),
        ErrorCode::OK
    );
    assert_eq!(world.delete("relative"), ErrorCode::BAD_ARGUMENTS);
    assert_eq!(world.delete("/none/x"), ErrorCode::NO_NODE);
    assert_eq!(world.delete("/ro/none"), ErrorCode::NO_AUTH);
    assert_eq!(world.delete("/a/none"), ErrorCode::NO_NODE);
    assert_eq!(world.delete("/a/"), ErrorCode::NO_NODE);
    assert_eq!(world.delete("//a"), ErrorCode::NO_NODE);
    assert_eq!(world.send(ops::DELETE, &versioned("/a/b", 1)), ErrorCode::BAD_VERSION);
    assert_eq!(world.send(ops::DELETE, &versioned("/a/b", 0)), ErrorCode::NOT_EMPTY);
    assert_eq!(world.send(ops::DELETE, &versioned("/a/b/c", 0)), ErrorCode::OK);
    assert!(world.effects.body.is_empty());
    assert_eq!(world.stat("/a/b/c"), None);
}

#[test]
fn set_data_changes_version_and_stamps_only_the_znode() {
    let mut world = World::new();
    assert_eq!(world.create("/a"), ErrorCode::OK);
    let root = world.stat("/");
    world.time_ms = 3_000;
    assert_eq!(world.send(ops::SET_DATA, &set_data("/a", Some(b"12"), 0)), ErrorCode::OK);
    assert_eq!(world.events(), [(DataChanged, "/a")]);
    let stat = Stat::read(&mut Reader::new(&world.effects.body));
    assert_eq!(stat, world.stat("/a"));
    let shown =
        stat.map(|stat| (stat.version, stat.mtime, stat.ctime, stat.mzxid, stat.data_bytes));
    assert_eq!(shown, Some((1, 3_000, 1_000, world.effects.zxid, 2)));
    assert_eq!(world.stat("/"), root);
    assert_eq!(world.send(ops::SET_DATA, &set_data("/a", None, 1)), ErrorCode::OK);
    assert_eq!(world.data("/a"), None, "null is not empty");
    assert_eq!(world.send(ops::SET_DATA, &set_data("/a", Some(b""), 1)), ErrorCode::BAD_VERSION);
    assert_eq!(world.set("/a/", b""), ErrorCode::BAD_ARGUMENTS);
    assert_eq!(world.set("/none", b""), ErrorCode::NO_NODE);
    let write_less = [(29, "world", "anyone")];
    assert_eq!(world.send(ops::SET_ACL, &set_acl("/a", &write_less, -1)), ErrorCode::OK);
    assert_eq!(world.send(ops::SET_DATA, &set_data("/a", None, 77)), ErrorCode::NO_AUTH);
}

#[test]
fn set_acl_counts_its_own_version_and_tells_nobody() {
    let mut world = World::new();
    assert_eq!(world.create("/a"), ErrorCode::OK);
    let before = world.stat("/a");
    let acl = [(31, "ip", "127.0.0.1")];
    assert_eq!(world.send(ops::SET_ACL, &set_acl("/a", &acl, 1)), ErrorCode::BAD_VERSION);
    assert_eq!(world.send(ops::SET_ACL, &set_acl("/a", &acl, 0)), ErrorCode::OK);
    assert_eq!(world.events(), []);
    assert_eq!(world.stat("/a"), before.map(|stat| Stat { aversion: 1, ..stat }));
    world.auth = vec![id("ip", "127.0.0.2")];
    assert_eq!(world.send(ops::SET_ACL, &set_acl("/a", &[], -1)), ErrorCode::INVALID_ACL);
    assert_eq!(world.send(ops::SET_ACL, &set_acl("/none", ANYONE, -1)), ErrorCode::NO_NODE);
    assert_eq!(world.send(ops::SET_ACL, &set_acl("/a", ANYONE, 9)), ErrorCode::NO_AUTH);
    world.auth = vec![id("super", "")];
    assert_eq!(world.send(ops::SET_ACL, &set_acl("/a", ANYONE, -1)), ErrorCode::OK);
    assert_eq!(world.create("/b"), ErrorCode::OK);
    assert_eq!(world.machine.acl_count(), 2, "the open one, and that of /zookeeper/config");
}

#[test]
fn every_write_takes_a_zxid_also_when_it_fails() {
    let mut world = World::new();
    let before = world.machine.last_zxid();
    assert_eq!(world.delete("/none"), ErrorCode::NO_NODE);
    assert_eq!(world.send(ops::ERROR, &(-6_i32).to_be_bytes()), ErrorCode::UNIMPLEMENTED);
    assert_eq!(world.send(999, b""), ErrorCode::UNIMPLEMENTED);
    assert_eq!(world.machine.last_zxid(), before + 3);
    assert_eq!(world.send(ops::ATTACH_SESSION, b""), ErrorCode::OK);
    assert_eq!(world.effects.zxid, before + 3, "no znode is touched by that");
}

#[test]
fn entries_come_in_order() {
    let mut world = World::new();
    let next = world.machine.applied_index() + 1;
    let gap = Err(CannotApply::NotNext { expected: next, got: next + 1 });
    assert_eq!(world.machine.begin(next + 1, None), gap);
    assert_eq!(world.machine.begin(next, None), Ok(()));
    assert_eq!(world.create("/a"), ErrorCode::OK);
    assert_eq!(world.stat("/a").map(|stat| stat.ctime), Some(1_000), "time does not go back");
}

#[test]
fn quota_statistics_follow_the_subtree() {
    let mut world = World::new();
    for path in ["/a", "/a/b", "/zookeeper/quota/a"] {
        assert_eq!(world.create(path), ErrorCode::OK);
    }
    assert_eq!(world.set("/a/b", b"12345"), ErrorCode::OK);
    let stats = "/zookeeper/quota/a/zookeeper_stats";
    let limits = create("/zookeeper/quota/a/zookeeper_limits", b"count=9,bytes=-1", ANYONE, 0);
    assert_eq!(world.send(ops::CREATE, &limits), ErrorCode::OK);
    assert_eq!(world.create(stats), ErrorCode::OK);
    let read = |world: &World| world.data(stats).and_then(|data| String::from_utf8(data).ok());
    assert_eq!(read(&world).as_deref(), Some("count=2,bytes=5"));
    assert_eq!(world.send(ops::CREATE, &create("/a/c", b"123", ANYONE, 0)), ErrorCode::OK);
    assert_eq!(world.set("/a/b", b"1"), ErrorCode::OK);
    assert_eq!(read(&world).as_deref(), Some("count=3,bytes=4"));
    assert_eq!(world.delete("/a/c"), ErrorCode::OK);
    assert_eq!(world.create("/abc"), ErrorCode::OK);
    assert_eq!(read(&world).as_deref(), Some("count=2,bytes=1"));
    let failing = framed(&[
        (ops::CREATE, create("/a/x", b"1", ANYONE, 0)),
        (ops::CHECK, versioned("/none", -1)),
    ]);
    assert_eq!(world.send(ops::MULTI, &failing), ErrorCode::OK);
    assert_eq!(read(&world).as_deref(), Some("count=2,bytes=1"));
    assert_eq!(world.stat(stats).map(|stat| stat.version), Some(0));
    assert_eq!(world.delete("/zookeeper/quota/a/zookeeper_limits"), ErrorCode::OK);
    assert_eq!(world.create("/a/d"), ErrorCode::OK);
    assert_eq!(read(&world).as_deref(), Some("count=2,bytes=1"), "no limits, no upkeep");
}
