"""ClickHouse replicates its tables through a node as through ZooKeeper, and over the node's restart."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.compat.clickhouse.server import MISSING, ClickHouse
from tests.compat.peers import PEERS, Peer

pytestmark = [pytest.mark.compat, pytest.mark.timeout(600)]

TABLE_PATH = "/clickhouse/tables/1/events"
CREATE = f"""
CREATE TABLE events (day Date, number UInt64, text String)
ENGINE = ReplicatedMergeTree('{TABLE_PATH}', '{{replica}}', day, (number), 8192)
"""
SUMS = "SELECT count(), sum(number) FROM events"
ROWS = 1000


@pytest.mark.parametrize("kind", ["zookeeper", "raftkeeper"])
def test_two_replicas_agree_over_a_restart_of_the_keeper(kind: str, tmp_path: Path) -> None:
    """Insert on one, select on the other; restart the keeper; insert on the other; ALTER; DROP."""
    if not ClickHouse.installed():
        pytest.skip(MISSING)
    with (
        PEERS[kind](directory=tmp_path / "keeper") as keeper,
        ClickHouse("one", tmp_path / "one", keeper.port) as one,
        ClickHouse("two", tmp_path / "two", keeper.port) as two,
    ):
        for server in (one, two):
            server.query(CREATE)
        insert(one, 0)
        two.wait_for_result(SUMS, sums(1))
        check_alter(one, two)

        keeper.restart()
        insert(two, 1)
        for server in (one, two):
            server.wait_for_result(SUMS, sums(2))

        keeper.kill()
        keeper.start()
        insert(one, 2)
        for server in (one, two):
            server.wait_for_result(SUMS, sums(3))
        check_merge(one, two)
        check_drop(keeper, one, two)


def insert(server: ClickHouse, batch: int) -> None:
    """A batch of numbers; the same batch again changes nothing, so it may be repeated."""
    server.query_until_accepted(
        "INSERT INTO events (day, number, text) SELECT toDate('2024-01-01'), number, toString(number)"
        f" FROM system.numbers LIMIT {batch * ROWS}, {ROWS}"
    )


def sums(batches: int) -> list[list[int]]:
    count = batches * ROWS
    return [[count, count * (count - 1) // 2]]


def check_alter(one: ClickHouse, two: ClickHouse) -> None:
    """A column that is added on one replica is there on the other.

    Before the restarts: after a lost session this ClickHouse leaves an ALTER waiting for long, with
    ZooKeeper too.
    """
    one.query("ALTER TABLE events ADD COLUMN extra UInt8 DEFAULT 7")
    two.wait_for_result("SELECT sum(extra) FROM events", [[7 * ROWS]])


def check_merge(one: ClickHouse, two: ClickHouse) -> None:
    """A merge that the leader orders happens on both replicas, and both count as alive."""
    two.query_until_accepted("OPTIMIZE TABLE events FINAL")
    active = "SELECT count() FROM system.parts WHERE table = 'events' AND active"
    for server in (one, two):
        server.wait_for_result(active, [[1]])
        server.wait_for_result(SUMS, sums(3))
        server.wait_for_result("SELECT sum(extra) FROM events", [[7 * 3 * ROWS]])
        server.wait_for_result(
            "SELECT is_readonly, total_replicas, active_replicas FROM system.replicas",
            [[0, 2, 2]],
        )


def check_drop(keeper: Peer, one: ClickHouse, two: ClickHouse) -> None:
    """A dropped replica takes its znodes along; the last one takes the table's."""
    replicas = f"SELECT name FROM system.zookeeper WHERE path = '{TABLE_PATH}/replicas'"
    one.query("DROP TABLE events")
    two.wait_for_result(replicas, [["two"]])
    two.query("DROP TABLE events")
    left = "SELECT count() FROM system.zookeeper WHERE path = '/clickhouse/tables/1'"
    two.wait_for_result(left, [[0]])
    assert keeper.running
