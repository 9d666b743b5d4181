"""Watches of one node, as a specification: who is told what, and who is told only once.

Three kinds of registration per connection and path: standard ones (gone once they fire), persistent,
and persistent recursive. ZooKeeper keeps them in a table for data and one for children; a persistent
watch stands in both, a recursive one in the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from .keeper_model import Event, parent_of


class Mode(Enum):
    STANDARD = 0
    PERSISTENT = 1
    RECURSIVE = 2


Registration = tuple[int, str, Mode]
"""(connection, path, mode)"""


class WatchModel:
    def __init__(self) -> None:
        self.data: set[Registration] = set()
        self.child: set[Registration] = set()

    def forget(self, conn: int) -> None:
        self.data = {one for one in self.data if one[0] != conn}
        self.child = {one for one in self.child if one[0] != conn}

    def add(self, conn: int, path: str, mode: Mode) -> None:
        self.data.add((conn, path, mode))
        if mode is Mode.PERSISTENT:
            self.child.add((conn, path, mode))

    def fire(self, event: Event) -> set[int]:
        """The connections that are to be told."""
        if event.kind == "NodeChildrenChanged":
            return self._fire(self.child, event.path)
        reached = self._fire(self.data, event.path) | {
            conn
            for conn, path, mode in self.data
            if mode is Mode.RECURSIVE and path in ancestors(event.path)
        }
        if event.kind == "NodeDeleted":
            reached |= self._fire(self.child, event.path)
        return reached

    @staticmethod
    def _fire(table: set[Registration], path: str) -> set[int]:
        hit = {one for one in table if one[1] == path and one[2] is not Mode.RECURSIVE}
        table -= {one for one in hit if one[2] is Mode.STANDARD}
        return {conn for conn, _, _ in hit}

    def find(self, conn: int, path: str, kind: int) -> set[tuple[str, Registration]]:
        """What checkWatches and removeWatches mean by a type: (table, registration)."""
        wanted = {
            1: [("child", Mode.STANDARD)],
            2: [("data", Mode.STANDARD)],
            3: [(table, mode) for table in ("child", "data") for mode in Mode],
            4: [("child", Mode.PERSISTENT), ("data", Mode.PERSISTENT)],
            5: [("data", Mode.RECURSIVE)],
        }[kind]
        return {
            (table, (conn, path, mode))
            for table, mode in wanted
            if (conn, path, mode) in getattr(self, table)
        }

    def remove(self, found: set[tuple[str, Registration]]) -> None:
        for table, registration in found:
            getattr(self, table).discard(registration)


def ancestors(path: str) -> Iterator[str]:
    """The path itself and all above it."""
    yield path
    while path != "/":
        path = parent_of(path)
        yield path
