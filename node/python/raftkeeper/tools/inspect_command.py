"""`raftkeeper inspect DIR`: what a stopped node's directory holds, for people or as JSON.

Exit code 1 when a node would not start from it.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from raftkeeper.server.errors import EXIT_FAILED, EXIT_USAGE
from raftkeeper.storage import SnapshotMeta
from raftkeeper.tools.inspection import (
    Inspection,
    InspectionError,
    Inspector,
    describe_membership,
    describe_record,
)
from raftkeeper.tools.tree_walk import SnapshotTree

KINDS = {1: "noop", 2: "batch", 3: "config"}
NEWEST = "newest"


def inspect(
    directory: Annotated[Path, typer.Argument(help="The data folder of a stopped node.")],
    *,
    log: Annotated[bool, typer.Option("--log", help="Show the entries of the log.")] = False,
    first: Annotated[
        int, typer.Option("--from", help="First entry to show.", min=0, show_default="the oldest")
    ] = 0,
    last: Annotated[
        int, typer.Option("--to", help="Last entry to show.", min=0, show_default="the newest")
    ] = 1 << 62,
    snapshot: Annotated[
        str, typer.Option(help="Show a snapshot's znodes: `newest`, or <index>-<term>.")
    ] = "",
    data: Annotated[bool, typer.Option("--data", help="With the znodes' data.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON; entries and znodes one a line.")
    ] = False,
) -> None:
    """Show what a stopped node's folder holds. It changes nothing in it."""
    inspector = Inspector(directory)
    try:
        found = inspector.run()
        if not (log or snapshot):
            inspector.try_state(found)
    except InspectionError as error:
        print(f"raftkeeper: {error}", file=sys.stderr)
        raise typer.Exit(EXIT_USAGE) from error
    if log:
        _print_log(inspector, found, first, last, as_json=as_json)
    elif snapshot:
        _print_tree(inspector, _find(found, snapshot), with_data=data, as_json=as_json)
    elif as_json:
        print(json.dumps(build_report(found), indent=2))
    else:
        _print_report(found)
    for damage in found.damage:
        print(f"damaged: {damage}.", file=sys.stderr)
    if found.damage:
        raise typer.Exit(EXIT_FAILED)


def build_report(found: Inspection) -> dict[str, Any]:
    """Everything but entries and znodes, as plain values."""
    identity, hard_state, membership = found.identity, found.hard_state, found.membership
    index = found.image.index
    return {
        "directory": str(found.path),
        "identity": {
            "cluster_id": identity.cluster_id.hex() if identity else "",
            "member_id": identity.member_id if identity else 0,
            "incarnation": identity.incarnation.hex() if identity else "",
        },
        "term": hard_state.term if hard_state else 0,
        "vote": hard_state.vote if hard_state else 0,
        "last_index": found.last_index,
        "last_term": found.last_term,
        "log": {
            "first_index": 0 if index.is_empty else index.first_index,
            "last_index": 0 if index.is_empty else index.last_index,
            "terms": [list(start) for start in index.term_starts],
        },
        "config_index": membership[0] if membership else 0,
        "config": json.loads(membership[1].encode()) if membership else None,
        "segments": [
            {
                "file": segment.path.name,
                "bytes": segment.size,
                "used_bytes": segment.end,
                "last_index": segment.last_index,
            }
            for segment in found.segments
        ],
        "snapshots": [
            {
                "file": one.path.name,
                "bytes": one.size,
                "whole": one.meta is not None,
                "index": one.meta.index if one.meta else 0,
                "term": one.meta.term if one.meta else 0,
                "zxid": f"0x{one.meta.zxid:x}" if one.meta else "",
                "installed": one.meta.installed if one.meta else False,
                "damage": one.damage,
            }
            for one in found.snapshots
        ],
        "repairs": found.repairs,
        "damage": found.damage,
        "diverged": found.diverged,
    }


