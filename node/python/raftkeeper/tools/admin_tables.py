"""What `raftkeeper admin` prints for people: tables, one line a member."""

import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from raftkeeper.tools.admin_client import AdminError

STATUS_COLUMNS = (
    "endpoint",
    "member",
    "role",
    "leader",
    "term",
    "commit",
    "applied",
    "clients",
    "level",
)
WRAPPED = frozenset(("endpoint", "address", "zone"))
"""What may be long gives way where the terminal is narrow; numbers are never cut."""

PIPE_COLUMNS = 200

MEMBER_COLUMNS = (
    "id",
    "role",
    "state",
    "match",
    "behind",
    "contact",
    "address",
    "zone",
)


def print_statuses(statuses: dict[str, dict[str, Any] | AdminError]) -> None:
    """One line an endpoint, those that do not answer too."""
    table = _table("Members as they see themselves", STATUS_COLUMNS)
    notes = []
    for endpoint, status in statuses.items():
        if isinstance(status, AdminError):
            table.add_row(endpoint, *["-"] * (len(STATUS_COLUMNS) - 1))
            notes.append(str(status))
            continue
        identity = status["identity"]
        table.add_row(
            endpoint,
            str(identity["member_id"] or "-"),
            status["role"],
            str(status["leader_id"] or "none"),
            *(_plain(status.get(name)) for name in ("term", "commit_index", "applied_index")),
            _plain(status.get("clients")),
            _level(status),
        )
        if note := _note(status):
            notes.append(f"{endpoint}: {note}")
    console = _console()
    console.print(table)
    for note in notes:
        console.print(note, markup=False, highlight=False, soft_wrap=True)


def print_members(members: dict[str, Any]) -> None:
    """One line a member, with how far it is behind the leader."""
    title = (
        f"Leader {members['leader_id'] or 'none'}, term {members['term']}, "
        f"config index {members['config_index']}{', changing' if members['is_joint'] else ''}"
    )
    table = _table(title, MEMBER_COLUMNS)
    for row in members["members"]:
        match = row["match_index"]
        behind = None if match is None else max(0, members["commit_index"] - match)
        contact = row["last_contact_ms"]
        table.add_row(
            str(row["id"]),
            row["role"],
            _state(row),
            _plain(match),
            _plain(behind),
            "-" if contact is None else f"{contact} ms",
            row["address"] or "-",
            row["zone"] or "-",
        )
    console = _console()
    console.print(table)
    for row in members["members"]:
        if row.get("unfit"):  # not there in the release before
            text = f"member {row['id']} is not chosen to lead: {row['unfit']}"
            console.print(text, markup=False, highlight=False, soft_wrap=True)


def print_answer(answer: dict[str, Any]) -> None:
    """The fields of an answer, one a line."""
    table = Table(show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column()
    for name, value in answer.items():
        table.add_row(name.replace("_", " "), _plain(value))
    _console().print(table)


def _console() -> Console:
    """As wide as the terminal; nothing is cut off for a pipe."""
    return Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS)


def _table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, no_wrap=name not in WRAPPED, overflow="fold")
    return table


def _state(row: dict[str, Any]) -> str:
    if row["active"] is None:
        return "linked" if row["link_up"] else "not linked"
    if not row["active"]:
        return "silent"
    return "caught up" if row["caught_up"] else row["state"] or "behind"


def _level(status: dict[str, Any]) -> str:
    """The feature level in use, and the one this member speaks where that is another."""
    in_use, spoken = status.get("ensemble_feature_level"), status["feature_level"]
    return _plain(in_use) if in_use in (None, spoken) else f"{in_use} of {spoken}"


def _note(status: dict[str, Any]) -> str:
    if status.get("diverged"):
        return str(status["diverged"])
    if status["identity"]["state"] == "waiting":
        return f"waits to be added, incarnation {status['identity']['incarnation']}"
    disk = status.get("disk", {})
    if disk.get("writes_refused"):
        return str(disk["writes_refused"])
    quotas = str(status.get("quota_enforcement", ""))
    if status["ready"] and quotas not in {"", "off", "on"}:
        return f"quotas: {quotas}"
    return "" if status["ready"] else str(status["reason"])


def _plain(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
