"""The task of a cluster: it never ends too early, never raises, and looks when there is news."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from raftkeeper_operator.app import cluster_loop
from raftkeeper_operator.app.cluster_loop import ClusterLoops, Outcome
from raftkeeper_operator.app.health import Key, Progress
from raftkeeper_operator.app.metrics import Metrics
from raftkeeper_operator.app.wakeups import Wakeups

KEY = ("ns", "c")
Look = Callable[[Key], Awaitable[Outcome]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in earnest, a hundred times faster."""
    monkeypatch.setattr(cluster_loop, "SPACING_S", 0.002)
    monkeypatch.setattr(cluster_loop, "BACKOFF_FIRST_S", 0.01)


class Harness:
    """The loops around a step, and the switch that stops them."""

    def __init__(self, step: Look) -> None:
        self.metrics = Metrics("1")
        self.wakeups = Wakeups(self.metrics)
        self.progress = Progress()
        self.loops = ClusterLoops(step, self.wakeups, self.progress, self.metrics)
        self.stopped = asyncio.Event()

    def start(self, key: Key = KEY) -> "asyncio.Task[None]":
        return asyncio.ensure_future(self.loops.run(key, self.stopped.wait))


async def test_it_ends_when_the_step_says_so() -> None:
    """A cluster that is gone needs no task; nothing of it stays behind."""

    async def step(_key: Key) -> Outcome:
        return Outcome(0, finished=True)

    harness = Harness(step)
    await asyncio.wait_for(harness.start(), 5)
    assert harness.loops.running == frozenset()


async def test_a_failing_step_is_repeated_for_ever() -> None:
    """Whatever it raises."""
    calls = 0
    done = asyncio.Event()

    async def step(_key: Key) -> Outcome:
        nonlocal calls
        calls += 1
        if calls < 4:
            raise [RuntimeError("a"), TimeoutError("b"), KeyError("c")][calls - 1]
        done.set()
        return Outcome(60)

    harness = Harness(step)
    task = harness.start()
    await asyncio.wait_for(done.wait(), 5)
    assert not task.done()
    assert b'steps_total{result="failed"} 3.0' in harness.metrics.page()
    await harness.loops.leave(5)
    await task


async def test_failures_are_repeated_later_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause doubles up to its bound, and news does not shorten it."""
    pauses = [cluster_loop._backoff_s(failures) for failures in range(1, 30)]
    assert pauses[1] > pauses[0]
    assert max(pauses) <= cluster_loop.BACKOFF_MAX_S * 1.2
    monkeypatch.setattr(cluster_loop, "BACKOFF_FIRST_S", 60)
    calls = 0

    async def step(_key: Key) -> Outcome:
        nonlocal calls
        calls += 1
        raise RuntimeError

    harness = Harness(step)
    task = harness.start()
    for _ in range(20):
        await asyncio.sleep(0.005)
        harness.wakeups.wake(KEY, "pods")
    assert calls == 1
    await harness.loops.leave(5)
    await task


async def test_news_ends_the_pause() -> None:
    """Something has changed: look at once, not in a minute."""
    looked: asyncio.Queue[None] = asyncio.Queue()

    async def step(_key: Key) -> Outcome:
        looked.put_nowait(None)
        return Outcome(60)

    harness = Harness(step)
    task = harness.start()
    for _ in range(3):
        await asyncio.wait_for(looked.get(), 5)
        harness.wakeups.wake(KEY, "pods")
    await harness.loops.leave(5)
    await task


async def test_news_during_a_step_is_not_lost() -> None:
    """What happens while the step looks may not have been seen by it."""
    looked: asyncio.Queue[None] = asyncio.Queue()
    first = True

    async def step(_key: Key) -> Outcome:
        nonlocal first
        looked.put_nowait(None)
        if first:
            first = False
            harness.wakeups.wake(KEY, "pods")
        return Outcome(60)

    harness = Harness(step)
    task = harness.start()
    await asyncio.wait_for(looked.get(), 5)
    await asyncio.wait_for(looked.get(), 5)
    await harness.loops.leave(5)
    await task


async def test_being_stopped_means_one_more_look() -> None:
    """Kopf says that the cluster is being deleted; what that means is decided by looking."""
    looks = 0
    looked = asyncio.Event()

    async def step(_key: Key) -> Outcome:
        nonlocal looks
        looks += 1
        looked.set()
        return Outcome(60, finished=looks == 2)

    harness = Harness(step)
    task = harness.start()
    await asyncio.wait_for(looked.wait(), 5)
    harness.stopped.set()
    await asyncio.wait_for(task, 5)
    assert looks == 2


async def test_leaving_waits_for_the_step_under_way() -> None:
    """A step is not cut off while there is patience."""
    inside, go_on = asyncio.Event(), asyncio.Event()
    finished = False

    async def step(_key: Key) -> Outcome:
        nonlocal finished
        inside.set()
        await go_on.wait()
        finished = True
        return Outcome(60)

    harness = Harness(step)
    task = harness.start()
    await inside.wait()
    leaving = asyncio.ensure_future(harness.loops.leave(5))
    await asyncio.sleep(0.01)
    assert not leaving.done()
    go_on.set()
    await leaving
    await task
    assert finished


async def test_a_step_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that hangs is given up, and tried again."""
    monkeypatch.setattr(cluster_loop, "STEP_DEADLINE_S", 0.01)
    calls = 0
    again = asyncio.Event()

    async def step(_key: Key) -> Outcome:
        nonlocal calls
        calls += 1
        if calls == 2:
            again.set()
        await asyncio.sleep(30)
        return Outcome(0)

    harness = Harness(step)
    task = harness.start()
    await asyncio.wait_for(again.wait(), 5)
    await harness.loops.leave(5)
    await task


async def test_many_clusters_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more steps at once than the bound."""
    at_once, most = 0, 0

    async def step(key: Key) -> Outcome:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.001)
        at_once -= 1
        return Outcome(0, finished=True)

    harness = Harness(step)
    await asyncio.gather(*(harness.start(("ns", f"c{n}")) for n in range(40)))
    assert most == cluster_loop.STEPS_AT_ONCE
