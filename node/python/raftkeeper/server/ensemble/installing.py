"""Snapshots of other members: fetched because the log no longer reaches here, or to heal.

A member whose state a majority contradicts does not serve with it a moment longer: it takes the
snapshot of one that is right and applies its own log behind it, which checksums have guarded.
"""

from collections.abc import Callable
from typing import Protocol

from raftkeeper.raft import Membership, RaftCore
from raftkeeper.raft import SnapshotMeta as CoreMeta
from raftkeeper.server import limits
from raftkeeper.server.clock import Clock
from raftkeeper.server.ensemble.ports import Loop, PeerLinks, Snapshots
from raftkeeper.server.logs import get_logger
from raftkeeper.storage import SnapshotMeta, Writer

log = get_logger(__name__)


class Host(Protocol):
    """What the driver does for it."""

    def suspend(self, reason: str) -> None:
        """Serves no client from now on."""

    def load(self, meta: SnapshotMeta, then: Callable[[SnapshotMeta], None]) -> None:
        """Replaces the engine's state."""


class Installer:
    """One fetch at a time; the core's outranks the healing, because it heals too."""

    def __init__(
        self,
        *,
        core: RaftCore,
        writer: Writer,
        clock: Clock,
        links: PeerLinks,
        snapshots: Snapshots | None,
        host: Host,
        loop: Loop,
        guarded: Callable[..., None],
    ) -> None:
        self.diverged = ""
        """Why this member's state is wrong; '' when it is not known to be."""
        self.on_reload: Callable[[SnapshotMeta], None] = lambda _meta: None
        """Told before the state is replaced."""
        self._core = core
        self._writer = writer
        self._clock = clock
        self._links = links
        self._snapshots = snapshots
        self._host = host
        self._loop = loop
        self._guarded = guarded
        self._right: frozenset[int] = frozenset()
        self._for_core = False
        self._for_healing = False
        self._retry_at_us = 0
        self._offered: SnapshotMeta | None = None
        self._keeping: SnapshotMeta | None = None
        """The one that heals, while all others are being removed."""

    def core_fetches(self) -> None:
        """The core's fetch begins; one for healing ends with it."""
        if self._for_healing:
            self._links.cancel_fetch()
            self._for_healing = False
        self._for_core = True

    def on_contradicted(self, right: frozenset[int]) -> None:
        """A majority has another state than this member."""
        self._right = right
        if self.diverged:
            return
        self.diverged = (
            f"the state of this member differs from that of members {sorted(right)}: "
            "it does not serve and fetches a snapshot"
        )
        log.critical("digest.wrong", reason=self.diverged, applied_index=self._core.applied_index)
        self._host.suspend(self.diverged)
        self._heal()

    def on_snapshot(self, meta: SnapshotMeta | None) -> None:
        """A fetch has ended."""
        for_core, self._for_core = self._for_core, False
        healing, self._for_healing = self._for_healing, False
        if for_core:
            self._restore_core(meta)
        elif healing and self.diverged:
            self._restore_healing(meta)

    def take_offered(self) -> SnapshotMeta:
        """The snapshot that the core's `restored` speaks of."""
        self._keeping = None  # this one heals too
        offered, self._offered = self._offered, None
        if offered is None:
            raise RuntimeError("the core restores a snapshot that nobody has fetched")
        return offered

    def healed(self) -> None:
        """The state has been replaced."""
        if self.diverged:
            log.warning("digest.healed", applied_index=self._core.applied_index)
        self.diverged = ""
        self._right = frozenset()

    def tick(self) -> None:
        """By each slow tick: a healing that failed is tried again."""
        fetching = self._for_healing or self._for_core or self._keeping
        if self.diverged and not fetching and self._clock.now_us() >= self._retry_at_us:
            self._heal()

    def _heal(self) -> None:
        self._retry_at_us = self._clock.now_us() + int(limits.HEAL_RETRY_S * 1_000_000)
        up = sorted(member for member in self._right if self._links.is_up(member))
        if up and not self._for_core:
            leader = self._core.leader_id
            self._for_healing = True
            self._links.fetch_snapshot(leader if leader in up else up[0], 1)

    def _restore_core(self, meta: SnapshotMeta | None) -> None:
        if meta is None:
            # The links have said why, once. The core takes the next offer, which comes with each
            # heartbeat, only when it is told.
            self._loop.call_later(limits.HEAL_RETRY_S, self._guarded, self._core.snapshot_failed)
            return
        self._offered = meta
        membership = Membership.decode(meta.membership)
        core_meta = CoreMeta(meta.index, meta.term, membership, meta.config_index)
        if not self._core.restore(core_meta):
            self._offered = None

    def _restore_healing(self, meta: SnapshotMeta | None) -> None:
        if meta is None:
            return
        core = self._core
        if meta.index > core.applied_index:
            # The core hands over entries from where it is, so a state beyond that would be given some
            # that are in it already. By the next try it has got further.
            log.warning("digest.heals_later", index=meta.index, applied_index=core.applied_index)
            return
        first = int(self._writer.statistics()["log_first_index"])
        if meta.index < core.applied_index and not 0 < first <= meta.index + 1:
            log.error(
                "digest.not_healed",
                reason=f"the snapshot ends at {meta.index}, the own log begins at {first}",
                retry_s=limits.HEAL_RETRY_S,
            )
            return
        if self._snapshots is None:
            return
        self.on_reload(meta)  # a snapshot of the wrong state that is just being taken goes first
        self._keeping = meta

        def on_kept(error: BaseException | None) -> None:
            self._guarded(self._load_healing, meta, error)

        self._snapshots.keep_only(meta, on_kept)

    def _load_healing(self, meta: SnapshotMeta, error: BaseException | None) -> None:
        if error is not None:
            raise error
        if self._keeping is meta:
            self._keeping = None
            self._host.load(meta, self._after_healing)

    def _after_healing(self, _meta: SnapshotMeta) -> None:
        self.healed()
