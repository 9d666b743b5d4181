"""A member that a million znodes are missing comes back: how long it takes, and what others notice.

The member is stopped while the znodes are created. A node sends it the log as long as that reaches back,
and a snapshot otherwise: both are measured, and it is looked whether it was that. ZooKeeper chooses for
itself. Load runs on the other two only, in windows one after the other: some before the member is
started, those until it has caught up, and some after. It must not decide whether a figure is good.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
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
WINDOWS_BEFORE = 8
WARM_UP_S = {"raftkeeper": 2.0, "zookeeper": 8.0}
"""A JVM compiles what it has seen often."""
CATCH_UP_DEADLINE_S = 120.0
POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Way:
    """How a member that is behind catches up."""

    title: str
    kind: str
    environment: Mapping[str, str] = field(default_factory=dict)
    by_snapshot: bool | None = None
    """None: its own choice."""


MIB = 1024 * 1024
BY_LOG = Way("raftkeeper by log", "raftkeeper", {}, by_snapshot=False)
"""With its defaults: the znodes take less log than lies between two snapshots."""
BY_SNAPSHOT = Way(
    "raftkeeper by snapshot",
    "raftkeeper",
    {
        "RAFTKEEPER__SNAPSHOT__EVERY_LOG_BYTES": str(32 * MIB),
        "RAFTKEEPER__SNAPSHOT__RETAIN": "2",
        "RAFTKEEPER__STORAGE__SEGMENT_BYTES": str(16 * MIB),
    },
    by_snapshot=True,
)
"""With snapshots so often that the log is cut from under it while it is away."""
WAYS = (BY_LOG, BY_SNAPSHOT, Way("zookeeper", "zookeeper"))


class WrongWay(Exception):
    """It caught up, but not as it was meant to: the figures are of something else."""


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


def p99_times(result: BehindResult) -> float:
    """The p99 while the member caught up, in times of what it was before."""
    return median(result.during, "p99_us") / median(result.before, "p99_us")


def measure(
    program: Path, directory: Path, plan: Plan, say: Callable[[str], None]
) -> dict[str, BehindResult]:
    """One ensemble after the other; a result for each way."""
    results = {}
    for way in WAYS:
        result = results[way.title] = _measure_one(program, directory, way, plan.million_znodes)
        say(
            f"{result.znodes:,} znodes behind, {way.title}: caught up in {result.catch_up_s:.1f} s; "
            + ", ".join(
                f"p99 {name} {median(samples, 'p99_us') / 1000:.2f} ms "
                f"at {median(samples, 'per_second'):,.0f}/s"
                for name, samples in (
                    ("before", result.before),
                    ("meanwhile", result.during),
                    ("after", result.after),
                )
            )
            + f"; {p99_times(result):.2f} times"
        )
    return results


def _measure_one(program: Path, directory: Path, way: Way, znodes: int) -> BehindResult:
    ensemble = servers.make_ensemble(way.kind, directory, environment=way.environment)
    with ensemble:
        late = next(one for one in ensemble.members if "Mode: follower" in one.four_letter("srvr"))
        others = Others([one for one in ensemble.members if one is not late])
        late.stop()
        load.preload(program, others, znodes=znodes, value_bytes=VALUE_BYTES, root=ROOT)
        load.preload(
            program, others, znodes=1000, value_bytes=VALUE_BYTES, root=f"/bench-{VALUE_BYTES}"
        )
        load.measure(program, others, CELL, warm_up_s=0.1, measured_s=WARM_UP_S[way.kind])
        before = [_window(program, others) for _ in range(WINDOWS_BEFORE)]
        target = max(map(servers.applied_zxid, others.members))
        started = time.monotonic()
        with ThreadPoolExecutor(1) as waiting:
            late.launch()
            caught_up = waiting.submit(_wait_until_there, late, target, started)
            during = []
            while not caught_up.done():
                during.append(_window(program, others))
        _check_way(way, late.directory)
        after = [_window(program, others) for _ in range(WINDOWS_BEFORE)]
        return BehindResult(znodes, caught_up.result(), before, during, after)


def _check_way(way: Way, directory: Path) -> None:
    """A snapshot that came from another member has it in its name."""
    if way.by_snapshot is None:
        return
    installed = sorted(path.name for path in directory.rglob("*.installed.snap"))
    if bool(installed) != way.by_snapshot:
        raise WrongWay(f"{way.title}: snapshots of other members in {directory}: {installed}")


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
