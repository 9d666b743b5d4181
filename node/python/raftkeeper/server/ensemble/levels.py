"""The feature level in use: raised when every member speaks a higher one, and what may be written with it.

The level is a part of the membership, so it is replicated, in every snapshot, and there at each start; it
counts, as the membership does, from the moment it is in the log. What is written because of it comes behind
it in the same log: whoever gets that has got the level first, and stopped if it cannot follow. A level that
is cut off with a leader's last entries takes with it all that rested on it.
"""

from raftkeeper._engine import Engine
from raftkeeper.raft import ChangeRefused, Membership, RaftCore, RaiseLevel, Role
from raftkeeper.server.ensemble.ports import PeerLinks
from raftkeeper.server.feature_level import QUOTAS_ENFORCED, describe_quotas, level_of_all
from raftkeeper.server.logs import get_logger
from raftkeeper.storage import Writer

log = get_logger(__name__)


class Levels:
    """Part of an ensemble's driver."""

    def __init__(
        self,
        *,
        engine: Engine,
        core: RaftCore,
        writer: Writer,
        links: PeerLinks,
        enforce_quotas: bool,
    ) -> None:
        self._engine = engine
        self._core = core
        self._writer = writer
        self._links = links
        self._enforce_quotas = enforce_quotas
        self._followed = 0

    def follow(self, membership: Membership) -> None:
        """At the start, and whenever another membership counts."""
        level = membership.level
        if level == self._followed:
            return
        self._followed = level
        self._engine.enforce_quotas(self._enforce_quotas and level >= QUOTAS_ENFORCED)
        log.info(
            "ensemble.feature_level",
            in_use=level,
            spoken=self._core.config.level_max,
            quotas=describe_quotas(wanted=self._enforce_quotas, in_use=level),
        )

    def tick(self) -> bool:
        """By each slow tick: the leader raises the level if all can; whether it did.

        All are those linked to it at this moment, each with the level it said when the link was made. A
        member that is away keeps the level where it is.
        """
        core = self._core
        in_use, spoken = core.membership.level, core.config.level_max
        if core.role is not Role.LEADER or spoken <= in_use or self._writer.full:
            return False
        level = level_of_all(spoken, map(self._links.level_of, core.members))
        if level <= in_use:
            return False
        try:
            core.change(RaiseLevel(level), core.config_index)
        except ChangeRefused:
            return False  # another change or a transfer is under way: the next tick looks again
        return True
