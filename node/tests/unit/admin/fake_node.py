"""A node's view with fixed figures, for golden texts of the admin surfaces."""

from types import SimpleNamespace
from typing import Any, cast

from tests.unit.server.fakes import FakeClock

from raftkeeper.raft import Membership, Role
from raftkeeper.server.config import Config
from raftkeeper.server.door import Door
from raftkeeper.server.driver import DriverFigures
from raftkeeper.server.histogram import Histogram
from raftkeeper.server.view import NodeParts, NodeView

ROW = {
    "conn": 7,
    "address": "127.0.0.1",
    "session": 0x1000A2B3C4D0001,
    "timeout_ms": 30000,
    "queued": 0,
    "received": 52,
    "sent": 53,
    "last_op": "PING",
    "established_us": 0,
    "last_cxid": 0x1F,
    "last_zxid": 0x100000004,
    "last_response_us": 1_234_567,
    "last_latency": 0,
    "min_latency": 0,
    "avg_latency": 1.5,
    "max_latency": 17,
}


class FixedEngine:
    """Answers every view with the same figures."""

    applied_index = 9
    read_only = False
    last_zxid = 0x100000004

    def __init__(self) -> None:
        self.resets: list[str] = []

    def statistics(self) -> dict[str, Any]:
        return {
            "packets_received": 1234,
            "packets_sent": 1240,
            "min_latency": 0,
            "avg_latency": 0.12344,
            "max_latency": 12,
            "outstanding_requests": 0,
            "znode_count": 7,
            "watch_count": 2,
            "ephemerals_count": 1,
            "approximate_data_size": 441,
            "num_alive_connections": 1,
            "connection_rejected": 2,
            "latency_bounds_us": [100, 1000],
            "latency_read_us": [3, 1, 0],
            "latency_read_sum_us": 900,
            "latency_write_us": [0, 2, 1],
            "latency_write_sum_us": 9000,
        }

    def connections(self) -> list[dict[str, Any]]:
        return [dict(ROW)]

    def sessions(self) -> list[tuple[int, int, int]]:
        return [(0x1000A2B3C4D0001, 30000, 9_000)]

    def ephemerals(self) -> list[tuple[int, list[str]]]:
        return [(0x1000A2B3C4D0001, ["/app/lock-0000000001"])]

    def watches(self) -> list[tuple[int, list[str]]]:
        return [(1, ["/a", "/b"]), (2, ["/a"])]

    def watch_counts(self) -> tuple[int, int, int]:
        return (2, 2, 3)

    def reset_statistics(self) -> None:
        self.resets.append("server")

    def reset_connection_statistics(self) -> None:
        self.resets.append("connections")


def build_view(**four_letter: Any) -> NodeView:
    """A serving node of fixed figures."""
    config = Config.model_validate(
        {"four_letter": {"whitelist": four_letter.get("whitelist", "*")}}
    )
    view = NodeView(config, FakeClock(), version="0.1.0", host_name="keeper", pid=42, serving_us=1)
    core = SimpleNamespace(
        membership=Membership.of(voters=[1]),
        role=Role.LEADER,
        members=(),
        leader_id=1,
        config=SimpleNamespace(member_id=1),
        term=3,
        commit_index=9,
        applied_index=9,
        first_index=1,
        last_index=9,
        term_at=lambda _index: 3,
    )
    driver = SimpleNamespace(
        figures=DriverFigures(),
        serving=SimpleNamespace(is_set=lambda: True),
        draining=False,
        status=lambda: SimpleNamespace(leader_id=1, member_id=1, role="leader"),
        members=tuple,
        count_fsyncs=lambda: None,
    )
    snapshotter = SimpleNamespace(
        taken=1,
        failed=0,
        last_index=5,
        last_zxid=0x3,
        last_ms=1_700_000_000_000,
        running=False,
        durations=Histogram.of_durations(),
        slice_times=Histogram.of_durations(),
        start=lambda: 9,
    )
    clients = SimpleNamespace(by_conn={7: SimpleNamespace(peer="127.0.0.1:50012")})
    view.parts = NodeParts(
        engine=cast("Any", FixedEngine()),
        core=cast("Any", core),
        driver=cast("Any", driver),
        writer=cast("Any", SimpleNamespace(full="")),
        clients=cast("Any", clients),
        door=Door(10, 0),
        snapshotter=cast("Any", snapshotter),
        data=cast("Any", None),
        operations=cast("Any", None),
        links=None,
    )
    return view
