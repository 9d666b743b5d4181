"""The setting that says which recovery an ensemble has been through."""

import pytest

from raftkeeper.server.recovery_order import RecoveryOrder, parse_order


def test_order_names_an_epoch_and_a_survivor() -> None:
    """Nothing is said by an empty one."""
    assert parse_order("") is None
    assert parse_order("3@zoo-b-0.zoo.ns.svc:2888") == RecoveryOrder(3, "zoo-b-0.zoo.ns.svc:2888")


@pytest.mark.parametrize(
    "text", ["1", "@a:1", "1@", "1@a", "1@:2", "x@a:1", "0@a:1", "1@a:0", "1@a:70000", "-1@a:1"]
)
def test_anything_else_is_refused_with_the_right_form(text: str) -> None:
    """Half an order must not be taken for none."""
    with pytest.raises(ValueError, match=r"1@host:2888|from 1 to"):
        parse_order(text)
