"""Who belongs to the ensemble: the value, its bytes in a CONFIG entry, and its history in the log.

A membership counts from the moment its entry is in the log, committed or not, and no longer when
that entry is cut off again; so the history is kept by index. This file does not decide when a change
is allowed.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from raftkeeper.raft.messages import Index, MemberId

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Membership:
    """Voters decide, learners only listen. While a joint change runs, `outgoing` are the old voters
    and every decision needs a majority of both sets.
    """

    voters: frozenset[MemberId]
    learners: frozenset[MemberId] = frozenset()
    outgoing: frozenset[MemberId] = frozenset()

    @classmethod
    def of(
        cls,
        voters: Iterable[MemberId],
        learners: Iterable[MemberId] = (),
        outgoing: Iterable[MemberId] = (),
    ) -> "Membership":
        return cls(frozenset(voters), frozenset(learners), frozenset(outgoing))

    @property
    def is_joint(self) -> bool:
        return bool(self.outgoing)

    def may_vote(self, member: MemberId) -> bool:
        return member in self.voters or member in self.outgoing

    def is_sole_voter(self, member: MemberId) -> bool:
        return (self.voters | self.outgoing) == {member}

    def encode(self) -> bytes:
        """The same bytes for equal memberships; JSON, so that a dump of the log can be read."""
        value = {
            "version": _VERSION,
            "voters": sorted(self.voters),
            "learners": sorted(self.learners),
            "outgoing": sorted(self.outgoing),
        }
        return json.dumps(value, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, payload: bytes) -> "Membership":
        """Raises ValueError when the bytes are not a membership of this version."""
        try:
            value = json.loads(payload)
            version = value["version"]
            membership = cls.of(value["voters"], value["learners"], value["outgoing"])
        except (KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise ValueError(f"not a membership: {payload[:100]!r}") from error
        if version != _VERSION:
            raise ValueError(f"a membership of version {version}; this node knows {_VERSION}")
        return membership


class MembershipHistory:
    """Which membership counts at which index."""

    __slots__ = ("_indexes", "_memberships")

    def __init__(self, index: Index, membership: Membership) -> None:
        self._indexes = [index]
        self._memberships = [membership]

    @property
    def current(self) -> Membership:
        return self._memberships[-1]

    def at(self, index: Index) -> Membership:
        """The one that counts at `index`; for an index older than all it is the oldest known."""
        return self._memberships[max(bisect_right(self._indexes, index) - 1, 0)]

    def append(self, index: Index, membership: Membership) -> None:
        self._indexes.append(index)
        self._memberships.append(membership)

    def truncate_from(self, index: Index) -> None:
        """Entries from `index` on are gone, and the memberships in them. The base stays."""
        keep = max(bisect_right(self._indexes, index - 1), 1)
        del self._indexes[keep:]
        del self._memberships[keep:]

    def compact(self, index: Index) -> None:
        """Forgets what was replaced at or before `index`."""
        drop = max(bisect_right(self._indexes, index) - 1, 0)
        del self._indexes[:drop]
        del self._memberships[:drop]
