"""A history for tests of the judges: what a right service answers, told operation by operation."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.faults.ensemble.history import (
    FOREVER_US,
    NONE,
    OK,
    UNANSWERED,
    History,
    Kind,
    Record,
    Space,
)

BLANK = Record(
    *(Kind.GET, Space.REGISTER, 1, 1, 0, NONE, NONE, NONE),
    *(0, 0, OK, 0, 0, 0, 0, NONE),
)


@dataclass(slots=True)
class Story:
    """A right service with one register, one latch and a queue, and the records of its clients.

    Each call is an operation; by default it begins after all before it have ended.
    """

    records: list[Record] = field(default_factory=list)
    zxid: int = 0
    version: int = 0
    now_us: int = 0
    values: int = 0
    register: tuple[int, int, int, int] = (0, 0, 0, 0)
    """value, czxid, mzxid, version"""

    def add(self, **fields: int) -> Record:
        """One record; times are given, or follow all before."""
        self.now_us += 10
        times = {"invoked_us": self.now_us - 5, "returned_us": self.now_us}
        record = BLANK._replace(**{**times, **fields})
        self.records.append(record)
        return record

    def new_value(self) -> int:
        self.values += 1
        return self.values

    def make(self) -> Record:
        self.zxid += 1
        value = self.new_value()
        self.register = (value, self.zxid, self.zxid, 0)
        return self.add(
            kind=Kind.CREATE, value=value, zxid=self.zxid, czxid=self.zxid, mzxid=self.zxid
        )

    def set(self, **fields: int) -> Record:
        self.zxid += 1
        value = self.new_value()
        _, czxid, _, version = self.register
        self.register = (value, czxid, self.zxid, version + 1)
        told = {"zxid": self.zxid, "czxid": czxid, "mzxid": self.zxid, "version": version + 1}
        return self.add(kind=Kind.SET, **{"value": value, **told, **fields})

    def lose(self, *, done: bool, **fields: int) -> Record:
        """A set that is not answered."""
        value = self.new_value()
        if done:
            self.zxid += 1
            _, czxid, _, version = self.register
            self.register = (value, czxid, self.zxid, version + 1)
        return self.add(
            **{
                "kind": Kind.SET,
                "value": value,
                "returned_us": FOREVER_US,
                "error": UNANSWERED,
                **fields,
            }
        )

    def get(self, **fields: int) -> Record:
        value, czxid, mzxid, version = self.register
        told = {"czxid": czxid, "mzxid": mzxid, "version": version, "zxid": self.zxid}
        return self.add(kind=Kind.GET, **{"value": value, **told, **fields})

    def latch(self, kind: Kind, error: int = OK, **fields: int) -> Record:
        self.zxid += kind != Kind.GET
        value = self.new_value() if kind == Kind.CREATE else NONE
        made = self.zxid if kind == Kind.CREATE else 0
        told = {"zxid": self.zxid, "czxid": made, "mzxid": made, "value": value, "error": error}
        return self.add(**{"kind": kind, "space": Space.LATCH, **told, **fields})

    def append(self, number: int, **fields: int) -> Record:
        self.zxid += 1
        told = {"zxid": self.zxid, "number": number, "value": self.new_value()}
        return self.add(**{"kind": Kind.APPEND, "space": Space.QUEUE, **told, **fields})

    def ephemeral(self, kind: Kind, **fields: int) -> Record:
        self.zxid += kind in {Kind.CREATE, Kind.CLOSE}
        value = self.new_value() if kind == Kind.CREATE else NONE
        made = {"czxid": self.zxid, "mzxid": self.zxid} if kind == Kind.CREATE else {}
        told = {"zxid": self.zxid, "value": value, **made}
        return self.add(**{"kind": kind, "space": Space.EPHEMERAL, **told, **fields})

    def history(self) -> History:
        history = History()
        for record in self.records:
            history.add(record)
        return history
