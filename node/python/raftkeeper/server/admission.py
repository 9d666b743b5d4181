"""When clients are let in, when they are cut off, and when this node's own requests may go out.

A node serves when its state is as new as the ensemble's was at some moment after its start. It cuts
everybody off when its state is replaced. Without a leader it lets clients in too, to be served
read-only or sent on by the engine; nothing of theirs goes out then.
"""

from typing import TYPE_CHECKING

from raftkeeper.raft import NOBODY, Role, is_removed
from raftkeeper.raft import SnapshotMeta as CoreMeta
from raftkeeper.server.logs import get_logger
from raftkeeper.storage import SnapshotMeta

if TYPE_CHECKING:
    from collections.abc import Callable

    from raftkeeper.server.driver import Driver

log = get_logger(__name__)


class Admission:
    """Part of a driver, which asks it after each step while `peering.may_serve` is not set."""

    def __init__(self, driver: "Driver", first_entry: "Callable[[], bytes]") -> None:
        self._driver = driver
        self._first_entry = first_entry
        self._first_entry_term = 0
        self._barrier_asked = False
        self.removed = ""
        """Why this member will never serve again; '' while it belongs to the ensemble."""

    def begin(self) -> None:
        """Once the state is as new as it was anywhere when this was asked, and has its secret."""
        driver, core, engine = self._driver, self._driver.core, self._driver.engine
        if self.removed:
            return
        if core.role is Role.LEADER and not engine.bootstrapped:
            self._propose_first_entry()
        elif not engine.bootstrapped or driver.installer.diverged:
            return
        elif core.role is Role.LEADER and not driver.peering.has_others:
            if core.applied_index == core.last_index:
                self._serve(proven=True)
        elif not self._barrier_asked and core.leader_id != NOBODY:
            self._barrier_asked = True
            driver.barriers.ask(self._on_caught_up)
            driver.look()
        elif driver.peering.lost and not driver.serving.is_set():
            self._serve(proven=False)

    def waits_for(self) -> str:
        """Why no client is served, '' when they are."""
        driver = self._driver
        if driver.serving.is_set():
            return ""
        if self.removed:
            return self.removed
        if driver.installer.diverged:
            return driver.installer.diverged
        if driver.restorer.running:
            return "loading a snapshot of another member"
        applied = driver.engine.applied_index
        if not driver.backlog.is_empty:
            return f"replaying the log: entry {applied}"
        if driver.core.leader_id == NOBODY:
            return "waiting for a leader"
        return f"catching up: entry {applied} of {driver.core.commit_index}"

    def why_no_snapshot(self) -> str:
        """Why this node's state is not to be kept in a snapshot; '' when it may be."""
        if self._driver.restorer.running:
            return "the state is being replaced"
        return self._driver.installer.diverged

    def follow_removal(self) -> None:
        """By each tick. Who was removed hears of no write any more, so it must show nobody its state."""
        core = self._driver.core
        if self.removed or not is_removed(core):
            return
        self.removed = (
            f"member {core.config.member_id} was removed from the ensemble: it serves no client. Stop "
            "it; with an empty data directory it can join anew"
        )
        log.warning("ensemble.removed", reason=self.removed, config_index=core.config_index)
        self.suspend(self.removed)

    def suspend(self, reason: str) -> None:
        """No client is served any more, for now."""
        driver = self._driver
        log.warning("node.not_serving", reason=reason)
        driver.serving.clear()
        driver.peering.allow_own(allowed=False)
        driver.comparison.stop()
        if driver.clients is not None:
            driver.clients.abort_all()

    def load(self, meta: SnapshotMeta, then: "Callable[[SnapshotMeta], None]") -> None:
        """Replaces the engine's state, and applies what this member's log has behind it."""
        driver = self._driver
        driver.backlog.block(blocked=True)
        driver.installer.on_reload(meta)

        def on_loaded(loaded: SnapshotMeta) -> None:
            then(loaded)
            if loaded.index < driver.core.applied_index:
                driver.backlog.put_first(loaded.index + 1, driver.core.applied_index)
            driver.backlog.block(blocked=False)
            driver.look()

        driver.restorer.begin(meta, driver.clients, on_loaded)

    def load_restored(self, restored: CoreMeta | None) -> tuple[int, int] | None:
        """Where the core has given up its log for a snapshot: (index, term) for the driver to write down."""
        if restored is None:
            return None
        driver = self._driver
        meta = driver.installer.take_offered()
        self.suspend("the log of the others begins behind this member's: it takes a snapshot")
        driver.backlog.clear()
        self.load(meta, lambda _meta: driver.installer.healed())
        return restored.index, restored.term

    def _propose_first_entry(self) -> None:
        core = self._driver.core
        is_first = self._first_entry_term != core.term and core.applied_index == core.last_index
        if is_first and core.may_propose:
            self._first_entry_term = core.term
            core.propose(self._first_entry())
            self._driver.look()

    def _on_caught_up(self, passed: bool) -> None:  # noqa: FBT001  a barrier's answer
        self._barrier_asked = False
        driver = self._driver
        ready = driver.engine.bootstrapped and driver.backlog.is_empty
        if passed and ready and not (driver.installer.diverged or self.removed):
            self._serve(proven=True)

    def _serve(self, *, proven: bool) -> None:
        """Lets clients in. `proven`: their requests may go out too."""
        driver = self._driver
        if proven:
            driver.comparison.start()
            if driver.installer.diverged:
                return  # what the others have said of this very index is heard already
            driver.peering.allow_own(allowed=True)
        driver.serving.set()
        driver.wake()
