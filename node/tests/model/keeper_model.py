"""What a keeper does, as plainly as it can be said: a dict of znodes, and the rules of ZooKeeper 3.9.

This is a specification, not an implementation: no bytes, no batches, no speed. It shares no code with
the engine. One call is one request at the moment it takes effect; the caller decides the order. It
must not be made to agree with the engine, only with ZooKeeper.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

READ, WRITE, CREATE, DELETE, ADMIN = 1, 2, 4, 8, 16
OK, MARSHALLING, UNIMPLEMENTED, BAD_ARGUMENTS = 0, -5, -6, -8
NO_NODE, NO_AUTH, BAD_VERSION, NO_CHILDREN_FOR_EPHEMERALS = -101, -102, -103, -108
NODE_EXISTS, NOT_EMPTY, INVALID_ACL, RUNTIME_INCONSISTENCY = -110, -111, -114, -2
SPECIAL = ("/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config")
TTL_MODES = (5, 6)
SEQUENTIAL_MODES = (2, 3, 6)
EPHEMERAL_MODES = (1, 3)
CONTAINER_MODE = 4
HOUR_MS = 3_600_000

Acl = tuple[int, str, str]
Id = tuple[str, str]
Body = dict[str, Any]


class Refused(Exception):
    """A request ends with this error code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Znode:
    data: bytes | None
    acl: tuple[Acl, ...]
    czxid: int
    mzxid: int
    pzxid: int
    ctime: int
    mtime: int
    version: int = 0
    aversion: int = 0
    creates: int = 0
    owner: int = 0
    children: set[str] = field(default_factory=set)

    def stat(self) -> dict[str, int]:
        return {
            "czxid": self.czxid,
            "mzxid": self.mzxid,
            "ctime": self.ctime,
            "mtime": self.mtime,
            "version": self.version,
            "cversion": 2 * self.creates - len(self.children),
            "aversion": self.aversion,
            "ephemeralOwner": self.owner,
            "dataLength": len(self.data or b""),
            "numChildren": len(self.children),
            "pzxid": self.pzxid,
        }


@dataclass(frozen=True)
class Event:
    """Something that happened to a path; `acl` decides who may hear of it."""

    kind: str
    path: str
    acl: tuple[Acl, ...]


@dataclass(frozen=True)
class Outcome:
    """What a write led to."""

    error: int
    body: Body | list[tuple[str, int, Body]]
    events: tuple[Event, ...] = ()


OPEN: tuple[Acl, ...] = ((31, "world", "anyone"),)


