"""The four-letter commands, in ZooKeeper's text, byte for byte where a tool may parse it.

A command of ZooKeeper's that is not allowed, or that this node does not have, is refused by
ZooKeeper's sentence; any other four bytes are the client protocol's. None of them waits.
"""

from collections.abc import Callable
from time import gmtime, strftime

from raftkeeper.admin import reports
from raftkeeper.admin.ensemble_report import describe_mode
from raftkeeper.admin.leadership_words import request_leadership, yield_leadership
from raftkeeper.server.four_letter_words import FOUR_LETTER_WORDS
from raftkeeper.server.view import NodeParts, NodeView

NOT_SERVING = "This ZooKeeper instance is not currently serving requests\n"

READ_ONLY_MODE = "READ-ONLY mode; serving only read-only clients\n"

KNOWN_ELSEWHERE = frozenset(("gtmk", "stmk", "hash", "orst", "obsr", "sysp", "lead"))
"""ZooKeeper's commands that this node has not: there is no trace mask to get or set, no digest
history, no observer. They are refused like those that are not in the whitelist, not misread."""

Report = Callable[[NodeView, NodeParts], str]


class FourLetter:
    """The commands of one node."""

    def __init__(self, view: NodeView) -> None:
        allowed = view.config.four_letter.whitelist
        self._view = view
        self._allowed = frozenset(FOUR_LETTER_WORDS if "*" in allowed else allowed)

    def answer(self, word: bytes) -> str | None:
        """The text of a command, None when these four bytes are none."""
        name = word.decode("latin-1")
        report = COMMANDS.get(name)
        if report is None and name not in KNOWN_ELSEWHERE:
            return None
        if report is None or name not in self._allowed:
            return f"{name} is not executed because it is not in the whitelist.\n"
        parts = self._view.parts
        if parts is None or self._view.not_serving():
            return "null" if name == "isro" else NOT_SERVING
        return report(self._view, parts)


# ---- the reports --------------------------------------------------------------------------------


def _ruok(_view: NodeView, _parts: NodeParts) -> str:
    return "imok"


def _isro(_view: NodeView, parts: NodeParts) -> str:
    return "ro" if reports.is_read_only(parts) else "rw"


def _srvr(view: NodeView, parts: NodeParts) -> str:
    return f"{_head(view)}{_statistics(view, parts)}"


def _stat(view: NodeView, parts: NodeParts) -> str:
    clients = "".join(f"{_client(row)},sent={row['sent']})\n" for row in reports.connections(parts))
    return f"{_head(view)}Clients:\n{clients}\n{_statistics(view, parts)}"


def _head(view: NodeView) -> str:
    """The version, and whether this node serves without a leader."""
    version = f"Zookeeper version: {reports.describe_version(view)}\n"
    return version + (READ_ONLY_MODE if describe_mode(view) == "read-only" else "")


def _statistics(view: NodeView, parts: NodeParts) -> str:
    stats = reports.server_stats(view, parts)
    return (
        f"Latency min/avg/max: {stats['min_latency']}/{_short(stats['avg_latency'])}"
        f"/{stats['max_latency']}\n"
        f"Received: {stats['packets_received']}\n"
        f"Sent: {stats['packets_sent']}\n"
        f"Connections: {stats['num_alive_client_connections']}\n"
        f"Outstanding: {stats['outstanding_requests']}\n"
        f"Zxid: 0x{parts.engine.last_zxid:x}\n"
        f"Mode: {stats['server_state']}\n"
        f"Node count: {stats['node_count']}\n"
    )


def _mntr(view: NodeView, parts: NodeParts) -> str:
    values = reports.monitor(view, parts)
    return "".join(f"zk_{name}\t{_short(value)}\n" for name, value in values.items())


def _conf(view: NodeView, _parts: NodeParts) -> str:
    return "".join(f"{name}={value}\n" for name, value in reports.configuration(view).items())


def _cons(view: NodeView, parts: NodeParts) -> str:
    now_us = view.clock.now_us()
    wall_ms = view.clock.wall_ms()
    lines = []
    for row in reports.connections(parts):
        established_ms = wall_ms - (now_us - row["established_us"]) // 1000
        lines.append(
            f"{_client(row)},sent={row['sent']},sid=0x{row['session'] & 0xFFFF_FFFF_FFFF_FFFF:x}"
            f",lop={row['last_op']},est={established_ms},to={row['timeout_ms']}"
            f",lcxid=0x{row['last_cxid'] & 0xFFFF_FFFF_FFFF_FFFF:x}"
            f",lzxid=0x{row['last_zxid'] & 0xFFFF_FFFF_FFFF_FFFF:x}"
            f",lresp={row['last_response_us'] // 1000},llat={row['last_latency']}"
            f",minlat={row['min_latency']},avglat={int(row['avg_latency'])}"
            f",maxlat={row['max_latency']})\n"
        )
    return "".join(lines) + "\n"


def _client(row: dict[str, object]) -> str:
    """How `cons` and `stat` begin: `[1]` stands for a socket that is read."""
    return f" /{row['peer']}[1](queued={row['queued']},recved={row['received']}"


def _crst(_view: NodeView, parts: NodeParts) -> str:
    parts.engine.reset_connection_statistics()
    return "Connection stats reset.\n"


def _srst(_view: NodeView, parts: NodeParts) -> str:
    parts.engine.reset_statistics()
    return "Server stats reset.\n"


def _envi(view: NodeView, _parts: NodeParts) -> str:
    lines = [f"{name}={value}\n" for name, value in reports.environment(view).items()]
    return "Environment:\n" + "".join(lines)


