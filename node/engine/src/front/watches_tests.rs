//! What each kind of watch fires for, and what is left afterwards.

use super::*;

fn watches() -> Watches {
    Watches::new(KeyedState::new(42))
}

fn fired(watches: &mut Watches, event: EventKind, path: &str) -> Vec<u64> {
    let mut reached = Vec::new();
    watches.fire(event, path, &mut reached);
    reached
}

/// A data watch fires for the node's creation, change and end, each once, and not for its children.
#[test]
fn data_watch_is_one_shot() {
    for event in [EventKind::Created, EventKind::DataChanged, EventKind::Deleted] {
        let mut watches = watches();
        watches.add(1, "/a", DATA);
        assert_eq!(fired(&mut watches, EventKind::ChildrenChanged, "/a"), []);
        assert_eq!(fired(&mut watches, event, "/a"), [1]);
        assert_eq!(fired(&mut watches, event, "/a"), []);
        assert_eq!(watches.watch_count(), 0);
        assert!(watches.by_conn.is_empty() && watches.by_path.is_empty());
    }
}

/// A child watch fires for the list and for the node's end.
#[test]
fn child_watch_fires_for_list_and_end() {
    let mut watches = watches();
    watches.add(1, "/a", CHILD);
    assert_eq!(fired(&mut watches, EventKind::DataChanged, "/a"), []);
    assert_eq!(fired(&mut watches, EventKind::ChildrenChanged, "/a"), [1]);
    watches.add(1, "/a", CHILD);
    assert_eq!(fired(&mut watches, EventKind::Deleted, "/a"), [1]);
    assert_eq!(fired(&mut watches, EventKind::Deleted, "/a"), []);
}

/// A deletion reaches a connection once, though it watches data and children; both watches are
/// gone.
#[test]
fn deletion_fires_once_for_both_kinds() {
    let mut watches = watches();
    watches.add(1, "/a", DATA);
    watches.add(1, "/a", CHILD);
    watches.add(1, "/a", PERSISTENT);
    assert_eq!(fired(&mut watches, EventKind::Deleted, "/a"), [1]);
    assert_eq!(watches.kinds(1, "/a"), PERSISTENT);
}

/// A persistent watch stays, and fires for data and for the list, at its path only.
#[test]
fn persistent_watch_stays() {
    let mut watches = watches();
    watches.add(1, "/a", PERSISTENT);
    for _ in 0..2 {
        for event in [
            EventKind::Created,
            EventKind::DataChanged,
            EventKind::ChildrenChanged,
            EventKind::Deleted,
        ] {
            assert_eq!(fired(&mut watches, event, "/a"), [1]);
            assert_eq!(fired(&mut watches, event, "/a/b"), []);
        }
    }
    assert_eq!(watches.watch_count(), 2);
}

/// A recursive watch fires for the path and all below, never for lists, and once per event.
#[test]
fn recursive_watch_covers_descendants() {
    let mut watches = watches();
    watches.add(1, "/a", RECURSIVE);
    watches.add(1, "/", RECURSIVE);
    watches.add(2, "/a/b", DATA);
    assert_eq!(fired(&mut watches, EventKind::Created, "/a/b/c"), [1]);
    assert_eq!(fired(&mut watches, EventKind::ChildrenChanged, "/a"), []);
    assert_eq!(fired(&mut watches, EventKind::DataChanged, "/a/b"), [1, 2]);
    assert_eq!(fired(&mut watches, EventKind::DataChanged, "/ab"), [1]);
    assert!(watches.remove(1, "/", RECURSIVE));
    assert_eq!(fired(&mut watches, EventKind::DataChanged, "/ab"), []);
    assert_eq!(fired(&mut watches, EventKind::DataChanged, "/"), []);
}

/// Removing takes the named kinds only, and says whether there were any.
#[test]
fn removal_takes_the_named_kinds() {
    let mut watches = watches();
    watches.add(1, "/a", DATA | CHILD);
    assert!(!watches.remove(2, "/a", DATA));
    assert!(!watches.remove(1, "/b", DATA));
    assert!(!watches.remove(1, "/a", PERSISTENT));
    assert!(watches.remove(1, "/a", DATA));
    assert_eq!(watches.kinds(1, "/a"), CHILD);
    assert!(watches.remove(1, "/a", DATA | CHILD));
    assert_eq!(watches.watch_count(), 0);
}

/// A connection that goes takes all its watches, and nobody else's, with it.
#[test]
fn disconnect_forgets_everything() {
    let mut watches = watches();
    for conn in 1..=3 {
        watches.add(conn, "/a", DATA | RECURSIVE);
        watches.add(conn, &format!("/own{conn}"), CHILD);
    }
    watches.disconnect(2);
    assert_eq!(fired(&mut watches, EventKind::DataChanged, "/a"), [1, 3]);
    watches.disconnect(1);
    watches.disconnect(3);
    watches.disconnect(3);
    assert_eq!((watches.watch_count(), watches.recursive_count), (0, 0));
    assert!(watches.by_path.is_empty());
    assert_eq!(watches.free.len(), watches.paths.len());
}

/// A connection with very many watches is forgotten in steps, and is told of nothing meanwhile that
/// leads to anybody else.
#[test]
fn many_watches_are_forgotten_in_steps() {
    let mut watches = watches();
    let many = 2 * WATCHES_SWEPT_MAX + 1;
    for number in 0..many {
        watches.add(1, &format!("/n{number}"), DATA);
        watches.add(2, &format!("/n{number}"), DATA);
    }
    watches.disconnect(1);
    assert_eq!(watches.watch_count(), 2 * many - WATCHES_SWEPT_MAX);
    for number in 0..many {
        let reached = fired(&mut watches, EventKind::Deleted, &format!("/n{number}"));
        assert_eq!(reached.last(), Some(&2));
        watches.add(3, &format!("/m{number}"), CHILD);
    }
    watches.sweep();
    watches.sweep();
    assert_eq!((watches.watch_count(), watches.leaving.len()), (many, 0));
    watches.disconnect(3);
    watches.disconnect(2);
    watches.sweep();
    watches.sweep();
    assert_eq!((watches.watch_count(), watches.by_path.len()), (0, 0));
}

/// Whoever comes back again and again with many watches, and faster than any tick, leaves no more behind
/// than once.
#[test]
fn watches_of_lost_connections_do_not_pile_up() {
    let mut watches = watches();
    let many = 10 * WATCHES_SWEPT_MAX;
    for conn in 1..=8 {
        for number in 0..many {
            watches.add(conn, &format!("/{conn}/{number}"), DATA);
        }
        assert_eq!(watches.watch_count(), many, "connection {conn}");
        watches.disconnect(conn);
    }
    assert!(watches.paths.len() <= 2 * many);
}

/// The dumps show the data table only, counted per connection and path.
#[test]
fn dumps_show_the_data_table() {
    let mut watches = watches();
    watches.add(1, "/b", DATA);
    watches.add(1, "/a", RECURSIVE);
    watches.add(2, "/a", CHILD);
    watches.add(2, "/b", PERSISTENT);
    assert_eq!(watches.data_counts(), (2, 2, 3));
    assert_eq!(watches.data_paths(), [(1, vec!["/a", "/b"]), (2, vec!["/b"])]);
    assert_eq!(watches.watch_count(), 5);
}
