"""Who belongs to the ensemble: the value, its bytes in a CONFIG entry, and its history in the log.

A membership counts from the moment its entry is in the log, committed or not, and no longer when
that entry is cut off again; so the history is kept by index. This file does not decide when a change
is allowed: change.py does.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from raftkeeper.raft.messages import Index, MemberId

BASE_LEVEL: Final = 1
"""The feature level of a membership that says nothing of one."""

_VERSION = 2
"""1 had neither members nor next_id; such entries are still read."""
_VERSION_WITH_LEVEL = 3
"""The same and the level: a program that knows no levels must refuse it, and not pass over the level."""


class MembershipTooNew(ValueError):
    """Written by a program that knows more, or of an ensemble that uses what this member cannot read."""


@dataclass(frozen=True, slots=True)
class Member:
    """What everybody knows about one member."""

    id: MemberId
    """Given out by the log, never again to another."""
    incarnation: bytes = b""
    """Drawn when its disk was empty: a disk that was lost does not come back under the old id."""
    address: str = ""
    zone: str = ""
    priority: int = 1
    """Higher ones lead by preference; nobody is kept from leading."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Voters decide, learners only listen. While a joint change runs, `outgoing` are the old voters
    and every decision needs a majority of both sets.
    """

    voters: frozenset[MemberId]
    learners: frozenset[MemberId] = frozenset()
    outgoing: frozenset[MemberId] = frozenset()
    members: tuple[Member, ...] = ()
    """One for each id in the three sets, by id."""
    next_id: MemberId = 1
    """The id of the next member to come: above all that ever were."""
    level: int = BASE_LEVEL
    """The feature level in use: what entries behind this one may be written as. It never falls."""

    @classmethod
    def of(
        cls,
        voters: Iterable[MemberId],
        learners: Iterable[MemberId] = (),
        outgoing: Iterable[MemberId] = (),
        details: Iterable[Member] = (),
        next_id: MemberId = 1,
        *,
        level: int = BASE_LEVEL,
    ) -> "Membership":
        """From ids. `details` may know some of them, and others, which are left out."""
        sets = frozenset(voters), frozenset(learners), frozenset(outgoing)
        known = {member.id: member for member in details}
        ids = sorted(sets[0] | sets[1] | sets[2])
        members = tuple(known.get(member_id) or Member(member_id) for member_id in ids)
        return cls(*sets, members, max([next_id - 1, *ids]) + 1, level)

    @classmethod
    def found(cls, members: Iterable[Member], level: int = BASE_LEVEL) -> "Membership":
        """The first membership of an ensemble: all are voters."""
        details = tuple(members)
        return cls.of((member.id for member in details), details=details, level=level)

    @property
    def is_joint(self) -> bool:
        return bool(self.outgoing)

    @property
    def everyone(self) -> frozenset[MemberId]:
        return self.voters | self.learners | self.outgoing

    def member(self, member_id: MemberId) -> Member | None:
        return next((member for member in self.members if member.id == member_id), None)

    def may_vote(self, member: MemberId) -> bool:
        return member in self.voters or member in self.outgoing

    def is_sole_voter(self, member: MemberId) -> bool:
        return (self.voters | self.outgoing) == {member}

    def encode(self) -> bytes:
        """The same bytes for equal memberships; JSON, so that a dump of the log can be read."""
        has_level = self.level > BASE_LEVEL
        value: dict[str, object] = {
            "version": _VERSION_WITH_LEVEL if has_level else _VERSION,
            "voters": sorted(self.voters),
            "learners": sorted(self.learners),
            "outgoing": sorted(self.outgoing),
            "next_id": self.next_id,
            # Of a member without any details the id in its set says it all.
            "members": [
                [member.id, member.incarnation.hex(), member.address, member.zone, member.priority]
                for member in self.members
                if member != Member(member.id)
            ],
        }
        if has_level:
            value["level"] = self.level
        return json.dumps(value, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, payload: bytes) -> "Membership":
        """Raises ValueError when the bytes are not a membership of a version known here."""
        try:
            value = json.loads(payload)
            version = value["version"]
            if version == 1:
                value |= {"next_id": 1, "members": []}
            membership = cls.of(
                value["voters"],
                value["learners"],
                value["outgoing"],
                (
                    Member(member_id, bytes.fromhex(incarnation), address, zone, priority)
                    for member_id, incarnation, address, zone, priority in value["members"]
                ),
                value["next_id"],
                level=value["level"] if version == _VERSION_WITH_LEVEL else BASE_LEVEL,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a membership: {payload[:100]!r}") from error
        if version not in (1, _VERSION, _VERSION_WITH_LEVEL):
            raise MembershipTooNew(
                f"a membership of version {version}, and this node knows {_VERSION_WITH_LEVEL}:"
                " start the version of RaftKeeper that wrote it"
            )
        return membership


class MembershipHistory:
    """Which membership counts at which index. One above `level_max` has no place in it: the member
    must stop before its disk holds, or its machine meets, what it cannot read.
    """

    __slots__ = ("_indexes", "_level_max", "_memberships")

    def __init__(self, index: Index, membership: Membership, level_max: int) -> None:
        self._level_max = level_max
        self._indexes = [index]
        self._memberships = [self._checked(membership)]

    @property
    def current(self) -> Membership:
        return self._memberships[-1]

    @property
    def current_index(self) -> Index:
        """Of the entry that holds the current one."""
        return self._indexes[-1]

    @property
    def before_current(self) -> Membership:
        """The one that the current one has replaced; the current one where nothing is known before."""
        return self._memberships[-2:][0]

    def at(self, index: Index) -> Membership:
        """The one that counts at `index`; for an index older than all it is the oldest known."""
        return self._memberships[self._position(index)]

    def index_at(self, index: Index) -> Index:
        """Of the entry that holds the one that counts at `index`."""
        return self._indexes[self._position(index)]

    def is_voter_since(self, index: Index, member: MemberId) -> bool:
        """Whether the member is a voter of the one at `index` or of any later one."""
        later = self._memberships[self._position(index) :]
        return any(membership.may_vote(member) for membership in later)

    def append(self, index: Index, membership: Membership) -> None:
        self._memberships.append(self._checked(membership))
        self._indexes.append(index)

    def truncate_from(self, index: Index) -> None:
        """Entries from `index` on are gone, and the memberships in them. The base stays."""
        keep = max(bisect_right(self._indexes, index - 1), 1)
        del self._indexes[keep:]
        del self._memberships[keep:]

    def compact(self, index: Index) -> None:
        """Forgets what was replaced at or before `index`."""
        drop = self._position(index)
        del self._indexes[:drop]
        del self._memberships[:drop]

    def _position(self, index: Index) -> int:
        return max(bisect_right(self._indexes, index) - 1, 0)

    def _checked(self, membership: Membership) -> Membership:
        if membership.level > self._level_max:
            raise MembershipTooNew(
                f"feature level {membership.level} is in use in this ensemble, and this member speaks"
                f" {self._level_max} at most: start a release of RaftKeeper that speaks it"
            )
        return membership
