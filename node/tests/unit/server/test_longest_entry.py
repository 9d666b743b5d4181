"""The longest entry that an engine seals, against the bound that the log and the links are built for."""

import struct

import pytest

from raftkeeper._engine import Engine
from raftkeeper.server.config import Config, Storage
from raftkeeper.server.config_client import Client
from raftkeeper.server.config_section import KIB
from raftkeeper.testing.client_wire import (
    OK,
    SET_DATA,
    buffer,
    connect,
    create_body,
    parse_replies,
    request,
    set_body,
    string,
)

AUTH, CREATE_TTL = 100, 21
XID_AUTH = -4
TTL_MODE = 5
ID_BYTES = 4_000
TIMEOUT_MS = 2_000
TICK_US = 100_000
EXPIRED_MAX = 4096
"""As many sessions as end by one request of the log."""
PIECE_BYTES, OWN_BYTES, ROOM_BYTES = 200, 22, 300
"""A write of the batch, what the entry adds to its frame, and what the batch is short of its length."""
DECIDED_BYTES = 64 * KIB
"""From which on a leader decides nothing more."""

SMALLEST = Config(client=Client(frame_bytes_max=4 * KIB), storage=Storage(batch_bytes_max=4 * KIB))


class Node:
    """An engine that has applied its first entry."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.now_us = 1
        self.index = 0
        self.engine = Engine(
            origin=77,
            min_session_timeout_ms=TIMEOUT_MS,
            max_session_timeout_ms=TIMEOUT_MS,
            frame_bytes_max=config.client.frame_bytes_max,
            batch_bytes_max=config.storage.batch_bytes_max,
            connection_outstanding_max=10_000,
            outstanding_max=100_000,
        )
        self.apply(
            self.engine.bootstrap_entry(
                cluster_id=bytes(16), secret=bytes(32), first_session=1, now_ms=1
            )
        )

    def apply(self, payload: bytes) -> None:
        self.index += 1
        self.engine.apply(self.index, payload, self.now_us)

    def commit(self) -> None:
        while (payload := self.engine.take_batch(1)) is not None:
            self.apply(payload)
        self.engine.take_replies()
        self.engine.take_actions()

    def client(self) -> int:
        conn = self.engine.connect("2001:db8:1234:5678:9abc:def0:1234:5678", self.now_us)
        self.engine.feed(conn, connect(TIMEOUT_MS), self.now_us)
        return conn

    def feed(self, conn: int, frame: bytes) -> bytes:
        return self.engine.feed(conn, frame, self.now_us)

    def identify(self, conn: int, count: int) -> int:
        """Gives a connection so many long ids; how many it took until it was refused."""
        for number in range(count):
            credentials = f"{number:04}".ljust(ID_BYTES, "u").encode() + b":p"
            body = struct.pack(">i", 0) + string("digest") + buffer(credentials)
            [answer] = parse_replies(self.feed(conn, request(XID_AUTH, AUTH, body)))
            if answer.error != OK:
                return number
        return count

    def tick(self, count: int) -> None:
        for _ in range(count):
            self.now_us += TICK_US
            self.engine.tick(self.now_us)


def set_frame(frame_bytes: int) -> bytes:
    """A setData of a frame this long."""
    overhead = len(request(1, SET_DATA, set_body("/a", b""))) - 4
    return request(1, SET_DATA, set_body("/a", bytes(frame_bytes - overhead)))


def create_ttl_frame(path: str) -> bytes:
    return request(1, CREATE_TTL, create_body(path, b"", TTL_MODE) + struct.pack(">q", 1))


@pytest.mark.parametrize("config", [Config(), SMALLEST])
def test_overfilled_batch_is_within_the_bound_of_an_entry(config: Config) -> None:
    """An almost full batch, and then the longest write of a client with all ids that one may have."""
    node = Node(config)
    trying, first, last = node.client(), node.client(), node.client()
    node.commit()
    ids = node.identify(trying, 100)
    assert ids
    assert node.identify(last, ids) == ids
    batch_bytes, frame_bytes = config.storage.batch_bytes_max, config.client.frame_bytes_max
    for _ in range((batch_bytes - ROOM_BYTES) // PIECE_BYTES):
        node.feed(first, set_frame(PIECE_BYTES - OWN_BYTES))
    node.feed(last, set_frame(frame_bytes))
    length = len(node.engine.take_batch(1) or b"")
    assert length > batch_bytes + frame_bytes, "the batch was not overfilled"
    assert length <= config.record_bytes_max


@pytest.mark.parametrize("config", [Config(), SMALLEST])
def test_all_a_leader_decides_is_within_the_bound_of_an_entry(config: Config) -> None:
    """Znodes that outlived their time, almost as many as it takes at once, and then a portion of sessions."""
    node = Node(config)
    maker = node.client()
    node.commit()
    path_bytes, own_bytes = 1_000, 42
    for number in range(DECIDED_BYTES // (path_bytes + own_bytes)):
        node.feed(maker, create_ttl_frame(f"/{number:0{path_bytes - 1}}"))
        node.commit()
    for _ in range(EXPIRED_MAX):
        node.engine.disconnect(node.client())
        node.commit()
    node.engine.collect(1_000_000)
    node.tick(TIMEOUT_MS * 1000 // TICK_US + 5)
    length = len(node.engine.take_batch(1) or b"")
    assert length > DECIDED_BYTES + 24 * EXPIRED_MAX - 2 * path_bytes
    assert length <= config.record_bytes_max
