"""The ticks of a node: short ones for the Raft core, and every quarter of a second the rest.

A node that is alone needs the long ones only. A tick that comes late counts once, so a stall of the
machine neither starts an election by itself nor expires a session.
"""

import math
from typing import TYPE_CHECKING

from raftkeeper.server import limits
from raftkeeper.server.clock import Clock
from raftkeeper.server.disk_watch import DiskWatch
from raftkeeper.server.ensemble.ports import Loop, Timer
from raftkeeper.server.logs import get_logger

if TYPE_CHECKING:
    from raftkeeper.server.driver import Driver

log = get_logger(__name__)


class Pulse:
    """Part of a driver."""

    def __init__(self, driver: "Driver", loop: Loop, clock: Clock) -> None:
        self._driver = driver
        self._loop = loop
        self._clock = clock
        self._timer: Timer | None = None
        self._due_us = 0
        self._slow_due_us = 0
        patience_s = limits.DISK_STALL_ELECTIONS * self._election_s
        self._disk = DiskWatch(max(2, math.ceil(patience_s / limits.SLOW_TICK_S)))

    @property
    def _election_s(self) -> float:
        settings = self._driver.settings
        return settings.tick_s * settings.election_ticks

    def start(self) -> None:
        """With a first tick at once."""
        self._due_us = self._clock.now_us()
        self._tick()

    def stop(self) -> None:
        """No more ticks."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        driver, now_us = self._driver, self._clock.now_us()
        late_us = now_us - self._due_us
        if late_us > limits.LATE_TICK_S * 1_000_000:
            driver.figures.late_ticks += 1
            log.warning(
                "loop.stalled", late_ms=late_us // 1000, effect="sessions get that much longer"
            )
        delay_s = limits.SLOW_TICK_S if driver.peering.is_alone else driver.settings.tick_s
        self._due_us = now_us + int(delay_s * 1_000_000)
        self._timer = self._loop.call_later(delay_s, self._tick)
        driver.guarded(self._work, now_us)

    def _work(self, now_us: int) -> None:
        driver = self._driver
        driver.core.tick()
        driver.peering.tick()
        driver.admission.follow_removal()
        driver.barriers.ask_again()
        driver.membership_door.tick()
        driver.pump()
        # A little early rather than a whole Raft tick late.
        if now_us + driver.settings.tick_s * 500_000 >= self._slow_due_us:
            self._slow_due_us = now_us + int(limits.SLOW_TICK_S * 1_000_000)
            self._work_slowly(now_us)
        driver.waits.check()

    def _work_slowly(self, now_us: int) -> None:
        driver = self._driver
        driver.writer.tick()
        driver.follow_disk()
        if driver.serving.is_set():
            driver.engine.tick(now_us)
            driver.peering.tell_leader()
        if driver.peering.has_others:
            stalled = self._disk.look(driver.writer.under_way)
            unfit = driver.writer.full or driver.installer.diverged or stalled
            driver.leadership.tick(unfit=unfit)
            # A leader that does not serve yet gains nothing by moving; a follower is not to become one.
            driver.peering.tell_fitness(driver.leadership.unfit or driver.admission.waits_for())
            driver.installer.tick()
            driver.comparison.tick()
            driver.pump()
        driver.peering.let_go()
        if driver.peering.levels.tick():
            driver.pump()
        if driver.draining:
            driver.clients_left = driver.engine.drain(limits.DRAIN_PER_TICK)
        driver.count_fsyncs()
        driver.after_step()
