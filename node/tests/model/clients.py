"""The clients of the model: what is asked, in which order it is answered, and what is sent to whom.

Requests of one connection are answered strictly in order. A write, and everything that depends on the
log, takes effect when its batch is committed; a read takes effect when everything asked before it on
the same connection has been answered: at once, if that is nothing. A sync waits for a barrier besides.
Nothing here knows the engine.
"""

from __future__ import annotations

import base64
import hashlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .keeper_model import (
    BAD_ARGUMENTS,
    NO_NODE,
    OK,
    READ,
    UNIMPLEMENTED,
    Event,
    Id,
    KeeperModel,
    Outcome,
    Refused,
    allows,
)
from .watch_model import Mode, WatchModel

NO_WATCHER, RECONFIG_DISABLED = -121, -123

WRITES = (
    *("create", "create2", "createContainer", "createTTL", "delete", "setData", "setACL"),
    *("multi", "closeSession", "reconfig"),
)
IP: Id = ("ip", "127.0.0.1")


@dataclass(frozen=True)
class Request:
    xid: int
    name: str
    values: Mapping[str, Any]
    operations: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """Of a multi or multiRead."""


@dataclass(frozen=True)
class Frame:
    """What a client reads: a reply, or an event (xid -1, the kind as its name)."""

    xid: int
    zxid: int
    error: int
    name: str
    body: Any


@dataclass
class Client:
    conn: int
    session: int = 0
    password: bytes = bytes(16)
    ids: list[Id] = field(default_factory=lambda: [IP])
    waiting: deque[Request] = field(default_factory=deque)
    out: list[Frame] = field(default_factory=list)
    draining: bool = False
    synced: set[int] = field(default_factory=set)
    """Xids of the syncs whose barrier has passed."""


@dataclass(frozen=True)
class Gathered:
    """A write on its way to the log, with the identity it was asked under."""

    client: Client
    request: Request
    ids: tuple[Id, ...]


def digest_id(auth: bytes) -> Id:
    user = auth.partition(b":")[0].decode()
    return "digest", f"{user}:{base64.b64encode(hashlib.sha1(auth).digest()).decode()}"


