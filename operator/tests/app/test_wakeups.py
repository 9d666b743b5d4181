"""Wake-ups: from the label of whatever changed to the cluster, through broken streams too."""

import asyncio

import pytest
from tests.fake_api.objects import Refusal
from tests.fake_api.server import FakeApi

from raftkeeper_operator.app import wakeups as wakeups_module
from raftkeeper_operator.app.metrics import Metrics
from raftkeeper_operator.app.wakeups import Streams, Wakeups

KEY = ("ns", "c")


def pod(name: str, cluster: str | None) -> dict[str, object]:
    labels = {"raftkeeper.io/cluster": cluster} if cluster else {}
    return {"kind": "Pod", "metadata": {"namespace": "ns", "name": name, "labels": labels}}


async def test_a_change_of_an_owned_object_wakes_its_cluster(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its label; a stream that breaks is begun anew, and other people's pods are not even sent."""
    monkeypatch.setattr(wakeups_module, "PAUSE_S", 0.01)
    metrics = Metrics("1")
    wakeups = Wakeups(metrics)
    wakeups.attach(asyncio.get_running_loop())
    event = wakeups.event(KEY)
    streams = Streams(api.access(), wakeups, metrics, ["ns"])
    streams.start()
    try:
        api.put(pod("foreign", None))
        api.put(pod("mine", "c"))
        await asyncio.wait_for(event.wait(), 5)
        event.clear()
        refusal = Refusal(410, "Expired", "too old")
        api.faults.append(lambda method, path: refusal)
        api.drop_watches()
        for _ in range(500):
            if b"watch_restarts_total{" in metrics.page():
                break
            await asyncio.sleep(0.01)
        api.faults.clear()
        api.put(pod("late", "c"))
        await asyncio.wait_for(event.wait(), 5)
    finally:
        streams.stop()


async def test_our_own_writes_of_the_status_are_no_news() -> None:
    """The same generation and annotations again do not wake."""
    wakeups = Wakeups(Metrics("1"))
    event = wakeups.event(KEY)
    wakeups.wake_if_new(KEY, "clusters", (1, "a"))
    assert event.is_set()
    event.clear()
    wakeups.wake_if_new(KEY, "clusters", (1, "a"))
    assert not event.is_set()
    wakeups.wake_if_new(KEY, "clusters", (2, "a"))
    assert event.is_set()


async def test_nobody_is_woken_who_is_not_there() -> None:
    """A cluster without a task costs nothing."""
    wakeups = Wakeups(Metrics("1"))
    wakeups.wake(KEY, "pods")
    wakeups.event(KEY)
    wakeups.forget(KEY)
    wakeups.wake(KEY, "pods")
    assert not wakeups.event(KEY).is_set()
