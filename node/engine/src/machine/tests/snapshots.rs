//! Snapshots: what goes in comes out, cut anywhere; what is damaged is refused.

use super::*;

pub fn snapshot(machine: &mut Machine, bytes_max: usize) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    machine.snapshot_begin();
    loop {
        let mut piece = Vec::new();
        machine.snapshot_next(bytes_max, &mut piece);
        if piece.is_empty() {
            return pieces;
        }
        pieces.push(piece);
    }
}

pub fn restore(bytes: &[u8], cut: usize) -> Result<Machine, Damaged> {
    let mut machine = Machine::new(1);
    machine.restore_begin();
    for piece in bytes.chunks(cut) {
        machine.restore_piece(piece)?;
    }
    machine.restore_end()?;
    Ok(machine)
}

/// A world with something of everything.
fn furnished() -> World {
    let mut world = World::new();
    assert_eq!(world.machine.admit(GroupId { member: 1, ..group(1) }), Verdict::Apply);
    world.auth.push(id("digest", "u:h"));
    let private = [(31, "auth", "")];
    assert_eq!(world.send(ops::CREATE, &create("/private", b"secret", &private, 0)), ErrorCode::OK);
    assert_eq!(world.send(ops::SET_DATA, &set_data("/private", None, -1)), ErrorCode::OK);
    assert_eq!(world.send(ops::CREATE_TTL, &create_ttl("/ttl", 5, 10)), ErrorCode::OK);
    assert_eq!(world.send(ops::CREATE_CONTAINER, &create("/c", b"", ANYONE, 4)), ErrorCode::OK);
    for path in ["/zookeeper/quota/c", "/zookeeper/quota/c/zookeeper_limits"] {
        assert_eq!(world.create(path), ErrorCode::OK);
    }
    assert_eq!(world.create("/zookeeper/quota/c/zookeeper_stats"), ErrorCode::OK);
    assert_eq!(world.create_as("/c/e-", 3), "/c/e-0000000000");
    for number in 0..50 {
        assert_eq!(world.create(&format!("/c/n{number}")), ErrorCode::OK);
    }
    world
}

#[test]
fn a_restored_machine_is_the_same_machine() {
    let mut world = furnished();
    let bytes = snapshot(&mut world.machine, 100).concat();
    for cut in [1, 7, 1 << 20] {
        let Ok(mut machine) = restore(&bytes, cut) else { unreachable!("cut {cut}") };
        assert_eq!(machine.last_zxid(), world.machine.last_zxid());
        assert_eq!(machine.applied_index(), world.machine.applied_index());
        assert_eq!(machine.password(world.session), world.machine.password(world.session));
        assert!(machine.sessions().eq(world.machine.sessions()));
        assert_eq!(machine.ephemeral_paths(world.session), ["/c/e-0000000000"]);
        assert_eq!((machine.tree.ttls.len(), machine.tree.containers.len()), (1, 1));
        assert_eq!(machine.acl_count(), world.machine.acl_count());
        let again: Vec<u8> = snapshot(&mut machine, 1 << 20).concat();
        assert_eq!(unframed(&again), unframed(&bytes));
        world.machine = machine;
        assert_eq!(
            world.data("/zookeeper/quota/c/zookeeper_stats").as_deref(),
            Some(&b"count=52,bytes=0"[..])
        );
    }
}

/// The content of a snapshot however its znodes were cut into frames.
fn unframed(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut reader, mut rest, mut znodes) = (Reader::new(bytes), Vec::new(), Vec::new());
    while let (Ok(tag), Ok(length)) = (reader.u8(), reader.u32()) {
        let payload = reader.take(length as usize).unwrap_or_default();
        if tag == 4 { znodes.extend_from_slice(payload) } else { rest.extend_from_slice(payload) }
    }
    (rest, znodes)
}

#[test]
fn changes_after_the_beginning_do_not_show() {
    let mut world = furnished();
    let before = snapshot(&mut world.machine, 1 << 20).concat();
    let (index, zxid) = world.machine.snapshot_begin();
    assert_eq!((index, zxid), (world.machine.applied_index(), world.machine.last_zxid()));
    let mut bytes = Vec::new();
    for number in 0..50 {
        assert_eq!(world.delete(&format!("/c/n{number}")), ErrorCode::OK);
        assert_eq!(world.create(&format!("/new{number}")), ErrorCode::OK);
        assert_eq!(world.set("/ttl", b"changed"), ErrorCode::OK);
        world.machine.snapshot_next(64, &mut bytes);
    }
    assert_eq!(world.send(ops::CLOSE_SESSION, b""), ErrorCode::OK);
    loop {
        let length = bytes.len();
        world.machine.snapshot_next(64, &mut bytes);
        if bytes.len() == length {
            break;
        }
    }
    assert!(restore(&bytes, 1000).is_ok());
    let sorted = |bytes: &[u8]| {
        let (rest, znodes) = unframed(bytes);
        (rest, records(&znodes))
    };
    assert_eq!(sorted(&bytes), sorted(&before));
}

fn records(znodes: &[u8]) -> Vec<Vec<u8>> {
    let (mut reader, mut out) = (Reader::new(znodes), Vec::new());
    while let Ok(length) = reader.u32() {
        out.push(reader.take(length as usize).unwrap_or_default().to_vec());
    }
    out.sort();
    out
}

