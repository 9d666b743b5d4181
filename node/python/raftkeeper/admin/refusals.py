"""What the admin API says when it does not do what was asked: a stable code, a sentence, a hint.

Programs look at the code, people read the rest; so codes are never renamed, and each has one HTTP
status. docs/reference/admin-api.md lists them; a test compares.
"""

from enum import Enum
from http import HTTPStatus

from raftkeeper.raft import ChangeRefusal, ChangeRefused, NotLeader


class Code(Enum):
    """Every code there is, with the HTTP status it comes with."""

    UNAUTHENTICATED = HTTPStatus.UNAUTHORIZED
    BAD_REQUEST = HTTPStatus.BAD_REQUEST, 1
    CONFIG_INDEX_REQUIRED = HTTPStatus.PRECONDITION_REQUIRED
    CONFIG_INDEX_STALE = HTTPStatus.PRECONDITION_FAILED
    NOT_FOUND = HTTPStatus.NOT_FOUND, 1
    UNKNOWN_MEMBER = HTTPStatus.NOT_FOUND, 2
    NOT_LEADER = HTTPStatus.MISDIRECTED_REQUEST
    NO_LEADER = HTTPStatus.SERVICE_UNAVAILABLE, 1
    NOT_SERVING = HTTPStatus.SERVICE_UNAVAILABLE, 2
    CHANGE_IN_PROGRESS = HTTPStatus.CONFLICT, 1
    WRONG_ROLE = HTTPStatus.CONFLICT, 2
    NOT_CAUGHT_UP = HTTPStatus.CONFLICT, 3
    LAST_VOTER = HTTPStatus.CONFLICT, 4
    QUORUM_AT_RISK = HTTPStatus.CONFLICT, 5
    TRANSFER_REFUSED = HTTPStatus.CONFLICT, 6
    OPERATION_ID_REUSED = HTTPStatus.CONFLICT, 7
    FEATURE_LEVEL_TOO_LOW = HTTPStatus.CONFLICT, 8
    MEMBER_UNREACHABLE = HTTPStatus.BAD_GATEWAY
    SNAPSHOT_FAILED = HTTPStatus.INTERNAL_SERVER_ERROR, 1
    OUTCOME_UNKNOWN = HTTPStatus.GATEWAY_TIMEOUT
    TOO_MANY_OPERATIONS = HTTPStatus.TOO_MANY_REQUESTS

    @property
    def status(self) -> int:
        """The HTTP status. Several codes share one; the number beside it only tells them apart."""
        value = self.value
        return int(value[0] if isinstance(value, tuple) else value)


class AdminRefusal(Exception):
    """Why nothing was done (or, with OUTCOME_UNKNOWN, why it is not known whether it was)."""

    def __init__(self, code: Code, message: str, hint: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
        self.details = details

    def as_json(self) -> dict[str, object]:
        """The body of the answer."""
        error = {"code": self.code.name, "message": str(self), "hint": self.hint}
        return {"error": {**error, **self.details}}


_REASONS = {
    ChangeRefusal.STALE: (Code.CONFIG_INDEX_STALE, "read the members again and decide anew"),
    ChangeRefusal.BUSY: (Code.CHANGE_IN_PROGRESS, "ask again in a second"),
    ChangeRefusal.UNKNOWN_MEMBER: (Code.UNKNOWN_MEMBER, "look at the ids in /v1/members"),
    ChangeRefusal.WRONG_ROLE: (Code.WRONG_ROLE, "look at the roles in /v1/members"),
    ChangeRefusal.NOT_CAUGHT_UP: (
        Code.NOT_CAUGHT_UP,
        "wait until /v1/members shows it as caught_up; see that its node runs and is reachable",
    ),
    ChangeRefusal.LAST_VOTER: (Code.LAST_VOTER, "replace it by a learner that has caught up"),
    ChangeRefusal.EXISTS: (Code.CONFIG_INDEX_STALE, "read the members again"),
}


def from_change_refused(error: ChangeRefused, config_index: int) -> AdminRefusal:
    """The Raft core's refusal, as the API says it."""
    code, hint = _REASONS[error.reason]
    details: dict[str, object] = {"config_index": config_index}
    if error.member:
        details["member_id"] = error.member
    return AdminRefusal(code, str(error), hint, **details)


def not_leader(leader_id: int, address: str = "") -> AdminRefusal:
    """Only the leader can do it: say who that is, as far as it is known here."""
    if not leader_id:
        return AdminRefusal(
            Code.NO_LEADER,
            "there is no leader at the moment",
            "ask again in a few seconds; if it lasts, see /v1/status of every member: "
            "a majority of the voters must run and reach each other",
        )
    return AdminRefusal(
        Code.NOT_LEADER,
        f"this member does not lead, member {leader_id} does",
        "send the request to the leader; `raftkeeper admin --endpoints a,b,c` finds it",
        leader_id=leader_id,
        leader_address=address,
    )


def from_not_leader(error: NotLeader, address: str = "") -> AdminRefusal:
    """The Raft core's word for it."""
    return not_leader(error.leader_id, address)
