"""`raftkeeper admin …`: the admin API for people. Each verb is one request, or two.

A change goes to the leader, found among --endpoints; drain, snapshot and download go to the first
endpoint. With --json, before the verb or behind it, the answer is printed as it came.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from raftkeeper.server.errors import EXIT_FAILED
from raftkeeper.tools.admin_client import (
    DEFAULT_ENDPOINT,
    Access,
    AdminClient,
    AdminError,
    build_tls,
    read_token,
)
from raftkeeper.tools.admin_tables import print_answer, print_members, print_statuses

TOKEN_VARIABLE = "RAFTKEEPER_ADMIN_TOKEN"  # noqa: S105  the name of a variable
TOKEN_FILE_VARIABLE = "RAFTKEEPER_ADMIN_TOKEN_FILE"  # noqa: S105  likewise
ENDPOINTS_VARIABLE = "RAFTKEEPER_ADMIN_ENDPOINTS"
CA_VARIABLE = "RAFTKEEPER_ADMIN_CA"

# How to reach the members and prove that one may: the same for every command that asks them.
EndpointsOption = Annotated[
    str, typer.Option(envvar=ENDPOINTS_VARIABLE, help="Admin addresses of the members, a:1,b:2.")
]
TokenFileOption = Annotated[
    Path | None,
    typer.Option(
        envvar=TOKEN_FILE_VARIABLE, help=f"File with the token; or {TOKEN_VARIABLE} holds it."
    ),
]
CaOption = Annotated[
    Path | None, typer.Option(envvar=CA_VARIABLE, help="CA of the nodes' certificates: TLS.")
]
CertificateOption = Annotated[Path | None, typer.Option(help="A client certificate.")]
KeyOption = Annotated[Path | None, typer.Option(help="Its key.")]

app = typer.Typer(
    name="admin",
    help="Look at an ensemble and change it. See docs/reference/admin-api.md.",
    no_args_is_help=True,
    add_completion=False,
)

T = TypeVar("T")

MemberArgument = Annotated[int, typer.Argument(help="The member's id.", min=1)]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Even if too few voters would be in contact afterwards.")
]
IndexOption = Annotated[
    int | None,
    typer.Option(
        "--config-index",
        help="The membership this was decided on; without it the one of this moment.",
        min=0,
    ),
]


class _Given:
    """The options before the verb."""

    access = Access((DEFAULT_ENDPOINT,))
    as_json = False


def _note_json(wanted: bool) -> None:  # noqa: FBT001  typer calls it with the flag's value
    """Behind the verb; what was said before it stays said."""
    _Given.as_json = _Given.as_json or wanted


JsonOption = Annotated[bool, typer.Option("--json", callback=_note_json, help="Print JSON.")]


@app.callback()
def _options(
    *,
    endpoints: EndpointsOption = DEFAULT_ENDPOINT,
    token_file: TokenFileOption = None,
    ca: CaOption = None,
    certificate: CertificateOption = None,
    key: KeyOption = None,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds to wait.", min=0.1)] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look at an ensemble and change it."""
    _Given.as_json = as_json
    _Given.access = _told(
        lambda: Access(
            tuple(part.strip() for part in endpoints.split(",") if part.strip()),
            read_token(token_file, os.environ.get(TOKEN_VARIABLE, "")),
            build_tls(ca, certificate, key),
            timeout_s,
        )
    )
    if not _Given.access.endpoints:
        raise typer.BadParameter("--endpoints names no address")


@app.command()
def status(*, _as_json: JsonOption = False) -> None:
    """Every endpoint as it sees itself. Needs no quorum."""
    statuses = _told(AdminClient(_Given.access).statuses)
    if _Given.as_json:
        _print_json(
            {
                endpoint: _error_json(found) if isinstance(found, AdminError) else found
                for endpoint, found in statuses.items()
            }
        )
    else:
        print_statuses(statuses)
    if all(isinstance(found, AdminError) for found in statuses.values()):
        raise typer.Exit(EXIT_FAILED)


@app.command()
def members(*, _as_json: JsonOption = False) -> None:
    """The members as the leader knows them: who is behind, and by how much."""
    found = _told(AdminClient(_Given.access).members)
    if _Given.as_json:
        _print_json(found)
    else:
        print_members(found)


@app.command("add-learner")
def add_learner(
    address: Annotated[str, typer.Argument(help="host:port of the new node's peer port.")],
    *,
    incarnation: Annotated[
        str, typer.Option(help="Of its disk; without it the node is asked.")
    ] = "",
    zone: Annotated[
        str | None, typer.Option(help="Where it stands; without it the node is asked.")
    ] = None,
    priority: Annotated[
        int | None,
        typer.Option(help="Higher ones lead by preference; without it the node is asked."),
    ] = None,
    config_index: IndexOption = None,
    _as_json: JsonOption = False,
) -> None:
    """Add a node with an empty disk, which listens and does not vote yet."""
    given = {"incarnation": incarnation or None, "zone": zone, "priority": priority}
    said = {name: value for name, value in given.items() if value is not None}
    _change("POST", "/v1/members", {"address": address, **said}, config_index)


