//! The successor of a cluster: the same tree and sessions, and nothing handed out a second time.

use super::snapshots::{restore, snapshot};
use super::*;

const OTHER: [u8; CLUSTER_ID_BYTES] = [8; CLUSTER_ID_BYTES];

fn furnished() -> World {
    let mut world = World::new();
    assert_eq!(
        world.machine.admit(GroupId { member: 1, run: 1, origin: 9, sequence: 1 }),
        Verdict::Apply
    );
    assert_eq!(world.create("/a"), ErrorCode::OK);
    assert_eq!(world.create_as("/a/e-", 3), "/a/e-0000000000");
    world
}

#[test]
fn the_tree_and_the_sessions_stay() {
    let mut world = furnished();
    let password = world.machine.password(world.session);
    assert_eq!(world.machine.succeed(OTHER), Ok(()));
    assert_eq!(world.machine.cluster_id(), Some(OTHER));
    assert_eq!(world.machine.password(world.session), password, "a client comes back with its own");
    assert!(world.machine.session(world.session).is_some());
    assert_eq!(world.machine.ephemeral_paths(world.session), ["/a/e-0000000000"]);
    assert_eq!(world.set("/a", b"later"), ErrorCode::OK);
}

#[test]
fn zxids_and_session_ids_go_on_above_all_that_may_be_lost() {
    let mut world = furnished();
    let (before, session) = (world.machine.last_zxid(), world.session);
    assert_eq!(world.machine.succeed(OTHER), Ok(()));
    assert_eq!(world.machine.last_zxid(), 1 << 32);
    assert!(world.machine.last_zxid() > before);
    assert!(world.open(2) > session + (1 << 32));
    assert_eq!(world.machine.succeed(OTHER), Ok(()));
    assert_eq!(world.machine.last_zxid(), 2 << 32, "each has an epoch of its own");
}

#[test]
fn groups_of_the_old_members_are_forgotten() {
    let mut world = furnished();
    assert_eq!(world.machine.succeed(OTHER), Ok(()));
    assert_eq!(world.machine.progress(1), Progress::default());
}

#[test]
fn its_snapshot_restores() {
    let mut world = furnished();
    let old = world.machine.digest();
    assert_eq!(world.machine.succeed(OTHER), Ok(()));
    assert_ne!(world.machine.digest(), old);
    let bytes = snapshot(&mut world.machine, 64).concat();
    let Ok(machine) = restore(&bytes, 7) else { unreachable!("it was just written") };
    assert_eq!(machine.digest(), world.machine.digest());
    assert_eq!(machine.cluster_id(), Some(OTHER));
    assert_eq!(machine.last_zxid(), 1 << 32);
}

#[test]
fn what_has_not_begun_or_cannot_go_on_has_no_successor() {
    let mut machine = Machine::new(1);
    assert_eq!(machine.succeed(OTHER), Err(NoSuccessor::NotBegun));
    let mut world = furnished();
    world.machine.zxid = i64::MAX;
    let digest = world.machine.digest();
    assert_eq!(world.machine.succeed(OTHER), Err(NoSuccessor::LastEpoch));
    assert_eq!(world.machine.digest(), digest, "and nothing is changed");
}
