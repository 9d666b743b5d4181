"""`raftkeeper status`: asks a node's `mntr` and shows the answer to a person.

It speaks only the four-letter commands, so it works against ZooKeeper too.
"""

import socket
from datetime import timedelta

CLIENT_PORT = 2181

HINT = (
    "A node that runs opens this port only when it serves; until then its HTTP port says what it waits"
    " for: curl http://127.0.0.1:8080/health/ready"
)

ANSWER_BYTES_MAX = 4 * 1024 * 1024
"""More than any `mntr`; whoever sends more is no keeper."""

GROUPS = {
    "Node": ("version", "server_state", "uptime", "resident_memory_bytes"),
    "Clients": (
        "num_alive_connections",
        "global_sessions",
        "outstanding_requests",
        "packets_received",
        "packets_sent",
        "connection_rejected",
    ),
    "Data": ("znode_count", "ephemerals_count", "watch_count", "approximate_data_size"),
    "Latency, ms": (
        "min_latency",
        "avg_latency",
        "max_latency",
        "p99_readlatency",
        "p99_updatelatency",
        "avg_fsynctime",
        "max_fsynctime",
    ),
    "Release": ("feature_level", "ensemble_feature_level", "quota_enforcement"),
    "Log": (
        "raft_term",
        "raft_commit_index",
        "raft_applied_index",
        "raft_log_first_index",
        "snapshot_last_index",
        "writes_refused",
    ),
}


class StatusError(Exception):
    """The node could not be asked."""


def fetch_status(address: str, timeout_s: float) -> dict[str, str]:
    """The figures of `mntr` by name, without the prefix."""
    text = ask(address, "mntr", timeout_s)
    if "not executed" in text:
        raise StatusError(f"{address} does not allow mntr: add it to four_letter.whitelist")
    if "\t" not in text:
        raise StatusError(f"{address} answers: {text.strip() or 'nothing'}")
    figures: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition("\t")
        figures[name.removeprefix("zk_")] = value
    return figures


def ask(address: str, word: str, timeout_s: float) -> str:
    """The answer to a four-letter command."""
    host, colon, port = address.rpartition(":")
    if not colon:
        host, port = address, str(CLIENT_PORT)
    if not host or not port.isdecimal():
        raise StatusError(f"{address!r} is not host:port; for example 127.0.0.1:{CLIENT_PORT}")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout_s) as sock:
            sock.sendall(word.encode())
            answer = b""
            while (piece := sock.recv(65536)) and len(answer) < ANSWER_BYTES_MAX:
                answer += piece
    except TimeoutError as error:
        raise StatusError(
            f"{address} does not answer within {timeout_s:g} s; a port for TLS does not, ask the plain one"
        ) from error
    except OSError as error:
        raise StatusError(f"cannot ask {address}: {error.strerror or error}. {HINT}") from error
    return answer.decode(errors="replace")


def print_status(address: str, figures: dict[str, str]) -> None:
    """A table to the terminal; what the node does not tell is left out."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"RaftKeeper at {address}", title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column()
    table.add_column(justify="right")
    for group, names in GROUPS.items():
        label = group
        for name in names:
            if name in figures:
                table.add_row(label, name, readable(name, figures[name]))
                label = ""
        table.add_section()
    Console().print(table)


def readable(name: str, value: str) -> str:
    """A figure with a unit that a person can read at a glance; others as they are."""
    if not value.isdecimal():
        return value
    number = int(value)
    if name == "uptime":  # mntr has milliseconds
        return str(timedelta(milliseconds=number)).split(".")[0]
    if name in {"resident_memory_bytes", "approximate_data_size"}:
        return f"{number / 1024**2:,.1f} MiB"
    return f"{number:,}"