@app.command()
def promote(
    member: MemberArgument,
    *,
    force: ForceOption = False,
    config_index: IndexOption = None,
    _as_json: JsonOption = False,
) -> None:
    """Let a learner that has caught up vote."""
    _change("POST", f"/v1/members/{member}/promote", {"force": force}, config_index)


@app.command()
def remove(
    member: MemberArgument,
    *,
    force: ForceOption = False,
    config_index: IndexOption = None,
    _as_json: JsonOption = False,
) -> None:
    """Remove a member for ever."""
    _change("DELETE", f"/v1/members/{member}", {"force": force}, config_index)


@app.command()
def replace(
    old: Annotated[int, typer.Argument(help="The voter that goes.", min=1)],
    new: Annotated[int, typer.Argument(help="The learner that takes its place.", min=1)],
    *,
    force: ForceOption = False,
    config_index: IndexOption = None,
    _as_json: JsonOption = False,
) -> None:
    """Put a learner that has caught up in a voter's place, in one step."""
    body = {"old": old, "new": new, "force": force}
    _change("POST", "/v1/members/replace", body, config_index)


@app.command()
def update(
    member: MemberArgument,
    *,
    address: Annotated[str, typer.Option(help="host:port of its peer port.")] = "",
    zone: Annotated[str | None, typer.Option(help="Where it stands.")] = None,
    priority: Annotated[int | None, typer.Option(help="Higher ones lead by preference.")] = None,
    config_index: IndexOption = None,
    _as_json: JsonOption = False,
) -> None:
    """Change a member's address, zone or priority."""
    given = {"address": address or None, "zone": zone, "priority": priority}
    body = {name: value for name, value in given.items() if value is not None}
    _change("PATCH", f"/v1/members/{member}", body, config_index)


@app.command()
def transfer(
    to: Annotated[int, typer.Argument(help="To which member; without it the best one.")] = 0,
    *,
    _as_json: JsonOption = False,
) -> None:
    """Hand leadership over, without an election."""
    _show(lambda: AdminClient(_Given.access).transfer(to))


@app.command()
def drain(
    *,
    leadership: Annotated[
        bool, typer.Option(help="Hand leadership over first, if this member has it.")
    ] = True,
    undo: Annotated[bool, typer.Option("--undo", help="Let clients in again.")] = False,
    _as_json: JsonOption = False,
) -> None:
    """Send the clients of the first endpoint's member elsewhere, before it is stopped."""
    client, endpoint = AdminClient(_Given.access), _Given.access.endpoints[0]
    _show(lambda: client.drain(endpoint, leadership=leadership, undo=undo))


@app.command()
def snapshot(*, _as_json: JsonOption = False) -> None:
    """Take a snapshot at the first endpoint's member."""
    _show(lambda: AdminClient(_Given.access).take_snapshot(_Given.access.endpoints[0]))


@app.command()
def download(
    file: Annotated[Path, typer.Argument(help="Where to write it.")],
    *,
    wanted: Annotated[
        str, typer.Option("--snapshot", help="Its id; without it a new one is taken.")
    ] = "",
    _as_json: JsonOption = False,
) -> None:
    """Take a snapshot at the first endpoint's member and fetch it, checked by its digest."""
    client, endpoint = AdminClient(_Given.access), _Given.access.endpoints[0]

    def work() -> dict[str, Any]:
        found = wanted or str(client.take_snapshot(endpoint)["id"])
        return client.download(endpoint, found, file)

    _show(work)


# ---- how it is told -----------------------------------------------------------------------------


def _change(method: str, path: str, body: dict[str, Any], config_index: int | None) -> None:
    _show(lambda: AdminClient(_Given.access).change(method, path, body, config_index))


def _show(work: Callable[[], dict[str, Any]]) -> None:
    answer = _told(work)
    if _Given.as_json:
        _print_json(answer)
    else:
        print_answer(answer)


def _told(work: Callable[[], T]) -> T:
    """The result; an error ends the program with a sentence and what to do about it."""
    try:
        return work()
    except AdminError as error:
        if _Given.as_json:
            _print_json(_error_json(error))
        code = f" ({error.code})" if error.code else ""
        print(f"raftkeeper: {error}{code}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        raise typer.Exit(EXIT_FAILED) from error


def _error_json(error: AdminError) -> dict[str, Any]:
    fields = {"code": error.code, "message": str(error), "hint": error.hint}
    return {"error": {**fields, **error.details}}


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2))
