"""One writer: a session that writes in a pipeline, and remembers what was acknowledged.

It generates only requests that must succeed if all before them took effect, so any error in a reply
is a fault of the server. It keeps two pictures: `acknowledged`, and `expected` with everything sent.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field, replace

from raftkeeper.testing import client_wire

from . import model_wire
from .model import Create, Delete, Multi, Observed, Op, SetData, Settled, Znodes, settle
from .session import ConnectionLostError, Session, SessionGoneError, WrongReplyError

ROOT = "/kill"
ZNODES_MAX = 60
"""Of each writer: enough for every kind of request, few enough to read them all after each crash."""
VALUE_BYTES_MAX = 2_000
LARGE_VALUE_BYTES = 60_000
LARGE_VALUE_SHARE = 0.01


@dataclass(slots=True)
class Tally:
    """What the load did, for the last line of a run."""

    acknowledged: int = 0
    unanswered_applied: int = 0
    unanswered_lost: int = 0
    zxids: set[int] = field(default_factory=set)
    """Of all acknowledged writes: no two may share one."""


class Writer:
    """Its znodes lie under `/kill/<name>`; a new session gets a directory for its ephemerals."""

    def __init__(self, name: str, rng: random.Random, tally: Tally) -> None:
        self.name = name
        self.session: Session
        self.home = f"{ROOT}/{name}"
        self.ephemerals = ""
        self.acknowledged = Znodes(session=0)
        self._expected = Znodes(session=0)
        self._unanswered: deque[Op] = deque()
        self._rng = rng
        self._tally = tally
        self._incarnation = 0
        self._closing = False
        self._close_acknowledged = False
        self._written = 0
        self._highest_zxid = 0

    async def open(self, session: Session) -> None:
        """Takes a connected session as the writer's own, and makes the directories."""
        self.session = session
        self._closing = self._close_acknowledged = False
        self._incarnation += 1
        self.ephemerals = f"{self.home}/e{self._incarnation}"
        for znodes in (self.acknowledged, self._expected):
            znodes.session = session.id
        directories = (ROOT, self.home, f"{self.home}/data", f"{self.home}/seq", self.ephemerals)
        creates = [Create(path, b"") for path in directories]
        replies = await session.ask_all(
            [lambda xid, op=create: model_wire.write(xid, op) for create in creates]
        )
        for create, reply in zip(creates, replies, strict=True):
            if reply.error not in {0, client_wire.NODE_EXISTS}:
                raise WrongReplyError(f"{create.path}: error {reply.error}")

    async def write_until_lost(self, close_after: int | None = None) -> None:
        """Writes with changing depth until the connection breaks and the last reply is read.

        With `close_after`, the session is closed behind that many writes, amid the pipeline.
        """
        end = None if close_after is None else self._written + close_after
        try:
            while end is None or self._written < end:
                depth = self._rng.choice((1, 4, 16, 64))
                for _ in range(depth - self.session.outstanding):
                    self._send(self._next_op())
                await self.session.wait_until(lambda d=depth: self.session.outstanding < d)
            self._closing = True
            self.session.send(
                lambda xid: client_wire.request(xid, client_wire.CLOSE_SESSION), self._on_close
            )
            await self.session.wait_closed()
        except (ConnectionLostError, TimeoutError):
            await self.session.wait_closed()

    async def observe(self) -> Observed:
        """Reads all the writer's znodes as the server shows them now."""
        parents = (f"{self.home}/data", f"{self.home}/seq", self.ephemerals)
        ask = self.session.ask_all
        listed = await ask(
            [
                lambda xid, p=path: client_wire.read(xid, client_wire.GET_CHILDREN, p)
                for path in parents
            ]
        )
        paths = [
            f"{parent}/{name}"
            for parent, reply in zip(parents, listed, strict=True)
            for name in client_wire.parse_names(_body(reply, parent))
        ]
        replies = await ask(
            [
                lambda xid, p=path: client_wire.read(xid, client_wire.GET_DATA, p)
                for path in (*paths, f"{self.home}/seq")
            ]
        )
        found = [
            client_wire.parse_data(_body(reply, path))
            for path, reply in zip((*paths, "seq"), replies, strict=True)
        ]
        sequential = found.pop()[1]
        # A parent's cversion counts creates and deletes; what was created is there or deleted.
        created = (sequential.cversion + sequential.children) // 2
        return Observed(dict(zip(paths, found, strict=True)), created)

    async def attach_and_settle(self, fresh: Session) -> None:
        """After a crash: takes the session up again, and compares the znodes with the memory of them.

        `fresh` takes the place of a session that the writer itself had closed.
        """
        try:
            await self.session.connect()
        except SessionGoneError:
            if not self._closing:
                raise
            await fresh.connect()
            self._settle_closed(await self._observe_by(fresh))
            await self.open(fresh)
            return
        if self._close_acknowledged:
            raise WrongReplyError(f"{self.name}: the session lives although its close was answered")
        self._closing = False
        observed = await self.observe()
        self._adopt(settle(self.acknowledged, self._unanswered, observed), observed)

    def _settle_closed(self, observed: Observed) -> None:
        """The close came behind all other requests, so all of them have taken effect."""
        for op in self._unanswered:
            self.acknowledged.apply(op)
        self.acknowledged.drop_ephemerals()
        difference = self.acknowledged.difference(observed)
        if difference is not None:
            raise WrongReplyError(f"{self.name} after its session was closed: {difference}")
        self._adopt(Settled(self.acknowledged, len(self._unanswered)), observed)

    def _adopt(self, settled: Settled | str, observed: Observed) -> None:
        if not isinstance(settled, Settled):
            raise WrongReplyError(
                f"{self.name} after {len(self._unanswered)} unanswered: {settled}"
            )
        self._check_zxids(observed)
        self._tally.unanswered_applied += settled.unanswered_applied
        self._tally.unanswered_lost += len(self._unanswered) - settled.unanswered_applied
        self._unanswered.clear()
        self.acknowledged = settled.znodes
        for path, (_, stat) in observed.by_path.items():
            self.acknowledged.by_path[path] = replace(self.acknowledged.by_path[path], stat=stat)
        self._expected = self.acknowledged.copy()

    async def _observe_by(self, session: Session) -> Observed:
        self.session = session
        return await self.observe()

    def _on_close(self, reply: client_wire.Reply) -> None:
        if reply.error != 0:
            raise WrongReplyError(f"{self.name}: error {reply.error} to close")
        self._close_acknowledged = True

    def forget_session(self) -> None:
        """The session has been left or closed: its ephemerals are somebody else's business now."""
        self._unanswered.clear()
        self.acknowledged.drop_ephemerals()
        self._expected = self.acknowledged.copy()

    def ephemeral_paths(self) -> set[str]:
        return {path for path, znode in self.acknowledged.by_path.items() if znode.owner}

    def _check_zxids(self, observed: Observed) -> None:
        """What was written without an answer is newer than all that was answered."""
        for path, (_, stat) in observed.by_path.items():
            known = self.acknowledged.by_path.get(path)
            new = known is None or known.stat is None or known.stat.mzxid != stat.mzxid
            if new and stat.mzxid <= self._highest_zxid:
                raise WrongReplyError(f"{path}: {stat} is older than an acknowledged write")

    def _send(self, op: Op) -> None:
        self._expected.apply(op)
        self._unanswered.append(op)
        self.session.send(lambda xid: model_wire.write(xid, op), self._on_reply)

    def _on_reply(self, reply: client_wire.Reply) -> None:
        op = self._unanswered[0]
        if reply.error != 0:
            raise WrongReplyError(f"{self.name}: error {reply.error} to {op}")
        if reply.zxid <= self._highest_zxid or reply.zxid in self._tally.zxids:
            raise WrongReplyError(f"{self.name}: zxid {reply.zxid:#x} of {op} was given before")
        made = model_wire.parse_write(op, reply.body)
        self._check_made(op, made, reply.zxid)
        self._unanswered.popleft()
        self.acknowledged.apply(op, made)
        self._highest_zxid = reply.zxid
        self._tally.zxids.add(reply.zxid)
        self._tally.acknowledged += 1

    def _check_made(self, op: Op, made: list[model_wire.Made], zxid: int) -> None:
        parts = op.parts if isinstance(op, Multi) else (op,)
        for part, one in zip(parts, made, strict=True):
            if one.path != part.path:
                raise WrongReplyError(f"{self.name}: {one.path} was made where {part.path} was due")
            if one.stat is not None and one.stat.mzxid != zxid:
                raise WrongReplyError(f"{self.name}: {one} in a reply with zxid {zxid:#x}")

    def _next_op(self) -> Op:
        """A request that succeeds on `_expected`."""
        znodes, draw = self._expected.by_path, self._rng.random()
        if draw < 0.05:
            return self._multi()
        if draw < 0.45 and len(znodes) < ZNODES_MAX:
            return self._create()
        plain = [path for path in znodes if draw < 0.8 or path.startswith(self.ephemerals)]
        if not plain:
            return self._create()
        path = self._rng.choice(plain)
        version = znodes[path].version
        if len(znodes) >= ZNODES_MAX or self._rng.random() < 0.3:
            return Delete(path, version)
        return SetData(path, self._value(), version)

    def _create(self) -> Create:
        self._written += 1
        kind = self._rng.random()
        if kind < 0.25:
            number = self._expected.sequential_created
            path = f"{self.home}/seq/s-{number:010d}"
            return Create(path, self._value(), sequential=True)
        if kind < 0.5:
            return Create(f"{self.ephemerals}/t{self._written}", self._value(), ephemeral=True)
        return Create(f"{self.home}/data/n{self._written}", self._value())

    def _multi(self) -> Multi:
        """Two znodes made together and one of them written at once: all of it, or nothing."""
        self._written += 1
        one, two = (f"{self.home}/data/m{self._written}-{side}" for side in "ab")
        made = (Create(one, self._value()), Create(two, self._value()))
        return Multi((*made, SetData(one, self._value(), 0)))

    def _value(self) -> bytes:
        size = self._rng.randrange(VALUE_BYTES_MAX)
        if self._rng.random() < LARGE_VALUE_SHARE:
            size = LARGE_VALUE_BYTES
        self._written += 1
        return f"{self.name}:{self._written}:".encode() + bytes(size)


def _body(reply: client_wire.Reply, path: str) -> bytes:
    if reply.error != 0:
        raise WrongReplyError(f"reading {path}: error {reply.error}")
    return reply.body
