"""Clients with sessions: they speak the wire protocol to whichever node lets them in.

Each keeps several requests under way, sets watches, reconnects elsewhere when its connection ends,
and tells the checkers what it asked and heard. It believes nothing: that is the checkers' work.
"""

from collections import deque
from typing import TYPE_CHECKING

from raftkeeper.testing import client_wire as wire
from raftkeeper.testing.sim_failure import Kind
from raftkeeper.testing.sim_full_node import FullNode
from raftkeeper.testing.sim_history import TIMEOUT_MS, Fact, Operation, What
from raftkeeper.testing.sim_sockets import SimConnection

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine
    from raftkeeper.testing.sim_world import World

ANSWER_US = 700_000
"""A connection that answers nothing for so long is left for another node."""
LOOK_US = 40_000
UNDER_WAY_MAX = 6
PATHS = ["/a", "/b", "/c", "/d"]
QUEUE = "/q"
CALM_ANSWERS = 8
"""So many answers each session must get after the last fault."""


class Session:
    """One client."""

    def __init__(self, clients: "SessionClients", number: int) -> None:
        self.number = number
        self.calm_answers = 0
        self.expired = 0
        self._clients = clients
        self._world = clients.world
        self._chance = clients.world.chance.stream(f"session {number}")
        self._count = 0
        self._connection: SimConnection | None = None
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.id = 0
        self._password = bytes(16)
        self._last_zxid = 0
        self._greeted = False
        self._xid = 0
        self._received = bytearray()
        self._under_way: deque[tuple[int, Operation]] = deque()
        self._watched: set[str] = set()
        self._heard_us = 0

    @property
    def is_connected(self) -> bool:
        return self._greeted

    @property
    def is_waiting(self) -> bool:
        return bool(self._under_way)

    # -- its life

    def start(self) -> None:
        self._look()

    def _look(self) -> None:
        """Connects, leaves a silent node, or asks for something."""
        world = self._world
        world.loop.after(1 + self._chance.below(2 * LOOK_US), self._look)
        now_us = world.loop.now_us
        if self._connection is None:
            self._connect()
        elif now_us - self._heard_us > ANSWER_US and (self._under_way or not self._greeted):
            self._leave("answers nothing")
        elif self._greeted and not self._clients.quiet:
            if self._chance.happens(4) and not world.calming:
                self._leave("changes its mind")
                return
            for _ in range(self._chance.between(1, 3)):
                if len(self._under_way) < UNDER_WAY_MAX:
                    self.ask(self._draw())

    def _connect(self) -> None:
        machine = self._chance.pick(self._world.machines)
        node = machine.node
        if not isinstance(node, FullNode) or not hasattr(node, "sockets"):
            return
        self._greeted = False
        self._received.clear()
        self._heard_us = self._world.loop.now_us
        self._connection = node.sockets.accept(self)
        self._connection.send(wire.connect(TIMEOUT_MS, self.id, self._password, self._last_zxid))

    def _leave(self, reason: str) -> None:
        connection = self._connection
        if connection is not None:
            connection.abandon()
            self.lost(connection, reason)

    def ask(self, operation: Operation) -> None:
        """Sends it, whatever is under way."""
        if self._connection is None:
            return
        self._xid += 1
        self._under_way.append((self._xid, operation))
        self._clients.tell(Fact(What.ASKED, self.number, operation))
        number, body = encode(operation)
        self._connection.send(wire.request(self._xid, number, body))

    def _draw(self) -> Operation:
        """Something to do."""
        chance = self._chance
        self._count += 1
        data = b"%d.%d" % (self.number, self._count)
        path = chance.pick(PATHS)
        drawn = chance.below(100)
        if drawn < 20:
            return Operation(self.number, "set", path, data)
        if drawn < 30:
            return Operation(self.number, "set", path, data, version=chance.below(5))
        if drawn < 42:
            return Operation(self.number, "create", f"{QUEUE}/s-", data, flags=wire.SEQUENTIAL)
        if drawn < 52:
            return Operation(self.number, "create", path, data)
        if drawn < 60:
            mine = f"/e{self.number}-{chance.below(3)}"
            return Operation(self.number, "create", mine, data, flags=wire.EPHEMERAL)
        if drawn < 66:
            return Operation(self.number, "delete", path)
        if drawn < 74:
            return Operation(self.number, "sync", path)
        if drawn < 77:
            return Operation(self.number, "create", QUEUE, b"the queue")
        return Operation(self.number, "get", path, watch=chance.happens(400))

    # -- what comes (sim_sockets.Client)

    def received(self, connection: SimConnection, data: bytes) -> None:
        if connection is not self._connection:
            return
        self._heard_us = self._world.loop.now_us
        self._received += data
        for frame in wire.take_frames(self._received):
            if connection is not self._connection:
                return
            if self._greeted:
                self._take(wire.parse_reply(frame))
            else:
                self._greet(wire.parse_connected(frame))

    def lost(self, connection: SimConnection, reason: str) -> None:
        if connection is not self._connection:
            return
        self._connection = None
        self._greeted = False
        for _, operation in self._under_way:
            self._clients.tell(Fact(What.UNKNOWN, self.number, operation))
        self._under_way.clear()
        self._world.say(f"c{self.number} lost", reason)

    def _greet(self, connected: wire.Connected) -> None:
        if not connected.session:
            self._world.say(f"c{self.number} expired", f"{self.id:x}")
            self._clients.tell(Fact(What.EXPIRED, self.number, session_id=self.id))
            self.expired += 1
            self._leave("its session has expired")
            self._begin_anew()
            return
        if not self.id:
            self._world.say(f"c{self.number} session", f"{connected.session:x}")
        elif self.id != connected.session:
            self._broken(f"session {self.id:x} became {connected.session:x}")
        self.id, self._password = connected.session, connected.password
        self._greeted = True
        if self._watched and self._connection is not None:
            body = wire.set_watches_body(self._last_zxid, sorted(self._watched))
            self._connection.send(wire.request(wire.XID_SET_WATCHES, wire.SET_WATCHES, body))

    def _take(self, reply: wire.Reply) -> None:
        if reply.xid == wire.XID_EVENT:
            _, path = wire.parse_event(reply.body)
            self._world.say(f"c{self.number} event", path)
            if path not in self._watched:
                self._broken(f"an event for {path}, which it does not watch any more")
            self._watched.discard(path)
            self._clients.tell(Fact(What.EVENT, self.number, path=path))
            return
        if reply.xid == wire.XID_SET_WATCHES:
            return
        if not self._under_way or self._under_way[0][0] != reply.xid:
            expected = self._under_way[0][0] if self._under_way else "nothing"
            self._broken(f"got the answer to {reply.xid}, expected {expected}")
        _, operation = self._under_way.popleft()
        decode(operation, reply)
        if reply.zxid > 0:
            self._last_zxid = max(self._last_zxid, reply.zxid)
        if operation.kind == "get" and operation.watch and not operation.error:
            self._watched.add(operation.path)
        self.calm_answers += self._world.calming
        self._clients.tell(Fact(What.ANSWERED, self.number, operation, session_id=self.id))

    def _broken(self, sentence: str) -> None:
        self._world.fail(Kind.SAFETY, "Session", f"session c{self.number}: {sentence}")


