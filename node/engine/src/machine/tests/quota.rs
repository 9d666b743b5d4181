//! Hard limits of quotas: what is refused, and when nothing is.

use super::*;

const STATS: &str = "/zookeeper/quota/a/zookeeper_stats";
const LIMITS: &str = "/zookeeper/quota/a/zookeeper_limits";

/// `/a` has a quota with these limits, and nothing below it.
fn limited(limits: &[u8]) -> World {
    let mut world = World::new();
    for path in ["/a", "/zookeeper/quota/a"] {
        assert_eq!(world.create(path), ErrorCode::OK);
    }
    assert_eq!(world.send(ops::CREATE, &create(LIMITS, limits, ANYONE, 0)), ErrorCode::OK);
    assert_eq!(world.create(STATS), ErrorCode::OK);
    world.enforces_quotas = true;
    world
}

fn create_with(world: &mut World, path: &str, data: &[u8]) -> ErrorCode {
    world.send(ops::CREATE, &create(path, data, ANYONE, 0))
}

#[test]
fn count_beyond_the_hard_limit_is_refused() {
    let mut world = limited(b"count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=3");
    for (path, expected) in [
        ("/a/b", ErrorCode::OK),
        ("/a/b/c", ErrorCode::OK),
        ("/a/d", ErrorCode::QUOTA_EXCEEDED),
        ("/a/b/d", ErrorCode::QUOTA_EXCEEDED),
        ("/beside", ErrorCode::OK),
        ("/ab", ErrorCode::OK),
    ] {
        assert_eq!(create_with(&mut world, path, b"data"), expected, "{path}");
    }
    assert_eq!(world.stat("/a/d"), None);
    assert_eq!(world.set("/a/b", b"as long as it likes"), ErrorCode::OK);
    assert_eq!(world.delete("/a/b/c"), ErrorCode::OK);
    assert_eq!(create_with(&mut world, "/a/d", b""), ErrorCode::OK, "there is room again");
}

#[test]
fn bytes_beyond_the_hard_limit_are_refused() {
    let mut world = limited(b"count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=-1");
    assert_eq!(create_with(&mut world, "/a/b", b"1234567890"), ErrorCode::OK);
    assert_eq!(create_with(&mut world, "/a/c", b"1"), ErrorCode::QUOTA_EXCEEDED);
    assert_eq!(create_with(&mut world, "/a/c", b""), ErrorCode::OK, "no bytes, nothing to refuse");
    assert_eq!(world.set("/a/b", b"12345678901"), ErrorCode::QUOTA_EXCEEDED);
    assert_eq!(world.set("/a/b", b"0987654321"), ErrorCode::OK, "as long as before");
    assert_eq!(world.set("/a/b", b"123"), ErrorCode::OK);
    assert_eq!(world.set("/a/c", b"1234567"), ErrorCode::OK);
    assert_eq!(world.data(STATS).as_deref(), Some(&b"count=3,bytes=10"[..]));
}

#[test]
fn multi_is_refused_as_a_whole() {
    let mut world = limited(b"count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2");
    let multi =
        |paths: [&str; 2]| framed(&paths.map(|path| (ops::CREATE, create(path, b"", ANYONE, 0))));
    assert_eq!(world.send(ops::MULTI, &multi(["/a/b", "/a/c"])), ErrorCode::OK);
    assert_eq!((world.stat("/a/b"), world.stat("/a/c")), (None, None));
    assert!(world.effects.over_quota, "and it is counted");
    assert_eq!(world.data(STATS).as_deref(), Some(&b"count=1,bytes=0"[..]));
    assert_eq!(world.send(ops::MULTI, &multi(["/a/b", "/b"])), ErrorCode::OK);
    assert!(world.stat("/a/b").is_some() && world.stat("/b").is_some());
}

#[test]
fn nothing_is_refused_without_a_hard_limit() {
    for limits in ["count=1,bytes=1", "", "countHardLimit=", "countHardLimit=x", "nonsense"] {
        let mut world = limited(limits.as_bytes());
        assert_eq!(create_with(&mut world, "/a/b", b"12"), ErrorCode::OK, "{limits}");
        assert_eq!(world.set("/a/b", b"1234"), ErrorCode::OK, "{limits}");
    }
    let mut world = limited(b"countHardLimit=0;byteHardLimit=0");
    assert_eq!(world.delete(STATS), ErrorCode::OK);
    assert_eq!(create_with(&mut world, "/a/b", b"1"), ErrorCode::OK, "nothing is measured");
}

#[test]
fn entry_that_does_not_enforce_refuses_nothing() {
    let mut world = limited(b"countHardLimit=0;byteHardLimit=0");
    assert_eq!(create_with(&mut world, "/a/b", b"1"), ErrorCode::QUOTA_EXCEEDED);
    world.enforces_quotas = false;
    assert_eq!(create_with(&mut world, "/a/b", b"1"), ErrorCode::OK);
    world.enforces_quotas = true;
    assert_eq!(world.set("/a/b", b"12"), ErrorCode::QUOTA_EXCEEDED);
}

/// Whoever asks for the same count again and again in one entry is stopped; the next entry counts again.
#[test]
fn counts_of_one_entry_are_bounded() {
    let mut world = limited(b"count=1,bytes=1");
    world.enforces_quotas = false;
    for number in 0..1_999 {
        assert_eq!(world.create(&format!("/a/{number}")), ErrorCode::OK);
    }
    let counts = |times: usize| {
        let again = || (ops::CREATE, create(STATS, b"", ANYONE, 0));
        let pairs = (0..times).flat_map(|_| [(ops::DELETE, versioned(STATS, -1)), again()]);
        framed(&pairs.collect::<Vec<_>>())
    };
    assert_eq!(world.send(ops::MULTI, &counts(50)), ErrorCode::OK);
    assert_eq!(world.data(STATS).as_deref(), Some(&b"count=2000,bytes=0"[..]));
    assert_eq!(world.send(ops::MULTI, &counts(1_000)), ErrorCode::OK);
    let mut answer = Reader::new(&world.effects.body);
    let mut errors = Vec::new();
    while let (Ok(_), Ok(false), Ok(error), Ok(_)) =
        (answer.i32(), answer.bool(), answer.i32(), answer.i32())
    {
        errors.push(error);
    }
    let failed = errors.iter().position(|&error| error != ErrorCode::OK.0);
    assert_eq!(failed, Some(2 * 50 + 1), "the 51st count");
    assert_eq!(errors.get(101), Some(&ErrorCode::SYSTEM_ERROR.0));
    assert_eq!(world.data(STATS).as_deref(), Some(&b"count=2000,bytes=0"[..]), "it was taken back");
    assert_eq!(world.send(ops::MULTI, &counts(1)), ErrorCode::OK);
    assert_eq!(world.create("/a/more"), ErrorCode::OK);
    assert_eq!(world.data(STATS).as_deref(), Some(&b"count=2001,bytes=0"[..]));
}

/// They would be read with every write below them.
#[test]
fn limits_of_a_megabyte_are_none() {
    let mut limits = b"countHardLimit=0;byteHardLimit=0;".to_vec();
    limits.resize(1 << 20, b';');
    let mut world = limited(&limits);
    assert_eq!(create_with(&mut world, "/a/b", b"1"), ErrorCode::OK);
    assert_eq!(world.set(LIMITS, &limits[..1_000]), ErrorCode::OK);
    assert_eq!(create_with(&mut world, "/a/c", b"1"), ErrorCode::QUOTA_EXCEEDED);
}