class Clients:
    """All connections of one node, and the tree behind them."""

    def __init__(self, keeper: KeeperModel) -> None:
        self.keeper = keeper
        self.watches = WatchModel()
        self.open: dict[int, Client] = {}
        self.gathered: deque[Gathered] = deque()
        self.unordered: set[int] = set()
        """Zxids whose events may come in any order."""

    def ask(self, client: Client, request: Request) -> None:
        if client.draining:
            return
        if request.name in WRITES:
            client.waiting.append(request)
            client.draining = request.name == "closeSession"
            self.gathered.append(Gathered(client, request, tuple(client.ids)))
            return
        if request.name == "auth":
            self._authenticate(client, request)
        client.waiting.append(request)
        self._answer_waiting(client)

    def pass_barrier(self) -> None:
        """What was committed when the waiting syncs were asked is here."""
        for client in list(self.open.values()):
            client.synced |= {one.xid for one in client.waiting if one.name == "sync"}
            self._answer_waiting(client)

    def commit_one(self) -> None:
        """The oldest gathered write takes effect."""
        one = self.gathered.popleft()
        client, request = one.client, one.request
        outcome = self._take_effect(one)
        self._tell(outcome.events)
        if client.conn not in self.open:
            return
        assert client.waiting.popleft() is request
        self._reply(client, request, outcome.error, outcome.body)
        if request.name == "closeSession":
            self.lose(client)
        else:
            self._answer_waiting(client)

    def lose(self, client: Client) -> None:
        """The connection is gone: nothing more is sent to it."""
        self.open.pop(client.conn, None)
        self.watches.forget(client.conn)

    def end_sessions(self, sessions: Sequence[int]) -> None:
        outcome = self.keeper.end_sessions(sessions)
        self.unordered.add(self.keeper.zxid)
        self._tell(outcome.events)

    # ---- writes

    def _take_effect(self, one: Gathered) -> Outcome:
        keeper, request, session = self.keeper, one.request, one.client.session
        match request.name:
            case "multi":
                return keeper.multi(request.operations, session, one.ids)
            case "closeSession":
                outcome = keeper.end_sessions([session])
                self.unordered.add(keeper.zxid)
                return outcome
            case "reconfig":
                keeper.zxid += 1
                return Outcome(RECONFIG_DISABLED, {})
            case name:
                return keeper.write(name, request.values, session, one.ids)

    def _tell(self, events: Sequence[Event]) -> None:
        for event in events:
            for conn in self.watches.fire(event):
                client = self.open.get(conn)
                if client is not None and allows(event.acl, READ, client.ids):
                    self._send_event(client, event.kind, event.path, self.keeper.zxid)

    @staticmethod
    def _send_event(client: Client, kind: str, path: str, zxid: int) -> None:
        client.out.append(Frame(-1, zxid, OK, kind, path))

    def _reply(self, client: Client, request: Request, error: int, body: Any) -> None:
        zxid = 0 if request.name == "auth" else self.keeper.zxid
        shown = body if error == OK else None
        client.out.append(Frame(request.xid, zxid, error, request.name, shown))

    # ---- what this node answers

    def _authenticate(self, client: Client, request: Request) -> None:
        identity = digest_id(request.values["auth"])
        if identity not in client.ids:
            client.ids.append(identity)

    def _answer_waiting(self, client: Client) -> None:
        while client.waiting and client.waiting[0].name not in WRITES:
            if client.waiting[0].name == "sync" and client.waiting[0].xid not in client.synced:
                return
            request = client.waiting.popleft()
            try:
                body = self._answer(client, request)
            except Refused as refused:
                self._reply(client, request, refused.code, None)
            else:
                self._reply(client, request, OK, body)

    def _answer(self, client: Client, request: Request) -> Any:
        values = request.values
        match request.name:
            case "exists":
                return self._exists(client, values)
            case "getData" | "getChildren" | "getChildren2" | "getACL" | "getAllChildrenNumber":
                return self._read(client, request.name, values)
            case "getEphemerals":
                return self.keeper.read("getEphemerals", values, client.session, client.ids)
            case "multiRead":
                return [self._read_in_multi(client, *one) for one in request.operations]
            case "setWatches" | "setWatches2":
                return self._set_watches(client, values)
            case "addWatch":
                return self._add_watch(client, values)
            case "checkWatches" | "removeWatches":
                return self._find_watches(client, request.name, values)
            case "whoAmI":
                return {"ids": [(scheme, one.partition(":")[0]) for scheme, one in client.ids]}
            case "ping" | "auth":
                return {}
            case "sync":
                return {"path": values["path"]}
        raise Refused(UNIMPLEMENTED)

    def _read(self, client: Client, name: str, values: Mapping[str, Any]) -> Any:
        body = self.keeper.read(name, values, client.session, client.ids)
        if values.get("watch"):
            table = self.watches.data if name == "getData" else self.watches.child
            table.add((client.conn, values["path"], Mode.STANDARD))
        return body

    def _exists(self, client: Client, values: Mapping[str, Any]) -> Any:
        try:
            body = self.keeper.read("exists", values, client.session, client.ids)
        except Refused as refused:
            if refused.code == NO_NODE and values["watch"]:
                self.watches.add(client.conn, values["path"], Mode.STANDARD)
            raise
        if values["watch"]:
            self.watches.add(client.conn, values["path"], Mode.STANDARD)
        return body

    def _read_in_multi(self, client: Client, name: str, values: Mapping[str, Any]) -> Any:
        """ZooKeeper forgets the watch flags of a multiRead."""
        try:
            return name, OK, self._read(client, name, {**values, "watch": False})
        except Refused as refused:
            return "error", refused.code, {"error": refused.code}

    def _add_watch(self, client: Client, values: Mapping[str, Any]) -> Any:
        if values["mode"] not in (0, 1):
            raise Refused(BAD_ARGUMENTS)
        mode = Mode.RECURSIVE if values["mode"] else Mode.PERSISTENT
        self.watches.add(client.conn, values["path"], mode)
        return {"error": 0}

    def _find_watches(self, client: Client, name: str, values: Mapping[str, Any]) -> Any:
        found = self.watches.find(client.conn, values["path"], values["type"])
        if not found:
            raise Refused(NO_WATCHER)
        if name == "removeWatches":
            self.watches.remove(found)
        return {}

    def _set_watches(self, client: Client, values: Mapping[str, Any]) -> Any:
        """Arms again what a client had before; what happened since is told at once."""
        nodes, since = self.keeper.nodes, values["zxid"]

        def told(kind: str, path: str) -> None:
            self._send_event(client, kind, path, -1)

        for path in values["data"]:
            if path not in nodes:
                told("NodeDeleted", path)
            elif nodes[path].mzxid > since:
                told("NodeDataChanged", path)
            else:
                self.watches.add(client.conn, path, Mode.STANDARD)
        for path in values["exist"]:
            if path in nodes:
                told("NodeCreated", path)
            else:
                self.watches.add(client.conn, path, Mode.STANDARD)
        for path in values["child"]:
            if path not in nodes:
                told("NodeDeleted", path)
            elif nodes[path].pzxid > since:
                told("NodeChildrenChanged", path)
            else:
                self.watches.child.add((client.conn, path, Mode.STANDARD))
        for path in values.get("persistent", ()):
            self.watches.add(client.conn, path, Mode.PERSISTENT)
        for path in values.get("recursive", ()):
            self.watches.add(client.conn, path, Mode.RECURSIVE)
        return {}
