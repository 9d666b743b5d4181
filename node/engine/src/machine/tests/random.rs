//! Random histories: a machine that was restored from a snapshot answers, byte for byte, what the one
//! that went on answers; and random bytes harm nothing.

use core::fmt::Write as _;

use super::snapshots::{restore, snapshot};
use super::*;

/// A small generator of numbers, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn seeded(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

const PATHS: &[&str] =
    &["/a", "/b", "/a/c", "/a/d", "/b/e", "/a/c/f", "/a/", "/b/s-", "/zookeeper/quota/a", "bad"];
const LISTS: &[&[(i32, &str, &str)]] =
    &[ANYONE, ANYONE, ANYONE, &[(31, "auth", "")], &[(15, "ip", "10.0.0.0/8")], &[]];

fn write(numbers: &mut Numbers) -> (i32, Vec<u8>) {
    let path = numbers.pick(PATHS);
    let data = vec![b'x'; numbers.below(40) as usize];
    let version = numbers.below(4) as i32 - 1;
    match numbers.below(12) {
        0..=4 => {
            let flags = numbers.below(5) as i32;
            (
                numbers.pick(&[ops::CREATE, ops::CREATE2]),
                create(path, &data, numbers.pick(LISTS), flags),
            )
        }
        5 => (ops::CREATE_CONTAINER, create(path, &data, ANYONE, 4)),
        6 => (ops::CREATE_TTL, create_ttl(path, 5, 1 + numbers.below(9) as i64)),
        7 | 8 => (ops::DELETE, versioned(path, version)),
        9 => (ops::CHECK, versioned(path, version)),
        _ => (ops::SET_DATA, set_data(path, (version > 0).then_some(&data[..]), version)),
    }
}

fn request(numbers: &mut Numbers, session: i64) -> (i32, Vec<u8>) {
    match numbers.below(20) {
        0..=3 => {
            let count = numbers.below(5);
            (ops::MULTI, framed(&(0..count).map(|_| write(numbers)).collect::<Vec<_>>()))
        }
        4 => (ops::SET_ACL, set_acl(numbers.pick(PATHS), numbers.pick(LISTS), -1)),
        5 => (ops::CREATE_SESSION, 4_000_i32.to_be_bytes().to_vec()),
        6 if session % 2 == 0 => (ops::CLOSE_SESSION, Vec::new()),
        6 | 7 => (ops::ATTACH_SESSION, Vec::new()),
        8 => (ops::COLLECT, [versioned(numbers.pick(PATHS), 0), vec![0; 4]].concat()),
        _ => write(numbers),
    }
}

/// Everything that a request showed to anybody, and the state around a few paths.
fn shown(world: &mut World) -> String {
    let effects = &world.effects;
    let mut text = format!("{effects:?}");
    assert_eq!(world.machine.tree.digest, world.machine.tree.count_digest());
    // The ids of ACLs are the machine's own affair.
    for event in &effects.events {
        text = text.replace(&format!("acl: {}", event.acl), "acl");
    }
    for path in PATHS {
        let stat = world.stat(path);
        let children = world.children(path);
        let mut acl = Vec::new();
        let result = world.machine.get_acl(path, &[id("super", "")], &mut acl);
        let data = world.data(path);
        let _ = writeln!(text, "{path} {stat:?} {data:?} {children:?} {result:?} {acl:?}");
    }
    text
}

#[test]
fn a_restored_machine_goes_on_as_the_other_does() {
    for seed in 1..=12_u64 {
        let mut numbers = Numbers::seeded(seed);
        let mut worlds = [1, 2].map(World::seeded);
        for step in 0..400 {
            if numbers.below(25) == 0 {
                let pieces = snapshot(&mut worlds[0].machine, 200).concat();
                match restore(&pieces, 333) {
                    Ok(machine) => worlds[1].machine = machine,
                    Err(damaged) => unreachable!("seed {seed} step {step}: {damaged}"),
                }
            }
            let (conn, nth) = (1 + numbers.below(2), numbers.below(3) as i64);
            let (op, body) = request(&mut numbers, FIRST_SESSION + nth);
            let answers = worlds.each_mut().map(|world| {
                (world.conn, world.session) = (conn, FIRST_SESSION + nth);
                world.time_ms = 1_000 + step;
                world.send(op, &body);
                shown(world)
            });
            assert_eq!(answers[0], answers[1], "seed {seed} step {step}");
            assert_eq!(worlds[0].machine.digest(), worlds[1].machine.digest());
        }
    }
}

#[test]
fn the_seed_of_the_index_shows_nowhere() {
    for seed in 1..=6_u64 {
        let mut numbers = Numbers::seeded(seed);
        let mut worlds = [World::seeded(seed), World::seeded(seed << 32)];
        for step in 0..400 {
            let (op, body) = request(&mut numbers, FIRST_SESSION);
            let answers = worlds.each_mut().map(|world| {
                world.time_ms = 1_000 + step;
                world.send(op, &body);
                shown(world)
            });
            assert_eq!(answers[0], answers[1], "seed {seed} step {step}");
        }
        let snapshots = worlds.each_mut().map(|world| snapshot(&mut world.machine, 200));
        assert_eq!(snapshots[0], snapshots[1]);
        let digests = worlds.map(|world| world.machine.digest());
        assert_eq!(digests[0], digests[1]);
    }
}

#[test]
fn a_failed_multi_restores_everything_whatever_it_did() {
    for seed in 1..=12_u64 {
        let mut numbers = Numbers::seeded(seed);
        let mut world = World::new();
        world.auth.push(id("digest", "u:h"));
        for step in 0..300 {
            // A walk under way changes which slots the store hands out.
            if numbers.below(3) == 0 {
                world.machine.snapshot_begin();
                world.machine.snapshot_next(100, &mut Vec::new());
            }
            let before = state(&mut world);
            let digest = world.machine.tree.digest;
            let mut operations: Vec<_> =
                (0..=numbers.below(7)).map(|_| write(&mut numbers)).collect();
            operations.push((ops::CHECK, versioned("/none", -1)));
            world.send(ops::MULTI, &framed(&operations));
            assert_eq!(state(&mut world), before, "seed {seed} step {step}");
            assert_eq!(world.machine.tree.digest, digest);
            let (op, body) = write(&mut numbers);
            world.send(op, &body);
        }
    }
}

/// The tree as it can be seen.
fn state(world: &mut World) -> String {
    let zxid = world.effects.zxid;
    world.effects.clear();
    let text = shown(world) + &format!("{:?}", world.machine.ephemeral_paths(FIRST_SESSION));
    world.effects.zxid = zxid;
    text
}

#[test]
fn random_bytes_are_answered_and_harm_nothing() {
    let mut numbers = Numbers(77);
    let mut world = World::new();
    for _ in 0..20_000 {
        let (op, mut body) = request(&mut numbers, 0);
        for _ in 0..=numbers.below(2) {
            let at = numbers.below(body.len() as u64 + 1) as usize;
            match numbers.below(3) {
                0 => body.truncate(at),
                1 if at < body.len() => body[at] = numbers.below(256) as u8,
                _ => body.insert(at, numbers.below(256) as u8),
            }
        }
        world.send(op, &body);
        let mut out = Vec::new();
        let _ = world.machine.multi_read(Reader::new(&body), &[], &mut out);
    }
    let pieces = snapshot(&mut world.machine, 1 << 16).concat();
    assert!(restore(&pieces, 1 << 16).is_ok());
}
