"""The Lease: one holder, taken over when it has run out, given up in time."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.fake_api.objects import Refusal
from tests.fake_api.server import FakeApi

from raftkeeper_operator.app import lease as lease_module
from raftkeeper_operator.app.lease import Lease, LeaseName
from raftkeeper_operator.clients.kube_access import Call
from raftkeeper_operator.clients.resources import LEASES

KEY = ("leases", "ns", "operator")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proportions of the real thing, much faster."""
    monkeypatch.setattr(lease_module, "RETRY_S", 0.02)
    monkeypatch.setattr(lease_module, "GIVE_UP_S", 0.3)


def make(api: FakeApi, identity: str, lost: Callable[[], None] | None = None) -> Lease:
    return Lease(api.access(), LeaseName("ns", "operator", identity), lost=lost or (lambda: None))


def holder(api: FakeApi) -> str:
    return str(api.objects.get(KEY)["spec"]["holderIdentity"])


def acquire_within(lease: Lease, seconds: float) -> bool:
    given_up = threading.Event()
    timer = threading.Timer(seconds, given_up.set)
    timer.start()
    try:
        return lease.acquire(given_up)
    finally:
        timer.cancel()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_first_gets_it_and_renews_it(api: FakeApi) -> None:
    """The Lease is made, and its renewal moves on."""
    lease = make(api, "one")
    assert acquire_within(lease, 5)
    assert holder(api) == "one"
    first = api.objects.get(KEY)["spec"]["renewTime"]
    wait_for(lambda: api.objects.get(KEY)["spec"]["renewTime"] != first)
    lease.release()
    assert holder(api) == ""


def test_a_second_waits_and_takes_over_at_once_after_a_release(api: FakeApi) -> None:
    """While one holds it the other waits; a release does not make it wait for the end."""
    one, two = make(api, "one"), make(api, "two")
    assert acquire_within(one, 5)
    assert not acquire_within(two, 0.3)
    one.release()
    assert acquire_within(two, 5)
    assert api.objects.get(KEY)["spec"]["leaseTransitions"] == 1
    two.release()


def test_one_that_is_not_renewed_runs_out(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead holder's Lease is taken after its duration, by the watcher's own clock."""
    api.put(
        {
            "kind": "Lease",
            "metadata": {"namespace": "ns", "name": "operator"},
            # Long past, by a clock that nobody here trusts.
            "spec": {"holderIdentity": "dead", "leaseDurationSeconds": 1, "renewTime": "1999"},
        }
    )
    now = [100.0]
    lease = Lease(api.access(), LeaseName("ns", "operator", "two"), clock=lambda: now[0])
    assert not acquire_within(lease, 0.2)
    now[0] += 1.1
    assert acquire_within(lease, 5)
    assert holder(api) == "two"
    lease.release()


def test_own_one_is_taken_again_at_once(api: FakeApi) -> None:
    """The same pod, restarted, does not wait for its own Lease to run out."""
    spec = {"holderIdentity": "one", "leaseDurationSeconds": 3600}
    meta = {"namespace": "ns", "name": "operator"}
    api.put({"apiVersion": LEASES.api_version, "kind": "Lease", "metadata": meta, "spec": spec})
    lease = make(api, "one")
    assert acquire_within(lease, 2)
    lease.release()


def test_it_is_lost_when_nobody_answers_for_too_long(api: FakeApi) -> None:
    """Without a renewal the process gives up, before another may take over."""
    lost = threading.Event()
    lease = make(api, "one", lost.set)
    assert acquire_within(lease, 5)
    api.faults.append(lambda _method, _path: Refusal(503, "ServiceUnavailable", "down"))
    started = time.monotonic()
    assert lost.wait(5)
    assert time.monotonic() - started >= lease_module.GIVE_UP_S - 0.1


def test_a_short_silence_is_survived(api: FakeApi) -> None:
    """An API server that is away for a moment costs nothing."""
    lost = threading.Event()
    lease = make(api, "one", lost.set)
    assert acquire_within(lease, 5)
    api.faults.append(lambda _method, _path: Refusal(503, "ServiceUnavailable", "down"))
    asked = len(api.requests)
    wait_for(lambda: len(api.requests) > asked + 2)
    api.faults.clear()
    first = api.objects.get(KEY)["spec"]["renewTime"]
    wait_for(lambda: api.objects.get(KEY)["spec"]["renewTime"] != first)
    assert not lost.is_set()
    lease.release()


def test_it_is_lost_at_once_when_another_has_it(api: FakeApi) -> None:
    """Whoever took it, rightly or not, is alone from now on."""
    lost = threading.Event()
    lease = make(api, "one", lost.set)
    assert acquire_within(lease, 5)
    stolen = api.objects.get(KEY)
    stolen["spec"] = {**stolen["spec"], "holderIdentity": "two"}
    api.objects.touch(KEY)
    assert lost.wait(5)


def test_of_two_that_see_it_run_out_one_gets_it(api: FakeApi) -> None:
    """The resource version decides a race."""
    spec = {"holderIdentity": "", "leaseDurationSeconds": 15}
    meta = {"namespace": "ns", "name": "operator"}
    api.put({"apiVersion": LEASES.api_version, "kind": "Lease", "metadata": meta, "spec": spec})
    leases = [make(api, f"replica-{n}") for n in range(4)]
    given_up, got = threading.Event(), []
    threads = [
        threading.Thread(target=lambda one=one: got.append(one) if one.acquire(given_up) else None)
        for one in leases
    ]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(got) == 1)
    assert not [thread for thread in threads if thread.join(0.1) or not thread.is_alive()][1:]
    given_up.set()
    for thread in threads:
        thread.join(5)
    assert len(got) == 1
    got[0].release()


class BadCredentials:
    """An API server that was there, until something nobody thought of happens on the way to it."""

    def __init__(self, api: FakeApi) -> None:
        self.access = api.access()
        self.broken = threading.Event()

    def request(self, call: Call, deadline_s: float) -> object:
        if self.broken.is_set():
            raise RuntimeError("the token cannot be read")
        return self.access.request(call, deadline_s)


def test_it_is_lost_when_its_thread_fails(api: FakeApi) -> None:
    """Whatever ends the renewing ends the holding, or two operators would work one day."""
    lost = threading.Event()
    access: Any = BadCredentials(api)
    lease = Lease(access, LeaseName("ns", "operator", "one"), lost=lost.set)
    assert acquire_within(lease, 5)
    assert lease.held
    access.broken.set()
    assert lost.wait(5)
    wait_for(lambda: not lease.held)
