"""Plans and the ids of operations."""

from raftkeeper_operator.decide.plan import Plan, Promote, Transfer, act, operation_id, wait


def test_operation_id_is_the_same_for_a_repetition_only() -> None:
    """Another target, term or generation is another operation."""
    first = operation_id("uid", 1, Transfer(1, 2, 5))
    assert operation_id("uid", 1, Transfer(1, 2, 5)) == first
    others = {
        operation_id("uid", 1, Transfer(1, 2, 6)),
        operation_id("uid", 1, Transfer(2, 1, 5)),
        operation_id("uid", 2, Transfer(1, 2, 5)),
        operation_id("uid", 1, Promote(1, 2)),
    }
    assert first not in others
    assert len(others) == 4


def test_operation_id_fits_a_node() -> None:
    """Nodes take 200 characters; a UID has 36."""
    assert len(operation_id("u" * 36, 10**9, Transfer(1, 2, 5, "t" * 500))) < 200


def test_plan_says_what_it_is() -> None:
    """By the action's name; a wait without a reason of its own is blocked by its message."""
    assert act(Promote(1, 2), "R", "m").name == "Promote"
    blocked = wait("R", "m")
    assert (blocked.name, blocked.blocked_by, blocked.idle) == ("Wait", ("m",), False)
    assert Plan(None, "Settled", "m").idle
