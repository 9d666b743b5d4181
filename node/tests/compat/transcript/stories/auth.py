"""Authentication: digest, super, ip, world and schemes nobody knows; whoAmI; the auth ACL."""

from __future__ import annotations

from ..run import SUPER_PASSWORD, Run

BOB = [(31, "auth", "")]


def story(run: Run) -> None:
    a = run.client("a")
    a.who_am_i()
    a.create("/auth", b"")
    a.create("/auth/nobody", b"", acl=BOB)
    a.auth("digest", b"bob:secret")
    a.who_am_i()
    a.create("/auth/bob", b"bob's", acl=BOB)
    a.get_acl("/auth/bob")
    a.auth("digest", b"bob:secret")
    a.who_am_i()
    a.auth("digest", b"carol:other")
    a.who_am_i()
    a.create("/auth/both", b"", acl=[(31, "auth", "ignored")])
    # Whoever is not bob sees nothing; who may administer sees whole digests.
    b = run.client("b")
    b.get_data("/auth/bob")
    b.get_acl("/auth/bob")
    b.set_acl("/auth/bob", [(31, "world", "anyone")])
    b.exists("/auth/bob")
    b.get_children("/auth/bob")
    b.delete("/auth/bob")
    b.create("/auth/bob", b"")
    a.set_acl("/auth/bob", [(31, "auth", ""), (1, "world", "anyone")])
    b.get_data("/auth/bob")
    b.get_acl("/auth/bob")
    a.get_acl("/auth/bob")
    b.auth("digest", b"bob:secret")
    b.get_acl("/auth/bob")
    b.set_data("/auth/bob", b"bob from elsewhere")
    _ip_and_world(run)
    _super(run)
    _refused(run)


def _ip_and_world(run: Run) -> None:
    c = run.client("c")
    c.create("/auth/here", b"", acl=[(31, "ip", "127.0.0.1")])
    c.get_data("/auth/here")
    c.create("/auth/net", b"", acl=[(31, "ip", "127.0.0.0/8")])
    c.get_data("/auth/net")
    c.create("/auth/there", b"", acl=[(31, "ip", "192.0.2.0/24")])
    c.get_data("/auth/there")
    c.auth("ip", b"192.0.2.1")
    c.who_am_i()
    c.get_data("/auth/there")


def _super(run: Run) -> None:
    s = run.client("super")
    s.auth("digest", SUPER_PASSWORD.encode())
    s.who_am_i()
    s.get_data("/auth/bob")
    s.get_acl("/auth/bob")
    s.get_data("/auth/there")
    s.set_acl("/auth/there", [(31, "world", "anyone")])
    s.create("/auth/there/x", b"", acl=[(31, "auth", "")])
    s.get_acl("/auth/there/x")
    s.delete("/auth/both")
    wrong = run.client("wrong")
    wrong.auth("digest", b"super:guess")
    wrong.who_am_i()
    wrong.get_data("/auth/bob")


def _refused(run: Run) -> None:
    """A refused authentication ends the connection, not the session."""
    cases: tuple[tuple[str | None, bytes | None], ...] = (
        ("unknown", b"x"),
        ("", b"x"),
        (None, b"x"),
        ("world", b"anyone"),
        ("auth", b"x"),
        ("super", b"x"),
        ("sasl", b"x"),
        ("x509", b"CN=x"),
    )
    for number, (scheme, auth) in enumerate(cases):
        client = run.client(f"r{number}")
        client.auth(scheme, auth)
        client.await_hang_up()
    for number, auth in enumerate((b"", b":", b"nocolon", b"user:", b":password", b"a:b:c", None)):
        client = run.client(f"d{number}")
        client.auth("digest", auth)
        client.ping()
        client.who_am_i()
    odd = run.client("odd")
    odd.auth("digest", b"dave:pw", kind=1)
    odd.auth("digest", b"erin:pw", kind=-1)
    odd.auth("digest", "zoë:pässwörd".encode())
    odd.who_am_i()
    odd.ask("auth", xid=5, type=0, scheme="digest", auth=b"fay:pw")
    odd.who_am_i()
    # A session taken up again has to authenticate anew.
    odd.drop()
    again = run.reconnect("again", odd)
    again.who_am_i()
    again.auth("digest", b"dave:pw")
    again.who_am_i()
