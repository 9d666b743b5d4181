"""Claims about what a real node shows: four-letter commands, metrics, health, status."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.integration.node_process import NodeProcess
from tests.integration.wire import Wire, four_letter

from raftkeeper.testing.client_wire import EPHEMERAL, GET_DATA, read_body


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    """A node that serves."""
    with NodeProcess(tmp_path) as node:
        yield node


@pytest.fixture
def client(node: NodeProcess) -> Iterator[Wire]:
    """A session with an ephemeral and a watch."""
    with Wire(node.port) as client:
        client.handshake(timeout_ms=30_000)
        client.create("/mine", b"data", EPHEMERAL)
        client.call(GET_DATA, read_body("/mine", watch=True))
        yield client


def test_mntr_counts_what_clients_did(node: NodeProcess, client: Wire) -> None:
    """One session, one ephemeral, one watch."""
    lines = four_letter(node.port, "mntr").splitlines()
    values = dict(line.split("\t") for line in lines)
    assert values["zk_server_state"] == "standalone"
    assert values["zk_num_alive_connections"] == "1"
    assert (values["zk_ephemerals_count"], values["zk_watch_count"]) == ("1", "1")
    assert int(values["zk_packets_received"]) >= 2
    assert int(values["zk_cnt_updatelatency"]) >= 1
    assert int(values["zk_cnt_fsynctime"]) >= 1


def test_cons_shows_the_connection_in_zookeepers_form(node: NodeProcess, client: Wire) -> None:
    """With the client's own port, the session and the last request."""
    port = client.sock.getsockname()[1]
    pattern = (
        rf" /127\.0\.0\.1:{port}\[1\]\(queued=0,recved=\d+,sent=\d+,sid=0x{client.session:x},"
        r"lop=GETD,est=\d{13},to=30000,lcxid=0x2,lzxid=0x[0-9a-f]+,lresp=\d+,llat=\d+,"
        r"minlat=\d+,avglat=\d+,maxlat=\d+\)\n\n"
    )
    assert re.fullmatch(pattern, four_letter(node.port, "cons"))


def test_dump_and_watches_show_the_session(node: NodeProcess, client: Wire) -> None:
    """By its id in hexadecimal."""
    name = f"0x{client.session:x}"
    assert f"{name}:\n\t/mine\n" in four_letter(node.port, "dump")
    assert four_letter(node.port, "wchc") == f"{name}\n\t/mine\n\n"
    assert four_letter(node.port, "wchp") == f"/mine\n\t{name}\n\n"
    assert four_letter(node.port, "wchs").endswith("Total watches:1\n")


@pytest.mark.usefixtures("client")
def test_metrics_page_is_prometheus_text(node: NodeProcess) -> None:
    """With ZooKeeper's names and latency histograms that add up."""
    samples = {}
    for family in text_string_to_metric_families(node.page("/metrics")):
        for sample in family.samples:
            if "le" not in sample.labels:
                samples[sample.name] = sample.value
    assert (samples["znode_count"], samples["num_alive_connections"]) == (5, 1)
    assert samples["request_write_latency_seconds_count"] >= 1
    assert samples["log_fsync_seconds_count"] >= 1


@pytest.mark.usefixtures("client")
def test_admin_server_commands_are_json(node: NodeProcess) -> None:
    """ZooKeeper's fields."""
    body = json.loads(node.page("/commands/srvr"))
    assert (body["command"], body["error"]) == ("server_stats", None)
    assert body["server_stats"]["server_state"] == "standalone"
    assert json.loads(node.page("/commands/wchs"))["num_total_watches"] == 1


@pytest.mark.usefixtures("client")
def test_status_shows_a_node_to_a_person(node: NodeProcess) -> None:
    """Through the command."""
    command = [sys.executable, "-m", "raftkeeper", "status", f"127.0.0.1:{node.port}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    assert "server_state" in done.stdout
    assert "standalone" in done.stdout


def test_default_whitelist_refuses_costly_commands(tmp_path: Path) -> None:
    """In ZooKeeper's words; the cheap ones answer."""
    default = "conf cons crst dirs envi isro lgif mntr ruok srst srvr stat uptm wchs"
    with NodeProcess(tmp_path, four_letter_whitelist=default) as node:
        assert four_letter(node.port, "ruok") == "imok"
        assert four_letter(node.port, "wchc") == (
            "wchc is not executed because it is not in the whitelist.\n"
        )