def parent_of(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def name_of(path: str) -> str:
    return path.rpartition("/")[2]


def is_valid(path: str) -> bool:
    if path == "/":
        return True
    parts = path.split("/")
    return (
        path.startswith("/")
        and "\0" not in path
        and all(part not in ("", ".", "..") for part in parts[1:])
    )


def matches(entry: Acl, identity: Id) -> bool:
    """Whether an identity is meant by an entry of an ACL."""
    _, scheme, wanted = entry
    if scheme != identity[0]:
        return False
    if scheme == "ip":
        network = ipaddress.ip_network(wanted, strict=False)
        return ipaddress.ip_address(identity[1]) in network
    return wanted == identity[1]


def allows(acl: Sequence[Acl], permission: int, ids: Sequence[Id]) -> bool:
    if not acl or any(scheme == "super" for scheme, _ in ids):
        return True
    return any(
        entry[0] & permission
        and (entry[1:] == ("world", "anyone") or any(matches(entry, one) for one in ids))
        for entry in acl
    )


def fixed_acl(acl: Sequence[Acl] | None, ids: Sequence[Id]) -> tuple[Acl, ...]:
    """The list as it is stored: no duplicates, `auth` spelled out."""
    fixed: dict[Acl, None] = {}
    for permissions, scheme, identity in dict.fromkeys(acl or ()):
        if scheme == "world" and identity == "anyone":
            fixed[permissions, scheme, identity] = None
        elif scheme == "auth":
            own = [one for one in ids if one[0] == "digest"]
            if not own:
                raise Refused(INVALID_ACL)
            fixed.update({(permissions, *one): None for one in own})
        elif (scheme == "digest" and identity.count(":") == 1) or scheme == "ip":
            fixed[permissions, scheme, identity] = None
        else:
            raise Refused(INVALID_ACL)
    if not fixed:
        raise Refused(INVALID_ACL)
    return tuple(fixed)


def in_multi(name: str, values: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """A sub-request as ZooKeeper reads it: there the flags of a create decide which one it is."""
    if "flags" not in values:
        return name, values
    flags = values["flags"]
    if name == "createTTL":
        if flags not in TTL_MODES:
            name = "createContainer" if flags == CONTAINER_MODE else "create"
    elif flags == CONTAINER_MODE:
        name = "createContainer"
    elif flags not in range(CONTAINER_MODE):
        raise Refused(MARSHALLING)
    return name, values


class KeeperModel:
    """The tree and the sessions. `write` and `read` take the fields of a request by name."""

    def __init__(self) -> None:
        self.zxid = 0
        self.time_ms = 0
        self.sessions: set[int] = set()
        self.nodes: dict[str, Znode] = {}
        for path in SPECIAL:
            self.nodes[path] = Znode(b"", OPEN, 0, 0, 0, 0, 0)
            if path != "/":
                self.nodes[parent_of(path)].children.add(name_of(path))

    # ---- writes

    def begin(self, time_ms: int) -> None:
        """A batch takes effect; its time does not go back by an hour or less."""
        if not 0 <= self.time_ms - time_ms <= HOUR_MS:
            self.time_ms = time_ms

    def open_session(self, session: int) -> None:
        self.zxid += 1
        self.sessions.add(session)

    def end_sessions(self, sessions: Sequence[int]) -> Outcome:
        """Closes or expires them, at one zxid; the order among their ephemerals is not defined."""
        self.zxid += 1
        events: list[Event] = []
        for path in [p for p, node in self.nodes.items() if node.owner in sessions]:
            self._remove(path, events)
        self.sessions.difference_update(sessions)
        return Outcome(OK, {}, tuple(events))

    def write(
        self, name: str, values: Mapping[str, Any], session: int, ids: Sequence[Id]
    ) -> Outcome:
        self.zxid += 1
        events: list[Event] = []
        try:
            body = self._change(name)(values, session, ids, events)
        except Refused as refused:
            return Outcome(refused.code, {})
        return Outcome(OK, body, tuple(events))

    def multi(
        self, operations: Sequence[tuple[str, Mapping[str, Any]]], session: int, ids: Sequence[Id]
    ) -> Outcome:
        """All or nothing; the body is a list of (result name, error, fields)."""
        self.zxid += 1
        try:
            operations = [in_multi(*operation) for operation in operations]
        except Refused as refused:
            return Outcome(refused.code, [])
        before = deepcopy(self.nodes)
        events: list[Event] = []
        results: list[tuple[str, int, Body]] = []
        for position, (name, values) in enumerate(operations):
            try:
                body = self._change(name)(values, session, ids, events)
            except Refused as refused:
                self.nodes = before
                later = len(operations) - position - 1
                codes = [OK] * position + [refused.code] + [RUNTIME_INCONSISTENCY] * later
                return Outcome(OK, [("error", code, {"error": code}) for code in codes])
            shown = "create2" if name in ("createContainer", "createTTL") else name
            results.append((shown, OK, body))
        return Outcome(OK, results, tuple(events))

    def _change(self, name: str) -> Callable[..., Body]:
        return {
            "create": self._create_plain,
            "create2": self._create2,
            "createContainer": self._create_container,
            "createTTL": self._create_ttl,
            "delete": self._delete,
            "setData": self._set_data,
            "setACL": self._set_acl,
            "check": self._check,
        }[name]

    def _create_plain(self, values: Mapping[str, Any], *rest: Any) -> Body:
        return {"path": self._create2(values, *rest)["path"]}

    def _create2(self, values: Mapping[str, Any], *rest: Any) -> Body:
        if values["flags"] not in range(CONTAINER_MODE + 1):
            raise Refused(BAD_ARGUMENTS)
        return self._create(values, *rest, container=False, ttl=0)

    def _create_container(self, values: Mapping[str, Any], *rest: Any) -> Body:
        return self._create(values, *rest, container=True, ttl=0)

    def _create_ttl(self, values: Mapping[str, Any], *rest: Any) -> Body:
        if values["flags"] not in TTL_MODES or not 0 < values["ttl"] <= 0xFF_FFFF_FFFF:
            raise Refused(BAD_ARGUMENTS)
        return self._create(values, *rest, container=False, ttl=values["ttl"])

    def _create(
        self,
        values: Mapping[str, Any],
        session: int,
        ids: Sequence[Id],
        events: list[Event],
        *,
        container: bool,
        ttl: int,
    ) -> Body:
        path, flags = values["path"], values["flags"]
        sequential = flags in SEQUENTIAL_MODES
        if "/" not in path or "\0" in path:
            raise Refused(BAD_ARGUMENTS)
        acl = fixed_acl(values["acl"], ids)
        parent = self._node(parent_of(path))
        self._need(parent, CREATE, ids)
        if sequential:
            path += f"{parent.creates:010d}"
        # ZooKeeper looks closely at the path only here, where the number is at its end.
        if not is_valid(path):
            raise Refused(BAD_ARGUMENTS)
        if path in self.nodes:
            raise Refused(NODE_EXISTS)
        if parent.owner:
            raise Refused(NO_CHILDREN_FOR_EPHEMERALS)
        owner = session if flags in EPHEMERAL_MODES and not container and not ttl else 0
        zxid, now = self.zxid, self.time_ms
        node = Znode(values["data"], acl, zxid, zxid, zxid, now, now, owner=owner)
        self.nodes[path] = node
        parent.children.add(name_of(path))
        parent.creates += 1
        parent.pzxid = zxid
        events.append(Event("NodeCreated", path, acl))
        events.append(Event("NodeChildrenChanged", parent_of(path), parent.acl))
        return {"path": path, "stat": node.stat()}

    def _delete(self, values: Mapping[str, Any], _: int, ids: Sequence[Id], events: Any) -> Body:
        path = values["path"]
        # ZooKeeper looks no closer at the path of a delete: what is not there cannot be deleted.
        if "/" not in path or "\0" in path or path in SPECIAL:
            raise Refused(BAD_ARGUMENTS)
        self._need(self._node(parent_of(path)), DELETE, ids)
        node = self._node(path)
        self._agree(values["version"], node.version)
        if node.children:
            raise Refused(NOT_EMPTY)
        self._remove(path, events)
        return {}

    def _remove(self, path: str, events: list[Event]) -> None:
        node, parent = self.nodes.pop(path), self.nodes[parent_of(path)]
        parent.children.remove(name_of(path))
        parent.pzxid = self.zxid
        events.append(Event("NodeDeleted", path, node.acl))
        events.append(Event("NodeChildrenChanged", parent_of(path), parent.acl))

    def _set_data(self, values: Mapping[str, Any], _: int, ids: Sequence[Id], events: Any) -> Body:
        if not is_valid(values["path"]):
            raise Refused(BAD_ARGUMENTS)
        node = self._node(values["path"])
        self._need(node, WRITE, ids)
        self._agree(values["version"], node.version)
        node.data, node.mzxid, node.mtime = values["data"], self.zxid, self.time_ms
        node.version += 1
        events.append(Event("NodeDataChanged", values["path"], node.acl))
        return {"stat": node.stat()}

    def _set_acl(self, values: Mapping[str, Any], _: int, ids: Sequence[Id], __: Any) -> Body:
        if not is_valid(values["path"]):
            raise Refused(BAD_ARGUMENTS)
        acl = fixed_acl(values["acl"], ids)
        node = self._node(values["path"])
        self._need(node, ADMIN, ids)
        self._agree(values["version"], node.aversion)
        node.acl = acl
        node.aversion += 1
        return {"stat": node.stat()}

    def _check(self, values: Mapping[str, Any], _: int, ids: Sequence[Id], __: Any) -> Body:
        if not is_valid(values["path"]):
            raise Refused(BAD_ARGUMENTS)
        node = self._node(values["path"])
        self._need(node, READ, ids)
        self._agree(values["version"], node.version)
        return {}

    # ---- reads

    def read(self, name: str, values: Mapping[str, Any], session: int, ids: Sequence[Id]) -> Body:
        """Raises Refused."""
        if name == "getEphemerals":
            prefix = values["prefix"] or "/"
            own = [path for path, node in self.nodes.items() if node.owner == session]
            return {"ephemerals": [p for p in own if prefix == "/" or p.startswith(prefix)]}
        node = self._node(values["path"])
        if name == "getACL":
            if not (allows(node.acl, READ, ids) or allows(node.acl, ADMIN, ids)):
                raise Refused(NO_AUTH)
            return {"acl": list(self._shown_acl(node, ids)), "stat": node.stat()}
        self._need(node, READ, ids)
        match name:
            case "exists":
                return {"stat": node.stat()}
            case "getData":
                return {"data": node.data, "stat": node.stat()}
            case "getChildren":
                return {"children": list(node.children)}
            case "getChildren2":
                return {"children": list(node.children), "stat": node.stat()}
            case "getAllChildrenNumber":
                prefix = values["path"].rstrip("/") + "/"
                below = [p for p in self.nodes if p.startswith(prefix) and p != "/"]
                return {"number": len(below)}
        raise AssertionError(name)

    def _shown_acl(self, node: Znode, ids: Sequence[Id]) -> Iterator[Acl]:
        """Whoever may not administer a znode does not see the digests of its ids."""
        plain = allows(node.acl, ADMIN, ids)
        for permissions, scheme, identity in node.acl:
            masked = scheme == "digest" and not plain
            yield permissions, scheme, identity.partition(":")[0] + ":x" if masked else identity

    def _node(self, path: str) -> Znode:
        node = self.nodes.get(path)
        if node is None:
            raise Refused(NO_NODE)
        return node

    @staticmethod
    def _need(node: Znode, permission: int, ids: Sequence[Id]) -> None:
        if not allows(node.acl, permission, ids):
            raise Refused(NO_AUTH)

    @staticmethod
    def _agree(wanted: int, version: int) -> None:
        if wanted not in (-1, version):
            raise Refused(BAD_VERSION)
