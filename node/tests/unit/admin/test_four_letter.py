"""Claims about the four-letter commands: ZooKeeper's text, byte for byte."""

import re

import pytest
from tests.unit.admin.fake_node import build_view

from raftkeeper.admin.four_letter import COMMANDS, FourLetter
from raftkeeper.server.config import FOUR_LETTER_WORDS

SERVER_BLOCK = """\
Latency min/avg/max: 0/0.1234/12
Received: 1234
Sent: 1240
Connections: 1
Outstanding: 0
Zxid: 0x100000004
Mode: standalone
Node count: 7
"""


def ask(word: str) -> str:
    """The answer of a node of fixed figures, its first line without the version."""
    answer = FourLetter(build_view()).answer(word.encode())
    assert answer is not None
    return answer


def test_every_word_of_the_configuration_is_a_command() -> None:
    """The whitelist offers what exists, and all of it."""
    assert sorted(COMMANDS) == sorted(FOUR_LETTER_WORDS)


def test_ruok_has_no_newline() -> None:
    """Probes compare with these four bytes."""
    assert ask("ruok") == "imok"
    assert ask("isro") == "rw"


def test_srvr_is_zookeepers_block() -> None:
    """Exporters parse it line by line; the zxid is hexadecimal."""
    first, _, rest = ask("srvr").partition("\n")
    assert re.fullmatch(
        r"Zookeeper version: 3\.9\.\d+-raftkeeper-0\.1\.0, "
        r"built on \d{4}-\d\d-\d\d \d\d:\d\d UTC",
        first,
    )
    assert rest == SERVER_BLOCK


def test_stat_lists_clients_before_the_block() -> None:
    """The brief form of a client ends after `sent`."""
    _, _, rest = ask("stat").partition("\n")
    line = " /127.0.0.1:50012[1](queued=0,recved=52,sent=53)\n"
    assert rest == f"Clients:\n{line}\n{SERVER_BLOCK}"


def test_cons_has_every_field_of_a_connection() -> None:
    """In ZooKeeper's order, session and ids in hexadecimal."""
    assert ask("cons") == (
        " /127.0.0.1:50012[1](queued=0,recved=52,sent=53,sid=0x1000a2b3c4d0001,lop=PING,"
        "est=1700000000000,to=30000,lcxid=0x1f,lzxid=0x100000004,lresp=1234,llat=0,"
        "minlat=0,avglat=1,maxlat=17)\n\n"
    )


def test_mntr_begins_with_version_and_state_and_has_what_exporters_need() -> None:
    """One key, one tab, one value a line."""
    lines = [line.split("\t") for line in ask("mntr").splitlines()]
    assert [line[0] for line in lines[:2]] == ["zk_version", "zk_server_state"]
    assert all(len(line) == 2 for line in lines)
    values = dict(lines)
    needed = (
        "zk_avg_latency zk_max_latency zk_min_latency zk_packets_received zk_packets_sent "
        "zk_num_alive_connections zk_outstanding_requests zk_znode_count zk_watch_count "
        "zk_ephemerals_count zk_approximate_data_size zk_open_file_descriptor_count "
        "zk_max_file_descriptor_count zk_p99_readlatency zk_cnt_updatelatency zk_sum_fsynctime"
    ).split()
    assert [name for name in needed if name not in values] == []
    assert (values["zk_avg_latency"], values["zk_cnt_readlatency"]) == ("0.1234", "4")


def test_dump_lists_sessions_ephemerals_and_connections() -> None:
    """ZooKeeper's three parts, dates as Java prints them."""
    assert ask("dump") == (
        "SessionTracker dump:\n"
        "Session Sets (1)/(1):\n"
        "1 expire at Tue Nov 14 22:13:30 UTC 2023:\n"
        "\t0x1000a2b3c4d0001\n"
        "ephemeral nodes dump:\n"
        "Sessions with Ephemerals (1):\n"
        "0x1000a2b3c4d0001:\n"
        "\t/app/lock-0000000001\n"
        "Connections dump:\n"
        "Connections Sets (1)/(1):\n"
        "1 expire at Tue Nov 14 22:13:21 UTC 2023:\n"
        "\tip: /127.0.0.1:50012 sessionId: 0x1000a2b3c4d0001\n"
    )


def test_watches_by_session_path_and_number() -> None:
    """wchc, wchp and wchs show the same watches."""
    assert ask("wchc") == "0x1\n\t/a\n\t/b\n0x2\n\t/a\n\n"
    assert ask("wchp") == "/a\n\t0x1\n\t0x2\n/b\n\t0x1\n\n"
    assert ask("wchs") == "2 connections watching 2 paths\nTotal watches:3\n"


def test_csnp_tells_the_index_of_what_was_started_and_of_nothing_else() -> None:
    """None is started while one is running, or the state is being replaced."""
    assert ask("csnp") == "9\n"
    view = build_view()
    assert view.parts is not None
    view.parts.snapshotter.start = lambda: None  # type: ignore[method-assign]
    failed = "Failed to schedule snapshot creation task.\n"
    assert FourLetter(view).answer(b"csnp") == failed


def test_lgif_tells_the_log_by_tabs() -> None:
    """The form that keepers with Raft have."""
    assert ask("lgif").splitlines()[:3] == [
        "first_log_idx\t1",
        "first_log_term\t3",
        "last_log_idx\t9",
    ]


def test_conf_has_zookeepers_keys_and_no_secret() -> None:
    """`key=value` lines; the super digest is not among them."""
    keys = [line.partition("=")[0] for line in ask("conf").splitlines()]
    assert keys[:3] == ["clientPort", "secureClientPort", "dataDir"]
    assert "digest" not in ask("conf").lower()


@pytest.mark.parametrize(
    ("word", "sentence", "what"),
    [
        ("crst", "Connection stats reset.\n", "connections"),
        ("srst", "Server stats reset.\n", "server"),
    ],
)
def test_resets_reset(word: str, sentence: str, what: str) -> None:
    """And say so in ZooKeeper's words."""
    view = build_view()
    assert FourLetter(view).answer(word.encode()) == sentence
    assert view.parts is not None
    assert view.parts.engine.resets == [what]  # type: ignore[attr-defined]


@pytest.mark.parametrize("word", ["wchc", "stmk"])
def test_command_not_allowed_is_refused_in_zookeepers_words(word: str) -> None:
    """One that we do not have is not allowed either."""
    answer = FourLetter(build_view(whitelist="srvr")).answer(word.encode())
    assert answer == f"{word} is not executed because it is not in the whitelist.\n"


def test_other_bytes_are_no_command() -> None:
    """The length of a frame, or a word nobody knows."""
    commands = FourLetter(build_view())
    assert [commands.answer(word) for word in (b"\0\0\0\x2d", b"abcd", b"\xff\xff\xff\xff")] == [
        None,
        None,
        None,
    ]


def test_node_that_does_not_serve_says_so() -> None:
    """In ZooKeeper's words, `null` for isro."""
    view = build_view()
    view.stopping = "stopping"
    commands = FourLetter(view)
    assert commands.answer(b"srvr") == (
        "This ZooKeeper instance is not currently serving requests\n"
    )
    assert commands.answer(b"isro") == "null"
