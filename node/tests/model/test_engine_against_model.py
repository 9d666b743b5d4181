"""The engine answers exactly as the model does, whatever is asked, in whatever order.

Hypothesis draws a story of several clients over few paths, so that they meet: writes that wait for
their batch with reads behind them, multis that fail half-way, watches of all kinds, lost and taken-up
connections, expiry, restarts from a snapshot or from the log. `RAFTKEEPER_HYPOTHESIS=deep` runs more.
That it can fail is shown by deliberate mistakes, each of which must be noticed: `mutations.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .clients import Request, digest_id
from .mutations import MUTATIONS
from .pair import Pair

CLIENTS = 3
STEPS_MIN = 15
"""Shorter stories seldom get to where something interesting is there to be told of."""
DEEP = os.environ.get("RAFTKEEPER_HYPOTHESIS") == "deep"

paths = st.sampled_from(["/a", "/b", "/a/x", "/a/x", "/a/y", "/a/x/1", "/a/s", "/e", "/p", "/q"])
read_paths = st.one_of(paths, paths, st.sampled_from(["/", "/a/s0000000001", "/a/s0000000002"]))
bad_paths = st.sampled_from(["a", "", "//a", "/a//x", "/a/", "/a/./x", "/..", "/a/x\0"])
datas = st.sampled_from([None, b"", b"1", b"two", bytes(200)])
versions = st.sampled_from([-1, -1, -1, 0, 1, 2, 7])
credentials = st.sampled_from([b"ann:secret", b"bob:other"])
acls = st.sampled_from(
    [
        *[[(31, "world", "anyone")]] * 9,
        [(1, "world", "anyone")],
        [(30, "world", "anyone")],
        [(31, *digest_id(b"ann:secret")), (1, "world", "anyone")],
        [(31, *digest_id(b"bob:other"))],
        [(31, "auth", "")],
        [(31, "ip", "127.0.0.0/8"), (31, "ip", "127.0.0.0/8")],
        [(31, "ip", "10.0.0.1")],
        [(1, "world", "anybody")],
        [],
        None,
    ]
)
watch_lists = st.lists(paths, max_size=2)


def values(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Mapping[str, Any]]:
    return st.fixed_dictionaries(parts)


some_path = st.one_of(*[paths] * 11, bad_paths)
creation = {"path": some_path, "data": datas, "acl": acls}
flags = st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 7])
CHANGES = {
    "create": values(**creation, flags=flags),
    "create2": values(**creation, flags=flags),
    "createContainer": values(**creation, flags=st.just(4)),
    "createTTL": values(
        **creation, flags=st.sampled_from([5, 6, 0]), ttl=st.sampled_from([1, 60_000, 0, 1 << 40])
    ),
    "delete": values(path=some_path, version=versions),
    "setData": values(path=some_path, data=datas, version=versions),
    "check": values(path=paths, version=versions),
}
LISTS = {
    "getData": values(path=read_paths, watch=st.booleans()),
    "getChildren": values(path=read_paths, watch=st.booleans()),
}
watch_fields = {"data": watch_lists, "exist": watch_lists, "child": watch_lists}
since = st.integers(0, 60)
ALONE = {
    **{name: one for name, one in CHANGES.items() if name != "check"},
    **LISTS,
    "setACL": values(path=some_path, acl=acls, version=versions),
    "getChildren2": values(path=read_paths, watch=st.booleans()),
    "exists": values(path=read_paths, watch=st.booleans()),
    "getACL": values(path=read_paths),
    "getAllChildrenNumber": values(path=read_paths),
    "getEphemerals": values(prefix=st.sampled_from(["", "/", "/a", "/e", "/none"])),
    "sync": values(path=paths),
    "ping": values(),
    "check": values(path=paths, version=versions),
    "auth": values(type=st.just(0), scheme=st.just("digest"), auth=credentials),
    "whoAmI": values(),
    "addWatch": values(path=read_paths, mode=st.integers(0, 1)),
    "checkWatches": values(path=read_paths, type=st.integers(1, 5)),
    "removeWatches": values(path=read_paths, type=st.integers(1, 5)),
    "setWatches": values(zxid=since, **watch_fields),
    "setWatches2": values(
        zxid=since, **watch_fields, persistent=watch_lists, recursive=watch_lists
    ),
    "reconfig": values(
        joining=st.none(), leaving=st.none(), members=st.none(), configId=st.just(-1)
    ),
    "unknown": values(),
    "closeSession": values(),
}
OFTEN = ("create", "delete", "setData", "getData", "exists", "getChildren2")
FIXED_XIDS = {"ping": -2, "auth": -4, "setWatches": -8, "setWatches2": -8}


def named(table: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[tuple[str, Any]]:
    return st.one_of(*(st.tuples(st.just(name), one) for name, one in table.items()))


multis = st.tuples(st.just("multi"), st.lists(named(CHANGES), max_size=4))
multi_reads = st.tuples(st.just("multiRead"), st.lists(named(LISTS), max_size=3))
RARELY = ("closeSession", "reconfig", "unknown", "sync", "ping", "check")
requests = st.one_of(
    *[st.tuples(st.just(name), ALONE[name]) for name in OFTEN] * 3,
    *[multis] * 4,
    multi_reads,
    *[named({name: one for name, one in ALONE.items() if name not in RARELY})] * 8,
    named(ALONE),
)
plain = {"data": b"", "acl": [(31, "world", "anyone")], "flags": 0}
who = st.integers(0, CLIENTS - 1)
asks = st.tuples(st.just("ask"), who, st.lists(requests, min_size=4, max_size=12))
steps = st.one_of(
    *[asks] * 14,
    *[st.tuples(st.just("commit"), who)] * 6,
    st.tuples(st.just("disconnect"), who),
    st.tuples(st.just("take up"), who),
    st.tuples(st.just("expire"), who),
    st.tuples(st.sampled_from(["snapshot", "replay"]), who),
)


class Story:
    """Carries out the steps that Hypothesis drew."""

    def __init__(self) -> None:
        self.pair = Pair()
        self.xid = 0
        for _ in range(CLIENTS):
            self.pair.connect()

    def step(self, what: str, number: int, asked: list[tuple[str, Any]] | None = None) -> None:
        pair, client = self.pair, self.pair.clients[number]
        match what:
            case "ask":
                pair.ask(client, [self._request(*one) for one in asked or ()])
            case "commit":
                pair.commit()
            case "disconnect":
                pair.disconnect(client)
            case "take up":
                pair.take_up(client)
            case "expire":
                pair.expire()
            case "snapshot" | "replay":
                pair.restart(snapshot=what == "snapshot")

    def _request(self, name: str, parts: Any) -> Request:
        self.xid += 1
        xid = FIXED_XIDS.get(name, self.xid)
        if name in ("multi", "multiRead"):
            return Request(xid, name, {}, tuple(parts))
        return Request(xid, name, parts)


SHORT = settings(
    max_examples=1000,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
LONG = settings(SHORT, max_examples=20_000, derandomize=False, print_blob=True)
stories = st.lists(steps, min_size=STEPS_MIN, max_size=3 * STEPS_MIN)


def follow(story: list[tuple[Any, ...]]) -> None:
    run = Story()
    run.step("ask", 0, [("create", plain | {"path": path}) for path in ("/a", "/b", "/a/x")])
    run.step("ask", 1, [("auth", {"type": 0, "scheme": "digest", "auth": b"ann:secret"})])
    run.step("ask", 2, [("create", plain | {"path": "/e", "flags": 1})])
    ann = (31, *digest_id(b"ann:secret"))
    secret, shown = plain | {"acl": [ann]}, plain | {"acl": [ann, (1, "world", "anyone")]}
    run.step("ask", 1, [("create", secret | {"path": "/p"}), ("create", shown | {"path": "/q"})])
    for step in story:
        run.step(*step)
    run.pair.commit()


@pytest.mark.timeout(7200 if DEEP else 180)
@settings(LONG if DEEP else SHORT)
@given(stories)
def test_every_reply_and_event_is_the_models(story: list[tuple[Any, ...]]) -> None:
    """Field by field and in order, for every client."""
    follow(story)


@pytest.mark.parametrize("name", MUTATIONS)
def test_mistake_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same stories, told of a model with one mistake, end in a disagreement."""
    MUTATIONS[name](monkeypatch)

    @settings(
        SHORT, max_examples=1500, phases=[Phase.generate], database=None, report_multiple_bugs=False
    )
    @given(stories)
    def tell(story: list[tuple[Any, ...]]) -> None:
        follow(story)

    with pytest.raises(AssertionError):
        tell()
