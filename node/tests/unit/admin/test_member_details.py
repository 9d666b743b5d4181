"""Claims about what a membership takes in of a member: short names, addresses that can be dialled."""

from collections.abc import Callable
from typing import Any

import pytest

from raftkeeper.admin.member_details import (
    HOST_CHARACTERS_MAX,
    ZONE_CHARACTERS_MAX,
    check_address,
    check_priority,
    check_zone,
)
from raftkeeper.admin.refusals import AdminRefusal, Code
from raftkeeper.server.peers.dialing import split_address


@pytest.mark.parametrize(
    "address",
    [
        "zoo-0.zoo-members.prod.svc.example.internal:2888",
        "10.0.0.7:1",
        "[fe80::1%eth0]:65535",
        "a" * HOST_CHARACTERS_MAX + ":2888",
        "under_score:2888",
    ],
)
def test_addresses_that_can_be_dialled_are_taken(address: str) -> None:
    """Names, numbers, and IPv6 in brackets."""
    check_address(address)
    assert split_address(address)


def test_usual_zones_and_priorities_are_taken() -> None:
    """None, and the ends of what is allowed."""
    for zone in ("", "eu-1a", "Zürich 2", "z" * ZONE_CHARACTERS_MAX):
        check_zone(zone)
    for priority in (0, 1, 1000):
        check_priority(priority)


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (check_address, ""),
        (check_address, "host"),
        (check_address, "host:0"),
        (check_address, "host:65536"),
        (check_address, "two words:2888"),
        (check_address, "host\nserver.9=other:2888"),
        (check_address, "a" * (HOST_CHARACTERS_MAX + 1) + ":2888"),
        (check_zone, "z" * (ZONE_CHARACTERS_MAX + 1)),
        (check_zone, "a\nb"),
        (check_priority, -1),
        (check_priority, 1001),
        (check_priority, 10**4000),
    ],
)
def test_what_would_burden_every_member_is_refused(
    check: Callable[[Any], None], value: object
) -> None:
    """With what it must be, and without repeating all of it."""
    with pytest.raises(AdminRefusal) as refused:
        check(value)
    assert refused.value.code is Code.BAD_REQUEST
    assert refused.value.hint
    assert len(str(refused.value)) < 120
