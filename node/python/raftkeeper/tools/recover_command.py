"""`raftkeeper recover`: a stopped survivor's data become an ensemble of one, when a majority is lost for good.

For a person who has read the runbook. It says what it kept and what may be missing; the work is
`server.forced_recovery`'s.
"""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from raftkeeper.server.config import Config
from raftkeeper.server.config_sources import ConfigError, flag_name, load_config
from raftkeeper.server.errors import NodeError
from raftkeeper.server.forced_recovery import (
    Outcome,
    RecoveryRefused,
    Survivor,
    is_due,
    recover_alone,
)
from raftkeeper.server.opening import build_engine, open_directory
from raftkeeper.server.recovery_order import parse_order
from raftkeeper.storage.layout import LOCK
from raftkeeper.tools.telling import ResultOption, tell

UNACKNOWLEDGED = (
    "this gives up everything that the lost members acknowledged without this one; "
    "add --acknowledge-data-loss if that is accepted, or bring their disks back"
)


def recover(
    *,
    epoch: Annotated[
        int, typer.Option(help="Of this recovery: above that of every one before; 1 for the first.")
    ],
    address: Annotated[
        str, typer.Option(help="host:port at which members will reach it, else peer.address.")
    ] = "",
    zone: Annotated[str, typer.Option(help="Its zone, else ensemble.zone, else as it was.")] = "",
    data_dir: Annotated[
        Path | None, typer.Option(help="The survivor's folder, else storage.data_dir.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The node's TOML file; its environment counts too.")
    ] = None,
    acknowledge_data_loss: Annotated[
        bool,
        typer.Option(
            "--acknowledge-data-loss",
            help="What the lost members acknowledged without this one is lost.",
        ),
    ] = False,
    result: ResultOption = None,
) -> None:
    """Make a stopped member's data an ensemble of one, because a majority is lost for good.

    Choose the member whose log ends last: `raftkeeper inspect` shows term and index. Everything in its
    log is kept. The ensemble is another one, with an id of its own; the old data stay beside the new.
    Give all other nodes ensemble.recovery = "EPOCH@ADDRESS": it keeps old disks from voting.
    """

    def work() -> dict[str, Any]:
        flags = {flag_name("storage", "data_dir"): str(data_dir)} if data_dir else {}
        settings = load_config(config, os.environ, flags)
        if not acknowledge_data_loss:
            raise ConfigError([UNACKNOWLEDGED])
        survivor = Survivor(epoch, address or settings.peer_address, zone or settings.ensemble.zone)
        try:
            parse_order(f"{survivor.epoch}@{survivor.address}")
        except ValueError as error:
            raise ConfigError([f"--epoch and --address: {error}"]) from error
        return _recover(settings, survivor)

    tell(work, result, RecoveryRefused, NodeError)


def _recover(settings: Config, survivor: Survivor) -> dict[str, Any]:
    path: Path = settings.storage.data_dir
    if not (path / LOCK).exists():
        raise RecoveryRefused(f"{path} is no node's data folder: there is no lock file in it")
    directory = open_directory(settings)
    try:
        if not is_due(directory.identity, survivor.epoch):
            return {"recovered": False, "reason": f"recovery {survivor.epoch} is done already"}
        return _describe(recover_alone(directory, build_engine(settings), survivor))
    finally:
        directory.close()


def _describe(outcome: Outcome) -> dict[str, Any]:
    others = ", ".join(outcome.others)
    missing = f"what {others} acknowledged behind entry {outcome.index} without this member"
    return {
        "recovered": True,
        **asdict(outcome),
        "zxid": f"0x{outcome.zxid:x}",
        "zxid_after": f"0x{outcome.zxid_after:x}",
        "old_data": str(outcome.old_data),
        "may_be_missing": missing if others else "nothing: this member was the only voter",
    }