class SessionClients:
    """All of them; and the history that they tell."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.sessions = [Session(self, number) for number in range(1, world.options.clients + 1)]
        self.quiet = False
        """Nobody asks for anything any more."""
        self._told = 0
        self._last_look: list[Operation] = []

    def start(self) -> None:
        for session in self.sessions:
            self.world.loop.after(100_000 + 1_000 * session.number, session.start)

    def calm(self) -> None:
        """Answers are counted from now on."""

    def waits_for(self) -> str:
        for session in self.sessions:
            if session.calm_answers < CALM_ANSWERS or not session.is_connected:
                return f"session c{session.number} is not served"
        self.quiet = True
        if not self._last_look and any(session.is_waiting for session in self.sessions):
            return "some requests are not answered"
        return self._look_at_the_end()

    def node_gone(self, machine: "Machine") -> None:
        """The connections say it."""

    def read_done(self, token: int, index: int | None) -> None:
        """Not asked for by sessions."""

    def tell(self, fact: Fact) -> None:
        operation = fact.operation
        if operation is not None:
            if fact.what is What.ASKED:
                operation.floor = self._told
            elif fact.what is What.ANSWERED:
                if operation.is_write:
                    self._told = max(self._told, operation.zxid)
                self.world.say(f"c{fact.session} {operation.kind}", describe(operation))
        self.world.watch.client(fact)

    def _look_at_the_end(self) -> str:
        """One session lists everything that is there, for the checkers to compare."""
        session = self.sessions[0]
        if not self._last_look:
            paths = ["/", QUEUE]
            self._last_look = [Operation(session.number, "sync", "/")]
            self._last_look += [Operation(session.number, "children", path) for path in paths]
            for operation in self._last_look:
                session.ask(operation)
        if any(operation.zxid == 0 for operation in self._last_look) and not session.is_waiting:
            self._last_look = []  # its connection was lost
            return "the last look begins again"
        root, queue = self._last_look[1:3]
        if not root.zxid or not queue.zxid:
            return "the last look is not answered"
        if len(self._last_look) == 3:
            found = [f"/{name}" for name in root.names if name.startswith("e")]
            found += [f"{QUEUE}/{name}" for name in queue.names]
            self._last_look += [Operation(session.number, "get", path) for path in found]
            for operation in self._last_look[3:]:
                session.ask(operation)
        if all(operation.zxid for operation in self._last_look):
            return ""
        return "the last look is not answered"


def encode(operation: Operation) -> tuple[int, bytes]:
    """Opcode and body."""
    path = operation.path
    match operation.kind:
        case "create":
            return wire.CREATE2, wire.create_body(path, operation.data, operation.flags)
        case "set":
            return wire.SET_DATA, wire.set_body(path, operation.data, operation.version)
        case "delete":
            return wire.DELETE, wire.delete_body(path, operation.version)
        case "sync":
            return wire.SYNC, wire.string(path)
        case "children":
            return wire.GET_CHILDREN, wire.read_body(path)
        case _:
            return wire.GET_DATA, wire.read_body(path, watch=operation.watch)


def decode(operation: Operation, reply: wire.Reply) -> None:
    """Puts the answer into the operation."""
    operation.zxid, operation.error = reply.zxid, reply.error
    if reply.error:
        return
    match operation.kind:
        case "create":
            operation.made, operation.stat = wire.parse_created(reply.body)
        case "set":
            operation.stat = wire.parse_stat(reply.body)
        case "get":
            operation.data, operation.stat = wire.parse_data(reply.body)
        case "children":
            operation.names = wire.parse_names(reply.body)
        case _:
            pass  # a sync or a delete has nothing more to say


def describe(operation: Operation) -> str:
    """For the trace."""
    text = f"{operation.made or operation.path} {operation.data.decode()} zxid {operation.zxid}"
    return f"{text} error {operation.error}" if operation.error else text
