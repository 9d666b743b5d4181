"""From a folder on disk to the parts of a node: identity, snapshot, log, engine, Raft core.

Nothing serves yet when this is done: the log behind the snapshot is applied by the driver. A
damaged file stops the start with its name and the way out; it is never guessed around.
"""

import asyncio
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from raftkeeper._engine import Engine, EngineError
from raftkeeper.raft import AcknowledgedLost, MembershipTooNew, RaftConfig, RaftCore
from raftkeeper.server import limits
from raftkeeper.server.clock import Clock
from raftkeeper.server.ensemble.founding import Surveyor, find_identity, found_again
from raftkeeper.server.errors import DamagedData, NodeError
from raftkeeper.server.feature_level import FEATURE_LEVEL
from raftkeeper.server.forced_recovery import RecoveryRefused, Survivor, recover_alone
from raftkeeper.server.logs import get_logger
from raftkeeper.server.recovery_order import parse_order
from raftkeeper.server.restored import build_core
from raftkeeper.storage import (
    DAMAGE_WAY_OUT,
    DataDirectory,
    Identity,
    SnapshotMeta,
    StorageError,
    StorageOptions,
    give_up_data,
)

if TYPE_CHECKING:
    from raftkeeper.server.config import Config

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OpenData:
    """A data folder that is locked, checked and read in."""

    directory: DataDirectory
    identity: Identity
    engine: Engine
    core: RaftCore
    snapshot: SnapshotMeta | None


def build_engine(config: "Config") -> Engine:
    """An empty engine with this configuration's bounds."""
    return Engine(
        origin=secrets.randbits(64),
        min_session_timeout_ms=config.session.min_timeout_ms,
        max_session_timeout_ms=config.session.max_timeout_ms,
        frame_bytes_max=config.client.frame_bytes_max,
        batch_bytes_max=config.storage.batch_bytes_max,
        connection_outstanding_max=config.client.connection_outstanding_max,
        outstanding_max=config.client.outstanding_max,
        unsent_bytes_max=config.client.unsent_bytes_max,
        super_digest=config.auth.super_digest,
        skip_acl=config.auth.skip_acl,
        reconfig_enabled=config.features.reconfig,
        ttl_enabled=config.features.ttl_nodes,
        linearizable_reads=config.client.linearizable_reads,
        read_only_mode=config.client.read_only_mode,
    )


def lock_data(config: "Config") -> DataDirectory:
    """Opens the folder for this process alone, having set aside what counts no more."""
    order = parse_order(config.ensemble.recovery)
    if order is not None and order.survivor != config.peer_address:
        try:
            aside = give_up_data(config.storage.data_dir, _build_options(config), order.epoch)
        except StorageError as error:
            raise _as_node_error(error) from error
        if aside is not None:
            log.warning(
                "data.given_up",
                reason=f"recovery {order.epoch} has made another ensemble of the data of "
                f"{order.survivor}",
                old_data=str(aside),
                effect="this node has an empty disk and waits to be added",
            )
    return open_directory(config)


def open_directory(config: "Config") -> DataDirectory:
    """Opens the folder for this process alone, as it is."""
    path: Path = config.storage.data_dir
    try:
        return DataDirectory.open(path, _build_options(config))
    except StorageError as error:
        raise _as_node_error(error) from error
    except OSError as error:
        raise NodeError(
            f"cannot use {path} as data folder (storage.data_dir): {error.strerror}"
        ) from error


def _build_options(config: "Config") -> StorageOptions:
    return StorageOptions(
        segment_bytes=config.storage.segment_bytes,
        snapshots_kept=config.snapshot.retain,
        record_bytes_max=config.record_bytes_max,
    )


