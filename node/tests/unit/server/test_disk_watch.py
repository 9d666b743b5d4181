"""A disk that hangs is noticed, and one that is only slow is not blamed."""

from raftkeeper.server.disk_watch import DiskWatch


def test_a_write_that_does_not_end_is_noticed_and_its_end_too() -> None:
    """After so many looks at one and the same."""
    watch = DiskWatch(3)
    assert [watch.look(7) for _ in range(3)] == ["", "", ""]
    assert "does not finish" in watch.look(7)
    assert "does not finish" in watch.look(7)
    assert watch.look(8) == ""


def test_a_slow_disk_that_goes_on_is_not_blamed() -> None:
    """Each write is another; between two there may be none."""
    watch = DiskWatch(2)
    assert not any(watch.look(number) for number in (1, 1, 2, 2, None, None, None, None, 3, 3))
