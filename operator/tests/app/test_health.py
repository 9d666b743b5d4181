"""Liveness by progress, and the three pages."""

import errno
import socket
import urllib.error
import urllib.request
from typing import Any

import pytest

from raftkeeper_operator.app import health
from raftkeeper_operator.app.health import (
    LOOP_SILENCE_S,
    STEP_S,
    UNATTENDED_S,
    HealthServer,
    Progress,
)
from raftkeeper_operator.app.metrics import Metrics
from raftkeeper_operator.app.settings import read_settings

KEY = ("ns", "c")


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_replica_that_waits_is_alive(clock: Clock) -> None:
    """Before the loop has begun nothing is expected of it."""
    progress = Progress(clock)
    clock.now += 10 * LOOP_SILENCE_S
    assert progress.why_dead() == ""


def test_a_loop_that_stands_still_is_dead(clock: Clock) -> None:
    """Its heartbeat is missing."""
    progress = Progress(clock)
    progress.beat()
    clock.now += LOOP_SILENCE_S - 1
    assert progress.why_dead() == ""
    clock.now += 2
    assert "event loop" in progress.why_dead()


def test_a_step_that_does_not_end_is_dead(clock: Clock) -> None:
    """And one that has ended is not, however long ago."""
    progress = Progress(clock)
    progress.begin(KEY)
    clock.now += STEP_S + 1
    assert "ns/c" in progress.why_dead()
    progress.end(KEY)
    assert progress.why_dead() == ""


def test_a_cluster_that_nobody_looks_after_is_noticed(clock: Clock) -> None:
    """From when it was first listed; looked after it is forgiven, gone it is forgotten."""
    progress = Progress(clock)
    progress.listed({KEY})
    clock.now += UNATTENDED_S / 2
    progress.listed({KEY})
    assert progress.why_dead() == ""
    clock.now += UNATTENDED_S / 2 + 1
    assert "looked after ns/c" in progress.why_dead()
    progress.attend(KEY)
    assert progress.why_dead() == ""
    progress.leave(KEY)
    progress.listed({KEY})
    progress.listed(set())
    clock.now += UNATTENDED_S + 1
    assert progress.why_dead() == ""


def test_pages_are_served_from_a_thread_of_their_own(clock: Clock) -> None:
    """Health says why, metrics are text, and anything else is not there."""
    progress, metrics = Progress(clock), Metrics("1.2.3")
    metrics.actions.labels("Promote", "done").inc()
    server = HealthServer(("127.0.0.1", 0), progress, metrics.page)
    server.start()
    base = f"http://127.0.0.1:{server.port}"

    def get(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(base + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    assert get("/health/live") == (200, "ok\n")
    assert get("/health/ready")[0] == 200
    status, page = get("/metrics")
    assert status == 200
    assert 'raftkeeper_operator_info{version="1.2.3"} 1.0' in page
    assert 'raftkeeper_operator_actions_total{action="Promote",result="done"} 1.0' in page
    assert get("/")[0] == 404
    progress.begin(KEY)
    clock.now += STEP_S + 1
    assert get("/health/live")[0] == 503
    server.stop()


@pytest.mark.parametrize("has_version_6", [True, False])
def test_pages_are_served_on_every_version_of_ip(
    monkeypatch: pytest.MonkeyPatch, has_version_6: bool
) -> None:
    """By default, and without version 6 on what there is."""
    if not has_version_6:
        real = socket.socket

        class WithoutVersion6(real):
            def __init__(self, family: int = socket.AF_INET, *rest: Any, **named: Any) -> None:
                if family == socket.AF_INET6:
                    raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
                super().__init__(family, *rest, **named)

        monkeypatch.setattr(health.socket, "socket", WithoutVersion6)
    listen = read_settings([], {}).listen
    server = HealthServer((listen, 0), Progress(), lambda: b"")
    monkeypatch.undo()
    server.start()
    hosts = ["127.0.0.1"]
    if has_version_6 and _has_loopback_6():
        hosts.append("[::1]")
    for host in hosts:
        with urllib.request.urlopen(
            f"http://{host}:{server.port}/health/live", timeout=5
        ) as answer:
            assert answer.status == 200
    server.stop()


def _has_loopback_6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_a_clusters_series_go_with_it() -> None:
    """Metrics of clusters that are gone are gone."""
    metrics = Metrics("1")
    metrics.ready.labels("ns", "c").set(1)
    metrics.ready.labels("ns", "other").set(1)
    metrics.blocked_seconds.labels("ns", "c", "MemberDown").set(5)
    metrics.forget("ns", "c")
    page = metrics.page().decode()
    assert 'cluster="c"' not in page
    assert 'cluster="other"' in page
