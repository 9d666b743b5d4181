"""`raftkeeper backup`, `restore`, and `backups list`, `prune`, `delete`: for people, Jobs and crontabs.

Each prints one line of JSON on standard output; what went wrong is a sentence on standard error and
the exit code. With --result that line is written to a file as well, as /dev/termination-log.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from raftkeeper.server.config_sources import load_config
from raftkeeper.tools.admin import (
    TOKEN_VARIABLE,
    CaOption,
    CertificateOption,
    EndpointsOption,
    KeyOption,
    TokenFileOption,
)
from raftkeeper.tools.admin_client import (
    DEFAULT_ENDPOINT,
    Access,
    AdminClient,
    AdminError,
    build_tls,
    read_token,
)
from raftkeeper.tools.backup_places import BackupError, check_name, open_place
from raftkeeper.tools.backup_pruning import choose_outdated
from raftkeeper.tools.backup_taking import take_backup
from raftkeeper.tools.restoring import Target, restore_into
from raftkeeper.tools.telling import ResultOption, tell

backups_app = typer.Typer(
    name="backups",
    help="List backups, and delete old ones.",
    no_args_is_help=True,
    add_completion=False,
)

PlaceArgument = Annotated[str, typer.Argument(help="file:///folder, or s3://bucket/prefix.")]


def backup(
    *,
    to: Annotated[str, typer.Option(help="file:///folder, or s3://bucket/prefix.")],
    endpoints: EndpointsOption = DEFAULT_ENDPOINT,
    token_file: TokenFileOption = None,
    ca: CaOption = None,
    certificate: CertificateOption = None,
    key: KeyOption = None,
    name: Annotated[str, typer.Option(help="Of the backup; else time, index and term.")] = "",
    work_dir: Annotated[
        Path | None, typer.Option(help="Where the snapshot is kept while it is checked.")
    ] = None,
    timeout_s: Annotated[
        float, typer.Option("--timeout", help="Seconds for a snapshot to be taken.", min=0.1)
    ] = 60.0,
    result: ResultOption = None,
) -> None:
    """Take a consistent snapshot of the ensemble, read it whole, and keep it somewhere else.

    For S3, the environment holds AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, and where they are needed
    AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL and AWS_CA_BUNDLE.
    """

    def work() -> dict[str, Any]:
        place, named = open_place(to, os.environ)
        addresses = tuple(part.strip() for part in endpoints.split(",") if part.strip())
        token = read_token(token_file, os.environ.get(TOKEN_VARIABLE, ""))
        access = Access(addresses, token, build_tls(ca, certificate, key), timeout_s)
        wanted = name or named
        record = take_backup(
            AdminClient(access),
            addresses,
            place,
            name=check_name(wanted) if wanted else "",
            timeout_s=timeout_s,
            work=work_dir,
        )
        return {**record.as_json(), "location": f"{place.url}/{record.name}.snap"}

    tell(work, result, BackupError, AdminError)


def restore(
    source: Annotated[
        str, typer.Argument(help="A backup, …/NAME.snap, or a place: its newest backup.")
    ],
    *,
    config: Annotated[
        Path | None, typer.Option(help="The node's TOML file; its environment counts too.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="The empty folder, else storage.data_dir.")
    ] = None,
    address: Annotated[
        str, typer.Option(help="host:port at which members will reach it, else peer.address.")
    ] = "",
    founder_only: Annotated[
        bool,
        typer.Option(
            "--founder-only",
            help="Do nothing where the folder holds data already, or this node is not the founder "
            "of ensemble.members: for an init container that all pods have.",
        ),
    ] = False,
    result: ResultOption = None,
) -> None:
    """Make an empty folder the first member of a new ensemble with the state of a backup.

    The ensemble is another one, with an id of its own; other members are added to it. Sessions are
    part of the state: they live until they expire.
    """

    def work() -> dict[str, Any]:
        settings = load_config(config, os.environ, {})
        target = Target(
            data_dir or settings.storage.data_dir,
            address or (settings.peer_address if settings.talks_to_members else ""),
            settings.ensemble.zone,
            settings.ensemble.priority,
        )
        if founder_only and (reason := _not_the_founder(settings.listed_as, settings.ensemble)):
            return {"restored": False, "reason": reason}
        return restore_into(target, source, os.environ, skip_if_used=founder_only)

    tell(work, result, BackupError, AdminError)


@backups_app.command("list")
def list_backups(place: PlaceArgument) -> None:
    """Every backup that is complete, oldest first, a line of JSON for each."""

    def work() -> None:
        found, _ = open_place(place, os.environ)
        for name in found.names():
            record = found.record(name)
            if record is not None:
                print(json.dumps(record.as_json()))

    tell(work, None, BackupError, AdminError)


@backups_app.command()
def prune(
    place: PlaceArgument,
    *,
    keep: Annotated[int, typer.Option(help="How many of the newest stay.", min=1)],
    keep_days: Annotated[
        float, typer.Option(help="Those that are younger stay too.", min=0.0)
    ] = 0.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which.")] = False,
    result: ResultOption = None,
) -> None:
    """Delete the old backups of a place."""

    def work() -> dict[str, Any]:
        found, _ = open_place(place, os.environ)
        records = [record for name in found.names() if (record := found.record(name))]
        outdated = choose_outdated(records, keep, timedelta(days=keep_days), datetime.now(UTC))
        for record in outdated:
            if not dry_run:
                found.delete(record.name)
        names = [record.name for record in outdated]
        return {"deleted": [] if dry_run else names, "outdated": names, "all": len(records)}

    tell(work, result, BackupError, AdminError)


@backups_app.command()
def delete(
    backup: Annotated[str, typer.Argument(help="…/NAME.snap")], *, result: ResultOption = None
) -> None:
    """Delete one backup. That it is gone already is no error."""

    def work() -> dict[str, Any]:
        found, name = open_place(backup, os.environ)
        if not name:
            raise BackupError(f"{backup!r} names no backup: …/NAME.snap")
        found.delete(name)
        return {"deleted": [name]}

    tell(work, result, BackupError, AdminError)


def _not_the_founder(listed_as: int, ensemble: Any) -> str:
    if not ensemble.bootstrap or not ensemble.members:
        return "no ensemble is being founded (ensemble.members, ensemble.bootstrap)"
    first = min(int(item.partition("=")[0]) for item in ensemble.members)
    return "" if listed_as == first else f"member {first} founds, and this is not it"