def _print_report(found: Inspection) -> None:
    from rich.console import Console
    from rich.table import Table

    report = build_report(found)
    table = Table(show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    identity = report["identity"]
    table.add_row("directory", report["directory"])
    table.add_row("cluster", identity["cluster_id"] if identity["member_id"] else "none yet")
    table.add_row("member", str(identity["member_id"] or "none: it waits to be added"))
    table.add_row("incarnation", identity["incarnation"] or "-")
    table.add_row("term, vote", f"{report['term']}, {report['vote'] or 'nobody'}")
    table.add_row("last entry", f"{report['last_index']} of term {report['last_term']}")
    log = report["log"]
    held = (
        f"entries {log['first_index']} to {log['last_index']}"
        if log["last_index"]
        else "no entries"
    )
    table.add_row("log", held)
    if found.membership is not None:
        index, membership = found.membership
        table.add_row("members", f"{describe_membership(membership)} (entry {index})")
    for one in report["segments"]:
        table.add_row("segment", f"{one['file']}, {one['used_bytes']} of {one['bytes']} bytes used")
    for one in report["snapshots"]:
        state = f"entry {one['index']} of term {one['term']}, zxid {one['zxid']}"
        table.add_row("snapshot", f"{one['file']}, {state if one['whole'] else one['damage']}")
    for repair in report["repairs"]:
        table.add_row("next start", repair)
    if found.diverged:
        table.add_row("state", found.diverged)
    table.add_row("verdict", _judge(found))
    Console().print(table)


def _judge(found: Inspection) -> str:
    if found.damage:
        return "a node does not start from this"
    if found.diverged:
        return "a node starts from this, and serves nobody before another's snapshot has healed it"
    return "good"


def _print_log(
    inspector: Inspector, found: Inspection, first: int, last: int, *, as_json: bool
) -> None:
    for record in inspector.entries(found, first, last):
        index, term, kind, payload = record
        time_ms, lines = describe_record(record)
        name = KINDS.get(kind, str(kind))
        if as_json:
            row = {"index": index, "term": term, "kind": name, "bytes": len(payload)}
            print(json.dumps({**row, "time_ms": time_ms, "requests": lines}))
            continue
        when = _date(time_ms) if time_ms else ""
        print(f"{index} term {term} {name} {len(payload)} bytes {when}".rstrip())
        for line in lines:
            print(f"    {line}")


def _print_tree(
    inspector: Inspector, meta: SnapshotMeta, *, with_data: bool, as_json: bool
) -> None:
    tree = SnapshotTree(inspector.pieces(meta))
    if not as_json:
        print(f"# entry {tree.index}, zxid 0x{tree.zxid:x}, {len(tree.sessions)} sessions")
        for session, timeout_ms in tree.sessions:
            print(f"# session 0x{session & 0xFFFF_FFFF_FFFF_FFFF:x}, timeout {timeout_ms} ms")
    for znode in tree.walk():
        owner = znode.owner & 0xFFFF_FFFF_FFFF_FFFF
        if as_json:
            row: dict[str, Any] = {
                "path": znode.path,
                "bytes": len(znode.data),
                "version": znode.version,
                "czxid": f"0x{znode.czxid:x}",
                "mzxid": f"0x{znode.mzxid:x}",
                "owner": f"0x{owner:x}",
                "children": znode.children,
            }
            if with_data:
                row["data_hex"] = znode.data.hex()
            print(json.dumps(row))
            continue
        ephemeral = f", ephemeral of 0x{owner:x}" if owner else ""
        line = f"{znode.path}  {len(znode.data)} bytes, version {znode.version}{ephemeral}"
        print(f"{line}  {znode.data!r}" if with_data else line)


def _find(found: Inspection, wanted: str) -> SnapshotMeta:
    for one in found.snapshots:
        meta = one.meta
        if meta is not None and wanted in {NEWEST, f"{meta.index}-{meta.term}"}:
            return meta
    there = " ".join(f"{one.meta.index}-{one.meta.term}" for one in found.snapshots if one.meta)
    print(
        f"raftkeeper: there is no snapshot {wanted} that is whole; there are: {there or 'none'}",
        file=sys.stderr,
    )
    raise typer.Exit(EXIT_USAGE)


def _date(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")
