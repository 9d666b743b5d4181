"""What a membership may say of a member: checked at every door that changes it, before anything is
proposed.
"""

import re

from raftkeeper.admin.refusals import AdminRefusal, Code
from raftkeeper.server.member_bounds import PRIORITY_MAX, ZONE_CHARACTERS_MAX

HOST_CHARACTERS_MAX = 255
"""Of a name in the DNS."""

_ADDRESS = re.compile(rf"[A-Za-z0-9_.:%\[\]-]{{1,{HOST_CHARACTERS_MAX}}}:(\d{{1,5}})")


def check_address(address: str) -> None:
    """Raises AdminRefusal, as the others do."""
    match = _ADDRESS.fullmatch(address)
    if match is None or not 1 <= int(match[1]) <= 65535:
        raise _refusal(
            f"{_short(address)} is no address", "write host:port, the member's peer port"
        )


def check_zone(zone: str) -> None:
    """'' for none."""
    if len(zone) > ZONE_CHARACTERS_MAX or not zone.isprintable():
        raise _refusal(
            f"{_short(zone)} is no zone",
            f"a zone is a name of at most {ZONE_CHARACTERS_MAX} characters",
        )


def check_priority(priority: int) -> None:
    """As in the configuration."""
    if not 0 <= priority <= PRIORITY_MAX:
        raise _refusal(
            f"{_short(str(priority))} is no priority", f"a priority is 0 to {PRIORITY_MAX}"
        )


def _refusal(message: str, hint: str) -> AdminRefusal:
    return AdminRefusal(Code.BAD_REQUEST, message, hint)


def _short(text: str) -> str:
    """As much of a long text as tells what was meant."""
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
