"""A named client whose every request and every received frame goes into the recording.

It waits for the answer of a request before it returns, unless the request was only queued with
`send`. Watch events are recorded where they arrive: their place among the replies is part of what is
compared. It never retries and never reconnects by itself.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Self

from .connection import REPLY_DEADLINE_S, Connection, Silence
from .jute import Acl, Reader, Truncated, Writer
from .masks import error_text, shortened, string_text
from .operations import (
    EVENTS,
    OPERATIONS,
    SubRequest,
    decode_multi,
    decode_reply,
    encode_multi,
    encode_request,
    fields,
)
from .recording import Recording

XID_EVENT, XID_PING, XID_AUTH, XID_SET_WATCHES = -1, -2, -4, -8
FIXED_XIDS = {
    "ping": XID_PING,
    "auth": XID_AUTH,
    "setWatches": XID_SET_WATCHES,
    "setWatches2": XID_SET_WATCHES,
}

MULTIS = ("multi", "multiRead")

OPEN: list[Acl] = [(31, "world", "anyone")]

DEFAULT_TIMEOUT_MS = 30_000

HANG_UP_S = 0.3
"""A server that hangs up after an answer does so within milliseconds of it."""


class Client:
    """One client of a story. A method per opcode is in `verbs.Verbs`, which stories use."""

    def __init__(
        self,
        name: str,
        address: tuple[str, int],
        recording: Recording,
        catch_up: Callable[[], None] = lambda: None,
    ) -> None:
        """`catch_up` returns when this client's server has what other clients were shown."""
        self.name = name
        self.session = 0
        self.password = bytes(16)
        self.timeout_ms = 0
        self.last_zxid = 0
        self.piped = False
        """Whether requests are left in flight; `settle` waits for their replies."""
        self.connection = Connection(*address)
        self.address = address
        self._recording = recording
        self._catch_up = catch_up
        self._pending: deque[tuple[str, int]] = deque()
        self._xid = 0
        self._gone = False

    # ---- handshake

    def handshake(
        self,
        *,
        timeout_ms: int = DEFAULT_TIMEOUT_MS,
        session: int = 0,
        password: bytes | None = bytes(16),
        last_zxid_seen: int = 0,
        last_zxid_text: str = "0",
        read_only: bool | None = False,
        protocol: int = 0,
    ) -> Self:
        """`read_only=None` leaves the trailing byte out, as clients before 3.4 do."""
        masks = self._recording.masks
        writer = Writer()
        writer.i32(protocol)
        writer.i64(last_zxid_seen)
        writer.i32(timeout_ms)
        writer.i64(session)
        writer.buf(password)
        if read_only is not None:
            writer.bool(read_only)
        self._begin(
            f"connect protocol={protocol} lastZxidSeen={last_zxid_text} timeout={timeout_ms} "
            f"session={masks.session(session)} password={masks.password(password)} "
            f"readOnly={read_only} ({len(writer.bytes)} bytes)"
        )
        self._connected(bytes(writer.bytes))
        return self

    def _connected(self, request: bytes) -> None:
        self._sent(self.connection.send_frame(request))
        reply = self._frame()
        if reply is None:
            return
        masks, reader = self._recording.masks, Reader(reply)
        protocol, timeout_ms, session = reader.i32(), reader.i32(), reader.i64()
        password = reader.buf() or b""
        if session:
            masks.learn_session(session, password, self.name)
            self.session, self.password, self.timeout_ms = session, password, timeout_ms
        tail = {b"": "none", b"\0": "false", b"\1": "true"}.get(reader.rest, repr(reader.rest))
        self._add(
            f"connected protocol={protocol} timeout={timeout_ms} session={masks.session(session)} "
            f"password={masks.password(password)} readOnly={tail} ({len(reply)} bytes)"
        )

    # ---- requests

    def ask(self, name: str, *, xid: int | None = None, **values: Any) -> None:
        """Sends one request and records everything up to its reply."""
        self.send(name, xid=xid, **values)
        self._settle_unless_piped()

    def send(self, name: str, *, xid: int | None = None, **values: Any) -> None:
        """Sends one request and does not wait: several in flight make a pipeline."""
        shown = " ".join(
            f"{field}={self._shown(kind, values[field])}"
            for field, kind in fields(OPERATIONS[name].request)
            if field in values
        )
        self._request(name, encode_request(name, values), shown, xid)

    def ask_multi(self, name: str, operations: Sequence[SubRequest]) -> None:
        self._recording.opcodes.update(operation for operation, _ in operations)
        shown = [
            " ".join(
                [
                    operation,
                    *(
                        f"{field}={self._shown(kind, values[field])}"
                        for field, kind in fields(OPERATIONS[operation].request)
                    ),
                ]
            )
            for operation, values in operations
        ]
        listed = "; ".join(shortened(shown, "operations"))
        self._request(name, encode_multi(operations), f"[{listed}]", None)
        self._settle_unless_piped()

    def ask_raw(self, name: str, body: bytes, *, code: int | None = None) -> None:
        """A body the tables would not make: cut short, too long, or of an operation unknown."""
        shown = f"raw {body.hex() or 'nothing'}" if len(body) <= 64 else f"raw {len(body)} bytes"
        self._request(name, body, shown, None, code)
        self._settle_unless_piped()

    def settle(self) -> None:
        """Records frames until nothing that was sent is unanswered."""
        while self._pending and not self._gone:
            self._receive_one(REPLY_DEADLINE_S)

    def receive_unasked(self) -> None:
        """Records one frame that answers bytes sent with `send_bytes`."""
        if not self._gone:
            self._receive_one(REPLY_DEADLINE_S)

    def await_event(self, deadline_s: float) -> None:
        """Records what arrives until one watch event, or the hang-up, has."""
        self._begin("waits for an event")
        while not self._gone and self._receive_one(deadline_s) != XID_EVENT:
            pass

    def await_hang_up(self, deadline_s: float = REPLY_DEADLINE_S) -> None:
        self._begin("waits for the server to hang up")
        while not self._gone:
            self._receive_one(deadline_s)

    def look_for_hang_up(self) -> None:
        """Records whether the server has hung up, giving it a moment to do so."""
        self._begin("looks whether it is still connected")
        if not self._gone:
            silent = self.connection.silent_for(HANG_UP_S)
            self._add("(it is)" if silent else "(it is not, or something came)")

    def send_bytes(self, data: bytes, shown: str) -> None:
        """Bytes that are no frame. What comes back is for `await_hang_up` or `settle`."""
        self._begin(f"sends {shown}")
        self._sent(self.connection.send_bytes(data))

    def drop(self) -> None:
        """Closes the socket without a word; the session lives on until it expires."""
        self._begin("drops the connection")
        self._gone = True
        self.connection.close()

    def discard(self) -> None:
        """The end of the story: whatever is left goes, unrecorded."""
        if self.session and not self._gone:
            self.connection.send_frame(struct.pack(">ii", 0, -11))
            try:
                while self.connection.receive() is not None:
                    pass
            except Silence:
                pass
        self.connection.close()

    # ---- inside

    def _settle_unless_piped(self) -> None:
        if not self.piped:
            self.settle()

    def _request(
        self, name: str, body: bytes, shown: str, xid: int | None, code: int | None = None
    ) -> None:
        if xid is None:
            xid = FIXED_XIDS.get(name) or self._next_xid()
        code = OPERATIONS[name].code if code is None else code
        self._recording.requests += 1
        self._recording.opcodes.add(name)
        self._begin(f"{name} xid={xid} {shown}".rstrip())
        self._pending.append((name, xid))
        self._catch_up()
        self._sent(self.connection.send_frame(struct.pack(">ii", xid, code) + body))

    def _next_xid(self) -> int:
        self._xid += 1
        return self._xid

    def _sent(self, complete: bool) -> None:
        """A refused send is no line of its own: whether the kernel noticed yet is chance."""
        if not complete and not self._gone:
            self._hung_up()

    def _receive_one(self, deadline_s: float) -> int | None:
        """The xid of the frame that came; None when the server hung up, or nothing came."""
        payload = self._frame(deadline_s)
        if payload is None:
            return None
        reader = Reader(payload)
        xid, zxid, error = reader.i32(), reader.i64(), reader.i32()
        if zxid > 0:
            self.last_zxid = zxid
        zxid_text = self._recording.masks.header_zxid(zxid, self._recording.place)
        if xid == XID_EVENT:
            self._event(reader, zxid_text, error)
        else:
            self._reply(reader, xid, zxid_text, error)
        return xid

    def _event(self, reader: Reader, zxid_text: str, error: int) -> None:
        kind, state, path = reader.i32(), reader.i32(), reader.str()
        line = f"event {EVENTS.get(kind, kind)} state={state} path={string_text(path)}"
        self._add(f"{line} zxid={zxid_text} err={error_text(error)}{_leftover(reader)}")

    def _reply(self, reader: Reader, xid: int, zxid_text: str, error: int) -> None:
        name, expected = self._pending.popleft() if self._pending else ("(unasked)", xid)
        if xid != expected:
            self._add(f"(out of order: the next reply should have xid={expected})")
        self._recording.errors.add(error)
        line = f"{name} xid={xid} zxid={zxid_text} err={error_text(error)}"
        if error == 0 and name in MULTIS:
            self._add(line)
            self._results(reader)
            return
        body = self._body(name, reader) if error == 0 and name in OPERATIONS else ""
        self._add(line + body + _leftover(reader))

    def _body(self, name: str, reader: Reader) -> str:
        try:
            return "".join(
                f" {field}={self._shown(kind, value)}"
                for field, kind, value in decode_reply(name, reader)
            )
        except Truncated:
            return " (body cut short)"

    def _results(self, reader: Reader) -> None:
        try:
            results = decode_multi(reader)
        except (Truncated, KeyError):
            self._add(f"  (no results that can be read){_leftover(reader)}")
            return
        lines = []
        for name, error, values in results:
            shown = "".join(
                f" {field}={error_text(value) if field == 'error' else self._shown(kind, value)}"
                for field, kind, value in values
            )
            self._recording.errors.add(error)
            lines.append(f"  {name} err={error_text(error)}{shown}")
        for line in shortened(lines, "results"):
            self._add(line)
        if rest := _leftover(reader):
            self._add(f"  {rest.strip()}")

    def _frame(self, deadline_s: float = REPLY_DEADLINE_S) -> bytes | None:
        if self._gone:
            return None
        try:
            payload = self.connection.receive(deadline_s)
        except Silence:
            self._add("(no answer)")
            self._gone = True
            self.connection.close()
            return None
        if payload is None:
            self._hung_up()
        return payload

    def _hung_up(self) -> None:
        self._add("(the server hung up)")
        self._gone = True
        self._pending.clear()

    def _begin(self, done: str) -> None:
        self._recording.begin(f"{self.name} > {done}")

    def _add(self, line: str) -> None:
        self._recording.add(f"{self.name} < {line}")

    def _shown(self, kind: str, value: Any) -> str:
        if kind == "acls" and value == OPEN:
            return "open"
        return self._recording.masks.value(kind, value)


def _leftover(reader: Reader) -> str:
    return f" (and {len(reader.rest)} bytes more: {reader.rest[:32].hex()})" if reader.rest else ""
