"""What happened in a simulation, in order, as text that is the same for the same seed.

How to read a line:

    time (µs)  who   what            details
      1234567  m2    becomes         leader of term 3, log up to 17
      1234890  m2>m1 Append          term=3 prev_index=16 … (sent; `x` behind the arrow: lost)

`m2` is machine 2, whichever member id it has at the time; `--` is the world: network, faults, the
clients and the operator. Rows are kept as values and become text only when somebody reads them.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator

Row = tuple[int, str, str, object]


class Trace:
    """All rows of one simulation."""

    __slots__ = ("_rows", "counts")

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self.counts: Counter[str] = Counter()

    def add(self, now_us: int, who: str, what: str, details: object = "") -> None:
        """`details` must be a value that never changes: text, a number, a message."""
        self._rows.append((now_us, who, what, details))
        self.counts[what] += 1

    def lines(self, last: int | None = None) -> Iterator[str]:
        """As text, all or the last of them."""
        rows = self._rows if last is None else self._rows[-last:]
        for now_us, who, what, details in rows:
            yield f"{now_us:>10}  {who:<6} {what:<18} {_text(details)}".rstrip()

    def digest(self) -> str:
        """Of the whole text."""
        sha = hashlib.sha256()
        for line in self.lines():
            sha.update(line.encode())
            sha.update(b"\n")
        return sha.hexdigest()


def _text(details: object) -> str:
    fields = getattr(details, "_fields", None)
    if fields is None:
        return str(details)
    return " ".join(f"{name}={_value(getattr(details, name))}" for name in fields[2:])


def _value(value: object) -> str:
    if isinstance(value, tuple):  # entries of an Append
        return f"{len(value)}x" + ",".join(f"{entry[0]}:{entry[1]}" for entry in value[:4])
    return value.hex() if isinstance(value, bytes) else str(value)
