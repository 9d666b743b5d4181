"""Dialing: addresses are read strictly, and pauses grow to a bound and differ."""

import pytest

from raftkeeper.server.peers import limits
from raftkeeper.server.peers.dialing import Dialer, split_address
from raftkeeper.server.peers.figures import PeerFigures
from raftkeeper.server.peers.handshake import Cause, Refusal
from raftkeeper.server.peers.listener import RefusalLog
from raftkeeper.server.peers.snapshot_server import Pacer


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("node-1.raftkeeper.svc:2182", ("node-1.raftkeeper.svc", 2182)),
        ("10.0.0.1:1", ("10.0.0.1", 1)),
        ("[fe80::1]:2182", ("fe80::1", 2182)),
    ],
)
def test_addresses_are_host_and_port(address: str, place: tuple[str, int]) -> None:
    """Names, numbers, and IPv6 in brackets."""
    assert split_address(address) == place


@pytest.mark.parametrize("address", ["", "host", "host:", ":2182", "host:0", "host:65536", "h:x"])
def test_what_is_no_address_is_said(address: str) -> None:
    """With the address in the sentence."""
    with pytest.raises(ValueError, match=r"no address|no port"):
        split_address(address)


async def test_pauses_double_to_a_bound() -> None:
    """The first try is at once; a process that comes back is found half a second later at most."""
    tries: list[int] = []

    async def attempt(number: int) -> None:
        tries.append(number)

    dialer = Dialer(attempt, lambda _low, high: high)
    pauses = []
    for _ in range(12):
        pauses.append(dialer.pause_s())
        dialer._tries += 1
    dialer.stop()
    assert pauses[:4] == [0.0, 0.02, 0.04, 0.08]
    assert pauses[-1] == limits.BACKOFF_LAST_S
    assert tries == []


def test_a_cause_is_logged_once_until_they_get_in() -> None:
    """All are counted; a person reads each once."""
    figures = PeerFigures()
    refusals = RefusalLog(figures)
    said: list[str] = []
    refusal = Refusal(Cause.CLUSTER, "another cluster")
    before = len(refusals._said)
    for _ in range(3):
        refusals.note("member 2 at host", refusal, by_us=True)
        said.append(str(len(refusals._said)))
    assert before == 0
    assert said == ["1", "1", "1"]
    refusals.over("member 2 at host")
    assert not refusals._said
    assert figures.refusals == {"cluster": 3}


def test_the_memory_of_refusals_is_bounded() -> None:
    """A scanner with a thousand addresses fills nothing."""
    refusals = RefusalLog(PeerFigures())
    for number in range(1000):
        refusals.note(str(number), Refusal(Cause.MEMBER, ""), by_us=True)
    assert len(refusals._said) <= limits.CAUSES_KEPT


def test_all_sends_together_keep_to_the_rate() -> None:
    """Two askers share it; without a rate nobody waits."""
    now_us = 0
    pacer = Pacer(1000, lambda: now_us)
    assert [pacer.pause_s(500) for _ in range(3)] == [0.0, 0.5, 1.0]
    now_us = 10_000_000
    assert pacer.pause_s(500) == 0.0
    assert Pacer(0, lambda: now_us).pause_s(1 << 40) == 0.0
