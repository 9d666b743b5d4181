"""Waits until this node has applied everything that was committed before it asked.

The engine's barriers (`sync`, linearizable reads) and the node's own (before it serves, for admin)
share the core's read index. An engine's barrier that failed is asked for again, because its clients
wait; the node's own tell the one who asked.
"""

from collections.abc import Callable

from raftkeeper._engine import Engine
from raftkeeper.raft import NotLeader, RaftCore, ReadGrant
from raftkeeper.server import limits

OnPassed = Callable[[bool], None]


class Barriers:
    """Engine's tokens are above zero and ascend; the node's own are below, so that they never meet."""

    def __init__(self, engine: Engine, core: RaftCore) -> None:
        self._engine = engine
        self._core = core
        self._failed = 0
        self._last_own = 0
        self._asked: dict[int, OnPassed] = {}
        self._granted: list[tuple[int, OnPassed]] = []

    def gather(self) -> None:
        """Asks for what the engine's clients wait for."""
        token = self._engine.take_barrier()
        if token is not None:
            self._ask(token)

    def ask(self, on_passed: OnPassed) -> None:
        """A barrier of the node's own. The answer may come before this returns."""
        if len(self._asked) >= limits.OWN_BARRIERS_MAX:
            on_passed(False)
            return
        self._last_own -= 1
        self._asked[self._last_own] = on_passed
        self._ask(self._last_own)

    def on_grants(self, grants: tuple[ReadGrant, ...]) -> None:
        """The core knows from which index on they may pass."""
        for grant in grants:
            token, index = grant.token, grant.index
            if token > 0:
                if token >= self._failed:
                    self._failed = 0  # a later one answers the earlier
                self._engine.pass_barrier(token, index)
            elif on_passed := self._asked.pop(token, None):
                self._granted.append((index, on_passed))

    def on_failed(self, tokens: tuple[int, ...]) -> None:
        """Nobody will grant these."""
        for token in tokens:
            self._on_failed(token)

    def ask_again(self) -> None:
        """By each tick: the engine's newest that failed, when there is somebody to ask."""
        if self._failed and self._core.leader_id:
            token, self._failed = self._failed, 0
            self._ask(token)

    def pass_applied(self) -> None:
        """Tells the node's own whose index is applied."""
        if not self._granted:
            return
        applied = self._engine.applied_index
        passed = [on_passed for index, on_passed in self._granted if index <= applied]
        self._granted = [wait for wait in self._granted if wait[0] > applied]
        for on_passed in passed:
            on_passed(True)

    def _ask(self, token: int) -> None:
        try:
            self._core.read_index(token)
        except NotLeader:
            self._on_failed(token)

    def _on_failed(self, token: int) -> None:
        if token > 0:
            self._failed = max(self._failed, token)
        elif on_passed := self._asked.pop(token, None):
            on_passed(False)
