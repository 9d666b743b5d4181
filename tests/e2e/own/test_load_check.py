"""The load's check must find every kind of broken promise; here a member is played that breaks them."""

import asyncio

from e2e.load.main import check
from e2e.load.wire import OK, Client
from e2e.load.writer import Record, Writer


class Member:
    """Answers like a member that holds these znodes."""

    def __init__(self, names: list[str], register: int) -> None:
        self.names = names
        self.register = register
        self.data = {name: name.encode() for name in names}
        self.zxids = {name: number for number, name in enumerate(names, 1)}

    async def children(self, _path: str) -> tuple[int, set[str]]:
        return OK, set(self.names)

    async def get_data(self, path: str) -> tuple[int, bytes, int]:
        name = path.rpartition("/")[2]
        if name.endswith("-register"):
            return OK, str(self.register).encode(), 1
        return OK, self.data[name], self.zxids[name]


def findings(member: Member, *, whole: bool = True) -> list[str]:
    """What the check says of a member, to a client that was promised n1, n2, n3 and the value 10."""
    writer = Writer(Client("nowhere", 1), "client-0", 1.0)
    writer.record = Record(acknowledged={"n1", "n2", "n3"}, last_set=10, last_set_sent=15)
    return asyncio.run(check(member, writer, whole=whole))  # type: ignore[arg-type]  # plays it


def test_whole_member_passes() -> None:
    """Nothing is found where nothing is wrong."""
    assert findings(Member(["n1", "n2", "n3"], 10)) == []
    assert findings(Member(["n1", "n2", "n3"], 15)) == []


def test_lost_write_is_found() -> None:
    """A promised znode that is not there."""
    assert findings(Member(["n1", "n3"], 10)) == ["lost: /load/client-0/n2"]


def test_lost_write_is_found_by_name_only_too() -> None:
    """Also where only names are compared."""
    assert findings(Member(["n1", "n3"], 10), whole=False) == ["lost: /load/client-0/n2"]


def test_write_that_was_not_done_but_is_there_is_found() -> None:
    """A znode of which the client was told that it is not there."""
    found = findings(Member(["n1", "n2", "n3", "n4"], 10))
    assert found == ["not promised, yet there: /load/client-0/n4"]


def test_wrong_data_is_found() -> None:
    """A znode with another's data."""
    member = Member(["n1", "n2", "n3"], 10)
    member.data["n2"] = b"n1"
    assert len(findings(member)) == 1
    assert findings(member, whole=False) == []


def test_wrong_order_is_found() -> None:
    """Two writes of one client that were done the other way round."""
    member = Member(["n1", "n2", "n3"], 10)
    member.zxids["n1"], member.zxids["n2"] = 2, 1
    assert findings(member) == ["out of order: /load/client-0/n2 has zxid 0x1"]


def test_register_that_fell_back_is_found() -> None:
    """A value before the last that was promised, or one that was never sent."""
    for value in (5, 20):
        found = findings(Member(["n1", "n2", "n3"], value))
        assert found == [f"register {value}, promised 10, sent 15"]
