"""A method per opcode, with the defaults that make a story read like one."""

from __future__ import annotations

from collections.abc import Sequence

from .client import OPEN, Client
from .jute import Acl
from .operations import SubRequest

PERSISTENT, EPHEMERAL, SEQUENTIAL, EPHEMERAL_SEQUENTIAL, CONTAINER, TTL, SEQUENTIAL_TTL = range(7)

CHILDREN, DATA, ANY, PERSISTENT_WATCH, RECURSIVE_WATCH = 1, 2, 3, 4, 5
"""Watcher types of checkWatches and removeWatches."""

WATCH_MODE_PERSISTENT, WATCH_MODE_RECURSIVE = 0, 1

Path = str | bytes | None


class Verbs(Client):
    """What a story can say."""

    def create(
        self,
        path: Path,
        data: bytes | None = b"",
        acl: Sequence[Acl] | None = OPEN,
        flags: int = PERSISTENT,
    ) -> None:
        self.ask("create", path=path, data=data, acl=acl, flags=flags)

    def create2(
        self,
        path: Path,
        data: bytes | None = b"",
        acl: Sequence[Acl] | None = OPEN,
        flags: int = PERSISTENT,
    ) -> None:
        self.ask("create2", path=path, data=data, acl=acl, flags=flags)

    def create_container(
        self, path: Path, data: bytes | None = b"", flags: int = CONTAINER
    ) -> None:
        self.ask("createContainer", path=path, data=data, acl=OPEN, flags=flags)

    def create_ttl(self, path: Path, ttl_ms: int, flags: int = TTL) -> None:
        self.ask("createTTL", path=path, data=b"", acl=OPEN, flags=flags, ttl=ttl_ms)

    def delete(self, path: Path, version: int = -1) -> None:
        self.ask("delete", path=path, version=version)

    def exists(self, path: Path, *, watch: bool = False) -> None:
        self.ask("exists", path=path, watch=watch)

    def get_data(self, path: Path, *, watch: bool = False) -> None:
        self.ask("getData", path=path, watch=watch)

    def set_data(self, path: Path, data: bytes | None, version: int = -1) -> None:
        self.ask("setData", path=path, data=data, version=version)

    def get_acl(self, path: Path) -> None:
        self.ask("getACL", path=path)

    def set_acl(self, path: Path, acl: Sequence[Acl] | None, version: int = -1) -> None:
        self.ask("setACL", path=path, acl=acl, version=version)

    def get_children(self, path: Path, *, watch: bool = False) -> None:
        self.ask("getChildren", path=path, watch=watch)

    def get_children2(self, path: Path, *, watch: bool = False) -> None:
        self.ask("getChildren2", path=path, watch=watch)

    def get_all_children_number(self, path: Path) -> None:
        self.ask("getAllChildrenNumber", path=path)

    def get_ephemerals(self, prefix: Path) -> None:
        self.ask("getEphemerals", prefix=prefix)

    def sync(self, path: Path) -> None:
        self.ask("sync", path=path)

    def ping(self) -> None:
        """Also a barrier: events of writes that were answered before arrive before its reply."""
        self.ask("ping")

    def auth(self, scheme: str | None, auth: bytes | None, kind: int = 0) -> None:
        self.ask("auth", type=kind, scheme=scheme, auth=auth)

    def who_am_i(self) -> None:
        self.ask("whoAmI")

    def sasl(self, token: bytes | None) -> None:
        self.ask("sasl", token=token)

    def multi(self, *operations: SubRequest) -> None:
        self.ask_multi("multi", operations)

    def multi_read(self, *operations: SubRequest) -> None:
        self.ask_multi("multiRead", operations)

    def add_watch(self, path: Path, mode: int) -> None:
        self.ask("addWatch", path=path, mode=mode)

    def check_watches(self, path: Path, kind: int) -> None:
        self.ask("checkWatches", path=path, type=kind)

    def remove_watches(self, path: Path, kind: int) -> None:
        self.ask("removeWatches", path=path, type=kind)

    def set_watches(
        self,
        zxid: int,
        data: Sequence[str] = (),
        exist: Sequence[str] = (),
        child: Sequence[str] = (),
    ) -> None:
        self.ask("setWatches", zxid=zxid, data=data, exist=exist, child=child)

    def set_watches2(
        self,
        zxid: int,
        *,
        data: Sequence[str] = (),
        exist: Sequence[str] = (),
        child: Sequence[str] = (),
        persistent: Sequence[str] = (),
        recursive: Sequence[str] = (),
    ) -> None:
        self.ask(
            "setWatches2",
            zxid=zxid,
            data=data,
            exist=exist,
            child=child,
            persistent=persistent,
            recursive=recursive,
        )

    def reconfig(
        self,
        joining: str | None = None,
        leaving: str | None = None,
        members: str | None = None,
        config_id: int = -1,
    ) -> None:
        self.ask("reconfig", joining=joining, leaving=leaving, members=members, configId=config_id)

    def delete_container(self, path: Path) -> None:
        self.ask("deleteContainer", path=path)

    def close_session(self) -> None:
        """The reply, then the hang-up."""
        self.ask("closeSession")
        self.await_hang_up()


def create_op(
    path: str,
    data: bytes | None = b"",
    flags: int = PERSISTENT,
    acl: Sequence[Acl] | None = OPEN,
) -> SubRequest:
    return "create", {"path": path, "data": data, "acl": acl, "flags": flags}


def create2_op(path: str, data: bytes | None = b"", flags: int = PERSISTENT) -> SubRequest:
    return "create2", {"path": path, "data": data, "acl": OPEN, "flags": flags}


def container_op(path: str) -> SubRequest:
    return "createContainer", {"path": path, "data": b"", "acl": OPEN, "flags": CONTAINER}


def ttl_op(path: str, ttl_ms: int, flags: int = TTL) -> SubRequest:
    fields = {"path": path, "data": b"", "acl": OPEN, "flags": flags, "ttl": ttl_ms}
    return "createTTL", fields


def delete_op(path: str, version: int = -1) -> SubRequest:
    return "delete", {"path": path, "version": version}


def set_data_op(path: str, data: bytes | None, version: int = -1) -> SubRequest:
    return "setData", {"path": path, "data": data, "version": version}


def check_op(path: str, version: int = -1) -> SubRequest:
    return "check", {"path": path, "version": version}


def get_data_op(path: str, *, watch: bool = False) -> SubRequest:
    return "getData", {"path": path, "watch": watch}


def get_children_op(path: str, *, watch: bool = False) -> SubRequest:
    return "getChildren", {"path": path, "watch": watch}