async def open_data(
    config: "Config", directory: DataDirectory, transport: Surveyor | None
) -> OpenData:
    """Reads everything a locked folder holds, or makes it a new node's, which may take for ever:
    until others are there, or take this node in.
    """
    await asyncio.to_thread(_follow_order, config, directory)
    engine = build_engine(config)
    try:
        identity, founding = await find_identity(config, directory, transport)
        engine.set_member(identity.member_id)
        # The scan of the log may take seconds of reading; health is asked meanwhile.
        recovered = await asyncio.to_thread(directory.recover)
        core = build_core(_build_core_config(config, identity), recovered, directory.path)
        if recovered.snapshot is not None:
            await _restore(engine, directory, recovered.snapshot)
    except MembershipTooNew as error:
        held = config.ensemble.feature_level_max < FEATURE_LEVEL
        way_out = ", or leave ensemble.feature_level_max out" if held else ""
        raise NodeError(f"{error}{way_out}") from error
    except StorageError as error:
        raise _as_node_error(error) from error
    if core.last_index == 0 and identity.founds:
        founding = founding or await found_again(config, identity, transport)
        if founding is None:
            raise DamagedData(
                "the members of ensemble.members belong to an ensemble without this one: start this "
                "node with an empty directory, and let it be added"
            )
        core.bootstrap(founding)
    elif len(config.ensemble.members) > 1 and not core.members:
        log.warning(
            "ensemble.members_ignored",
            reason="this data folder has a membership of its own, and this node is its only member",
            hint="add others with `raftkeeper admin add-learner HOST:PORT`, or start with an empty folder",
        )
    if core.members and not config.talks_to_members:
        raise NodeError(
            f"the data folder belongs to an ensemble with members {sorted(core.members)} beside this "
            "one: set peer.enabled"
        )
    return OpenData(directory, identity, engine, core, recovered.snapshot)


def _build_core_config(config: "Config", identity: Identity) -> RaftConfig:
    return RaftConfig(
        member_id=identity.member_id,
        election_ticks=config.ensemble.election_ticks,
        hot_bytes_max=limits.LOG_HOT_BYTES_MAX,
        preferred_zones=config.ensemble.preferred_zones,
        level_max=config.ensemble.feature_level_max,
        nonce=secrets.randbits(62),
    )


def _follow_order(config: "Config", directory: DataDirectory) -> None:
    """Does what `ensemble.recovery` asks of the survivor, once; in a worker's thread, for it reads all."""
    order, identity = parse_order(config.ensemble.recovery), directory.identity
    if order is None or order.survivor != config.peer_address:
        return
    if identity is None or identity.is_waiting:
        return  # the survivor's disk was replaced since: it waits to be added, as any other
    if identity.recovery_epoch >= order.epoch:
        return
    survivor = Survivor(order.epoch, config.peer_address, config.ensemble.zone)
    try:
        outcome = recover_alone(directory, build_engine(config), survivor)
    except RecoveryRefused as error:
        raise DamagedData(str(error)) from error
    log.warning(
        "ensemble.recovered",
        epoch=outcome.epoch,
        cluster=outcome.cluster_id,
        member=outcome.member_id,
        from_cluster=outcome.from_cluster_id,
        index=outcome.index,
        zxid=f"0x{outcome.zxid:x}",
        old_data=str(outcome.old_data),
        effect="this member alone is the ensemble; what others acknowledged without it is lost",
    )


def build_first_entry(engine: Engine, identity: Identity, clock: Clock) -> bytes:
    """The entry that gives a new cluster its id, its secret and its first session id.

    The session id is ZooKeeper's form, the member in the top byte and milliseconds below, so that
    two clusters that a client confuses do not hand out the same ones.
    """
    now_ms = clock.wall_ms()
    first_session = (identity.member_id << 56) | ((now_ms << 16) & 0x00FF_FFFF_FFFF_FFFF)
    return engine.bootstrap_entry(
        cluster_id=identity.cluster_id,
        secret=os.urandom(32),
        first_session=first_session,
        now_ms=now_ms,
    )


def condemn_data(directory: DataDirectory, lost: AcknowledgedLost) -> NodeError:
    """Writes down that the disk has lost entries, so that the next start stays and says so, as with any
    other damage, instead of dying of the same again. What the person who starts it should read now.
    """
    try:
        directory.condemn(str(lost))
    except StorageError as error:
        log.error("node.not_condemned", reason=str(error), effect="the next start finds out anew")
    return DamagedData(f"{directory.path}: {lost}. {DAMAGE_WAY_OUT}")


def _as_node_error(error: StorageError) -> NodeError:
    return DamagedData(str(error)) if error.is_damage else NodeError(str(error))


async def _restore(engine: Engine, directory: DataDirectory, snapshot: SnapshotMeta) -> None:
    log.info("snapshot.restore", index=snapshot.index, zxid=f"0x{snapshot.zxid:x}")
    try:
        engine.restore_begin()
        for piece in directory.snapshots.read(snapshot):
            engine.restore_piece(piece)
            await asyncio.sleep(0)
        engine.restore_end()
    except EngineError as error:
        raise DamagedData(
            f"the snapshot of index {snapshot.index} does not fit together: {error}; "
            "move it out of the snapshots folder to start from the one before it"
        ) from error
