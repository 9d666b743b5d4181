//! Claims about connections with a certificate.

use super::*;

const SUBJECT: &str = "CN=reader,O=Example";

fn certified(node: &mut Node, is_super: bool) -> Client {
    let conn = node.front.connect("10.0.0.1", node.now_us);
    node.front.certify(conn, SUBJECT, is_super);
    node.greet(conn)
}

/// What is given to a subject is open to it alone, on any connection.
#[test]
fn subject_opens_its_own_acl() {
    let mut node = Node::new();
    let owner = certified(&mut node, false);
    let made = node.ask(owner, &create_with(1, "/own", b"", 0, (31, "x509", SUBJECT)));
    assert_eq!(made.error, OK);
    let stranger = node.client();
    assert_eq!(node.ask(stranger, &get(1, "/own")).error, ErrorCode::NO_AUTH.0);
    let again = certified(&mut node, false);
    assert_eq!(node.ask(again, &get(1, "/own")).error, OK);
}

/// `auth` in a list means the subject too, and an auth packet keeps it.
#[test]
fn subject_stays_beside_other_identities() {
    let mut node = Node::new();
    let client = certified(&mut node, false);
    assert_eq!(node.ask(client, &auth("digest", b"a:b")).error, OK);
    let who = node.ask(client, &request(2, ops::WHO_AM_I, &[])).body;
    assert_eq!(Reader::new(&who).i32(), Ok(3));
    assert_eq!(node.ask(client, &create_with(3, "/own", b"", 0, (31, "auth", ""))).error, OK);
    let other = certified(&mut node, false);
    assert_eq!(node.ask(other, &get(1, "/own")).error, OK);
}

/// The subject that is the super user passes every ACL; others do not.
#[test]
fn super_subject_passes_every_acl() {
    let mut node = Node::new();
    let client = node.client();
    node.ask(client, &create_with(1, "/closed", b"", 0, (31, "digest", "a:b")));
    let plain = certified(&mut node, false);
    assert_eq!(node.ask(plain, &get(1, "/closed")).error, ErrorCode::NO_AUTH.0);
    let root = certified(&mut node, true);
    assert_eq!(node.ask(root, &get(1, "/closed")).error, OK);
}

/// A subject is bounded as other ids are: a connection with a longer one is refused.
#[test]
fn subject_without_end_is_refused() {
    let mut node = Node::new();
    let conn = node.front.connect("10.0.0.1", node.now_us);
    node.front.certify(conn, &"CN=x,".repeat(1_000), false);
    assert_eq!(node.actions(), [(conn, Action::Close)]);
    assert_eq!(node.feed_raw(conn, &connect_request(0, [0; 16], 10_000)), []);
    assert_eq!(node.commit_raw(), BTreeMap::new());
}

/// With `skip_acl` everybody passes, and a later auth packet takes nothing away.
#[test]
fn skipping_acls_holds_for_certificates() {
    let mut node = Node::with(Config { skip_acl: true, ..config() });
    let client = certified(&mut node, false);
    node.ask(client, &create_with(1, "/closed", b"", 0, (31, "digest", "a:b")));
    node.ask(client, &auth("digest", b"x:y"));
    assert_eq!(node.ask(client, &get(2, "/closed")).error, OK);
    let who = node.ask(client, &request(3, ops::WHO_AM_I, &[])).body;
    assert_eq!(Reader::new(&who).i32(), Ok(3));
}
