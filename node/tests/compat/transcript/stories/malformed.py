"""Bodies that do not decode: cut short, too long, wrong lengths, for every operation."""

from __future__ import annotations

import struct

from ..operations import OPERATIONS, encode_multi, encode_request
from ..run import Run
from ..verbs import OPEN, check_op, create_op, get_data_op

VALUES: dict[str, object] = {
    "path": "/malformed",
    "data": b"d",
    "acl": OPEN,
    "flags": 0,
    "version": -1,
    "watch": False,
    "ttl": 60_000,
    "type": 3,
    "mode": 0,
    "prefix": "/",
    "token": b"t",
    "joining": None,
    "leaving": None,
    "members": None,
    "configId": -1,
    "zxid": 0,
    "exist": [],
    "child": [],
    "persistent": [],
    "recursive": [],
}

UNTOUCHED = ("ping", "closeSession", "whoAmI", "auth", "multi", "multiRead", "reconfig")
"""Without a body, or told apart below."""

COMPLETE_TAIL = b"\0\1\2\3"


def story(run: Run) -> None:
    a = run.client("a")
    a.create("/malformed", b"")
    for name in OPERATIONS:
        if name in UNTOUCHED:
            continue
        body = encode_request(name, _values(name))
        # A connection each: a server may hang up on the first.
        for number, cut in enumerate((b"", body[: len(body) // 2], body[:-1])):
            client = run.client(f"{name} cut {number}")
            client.ask_raw(name, cut)
            client.ping()
    for name in ("create", "setData", "exists", "getData", "getChildren", "sync", "delete"):
        client = run.client(f"{name} tail")
        client.ask_raw(
            name, encode_request(name, {**_values(name), "path": "/malformed/t"}) + COMPLETE_TAIL
        )
        client.ping()
    for name in ("ping", "whoAmI"):
        client = run.client(f"{name} tail")
        client.ask_raw(name, COMPLETE_TAIL)
        client.ping()
    _lengths(run)
    _multis(run)
    a.get_children("/malformed")
    a.get_data("/malformed")


def _values(name: str) -> dict[str, object]:
    wanted = [item.partition(":")[0] for item in OPERATIONS[name].request.split()]
    values = {field: VALUES[field] for field in wanted if field in VALUES}
    if name.startswith("setWatches"):
        values["data"] = []
    if name == "createTTL":
        values["flags"] = 5
    return values


def _lengths(run: Run) -> None:
    """Lengths that are negative, or say more than there is."""
    path = encode_request("sync", {"path": "/malformed"})
    bodies = {
        "path length -2": struct.pack(">i", -2) + b"\0",
        "path length 100": struct.pack(">i", 100) + b"/malformed\0",
        "path length 2^31-1": struct.pack(">i", 2**31 - 1) + b"/malformed\0",
    }
    for shown, body in bodies.items():
        for name in ("exists", "delete", "getChildren"):
            client = run.client(f"{name} {shown}")
            client.ask_raw(name, body)
            client.ping()
    creates = {
        "data length -2": path + struct.pack(">i", -2) + struct.pack(">ii", -1, 0),
        "data length 1000": path + struct.pack(">i", 1000) + b"x",
        "acl count 2^31-1": path + struct.pack(">iii", 0, 2**31 - 1, 31),
        "acl count -2": path + struct.pack(">iii", 0, -2, 0),
        "acl cut short": path + struct.pack(">iii", 0, 2, 31),
    }
    for shown, body in creates.items():
        client = run.client(f"create {shown}")
        client.ask_raw("create", body)
        client.ping()
    flag = run.client("watch flag 2")
    flag.ask_raw("exists", path + b"\2")
    flag.ask_raw("exists", path + b"\xff")
    flag.ping()


def _multis(run: Run) -> None:
    whole = encode_multi([create_op("/malformed/never"), check_op("/malformed")])
    reads = encode_multi([get_data_op("/malformed")])
    header = struct.pack(">ibi", 1, 0, -1)
    cases = {
        "nothing": ("multi", b""),
        "no terminator": ("multi", whole[:-9]),
        "cut in an operation": ("multi", whole[:30]),
        "cut in the terminator": ("multi", whole[:-3]),
        "tail": ("multi", encode_multi([check_op("/malformed")]) + COMPLETE_TAIL),
        "header only": ("multi", header),
        "unknown type": ("multi", struct.pack(">ibi", 77, 0, -1) + whole),
        "terminator first": ("multi", encode_multi([]) + whole),
        "done with a type": ("multi", struct.pack(">ibi", 1, 1, -1)),
        "not done with -1": ("multi", struct.pack(">ibi", -1, 0, -1)),
        "reads: nothing": ("multiRead", b""),
        "reads: no terminator": ("multiRead", reads[:-9]),
        "reads: cut": ("multiRead", reads[:20]),
        "reads: unknown type": ("multiRead", struct.pack(">ibi", 77, 0, -1) + reads),
    }
    for shown, (name, body) in cases.items():
        client = run.client(shown)
        client.ask_raw(name, body)
        client.ping()
    for cut in (0, 4, 12):
        client = run.client(f"auth cut {cut}")
        body = encode_request("auth", {"type": 0, "scheme": "digest", "auth": b"u:p"})
        client.ask_raw("auth", body[:cut])
        client.ping()
    # Refused before anything of it is read.
    client = run.client("reconfig cut")
    client.ask_raw("reconfig", b"")
    client.ping()
