"""What the kill checker holds for right and for wrong, without a server."""

from __future__ import annotations

from tests.faults.kill.model import (
    Create,
    Delete,
    Multi,
    Observed,
    SetData,
    Settled,
    Znodes,
    settle,
)

from raftkeeper.testing.client_wire import Stat

SESSION = 7
A, B, EPHEMERAL = "/k/data/a", "/k/data/b", "/k/e/x"


def stat(znode_zxid: int, version: int = 0, owner: int = 0, length: int = 1) -> Stat:
    return Stat(znode_zxid, znode_zxid, 5, 5, version, 0, 0, owner, length, 0, znode_zxid)


def acknowledged() -> Znodes:
    """A with version 0 at zxid 1, the ephemeral at zxid 2."""
    znodes = Znodes(SESSION)
    znodes.apply(Create(A, b"1"))
    znodes.apply(Create(EPHEMERAL, b"e", ephemeral=True))
    return znodes


def observed(**changes: tuple[bytes, Stat] | None) -> Observed:
    """What `acknowledged` looks like on a server, with changes: a, b, x by name; None removes."""
    names = {"a": A, "b": B, "x": EPHEMERAL}
    shown = {A: (b"1", stat(1)), EPHEMERAL: (b"e", stat(2, owner=SESSION))}
    for name, change in changes.items():
        shown.pop(names[name], None)
        if change is not None:
            shown[names[name]] = change
    return Observed(shown, 0)


def test_what_was_acknowledged_and_is_there_is_right() -> None:
    """No unanswered request, nothing missing."""
    assert settle(acknowledged(), [], observed()) == Settled(acknowledged(), 0)


def test_a_lost_write_is_found() -> None:
    """An acknowledged znode that is missing is wrong, whatever was unanswered."""
    assert isinstance(settle(acknowledged(), [], observed(a=None)), str)
    assert isinstance(settle(acknowledged(), [Create(B, b"2")], observed(a=None)), str)


def test_a_lost_ephemeral_is_found() -> None:
    """An ephemeral of a living session that is missing is wrong."""
    assert isinstance(settle(acknowledged(), [], observed(x=None)), str)


def test_an_invented_write_is_found() -> None:
    """A znode that nobody asked for is wrong; so is data that nobody sent."""
    assert isinstance(settle(acknowledged(), [], observed(b=(b"2", stat(3)))), str)
    assert isinstance(settle(acknowledged(), [], observed(a=(b"9", stat(1)))), str)


def test_an_unanswered_write_may_have_happened_or_not() -> None:
    """Both pictures are right, and told apart."""
    unanswered = [SetData(A, b"2", 0), Delete(A, 1)]
    for applied, shown in enumerate(
        (
            observed(),
            observed(a=(b"2", stat(3, version=1))),
            observed(a=None),
        )
    ):
        settled = settle(acknowledged(), unanswered, shown)
        assert isinstance(settled, Settled)
        assert settled.unanswered_applied == applied


def test_a_later_write_without_the_one_before_it_is_found() -> None:
    """A session's requests take effect in their order: no gap."""
    unanswered = [Create(B, b"2"), SetData(A, b"3", 0)]
    assert isinstance(settle(acknowledged(), unanswered, observed(a=(b"3", stat(3, 1)))), str)


def test_half_of_a_multi_is_found() -> None:
    """One of two znodes that were made together is wrong."""
    multi = Multi((Create(B, b"2"), SetData(A, b"3", 0)))
    assert isinstance(settle(acknowledged(), [multi], observed(b=(b"2", stat(3)))), str)
    both = observed(a=(b"3", stat(3, version=1)), b=(b"2", stat(3)))
    assert isinstance(settle(acknowledged(), [multi], both), Settled)


def test_a_stat_that_changed_after_it_was_acknowledged_is_found() -> None:
    """The Stat in the reply is a promise too."""
    first = settle(acknowledged(), [], observed())
    assert isinstance(first, Settled)
    known = Znodes(SESSION)
    known.apply(Create(A, b"1"), [])
    known.by_path[A] = type(known.by_path[A])(b"1", 0, 0, stat(1))
    wrong = Observed({A: (b"1", stat(2))}, 0)
    assert isinstance(settle(known, [], wrong), str)


def test_a_sequence_number_that_was_used_and_deleted_counts() -> None:
    """Created and deleted again, a sequential znode still has taken its number."""
    made = Create("/k/seq/s-0000000000", b"1", sequential=True)
    gone = Delete(made.path, 0)
    settled = settle(Znodes(SESSION), [made, gone], Observed({}, 1))
    assert isinstance(settled, Settled)
    assert settled.unanswered_applied == 2
