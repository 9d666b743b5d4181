//! Whatever a client sends, the node does not panic, and everybody else is served.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::store::Store;
use crate::store::tests::names_of_one_chain;

/// Who knows which names one process keeps in one chain of its index does no harm to another one, which
/// has another origin; nor does a snapshot bring the chain there.
#[test]
fn colliding_names_are_worth_nothing_elsewhere() {
    let names = names_of_one_chain(&Store::new(ORIGIN), 50);
    let mut nodes = [ORIGIN, ORIGIN + 1].map(|origin| Node::with(Config { origin, ..config() }));
    let chains = nodes.each_mut().map(|node| {
        let client = node.client();
        for (xid, name) in names.iter().enumerate() {
            let answer = node.ask(client, &create(xid as i32, &format!("/{name}"), b""));
            assert_eq!(answer.error, OK);
        }
        node.front.machine().longest_chain()
    });
    assert!(chains[0] >= 50 && chains[1] < 10, "{chains:?}");
    let [from, to] = &mut nodes;
    from.front.snapshot_begin();
    to.front.restore_begin();
    loop {
        let mut piece = Vec::new();
        from.front.snapshot_next(10_000, &mut piece);
        if piece.is_empty() {
            break;
        }
        assert_eq!(to.front.restore_piece(&piece), Ok(()));
    }
    assert_eq!(to.front.restore_end(), Ok(()));
    assert!(to.front.machine().longest_chain() < 10);
}

/// Valid frames of all kinds, to be damaged.
fn samples() -> Vec<Vec<u8>> {
    let mut frames = vec![
        connect_request(0, [0; 16], 5000),
        connect_request(100, [7; 16], 5000),
        create(1, "/a", b"data"),
        create_with(2, "/e", b"", 1, (31, "auth", "")),
        create_with(3, "/s-", b"", 2, (1, "digest", "a:b")),
        set(4, "/a", &[7; 40]),
        delete(5, "/a"),
        get(6, "/a"),
        read(7, ops::GET_CHILDREN2, "/", true),
        ping(),
        auth("digest", b"a:b"),
    ];
    for op in [3, 4, 6, 7, 8, 9, 12, 14, 15, 16, 17, 18, 19, 21, 22, 101, 103, 104, 105, 106, 107] {
        let mut body = text("/a");
        body.put_i32(1);
        body.put_i32(3);
        body.put_string("/b");
        frames.push(request(op, op, &body));
    }
    frames
}

/// Feeds a client in pieces, commits, and checks that another client still gets its answers.
fn survive(stream: &[u8], piece: usize) {
    let mut node = Node::new();
    let witness = node.client();
    let client = node.client();
    for bytes in stream.chunks(piece.max(1)) {
        node.feed_raw(client.conn, bytes);
    }
    node.commit_raw();
    node.now_us += 100_000;
    node.front.tick(node.now_us);
    node.front.take_actions();
    assert_eq!(outline(&node.feed(witness.conn, &ping())), [(PING_XID, OK)]);
    node.front.disconnect(client.conn);
    assert_eq!(node.front.outstanding, 0);
    assert_eq!(node.ask(witness, &create(9, "/witness", b"")).error, OK);
}

/// A right frame around a body of small numbers, which look like lengths.
fn small_request() -> impl Strategy<Value = Vec<u8>> {
    (-15_i32..110, prop::collection::vec(0_u8..8, 0..60))
        .prop_map(|(op, body)| request(1, op, &body))
}

/// What clients sent, or could send, to do harm: `name: hex`, each behind a handshake and instead
/// of it.
#[test]
fn corpus_harms_nobody_else() {
    let lines = include_str!("corpus.txt").lines().filter(|line| !line.starts_with('#'));
    let mut count = 0;
    for line in lines {
        let (name, hex) = line.split_once(": ").unwrap_or_default();
        let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
        let bytes: Vec<u8> = digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect();
        assert!(!bytes.is_empty(), "{name}");
        for piece in [1, 3, bytes.len()] {
            survive(&bytes, piece);
            let mut node = Node::new();
            let conn = node.front.connect("::1", 1);
            bytes.chunks(piece).for_each(|piece| drop(node.feed_raw(conn, piece)));
            node.commit_raw();
        }
        count += 1;
    }
    assert!(count >= 25, "the corpus is there");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..Default::default()
    })]

    /// Random bytes, before and after the handshake.
    #[test]
    fn random_bytes_harm_nobody_else(
        stream in prop::collection::vec(any::<u8>(), 0..400),
        piece in 1_usize..50,
    ) {
        survive(&stream, piece);
        let mut node = Node::new();
        let conn = node.front.connect("::1", 1);
        node.feed_raw(conn, &stream);
        node.commit_raw();
    }

    /// Small payloads in right frames reach every decoder.
    #[test]
    fn random_bodies_harm_nobody_else(
        requests in prop::collection::vec(small_request(), 1..12),
        piece in 1_usize..200,
    ) {
        survive(&requests.concat(), piece);
    }

    /// Valid frames with a few bytes changed, cut and joined at will.
    #[test]
    fn damaged_frames_harm_nobody_else(
        picks in prop::collection::vec((any::<Index>(), any::<Index>(), any::<u8>()), 1..10),
        piece in 1_usize..300,
    ) {
        let samples = samples();
        let mut stream = Vec::new();
        for (which, place, value) in picks {
            let mut frame = which.get(&samples).clone();
            let at = place.index(frame.len());
            frame[at] = value;
            stream.extend(frame);
        }
        survive(&stream, piece);
    }

    /// However a conversation is cut into reads, the answers are the same bytes.
    #[test]
    fn cuts_change_no_answer(
        picks in prop::collection::vec(any::<Index>(), 1..20),
        piece in 1_usize..100,
    ) {
        let samples = samples();
        let stream: Vec<u8> = picks.iter().flat_map(|pick| pick.get(&samples).clone()).collect();
        let talk = |piece: usize| {
            let mut node = Node::new();
            let client = node.client();
            let mut answers = Vec::new();
            for bytes in stream.chunks(piece) {
                answers.extend(node.feed_raw(client.conn, bytes));
            }
            answers.extend(node.commit_raw().remove(&client.conn).unwrap_or_default());
            answers
        };
        prop_assert_eq!(talk(piece), talk(stream.len().max(1)));
    }
}
