"""Deliberate mistakes: the model says something else than ZooKeeper does. Each must be noticed.

A mistake in the model and the same mistake in the engine look alike from here: the two disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from . import clients, keeper_model, watch_model
from .clients import Client, Clients
from .keeper_model import OK, KeeperModel, Outcome, Znode

Patch = Callable[[pytest.MonkeyPatch], None]


def _cversion_without_deletes(patch: pytest.MonkeyPatch) -> None:
    right = Znode.stat
    patch.setattr(Znode, "stat", lambda self: right(self) | {"cversion": self.creates})


def _delete_leaves_pzxid(patch: pytest.MonkeyPatch) -> None:
    right = KeeperModel._remove

    def remove(self: KeeperModel, path: str, events: Any) -> None:
        parent = self.nodes[keeper_model.parent_of(path)]
        before = parent.pzxid
        right(self, path, events)
        parent.pzxid = before

    patch.setattr(KeeperModel, "_remove", remove)


def _failed_writes_take_no_zxid(patch: pytest.MonkeyPatch) -> None:
    right = KeeperModel.write

    def write(self: KeeperModel, *arguments: Any) -> Outcome:
        outcome = right(self, *arguments)
        self.zxid -= outcome.error != OK
        return outcome

    patch.setattr(KeeperModel, "write", write)


def _version_before_emptiness(patch: pytest.MonkeyPatch) -> None:
    def delete(self: KeeperModel, values: Any, _: int, ids: Any, events: Any) -> Any:
        path = values["path"]
        if "/" not in path or "\0" in path or path in keeper_model.SPECIAL:
            raise keeper_model.Refused(keeper_model.BAD_ARGUMENTS)
        self._need(self._node(keeper_model.parent_of(path)), keeper_model.DELETE, ids)
        node = self._node(path)
        if node.children:
            raise keeper_model.Refused(keeper_model.NOT_EMPTY)
        self._agree(values["version"], node.version)
        self._remove(path, events)
        return {}

    patch.setattr(KeeperModel, "_delete", delete)


def _multi_is_not_rolled_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(keeper_model, "deepcopy", lambda value: value)


def _standard_watches_stay(patch: pytest.MonkeyPatch) -> None:
    def fire(table: Any, path: str) -> set[int]:
        return {conn for conn, at, mode in table if at == path and mode.name != "RECURSIVE"}

    patch.setattr(watch_model.WatchModel, "_fire", staticmethod(fire))


def _recursive_watch_misses_descendants(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(watch_model, "ancestors", lambda path: iter([path]))


def _events_are_told_to_everybody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(clients, "allows", lambda *_: True)


def _ephemerals_outlive_their_session(patch: pytest.MonkeyPatch) -> None:
    def end(self: KeeperModel, sessions: Any) -> Outcome:
        self.zxid += 1
        self.sessions.difference_update(sessions)
        return Outcome(OK, {})

    patch.setattr(KeeperModel, "end_sessions", end)


def _names_count_children(patch: pytest.MonkeyPatch) -> None:
    right = KeeperModel._create

    def create(self: KeeperModel, values: Any, *rest: Any, **options: Any) -> Any:
        parent = self.nodes.get(keeper_model.parent_of(values["path"]))
        if parent is not None and values["flags"] in keeper_model.SEQUENTIAL_MODES:
            parent.creates, before = len(parent.children), parent.creates
            try:
                return right(self, values, *rest, **options)
            finally:
                parent.creates += before - len(parent.children)
        return right(self, values, *rest, **options)

    patch.setattr(KeeperModel, "_create", create)


def _reads_overtake_writes(patch: pytest.MonkeyPatch) -> None:
    right = Clients.ask

    def ask(self: Clients, client: Client, request: Any) -> None:
        if client.draining or request.name in clients.WRITES:
            return right(self, client, request)
        held, client.waiting = client.waiting, type(client.waiting)()
        right(self, client, request)
        client.waiting = held
        return None

    patch.setattr(Clients, "ask", ask)


def _set_acl_moves_mzxid(patch: pytest.MonkeyPatch) -> None:
    right = KeeperModel._set_acl

    def set_acl(self: KeeperModel, values: Any, *rest: Any) -> Any:
        right(self, values, *rest)
        self.nodes[values["path"]].mzxid = self.zxid
        return {"stat": self.nodes[values["path"]].stat()}

    patch.setattr(KeeperModel, "_set_acl", set_acl)


def _digests_are_shown(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(KeeperModel, "_shown_acl", lambda _, node, __: iter(node.acl))


MUTATIONS: dict[str, Patch] = {
    name.removeprefix("_"): value
    for name, value in dict(globals()).items()
    if name.startswith("_") and not name.startswith("__") and callable(value)
}
