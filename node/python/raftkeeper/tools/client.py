"""`raftkeeper client …`: reads and writes znodes from a shell, of RaftKeeper or of a ZooKeeper.

The library that speaks the protocol is kazoo, so this is a client like any other; it knows nothing of a node.
Each verb is a session of its own: an ephemeral lives as long as `create --ephemeral` runs.
"""

import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raftkeeper.server.errors import EXIT_FAILED

if TYPE_CHECKING:
    from kazoo.client import KazooClient
    from kazoo.protocol.states import WatchedEvent, ZnodeStat

DEFAULT_SERVERS = "127.0.0.1:2181"
SERVERS_VARIABLE = "RAFTKEEPER_SERVERS"
AUTH_VARIABLE = "RAFTKEEPER_AUTH"

ANY_VERSION = -1

app = typer.Typer(
    name="client",
    help="Read and write znodes.",
    no_args_is_help=True,
    add_completion=False,
)

PathArgument = Annotated[str, typer.Argument(help="A znode, /like/this.")]
VersionOption = Annotated[
    int, typer.Option("--version", help="Only if the znode has this version; -1 for any.")
]


@dataclass(frozen=True, slots=True)
class Reach:
    """Which servers, and as whom."""

    servers: str = DEFAULT_SERVERS
    auth: tuple[tuple[str, str], ...] = ()
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    timeout_s: float = 10.0


class _Given:
    """The options before the verb."""

    reach = Reach()


@app.callback()
def _options(
    *,
    servers: Annotated[
        str, typer.Option("--server", envvar=SERVERS_VARIABLE, help="host:port,host:port")
    ] = DEFAULT_SERVERS,
    auth: Annotated[
        list[str] | None,
        typer.Option(envvar=AUTH_VARIABLE, help="scheme:credential, such as digest:user:password."),
    ] = None,
    ca: Annotated[Path | None, typer.Option(help="CA of the servers' certificates: TLS.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="A client certificate.")] = None,
    key: Annotated[Path | None, typer.Option(help="Its key.")] = None,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds to wait.")] = 10.0,
) -> None:
    """Read and write znodes."""
    pairs: list[tuple[str, str]] = []
    for item in auth or ():
        scheme, colon, credential = item.partition(":")
        if not colon:
            raise typer.BadParameter(f"{item!r} is not scheme:credential")
        pairs.append((scheme, credential))
    _Given.reach = Reach(servers, tuple(pairs), ca, certificate, key, timeout_s)


@app.command("ls")
def list_children(
    path: PathArgument = "/",
    *,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="All that is below.")
    ] = False,
) -> None:
    """List children, by name."""
    with _session() as client:
        for name in _below(client, path) if recursive else sorted(client.get_children(path)):
            typer.echo(name)


@app.command()
def get(path: PathArgument) -> None:
    """Print a znode's data, byte for byte."""
    with _session() as client:
        data, _ = client.get(path)
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
    if sys.stdout.isatty():
        typer.echo()


@app.command("set")
def set_data(
    path: PathArgument,
    data: Annotated[str, typer.Argument(help="The new data; - reads standard input.")],
    version: VersionOption = ANY_VERSION,
) -> None:
    """Replace a znode's data."""
    with _session() as client:
        stat = client.set(path, _bytes_of(data), version)
    typer.echo(f"version {stat.version}")


@app.command()
def create(
    path: PathArgument,
    data: Annotated[str, typer.Argument(help="Its data; - reads standard input.")] = "",
    *,
    parents: Annotated[bool, typer.Option("--parents", "-p", help="Missing parents too.")] = False,
    sequential: Annotated[
        bool, typer.Option("--sequential", "-s", help="Append a number to its name.")
    ] = False,
    ephemeral: Annotated[
        bool, typer.Option("--ephemeral", "-e", help="Keep it until this command is ended.")
    ] = False,
) -> None:
    """Create a znode, and print its path."""
    with _session() as client:
        made = client.create(
            path, _bytes_of(data), ephemeral=ephemeral, sequence=sequential, makepath=parents
        )
        typer.echo(made)
        if ephemeral:
            _until_interrupted()


