"""Claims about the bounds on connections."""

from raftkeeper.server.door import Door


def test_bound_in_all_refuses_and_counts() -> None:
    """The connection above the bound stays out."""
    door = Door(connections_max=2, per_address_max=0)
    assert [door.admit("a"), door.admit("b")] == ["", ""]
    assert "client.connections_max" in door.admit("c")
    assert (door.open, door.rejected) == (2, 1)


def test_bound_per_address_leaves_others_in() -> None:
    """One host gone wild does not shut the door for all."""
    door = Door(connections_max=10, per_address_max=1)
    assert door.admit("a") == ""
    assert "client.connections_per_address_max" in door.admit("a")
    assert door.admit("b") == ""


def test_leaving_makes_room() -> None:
    """Who leaves is forgotten."""
    door = Door(connections_max=1, per_address_max=1)
    assert door.admit("a") == ""
    door.leave("a")
    assert door.open == 0
    assert door.admit("a") == ""
