"""What the admin API needs of a node, as protocols: the driver's views, and its operations.

Tests stand in for a node with these. Everything is called on the loop's thread; what waits has a
deadline.
"""

from collections.abc import Sequence
from typing import Protocol

from raftkeeper.raft import Change, Index, MemberId


class Status(Protocol):
    """How one member sees itself and the ensemble; known without a quorum."""

    @property
    def member_id(self) -> MemberId: ...
    @property
    def role(self) -> str:
        """leader, follower, learner, candidate, pre-candidate; `waiting` before it is a member."""

    @property
    def leader_id(self) -> MemberId:
        """0 when none is known."""

    @property
    def term(self) -> int: ...
    @property
    def commit_index(self) -> Index: ...
    @property
    def applied_index(self) -> Index: ...
    @property
    def last_index(self) -> Index: ...
    @property
    def config_index(self) -> Index: ...
    @property
    def level_in_use(self) -> int:
        """The feature level that the membership says."""

    @property
    def is_joint(self) -> bool: ...
    @property
    def transferring(self) -> MemberId: ...
    @property
    def read_only(self) -> bool: ...
    @property
    def diverged(self) -> str: ...
    @property
    def serving(self) -> bool: ...
    @property
    def waiting(self) -> str: ...


class MemberView(Protocol):
    """One member as this node knows it; its progress is known on the leader only."""

    @property
    def id(self) -> MemberId: ...
    @property
    def role(self) -> str:
        """leader, voter, learner, leaving."""

    @property
    def address(self) -> str: ...
    @property
    def zone(self) -> str: ...
    @property
    def priority(self) -> int: ...
    @property
    def incarnation(self) -> bytes: ...
    @property
    def match_index(self) -> Index | None: ...
    @property
    def state(self) -> str: ...
    @property
    def caught_up(self) -> bool | None: ...
    @property
    def active(self) -> bool | None: ...
    @property
    def last_contact_ms(self) -> int | None: ...
    @property
    def link_up(self) -> bool: ...
    @property
    def unfit(self) -> str | None:
        """Why it should not lead, '' when it may."""


class Views(Protocol):
    """What can be read at any time."""

    def status(self) -> Status: ...
    def members(self) -> Sequence[MemberView]: ...
    def next_id(self) -> MemberId:
        """Of the member that comes next: above all that ever were."""


class Operations(Protocol):
    """What can be done. TimeoutError: it is not known, or did not come about, within the time."""

    async def change(self, change: Change, config_index: Index, *, timeout_s: float) -> Index:
        """The index of the change, once it is committed and not joint any more.

        Raises NotLeader, ChangeRefused: then nothing was done.
        """

    async def transfer(self, to: MemberId, *, timeout_s: float) -> MemberId:
        """Who leads now. 0 stands for the best one. Raises NotLeader, TransferRefused."""

    async def barrier(self, *, timeout_s: float) -> None:
        """Everything that was committed before the call is known here. Raises NotLeader."""

    async def drain(self, *, leadership: bool, timeout_s: float) -> int:
        """Sends clients away and lets no new ones in; how many are left. With `leadership` it does
        not lead meanwhile if another can.
        """

    def undrain(self) -> None:
        """Lets clients in again."""


class Surveyed(Protocol):
    """What a node said of itself on the peer port; a waiting one has member id 0."""

    @property
    def cluster_id(self) -> bytes: ...
    @property
    def member_id(self) -> MemberId: ...
    @property
    def incarnation(self) -> bytes: ...
    @property
    def feature_level(self) -> int: ...
    @property
    def zone(self) -> str: ...
    @property
    def priority(self) -> int: ...


class Surveyor(Protocol):
    """Asks a node who it is, before it is a member."""

    async def survey(self, address: str, timeout_s: float) -> Surveyed | None:
        """None when it does not answer."""
