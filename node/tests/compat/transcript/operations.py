"""Every opcode a client may send: its number, the fields of its request, the fields of its reply.

A field is `name:type`; the types are the methods of jute.Writer and jute.Reader. multi and multiRead
frame other operations and have functions of their own. This table knows nothing of sockets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .jute import Reader, Writer


@dataclass(frozen=True, slots=True)
class Operation:
    code: int
    request: str = ""
    reply: str = ""


OPERATIONS: dict[str, Operation] = {
    "create": Operation(1, "path:str data:buf acl:acls flags:i32", "path:str"),
    "delete": Operation(2, "path:str version:i32"),
    "exists": Operation(3, "path:str watch:bool", "stat:stat"),
    "getData": Operation(4, "path:str watch:bool", "data:buf stat:stat"),
    "setData": Operation(5, "path:str data:buf version:i32", "stat:stat"),
    "getACL": Operation(6, "path:str", "acl:acls stat:stat"),
    "setACL": Operation(7, "path:str acl:acls version:i32", "stat:stat"),
    "getChildren": Operation(8, "path:str watch:bool", "children:strs"),
    "sync": Operation(9, "path:str", "path:str"),
    "ping": Operation(11),
    "getChildren2": Operation(12, "path:str watch:bool", "children:strs stat:stat"),
    "check": Operation(13, "path:str version:i32"),
    "multi": Operation(14),
    "create2": Operation(15, "path:str data:buf acl:acls flags:i32", "path:str stat:stat"),
    "reconfig": Operation(
        16, "joining:str leaving:str members:str configId:i64", "data:buf stat:stat"
    ),
    "checkWatches": Operation(17, "path:str type:i32"),
    "removeWatches": Operation(18, "path:str type:i32"),
    "createContainer": Operation(19, "path:str data:buf acl:acls flags:i32", "path:str stat:stat"),
    "deleteContainer": Operation(20, "path:str"),
    "createTTL": Operation(
        21, "path:str data:buf acl:acls flags:i32 ttl:i64", "path:str stat:stat"
    ),
    "multiRead": Operation(22),
    "auth": Operation(100, "type:i32 scheme:str auth:buf"),
    "setWatches": Operation(101, "zxid:zxid data:strs exist:strs child:strs"),
    "sasl": Operation(102, "token:buf", "token:buf"),
    "getEphemerals": Operation(103, "prefix:str", "ephemerals:strs"),
    "getAllChildrenNumber": Operation(104, "path:str", "number:i32"),
    "setWatches2": Operation(
        105, "zxid:zxid data:strs exist:strs child:strs persistent:strs recursive:strs"
    ),
    "addWatch": Operation(106, "path:str mode:i32", "error:i32"),
    "whoAmI": Operation(107, "", "ids:ids"),
    "closeSession": Operation(-11),
}

NAMES = {operation.code: name for name, operation in OPERATIONS.items()}

ERRORS = {
    0: "OK",
    -1: "SYSTEMERROR",
    -2: "RUNTIMEINCONSISTENCY",
    -3: "DATAINCONSISTENCY",
    -4: "CONNECTIONLOSS",
    -5: "MARSHALLINGERROR",
    -6: "UNIMPLEMENTED",
    -7: "OPERATIONTIMEOUT",
    -8: "BADARGUMENTS",
    -12: "UNKNOWNSESSION",
    -13: "NEWCONFIGNOQUORUM",
    -14: "RECONFIGINPROGRESS",
    -100: "APIERROR",
    -101: "NONODE",
    -102: "NOAUTH",
    -103: "BADVERSION",
    -108: "NOCHILDRENFOREPHEMERALS",
    -110: "NODEEXISTS",
    -111: "NOTEMPTY",
    -112: "SESSIONEXPIRED",
    -113: "INVALIDCALLBACK",
    -114: "INVALIDACL",
    -115: "AUTHFAILED",
    -118: "SESSIONMOVED",
    -119: "NOTREADONLY",
    -120: "EPHEMERALONLOCALSESSION",
    -121: "NOWATCHER",
    -122: "REQUESTTIMEOUT",
    -123: "RECONFIGDISABLED",
    -124: "SESSIONCLOSEDREQUIRESASLAUTH",
    -125: "QUOTAEXCEEDED",
    -127: "THROTTLEDOP",
}

EVENTS = {
    -1: "None",
    1: "NodeCreated",
    2: "NodeDeleted",
    3: "NodeDataChanged",
    4: "NodeChildrenChanged",
    5: "DataWatchRemoved",
    6: "ChildWatchRemoved",
    7: "PersistentWatchRemoved",
}

SubRequest = tuple[str, Mapping[str, Any]]
"""One operation inside a multi: (name, fields)."""

MULTI_END = (-1, True, -1)


def fields(spec: str) -> list[tuple[str, str]]:
    """`"path:str watch:bool"` as [("path", "str"), ("watch", "bool")]."""
    return [(name, kind) for name, _, kind in (item.partition(":") for item in spec.split())]


def encode_request(name: str, values: Mapping[str, Any]) -> bytes:
    """The body of a request; every field of the table must be given."""
    writer = Writer()
    _write_fields(writer, OPERATIONS[name].request, values)
    return bytes(writer.bytes)


def encode_multi(operations: Iterable[SubRequest]) -> bytes:
    """The body of a multi or multiRead, terminator included."""
    writer = Writer()
    for name, values in operations:
        _write_header(writer, (OPERATIONS[name].code, False, -1))
        _write_fields(writer, OPERATIONS[name].request, values)
    _write_header(writer, MULTI_END)
    return bytes(writer.bytes)


def decode_reply(name: str, reader: Reader) -> list[tuple[str, str, Any]]:
    """The body of a reply as (field, type, value)."""
    return [
        (field, kind, getattr(reader, kind)()) for field, kind in fields(OPERATIONS[name].reply)
    ]


def decode_multi(reader: Reader) -> list[tuple[str, int, list[tuple[str, str, Any]]]]:
    """The results of a multi: (operation, error in its header, fields), terminator left out."""
    results = []
    while (header := (reader.i32(), reader.bool(), reader.i32())) != MULTI_END:
        code, _, error = header
        if code == -1:
            results.append(("error", error, [("error", "i32", reader.i32())]))
        else:
            name = NAMES[code]
            results.append((name, error, decode_reply(name, reader)))
    return results


def _write_header(writer: Writer, header: tuple[int, bool, int]) -> None:
    code, done, error = header
    writer.i32(code)
    writer.bool(done)
    writer.i32(error)


def _write_fields(writer: Writer, spec: str, values: Mapping[str, Any]) -> None:
    wanted = fields(spec)
    if {name for name, _ in wanted} != set(values):
        raise ValueError(f"the request has the fields {spec!r}, not {sorted(values)}")
    for name, kind in wanted:
        getattr(writer, kind)(values[name])
