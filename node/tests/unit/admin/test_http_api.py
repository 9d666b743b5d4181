"""Claims about metrics, health and the AdminServer commands."""

import json
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.unit.admin.fake_node import build_view

from raftkeeper._engine import Engine
from raftkeeper.admin.http_api import HttpApi
from raftkeeper.admin.http_commands import COMMANDS
from raftkeeper.admin.metrics import COUNTERS, build_page
from raftkeeper.server.view import NodeView


@pytest.fixture
async def served() -> AsyncIterator[tuple[NodeView, str]]:
    """A view, and the address at which it is served."""
    view = build_view()
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    api = HttpApi(view)
    await api.start(sock)
    yield view, f"http://127.0.0.1:{sock.getsockname()[1]}"
    await api.stop()


async def fetch(url: str) -> tuple[int, Any]:
    """Status and JSON of a page."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, json.loads(await response.text())


async def test_ready_tells_why_not(served: tuple[NodeView, str]) -> None:
    """503 with the reason while the node does not serve, 200 when it does."""
    view, address = served
    assert (await fetch(f"{address}/health/ready"))[0] == 200
    view.stopping = "stopping"
    status, body = await fetch(f"{address}/health/ready")
    assert (status, body["ready"], body["reason"]) == (503, False, "stopping")


async def test_live_is_true_before_the_data_is_read(served: tuple[NodeView, str]) -> None:
    """A long recovery is no reason to be killed."""
    view, address = served
    view.parts = None
    assert (await fetch(f"{address}/health/live"))[0] == 200
    assert (await fetch(f"{address}/health/ready"))[0] == 503


async def test_full_disk_keeps_the_node_ready_and_is_told(served: tuple[NodeView, str]) -> None:
    """Reads go on; taking the node out of service would help nobody."""
    view, address = served
    assert view.parts is not None
    view.parts.writer.full = "no space"  # type: ignore[misc]
    status, body = await fetch(f"{address}/health/ready")
    assert (status, body["writes_refused"]) == (200, "no space")


@pytest.mark.parametrize("name", sorted(COMMANDS))
async def test_every_admin_command_answers(served: tuple[NodeView, str], name: str) -> None:
    """Its own name and no error."""
    _, address = served
    status, body = await fetch(f"{address}/commands/{name}")
    assert (status, body["command"], body["error"]) == (200, name, None)


async def test_alias_answers_with_the_full_name(served: tuple[NodeView, str]) -> None:
    """As ZooKeeper's AdminServer does."""
    _, address = served
    status, body = await fetch(f"{address}/commands/mntr")
    assert (status, body["command"], body["znode_count"]) == (200, "monitor", 7)
    assert (await fetch(f"{address}/commands/none"))[0] == 404


def test_metrics_parse_and_have_zookeepers_names() -> None:
    """Gauges, counters without `_total`, and what dashboards ask for."""
    page = build_page(build_view()).decode()
    # The library's parser shows a counter as `<name>_total`, whatever stands on the page.
    samples = {
        sample.name.removesuffix("_total"): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
    needed = (
        "znode_count watch_count ephemerals_count approximate_data_size num_alive_connections "
        "avg_latency open_file_descriptor_count packets_received outstanding_requests"
    ).split()
    assert [name for name in needed if name not in samples] == []
    assert (samples["packets_received"], samples["znode_count"]) == (1234, 7)
    assert "# TYPE packets_received counter" in page


def test_what_only_grows_is_a_counter() -> None:
    """Of what a real engine counts; and whatever is declared a counter is there to be seen."""
    view = build_view()
    assert view.parts is not None
    engine = Engine(
        origin=1,
        min_session_timeout_ms=1,
        max_session_timeout_ms=1,
        frame_bytes_max=1,
        batch_bytes_max=1,
        connection_outstanding_max=1,
        outstanding_max=1,
    )
    view.parts = replace(view.parts, engine=engine)
    lines = build_page(view).decode().splitlines()
    kinds = dict(line.split()[2:] for line in lines if line.startswith("# TYPE"))
    counters = {name for name, kind in kinds.items() if kind == "counter"}
    assert counters == COUNTERS
    growing = {
        name
        for name in engine.statistics()
        if re.search(r"_count$|^groups_|^reads_after|_rejected$|_expired$|^packets_", name)
    }
    gauges = {"watch_count", "znode_count", "ephemerals_count"}
    assert growing - gauges <= counters


def test_latency_is_a_real_histogram_in_seconds() -> None:
    """Cumulative buckets that can be added up over nodes."""
    page = build_page(build_view()).decode()
    lines = [line for line in page.splitlines() if line.startswith("request_read_latency")]
    assert lines == [
        'request_read_latency_seconds_bucket{le="0.0001"} 3.0',
        'request_read_latency_seconds_bucket{le="0.001"} 4.0',
        'request_read_latency_seconds_bucket{le="+Inf"} 4.0',
        "request_read_latency_seconds_count 4.0",
        "request_read_latency_seconds_sum 0.0009",
    ]
