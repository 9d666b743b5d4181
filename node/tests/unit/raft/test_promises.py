"""What was handed over for the disk."""

import pytest

from raftkeeper.raft import Entry, HardState, InvariantBroken
from raftkeeper.raft.promises import Promises

ONE, TWO = Entry(1, 1, 2, b""), Entry(2, 1, 2, b"")


def test_promises_are_fulfilled_in_order_and_once() -> None:
    """One number speaks for all before it."""
    promises = Promises()
    promises.add(HardState(1, 1), ())
    promises.add(None, (ONE, TWO))
    promises.add(HardState(2, 0), ())
    assert [p[1:] for p in promises.fulfil(2)] == [(HardState(1, 1), None), (None, (2, 1))]
    assert [p.number for p in promises.fulfil(3)] == [3]
    assert promises.persisted_number == promises.number == 3
    with pytest.raises(InvariantBroken, match="Ready 4 was handed over"):
        list(promises.fulfil(4))


def test_what_was_cut_off_is_not_promised_any_more() -> None:
    """Only what is before it: an entry may come back later, and is not durable then."""
    promises = Promises()
    promises.add(None, (ONE,))
    promises.add(None, (TWO,))
    promises.cut_off(2, 1)
    assert [p.last for p in promises.fulfil(2)] == [(1, 1), (1, 1)]


def test_a_log_that_was_replaced_keeps_no_promise() -> None:
    """But the votes among them stand."""
    promises = Promises()
    promises.add(HardState(3, 1), (ONE,))
    promises.forget_entries()
    assert [p[1:] for p in promises.fulfil(1)] == [(HardState(3, 1), None)]
