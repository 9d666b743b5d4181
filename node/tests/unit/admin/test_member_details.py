"""Claims about what a membership takes in of a member: short names, addresses that can be dialled."""

import pytest

from raftkeeper.admin.member_details import HOST_CHARACTERS_MAX, ZONE_CHARACTERS_MAX, check_details
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
    check_details(address, "eu-1a", 0)
    assert split_address(address)


@pytest.mark.parametrize(
    ("address", "zone", "priority", "hint"),
    [
        ("", "", 1, "host:port"),
        ("host", "", 1, "host:port"),
        ("host:0", "", 1, "host:port"),
        ("host:65536", "", 1, "host:port"),
        ("two words:2888", "", 1, "host:port"),
        ("host\nserver.9=other:2888", "", 1, "host:port"),
        ("a" * (HOST_CHARACTERS_MAX + 1) + ":2888", "", 1, "host:port"),
        ("host:2888", "z" * (ZONE_CHARACTERS_MAX + 1), 1, "a zone is"),
        ("host:2888", "a\nb", 1, "a zone is"),
        ("host:2888", "", -1, "a priority is"),
        ("host:2888", "", 1001, "a priority is"),
        ("host:2888", "", 10**4000, "a priority is"),
    ],
)
def test_what_would_burden_every_member_is_refused(
    address: str, zone: str, priority: int, hint: str
) -> None:
    """With what it must be, and without repeating all of it."""
    with pytest.raises(AdminRefusal) as refused:
        check_details(address, zone, priority)
    assert refused.value.code is Code.BAD_REQUEST
    assert hint in refused.value.hint
    assert len(str(refused.value)) < 120
