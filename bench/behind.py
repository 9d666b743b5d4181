"""A member that a million znodes are missing comes back: how long it takes, and what others notice.

The member is stopped while the znodes are created. What it is sent then is each server's own choice: a
node sends the log as long as it reaches back, ZooKeeper a snapshot. Load runs on the other two only, in
windows one after the other: some before it is started, those until it has caught up, and some after.
It must not decide whether a figure is good.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import load
import servers
from load import Sample
from plan import Cell, Plan

ROOT = "/million"
VALUE_BYTES = 100
CELL = Cell("mixed", 30, 1, VALUE_BYTES)
WINDOW_S = 0.5
WINDOW_WARM_UP_S = 0.1
WINDOWS_BEFORE = 10
CATCH_UP_DEADLINE_S = 120.0
POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class BehindResult:
    """One ensemble. Windows of load are on the other two members, each half a second."""

    znodes: int
    catch_up_s: float
    """From the start of its process until it serves, with all that there was at that moment."""
    before: list[Sample]
    during: list[Sample]
    after: list[Sample]


@dataclass(frozen=True, slots=True)
class Others:
    """Some members of an ensemble, as the load sees them."""

    members: Sequence[servers.Peer]

    @property
    def address(self) -> str:
        return ",".join(member.address for member in self.members)

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(member.pid for member in self.members)


def median(samples: Sequence[Sample], field: str) -> float:
    """The middle one of a figure."""
    return float(statistics.median(getattr(sample, field) for sample in samples))


def measure(
    program: Path, directory: Path, plan: Plan, say: Callable[[str], None]
) -> dict[str, BehindResult]:
    """One ensemble after the other."""
    results = {}
    for kind in servers.KINDS:
        result = results[kind] = _measure_one(program, directory, kind, plan.million_znodes)
        say(
            f"{result.znodes:,} znodes behind, {kind}: caught up in {result.catch_up_s:.1f} s; "
            + ", ".join(
                f"p99 {name} {median(samples, 'p99_us') / 1000:.2f} ms "
                f"at {median(samples, 'per_second'):,.0f}/s"
                for name, samples in (
                    ("before", result.before),
                    ("meanwhile", result.during),
                    ("after", result.after),
                )
            )
        )
    return results


def _measure_one(program: Path, directory: Path, kind: str, znodes: int) -> BehindResult:
    ensemble = servers.make_ensemble(kind, directory)
    with ensemble:
        late = next(one for one in ensemble.members if "Mode: follower" in one.four_letter("srvr"))
        others = Others([one for one in ensemble.members if one is not late])
        late.stop()
        load.preload(program, others, znodes=znodes, value_bytes=VALUE_BYTES, root=ROOT)
        load.preload(
            program, others, znodes=1000, value_bytes=VALUE_BYTES, root=f"/bench-{VALUE_BYTES}"
        )
        load.measure(program, others, CELL, warm_up_s=0.1, measured_s=8.0)  # a JVM compiles
        before = [_window(program, others) for _ in range(WINDOWS_BEFORE)]
        target = max(map(servers.applied_zxid, others.members))
        started = time.monotonic()
        with ThreadPoolExecutor(1) as waiting:
            late.launch()
            caught_up = waiting.submit(_wait_until_there, late, target, started)
            during = []
            while not caught_up.done():
                during.append(_window(program, others))
        after = [_window(program, others) for _ in range(WINDOWS_BEFORE)]
        return BehindResult(znodes, caught_up.result(), before, during, after)


def _window(program: Path, others: Others) -> Sample:
    return load.measure(program, others, CELL, warm_up_s=WINDOW_WARM_UP_S, measured_s=WINDOW_S)


def _wait_until_there(member: servers.Peer, zxid: int, started: float) -> float:
    """Seconds since `started` when the member has applied `zxid`."""
    while True:
        taken_s = time.monotonic() - started
        try:
            if servers.applied_zxid(member) >= zxid:
                return taken_s
        except OSError:
            pass  # it does not listen yet
        if taken_s > CATCH_UP_DEADLINE_S:
            raise TimeoutError(f"not caught up in {taken_s:.0f} s:\n{member.log_tail()}")
        time.sleep(POLL_S)
