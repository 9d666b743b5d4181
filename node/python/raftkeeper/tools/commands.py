"""The verbs beside `server`, with typer: the small ones, and where the others are hung in.

They are short-lived and may load what they like; none of those in this file touches the data of a node.
"""

import json
import os
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from raftkeeper.server.config_sources import ConfigError, load_config
from raftkeeper.server.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from raftkeeper.tools import admin, client
from raftkeeper.tools.backup_command import backup, backups_app, restore
from raftkeeper.tools.config_reference import build_reference
from raftkeeper.tools.inspect_command import inspect
from raftkeeper.tools.recover_command import recover
from raftkeeper.tools.status import StatusError, fetch_status, print_status

app = typer.Typer(
    name="raftkeeper",
    help="A coordination service that speaks the ZooKeeper protocol.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  typer calls it with the flag's value
    if wanted:
        typer.echo(metadata.version("raftkeeper"))
        raise typer.Exit


@app.callback()
def _root(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """A coordination service that speaks the ZooKeeper protocol."""


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    add_help_option=False,
)
def server(context: typer.Context) -> None:
    """Run a node. See `raftkeeper server --help` for its flags."""
    from raftkeeper.tools.start import run_server

    raise typer.Exit(run_server(context.args))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(metadata.version("raftkeeper"))


@app.command("check-config")
def check_config(file: Annotated[Path, typer.Argument(help="The TOML file.")]) -> None:
    """Check a configuration, with the environment's settings on top, and start nothing."""
    try:
        load_config(file, os.environ, {})
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(problem, err=True)
        raise typer.Exit(EXIT_USAGE) from error
    typer.echo(f"{file}: correct")


@app.command("config-reference")
def config_reference() -> None:
    """Print the reference of all settings, in Markdown."""
    typer.echo(build_reference(), nl=False)


@app.command()
def status(
    address: Annotated[
        str, typer.Argument(help="host:port of the client port, or a host alone.")
    ] = ("127.0.0.1:2181"),
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds to wait.")] = 3.0,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="All figures of mntr, as JSON.")] = False,
) -> None:
    """Show how a node is doing."""
    try:
        figures = fetch_status(address, timeout_s)
    except StatusError as error:
        typer.echo(f"raftkeeper: {error}", err=True)
        raise typer.Exit(EXIT_FAILED) from error
    if as_json:
        typer.echo(json.dumps(figures, indent=1))
    else:
        print_status(address, figures)


# Those of other files, behind the everyday ones in the list of --help.
for verb in (inspect, backup, restore, recover):
    app.command()(verb)
app.add_typer(client.app)
app.add_typer(admin.app)
app.add_typer(backups_app)


def run_command(arguments: Sequence[str]) -> int:
    """Runs a verb; the exit code of the process."""
    try:
        app(args=list(arguments), prog_name="raftkeeper", standalone_mode=True)
    except SystemExit as ended:
        code = ended.code
        return code if isinstance(code, int) else EXIT_OK if code is None else EXIT_FAILED
    return EXIT_OK