def _dirs(view: NodeView, _parts: NodeParts) -> str:
    sizes = reports.configuration(view)
    return f"datadir_size: {sizes['dataDirSize']}\nlogdir_size: {sizes['dataLogSize']}\n"


def _dump(view: NodeView, parts: NodeParts) -> str:
    ephemerals = parts.engine.ephemerals()
    lines = ["SessionTracker dump:", *_expiring(view, parts), "ephemeral nodes dump:"]
    lines.append(f"Sessions with Ephemerals ({len(ephemerals)}):")
    for session, paths in ephemerals:
        lines += [f"{_hex(session)}:", *(f"\t{path}" for path in paths)]
    rows = reports.connections(parts)
    lines += ["Connections dump:", f"Connections Sets (1)/({len(rows)}):"]
    lines.append(f"{len(rows)} expire at {_date(view.clock.wall_ms())}:")
    lines += [f"\tip: /{row['peer']} sessionId: {_hex(row['session'])}" for row in rows]
    return "\n".join(lines) + "\n"


def _expiring(view: NodeView, parts: NodeParts) -> list[str]:
    """Sessions in sets by the second in which they expire."""
    now_ms = view.clock.wall_ms()
    sets: dict[int, list[int]] = {}
    for session, _, left_ms in parts.engine.sessions():
        sets.setdefault((now_ms + left_ms) // 1000, []).append(session)
    lines = [f"Session Sets ({len(sets)})/({sum(map(len, sets.values()))}):"]
    for second in sorted(sets):
        lines.append(f"{len(sets[second])} expire at {_date(second * 1000)}:")
        lines += [f"\t{_hex(session)}" for session in sets[second]]
    return lines


def _wchs(_view: NodeView, parts: NodeParts) -> str:
    connections, paths, watches = parts.engine.watch_counts()
    return f"{connections} connections watching {paths} paths\nTotal watches:{watches}\n"


def _wchc(_view: NodeView, parts: NodeParts) -> str:
    lines = []
    for session, paths in parts.engine.watches():
        lines += [f"{_hex(session)}\n", *(f"\t{path}\n" for path in paths)]
    return "".join(lines) + "\n"


def _wchp(_view: NodeView, parts: NodeParts) -> str:
    by_path: dict[str, list[int]] = {}
    for session, paths in parts.engine.watches():
        for path in paths:
            by_path.setdefault(path, []).append(session)
    lines = []
    for path, sessions in by_path.items():
        lines += [f"{path}\n", *(f"\t{_hex(session)}\n" for session in sessions)]
    return "".join(lines) + "\n"


def _lgif(_view: NodeView, parts: NodeParts) -> str:
    core = parts.core
    values = {
        "first_log_idx": core.first_index,
        "first_log_term": _term(parts, core.first_index),
        "last_log_idx": core.last_index,
        "last_log_term": _term(parts, core.last_index),
        "last_committed_log_idx": core.commit_index,
        "leader_committed_log_idx": core.commit_index,
        "target_committed_log_idx": core.commit_index,
        "last_snapshot_idx": parts.snapshotter.last_index,
    }
    return "".join(f"{name}\t{value}\n" for name, value in values.items())


def _csnp(_view: NodeView, parts: NodeParts) -> str:
    """The index that the snapshot will hold, or that none was begun, in ClickHouse Keeper's words."""
    index = parts.snapshotter.start()
    return "Failed to schedule snapshot creation task.\n" if index is None else f"{index}\n"


def _rqld(_view: NodeView, parts: NodeParts) -> str:
    """Asks for leadership here. A learner, or who does not know a leader, cannot."""
    asked = request_leadership(parts)
    return f"{'Sent' if asked else 'Failed to send'} leadership request to leader.\n"


def _ydld(_view: NodeView, parts: NodeParts) -> str:
    """Gives leadership away, if this node has it and somebody can take it. It says the same always,
    as ClickHouse Keeper and RaftKeeper did.
    """
    yield_leadership(parts)
    return "Sent yield leadership request.\n"


def _uptm(view: NodeView, _parts: NodeParts) -> str:
    return f"{view.uptime_ms // 1000}\n"


# ---- how values are written ---------------------------------------------------------------------


def _short(value: object) -> str:
    """Averages have up to four decimals and none too many: `0.0`, `0.1234`."""
    return str(round(value, 4)) if isinstance(value, float) else str(value)


def _hex(session: int) -> str:
    return f"0x{session & 0xFFFF_FFFF_FFFF_FFFF:x}"


def _date(wall_ms: int) -> str:
    """As Java prints a date, in the one time zone that needs no explanation."""
    return strftime("%a %b %d %H:%M:%S UTC %Y", gmtime(wall_ms // 1000))


def _term(parts: NodeParts, index: int) -> int:
    return parts.core.term_at(index) or 0


COMMANDS: dict[str, Report] = {
    "conf": _conf,
    "cons": _cons,
    "crst": _crst,
    "csnp": _csnp,
    "dirs": _dirs,
    "dump": _dump,
    "envi": _envi,
    "isro": _isro,
    "lgif": _lgif,
    "mntr": _mntr,
    "rqld": _rqld,
    "ruok": _ruok,
    "srst": _srst,
    "srvr": _srvr,
    "stat": _stat,
    "uptm": _uptm,
    "wchc": _wchc,
    "wchp": _wchp,
    "wchs": _wchs,
    "ydld": _ydld,
}
