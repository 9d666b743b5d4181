//! Containers and TTL znodes: found when they may go, and deleted only if they still may.

use super::*;
use EventKind::{ChildrenChanged, Deleted};

fn collectable(world: &mut World, now_ms: i64) -> Vec<(String, i64)> {
    let mut out = Vec::new();
    world.machine.collectable(now_ms, 100, &mut out);
    out
}

fn collect(world: &mut World, path: &str, czxid: i64) -> ErrorCode {
    let mut body = Vec::new();
    body.put_string(path);
    body.put_i64(czxid);
    world.send(ops::COLLECT, &body)
}

#[test]
fn a_container_goes_once_it_had_a_child_and_has_none() {
    let mut world = World::new();
    assert_eq!(world.send(ops::CREATE_CONTAINER, &create("/c", b"", ANYONE, 4)), ErrorCode::OK);
    let czxid = world.effects.zxid;
    assert_eq!(collectable(&mut world, i64::MAX), [], "never used");
    assert_eq!(world.create("/c/x"), ErrorCode::OK);
    assert_eq!(collectable(&mut world, i64::MAX), []);
    assert_eq!(collect(&mut world, "/c", czxid), ErrorCode::BAD_VERSION, "not empty");
    assert_eq!(world.delete("/c/x"), ErrorCode::OK);
    assert_eq!(collectable(&mut world, 0), [("/c".into(), czxid)]);
    assert_eq!(
        collect(&mut world, "/c", czxid + 1),
        ErrorCode::BAD_VERSION,
        "another one of this name"
    );
    assert_eq!(collect(&mut world, "/c", czxid), ErrorCode::OK);
    assert_eq!(world.events(), [(Deleted, "/c"), (ChildrenChanged, "/")]);
    assert_eq!(collect(&mut world, "/c", czxid), ErrorCode::NO_NODE);
    assert_eq!(collectable(&mut world, 0), []);
}

#[test]
fn a_ttl_znode_goes_when_nobody_wrote_to_it_for_long_enough() {
    let mut world = World::new();
    assert_eq!(world.send(ops::CREATE_TTL, &create_ttl("/t", 5, 100)), ErrorCode::OK);
    let czxid = world.effects.zxid;
    assert_eq!(collectable(&mut world, 1_100), []);
    assert_eq!(collectable(&mut world, 1_101), [("/t".into(), czxid)]);
    world.time_ms = 1_050;
    assert_eq!(world.set("/t", b""), ErrorCode::OK);
    world.time_ms = 1_101;
    assert_eq!(collect(&mut world, "/t", czxid), ErrorCode::BAD_VERSION, "it was written to since");
    world.time_ms = 1_151;
    assert_eq!(world.create("/t/child"), ErrorCode::OK);
    assert_eq!(collect(&mut world, "/t", czxid), ErrorCode::BAD_VERSION);
    assert_eq!(world.delete("/t/child"), ErrorCode::OK);
    assert_eq!(collect(&mut world, "/t", czxid), ErrorCode::OK);
}

/// A leader's clock that was years ahead, once, is forgotten with its term; what it wrote keeps its time.
#[test]
fn a_clock_far_ahead_stops_nobodys_time() {
    let mut world = World::new();
    let (hour, year) = (3_600_000, 365 * 86_400_000);
    let now = 50 * year;
    world.time_ms = now + 10 * year;
    assert_eq!(world.create("/ahead"), ErrorCode::OK);
    world.time_ms = now;
    assert_eq!(world.send(ops::CREATE_TTL, &create_ttl("/ttl", 5, 1_000)), ErrorCode::OK);
    let czxid = world.effects.zxid;
    let ctime = |world: &World, path| world.stat(path).map(|stat| stat.ctime);
    assert_eq!(ctime(&world, "/ahead"), Some(now + 10 * year));
    assert_eq!(ctime(&world, "/ttl"), Some(now));
    world.time_ms = now + 1_001;
    assert_eq!(collect(&mut world, "/ttl", czxid), ErrorCode::OK);
    // A little behind is as usual, and an entry without requests says nothing of time.
    world.time_ms -= hour;
    assert_eq!(world.create("/behind"), ErrorCode::OK);
    assert_eq!(ctime(&world, "/behind"), Some(now + 1_001));
    let index = world.machine.applied_index() + 1;
    assert_eq!(world.machine.begin(index, None), Ok(()));
    assert_eq!(world.create("/still"), ErrorCode::OK);
    assert_eq!(ctime(&world, "/still"), Some(now + 1_001));
}

#[test]
fn only_containers_and_ttl_znodes_are_collected() {
    let mut world = World::new();
    assert_eq!(world.create("/p"), ErrorCode::OK);
    let czxid = world.effects.zxid;
    assert_eq!(collect(&mut world, "/p", czxid), ErrorCode::BAD_VERSION);
    assert_eq!(world.create_as("/e", 1), "/e");
    let czxid = world.effects.zxid;
    assert_eq!(collect(&mut world, "/e", czxid), ErrorCode::BAD_VERSION);
}

#[test]
fn a_search_goes_on_where_the_last_one_stopped() {
    let mut world = World::new();
    for number in 0..5 {
        let body = create_ttl(&format!("/t{number}"), 5, 1);
        assert_eq!(world.send(ops::CREATE_TTL, &body), ErrorCode::OK);
    }
    let mut found = Vec::new();
    for expected in [2, 4, 5] {
        world.machine.collectable(9_999, 2, &mut found);
        assert_eq!(found.len(), expected);
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 5);
}