@app.command()
def delete(
    path: PathArgument,
    version: VersionOption = ANY_VERSION,
    *,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="And all below it.")] = False,
) -> None:
    """Delete a znode."""
    with _session() as client:
        client.delete(path, version, recursive=recursive)


@app.command()
def stat(
    path: PathArgument,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what is known of a znode beside its data: versions, times, owner, ACL."""
    with _session() as client:
        _, found = client.get(path)
        acls, _ = client.get_acls(path)
    facts: dict[str, Any] = {
        "path": path,
        "data": found.data_length,
        "children": found.children_count,
        "version": found.version,
        "children_version": found.children_version,
        "acl_version": found.acl_version,
        "created": _moment(found.ctime),
        "modified": _moment(found.mtime),
        "czxid": f"0x{found.czxid:x}",
        "mzxid": f"0x{found.mzxid:x}",
        "pzxid": f"0x{found.pzxid:x}",
        "owner": _owner(found),
        "acl": [f"{acl.id.scheme}:{acl.id.id} {','.join(acl.acl_list).lower()}" for acl in acls],
    }
    if as_json:
        typer.echo(json.dumps(facts, indent=1))
        return
    facts["data"] = f"{found.data_length} bytes"
    facts["acl"] = "; ".join(facts["acl"])
    for name, value in facts.items():
        typer.echo(f"{name:17} {value}")


@app.command()
def watch(path: PathArgument) -> None:
    """Print what happens to a znode and its children, until interrupted."""
    with _session() as client:

        def arm() -> None:
            """Watches fire once, so each event sets them again."""
            if client.exists(path, on_event) is not None:
                client.get_children(path, on_event)

        def on_event(event: "WatchedEvent") -> None:
            typer.echo(
                f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {event.type} {event.path}"
            )
            client.handler.spawn(arm)

        arm()
        _until_interrupted()


@contextmanager
def _session() -> Iterator["KazooClient"]:
    """A session for one verb; what the server says no to is one line, and exit code 1."""
    from kazoo.client import KazooClient
    from kazoo.exceptions import KazooException
    from kazoo.handlers.threading import KazooTimeoutError

    logging.getLogger("kazoo").setLevel(logging.CRITICAL)  # it tells what we tell
    reach = _Given.reach
    client = KazooClient(
        reach.servers,
        auth_data=list(reach.auth),
        use_ssl=reach.ca is not None or reach.certificate is not None,
        ca=str(reach.ca) if reach.ca else None,
        certfile=str(reach.certificate) if reach.certificate else None,
        keyfile=str(reach.key) if reach.key else None,
        connection_retry={"max_tries": -1, "delay": 0.1, "max_delay": 1.0},
    )
    try:
        client.start(timeout=reach.timeout_s)
        yield client
    except KazooTimeoutError:
        _fail(f"cannot reach {reach.servers} within {reach.timeout_s:g} s")
    except KazooException as error:
        _fail(_said(error))
    except ValueError as error:  # kazoo checks paths before it sends them
        _fail(str(error))
    finally:
        client.stop()
        client.close()


def _said(error: Exception) -> str:
    """`NoNodeError` → `no node`; the server's own words where there are some."""
    name = type(error).__name__.removesuffix("Error")
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
    return f"{words}: {error}" if str(error) else words


def _fail(message: str) -> None:
    typer.echo(f"raftkeeper: {message}", err=True)
    raise typer.Exit(EXIT_FAILED)


def _bytes_of(text: str) -> bytes:
    return sys.stdin.buffer.read() if text == "-" else text.encode()


def _below(client: "KazooClient", path: str) -> Iterator[str]:
    """Every znode below, parents first."""
    for name in sorted(client.get_children(path)):
        child = f"{path.rstrip('/')}/{name}"
        yield child
        yield from _below(client, child)


def _owner(stat: "ZnodeStat") -> str:
    return f"session 0x{stat.ephemeralOwner:x}" if stat.ephemeralOwner else "none"


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def _until_interrupted() -> None:
    """Returns at SIGINT or SIGTERM."""
    ended = threading.Event()
    stop: Callable[..., None] = lambda *_: ended.set()  # noqa: E731  a handler's shape
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    ended.wait()