#[test]
fn what_is_damaged_is_refused_and_says_what() {
    let mut world = furnished();
    let bytes = snapshot(&mut world.machine, 256).concat();
    let what = |bytes: &[u8]| restore(bytes, 512).err().map(|damaged| damaged.what);
    assert_eq!(what(&bytes), None);
    assert_eq!(what(b""), Some("it is cut off: the trailer is missing"));
    for length in [1, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
        assert_eq!(
            what(&bytes[..length]),
            Some("it is cut off: the trailer is missing"),
            "{length}"
        );
    }
    assert_eq!(what(&[&bytes[..], &b"x"[..]].concat()), Some("bytes after the trailer"));
    assert_eq!(what(&[&bytes[..], &bytes[..]].concat()), Some("a frame after the trailer"));
    assert_eq!(what(b"\x09\0\0\0\0"), Some("this is no frame"));
    assert_eq!(what(b"\x01\0\0\0\x02\0\x63"), Some("its version is not known to this program"));
    let mut without_session = Vec::new();
    let mut reader = Reader::new(&bytes);
    while let (Ok(tag), Ok(length)) = (reader.u8(), reader.u32()) {
        let payload = reader.take(length as usize).unwrap_or_default();
        if tag != 3 {
            without_session.put_u8(tag);
            without_session.put_u32(length);
            without_session.extend_from_slice(payload);
        }
    }
    assert_eq!(what(&without_session), Some("ACLs, sessions or members are missing"));
    // A byte of data that nothing else would notice.
    let mut changed = bytes.clone();
    let data_at = changed.windows(5).position(|window| window == b"/c=52" || window == b"bytes");
    changed[data_at.unwrap_or_default()] ^= 1;
    assert_eq!(what(&changed), Some("its content is not what was written: the digest differs"));
}

/// Whatever was changed shows in the digest, and what was changed back does not.
#[test]
fn the_digest_tells_states_apart() {
    let mut world = furnished();
    let mut seen = std::collections::BTreeSet::from([world.machine.digest()]);
    assert_eq!(world.machine.admit(group(1)), Verdict::Apply);
    assert!(seen.insert(world.machine.digest()));
    assert_eq!(world.machine.admit(group(1)), Verdict::Repeated);
    assert!(!seen.insert(world.machine.digest()));
    let tree = world.machine.tree.digest;
    assert_eq!(world.send(ops::ATTACH_SESSION, &9_000_i32.to_be_bytes()), ErrorCode::OK);
    assert!(seen.insert(world.machine.digest()));
    assert_eq!(world.machine.tree.digest, tree);
    let list = [(1, "world", "anyone")];
    assert_eq!(world.send(ops::SET_ACL, &set_acl("/c", &list, -1)), ErrorCode::OK);
    assert_ne!(world.machine.tree.digest, tree);
    let digest = world.machine.digest();
    let bytes = snapshot(&mut world.machine, 1 << 20).concat();
    let Ok(machine) = restore(&bytes, 999) else { unreachable!() };
    assert_eq!((machine.digest(), machine.progress(2)), (digest, world.machine.progress(2)));
}

fn group(sequence: u64) -> GroupId {
    GroupId { member: 2, run: 1, origin: 9, sequence }
}

#[test]
fn nothing_applies_to_half_a_state() {
    let mut machine = Machine::new(1);
    machine.restore_begin();
    assert_eq!(machine.begin(1, None), Err(CannotApply::Restoring));
    assert!(machine.restore_piece(b"\x09\0\0\0\0").is_err());
    assert!(machine.restore_piece(b"").is_err(), "the damage is remembered");
    assert!(machine.restore_end().is_err());
    assert_eq!(machine.begin(1, None), Err(CannotApply::Restoring));
}

#[test]
fn checks_in_slices_come_to_the_same_as_all_at_once() {
    let mut world = furnished();
    let bytes = snapshot(&mut world.machine, 1 << 20).concat();
    let Ok(whole) = restore(&bytes, 999) else { unreachable!() };
    for znodes in [1, 2, 7] {
        let mut machine = Machine::new(1);
        machine.restore_begin();
        assert_eq!(machine.restore_piece(&bytes), Ok(()));
        let mut slices = 0;
        while machine.restore_more(znodes) == Ok(true) {
            slices += 1;
            assert_eq!(machine.begin(1, None), Err(CannotApply::Restoring));
        }
        assert!(slices as u64 >= 3 * whole.tree.store.node_count() / u64::from(znodes));
        assert_eq!(machine.begin(1, None), Err(CannotApply::Restoring), "it is not ended yet");
        assert_eq!(machine.restore_end(), Ok(()));
        assert_eq!(machine.digest(), whole.digest());
        assert_eq!(machine.tree.store.data_bytes(), whole.tree.store.data_bytes());
        assert_eq!(snapshot(&mut machine, 1 << 20).concat(), bytes);
    }
}

#[test]
fn damage_that_a_slice_finds_is_remembered() {
    let mut world = furnished();
    let bytes = snapshot(&mut world.machine, 1 << 20).concat();
    let mut machine = Machine::new(1);
    machine.restore_begin();
    // The last byte of all belongs to the digest.
    let (last, before) = bytes.split_last().unwrap_or((&0, &[]));
    assert_eq!(machine.restore_piece(before), Ok(()));
    assert_eq!(machine.restore_piece(&[last ^ 1]), Ok(()));
    while machine.restore_more(1) == Ok(true) {}
    assert!(machine.restore_more(1).is_err());
    assert!(machine.restore_end().is_err());
    assert_eq!(machine.begin(1, None), Err(CannotApply::Restoring));
}

#[test]
fn an_abandoned_snapshot_leaves_room_for_the_next() {
    let mut world = furnished();
    world.machine.snapshot_begin();
    world.machine.snapshot_next(64, &mut Vec::new());
    world.machine.snapshot_abandon();
    let mut out = Vec::new();
    world.machine.snapshot_next(64, &mut out);
    assert!(out.is_empty());
    let bytes = snapshot(&mut world.machine, 64).concat();
    assert!(restore(&bytes, 64).is_ok());
}
