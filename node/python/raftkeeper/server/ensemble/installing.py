"""Snapshots of other members: fetched because the log no longer reaches here, or to heal.

A member whose state a majority contradicts does not serve with it a moment longer, nor after a start: it
takes the snapshot of one that is right and applies its own log behind it, which checksums have guarded.
"""

from collections.abc import Callable
from typing import Protocol

from raftkeeper.raft import Membership, RaftCore
from raftkeeper.raft import SnapshotMeta as CoreMeta
from raftkeeper.server import limits
from raftkeeper.server.clock import Clock
from raftkeeper.server.ensemble.ports import Loop, OwnVerdicts, PeerLinks, Snapshots
from raftkeeper.server.logs import get_logger
from raftkeeper.storage import SnapshotMeta, StorageFull, Verdict, Writer

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
        self._verdicts: OwnVerdicts | None = None
        self._right: frozenset[int] = frozenset()
        self._is_noted = False
        self._for_core = False
        self._for_healing = False
        self._retry_at_us = 0
        self._offered: SnapshotMeta | None = None
        self._healer: SnapshotMeta | None = None
        """Fetched to heal, and not loaded yet."""
        self._removing = False
        self._is_alone = False
        """All snapshots but the one that heals are gone."""
        self._loading = False

    def remember(self, verdicts: OwnVerdicts) -> None:
        """Before the first tick: what an earlier life of this member has found out about its state."""
        self._verdicts = verdicts
        if verdicts.diverged is not None:
            self.diverged = verdicts.diverged.reason
            self._right = frozenset(verdicts.diverged.members)
            self._is_noted = True
            log.critical("digest.wrong", reason=self.diverged, effect="known from before the start")

    def core_fetches(self) -> None:
        """The core's fetch begins; one for healing ends with it."""
        if self._for_healing:
            self._links.cancel_fetch()
            self._for_healing = False
        self._healer = None
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
        self._host.suspend(self.diverged)
        self._note()
        log.critical("digest.wrong", reason=self.diverged, applied_index=self._core.applied_index)
        self._heal()

    def on_snapshot(self, meta: SnapshotMeta | None) -> None:
        """A fetch has ended."""
        for_core, self._for_core = self._for_core, False
        healing, self._for_healing = self._for_healing, False
        if for_core and meta is None:
            # The links have said why, once. The core takes the next offer, which comes with each
            # heartbeat, only when it is told.
            self._loop.call_later(limits.HEAL_RETRY_S, self._guarded, self._core.snapshot_failed)
        elif meta is None:
            return
        elif for_core and not self.diverged:
            self._offer(meta)
        elif self.diverged and (for_core or healing):
            if for_core and meta.index <= self._core.commit_index:
                self._offer(meta)  # so that it knows that its fetch is over
            self._healer, self._is_alone = meta, False
            self._go_on()

    def take_offered(self) -> SnapshotMeta:
        """The snapshot that the core's `restored` speaks of."""
        offered, self._offered = self._offered, None
        if offered is None:
            raise RuntimeError("the core restores a snapshot that nobody has fetched")
        self._loading = True
        return offered

    def healed(self) -> None:
        """The state has been replaced."""
        if self.diverged:
            if self._verdicts is not None:
                self._verdicts.mark_healed()
            log.warning("digest.healed", applied_index=self._core.applied_index)
        self.diverged = ""
        self._is_noted = self._loading = False
        self._right = frozenset()

    def tick(self) -> None:
        """By each slow tick: goes on with what waits, and tries again what has failed."""
        if not self.diverged:
            return
        self._note()
        is_busy = self._for_healing or self._for_core or self._loading
        if self._healer is not None:
            self._go_on()
        elif not is_busy and self._clock.now_us() >= self._retry_at_us:
            self._heal()

    # ---- inside ---------------------------------------------------------------------------------

    def _note(self) -> None:
        """On the disk, so that no start serves this state again. A full one is tried again."""
        if self._is_noted or self._verdicts is None:
            return
        try:
            self._verdicts.mark_diverged(Verdict(self.diverged, tuple(sorted(self._right))))
            self._is_noted = True
        except StorageFull as error:
            log.error("digest.not_noted", reason=str(error), effect="tried again with each tick")

    def _heal(self) -> None:
        """Fetches from one that is right, the leader first. None of those may be a member any more:
        then the leader's is the best word there is.
        """
        self._retry_at_us = self._clock.now_us() + int(limits.HEAL_RETRY_S * 1_000_000)
        core, leader = self._core, self._core.leader_id
        right = (self._right & core.members) or (core.members & {leader})
        up = sorted(member for member in right if self._links.is_up(member))
        if up and not self._for_core:
            self._for_healing = True
            sender = leader if leader in up else up[0]
            self._links.fetch_snapshot(sender, max(self._reaches_back_to, 1))

    @property
    def _reaches_back_to(self) -> int:
        """What a snapshot must cover at least for the own log to go on behind it."""
        first = int(self._writer.statistics()["log_first_index"])
        return first - 1 if first else self._core.applied_index

    def _go_on(self) -> None:
        """Takes the snapshot that heals as the state, in steps that wait for each other.

        Not before the core has handed over all that is in it: the entries that come next would not
        be the next ones. What the core does not know to be committed it is told; where its log lacks
        the snapshot's last entry, it gives up the log for it, as it does when it is far behind.
        """
        meta, core = self._healer, self._core
        if meta is None or self._removing or self._snapshots is None:
            return
        is_ahead = meta.index > core.commit_index
        if not is_ahead and meta.index > core.handed_index:
            return
        if meta.index < self._reaches_back_to:
            log.error(
                "digest.not_healed",
                reason=f"the snapshot ends at {meta.index}, and the own log begins behind it",
                retry_s=limits.HEAL_RETRY_S,
            )
            self._healer = None
        elif not self._is_alone:
            self._remove_others(meta)
        elif is_ahead:
            if self._offer(meta):
                self._healer = None
        else:
            self._healer, self._loading = None, True
            self._host.load(meta, lambda _meta: self.healed())

    def _remove_others(self, meta: SnapshotMeta) -> None:
        """They hold a state that is wrong; a start must not find them."""
        assert self._snapshots is not None
        self.on_reload(meta)  # a snapshot of the wrong state that is just being taken goes first
        self._removing = True

        def on_kept(error: BaseException | None) -> None:
            self._guarded(self._on_removed, meta, error)

        self._snapshots.keep_only(meta, on_kept)

    def _on_removed(self, meta: SnapshotMeta, error: BaseException | None) -> None:
        self._removing = False
        if error is not None:
            raise error
        if self._healer is meta:
            self._is_alone = True
        self._go_on()

    def _offer(self, meta: SnapshotMeta) -> bool:
        """To the core, which may need it; whether it does."""
        self._offered = meta
        membership = Membership.decode(meta.membership)
        core_meta = CoreMeta(meta.index, meta.term, membership, meta.config_index)
        is_needed = self._core.restore(core_meta)
        if not is_needed:
            self._offered = None
        return is_needed
