"""The four-letter words have ZooKeeper's text: what a tool reads there, it reads here.

Numbers, addresses and dates are masked, the lines are compared. Not compared: `envi`, whose lines name
the runtime; the keys of `mntr` beyond those that ZooKeeper documents and a single node can know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.compat.peers import Peer, RaftKeeper, ZooKeeper
from tests.compat.transcript.recording import Recording
from tests.compat.transcript.run import SETTINGS, Run
from tests.compat.transcript.verbs import EPHEMERAL, WATCH_MODE_PERSISTENT

pytestmark = pytest.mark.compat

WORDS = (
    *("ruok", "isro", "srvr", "stat", "cons", "wchs", "wchc", "wchp", "conf", "dirs", "dump"),
    *("crst", "srst"),
)

MASKS = (
    # ZooKeeper lists the connection that carries the word itself, which has no session.
    (re.compile(r"^ /\S+\[0\]\(queued=0,recved=1,sent=0\)\n", re.MULTILINE), ""),
    (re.compile(r"\d+\.\d+\.\d+-\S+ built on .*"), "VERSION"),
    (re.compile(r"expire at .*:"), "expire at DATE:"),
    (re.compile(r"(?<=Dir=).*"), "PATH"),
    (re.compile(r"0x[0-9a-f]+"), "HEX"),
    (re.compile(r"\d+\.\d+\.\d+\.\d+:\d+"), "ADDRESS"),
    (re.compile(r"\d+(\.\d+)?"), "N"),
)

MONITOR_KEYS = {
    *("zk_version", "zk_server_state", "zk_avg_latency", "zk_min_latency", "zk_max_latency"),
    *("zk_packets_received", "zk_packets_sent", "zk_num_alive_connections", "zk_watch_count"),
    *("zk_outstanding_requests", "zk_znode_count", "zk_ephemerals_count", "zk_uptime"),
    *("zk_approximate_data_size", "zk_open_file_descriptor_count", "zk_global_sessions"),
    *("zk_max_file_descriptor_count", "zk_connection_rejected", "zk_connection_drop_count"),
    *("zk_avg_fsynctime", "zk_cnt_fsynctime", "zk_avg_readlatency", "zk_p99_readlatency"),
    *("zk_avg_updatelatency", "zk_p99_updatelatency", "zk_auth_failed_count"),
    *("zk_bytes_received_count", "zk_commit_count", "zk_snap_count"),
}
"""What dashboards and alerts made for ZooKeeper look at on a server without peers."""


@pytest.fixture(scope="module")
def peers() -> Iterator[tuple[Peer, Peer]]:
    """Both servers, each with two sessions, watches and an ephemeral znode."""
    with ZooKeeper(SETTINGS) as zookeeper, RaftKeeper(SETTINGS) as node:
        runs = [_furnish(zookeeper), _furnish(node)]
        yield zookeeper, node
        for run in runs:
            run.finish()


def _furnish(peer: Peer) -> Run:
    run = Run(peer, Recording("four_letter_words", ""))
    a, b = run.client("a"), run.client("b")
    a.create("/words", b"")
    a.create("/words/e", b"", flags=EPHEMERAL)
    a.get_data("/words", watch=True)
    a.exists("/words/none", watch=True)
    b.get_children("/words", watch=True)
    b.get_data("/words/e", watch=True)
    b.add_watch("/words/persistent", WATCH_MODE_PERSISTENT)
    return run


@pytest.mark.parametrize("word", WORDS)
def test_word_has_the_text_of_zookeeper(peers: tuple[Peer, Peer], word: str) -> None:
    """The same lines, whatever the numbers in them."""
    zookeeper, node = (_lines(peer.four_letter(word)) for peer in peers)
    assert node == zookeeper


def test_monitor_has_the_keys_of_zookeeper(peers: tuple[Peer, Peer]) -> None:
    """Every key that is looked at is there, once, on both, with a value."""
    for peer in peers:
        rows = [line.partition("\t") for line in peer.four_letter("mntr").splitlines()]
        keys = [key for key, _, _ in rows]
        assert set(keys) >= MONITOR_KEYS, (peer.kind, MONITOR_KEYS - set(keys))
        assert len(keys) == len(set(keys)), peer.kind
        assert all(tab and value for _, tab, value in rows), peer.kind


@pytest.mark.parametrize("word", ["xxxx", "RUOK", "rou\n"])
def test_other_four_bytes_are_no_word(peers: tuple[Peer, Peer], word: str) -> None:
    """They are the length of a frame, far too large: both hang up without a word."""
    for peer in peers:
        assert peer.four_letter(word) == ""


def _lines(text: str) -> list[str]:
    """The different lines, masked and sorted: sessions have no order, and more or fewer share a date."""
    for pattern, mask in MASKS:
        text = pattern.sub(mask, text)
    return sorted(set(text.split("\n")))
