"""What a stopped node's directory holds, read by the code that a node starts with. It changes nothing.

Damage ends no inspection: what can be read is shown, and what cannot is said with the way out. The
verdict is recovery's own: whether a node would start from this.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from raftkeeper._engine import EngineError, describe_entry
from raftkeeper.raft import BASE_LEVEL, EntryKind, Membership, MembershipTooNew, RaftConfig
from raftkeeper.server.feature_level import FEATURE_LEVEL
from raftkeeper.server.restored import build_core, load_state
from raftkeeper.storage import (
    DAMAGE_WAY_OUT,
    Identity,
    Recovered,
    SnapshotMeta,
    StorageError,
    StorageOptions,
)
from raftkeeper.storage.data_directory import check_not_condemned, read_diverged
from raftkeeper.storage.hard_state import UNKNOWN_END, HardStateFile, SlotState
from raftkeeper.storage.identity import read_identity
from raftkeeper.storage.layout import (
    HARD_STATE,
    IDENTITY,
    LOCK,
    LOG,
    SNAPSHOTS,
    segment_sequence,
    snapshot_position,
)
from raftkeeper.storage.log_scan import LogImage, LogScan
from raftkeeper.storage.recovery import recover
from raftkeeper.storage.replacement import is_replacing
from raftkeeper.storage.segments import HEADER_BYTES, Segment, SegmentMaker
from raftkeeper.storage.snapshots import SnapshotStore, check_snapshot
from raftkeeper.storage.wal import Record, Wal
from raftkeeper.tools.read_only_files import ReadOnlyFiles
from raftkeeper.tools.tree_walk import empty_engine


class InspectionError(Exception):
    """There is nothing that could be inspected; the sentence says why."""


@dataclass(slots=True)
class SnapshotFound:
    """One file, whole or damaged."""

    path: Path
    size: int
    meta: SnapshotMeta | None
    damage: str = ""


@dataclass(slots=True)
class Inspection:
    """Everything that was found."""

    path: Path
    identity: Identity | None = None
    hard_state: SlotState | None = None
    snapshots: list[SnapshotFound] = field(default_factory=list)
    image: LogImage = field(default_factory=LogImage)
    repairs: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    diverged: str = ""
    """Why a node that starts from this serves nobody before it is healed; '' when it may."""
    recovered: Recovered | None = None
    """What a start would find; None where it finds nothing, or damage."""

    @property
    def newest(self) -> SnapshotFound | None:
        """The newest snapshot that is whole."""
        return next((found for found in self.snapshots if found.meta is not None), None)

    @property
    def segments(self) -> list[Segment]:
        """Those with entries, then those that lie ready."""
        return [*self.image.segments, *self.image.spares]

    @property
    def last_index(self) -> int:
        """Of the log, or of the snapshot where the log has none behind it."""
        index = self.image.index
        if not index.is_empty:
            return index.last_index
        return self.newest.meta.index if self.newest and self.newest.meta else 0

    @property
    def last_term(self) -> int:
        """The term of the last entry: with `last_index` it says which member knows most."""
        index = self.image.index
        if not index.is_empty:
            return index.last_term
        return self.newest.meta.term if self.newest and self.newest.meta else 0

    @property
    def membership(self) -> tuple[int, Membership] | None:
        """The newest that is known, committed or not, and the index where it stands."""
        for index, payload in reversed(self.image.configs):
            return index, Membership.decode(payload)
        if self.newest is not None and self.newest.meta is not None:
            meta = self.newest.meta
            return meta.config_index or meta.index, Membership.decode(meta.membership)
        return None


class Inspector:
    """Looks at one directory."""

    def __init__(self, path: Path) -> None:
        self.files = ReadOnlyFiles()
        self._path = path.absolute()
        self._store = SnapshotStore(self.files, self._path / SNAPSHOTS, StorageOptions())

    def run(self) -> Inspection:
        """Raises InspectionError when it is no data directory, or a node uses it."""
        path = self._path
        found = Inspection(path)
        self._lock()
        if is_replacing(path):
            found.damage.append(
                "other data are taking the place of these, and it is not finished: start the node, or "
                "run `raftkeeper recover` again, and look then"
            )
            return found
        try:
            found.identity = read_identity(self.files, path / IDENTITY)
        except StorageError as error:
            found.damage.append(str(error))
            return found
        if found.identity is None:
            if self.files.names(path / LOG) or self.files.names(path / SNAPSHOTS):
                found.damage.append(f"{path / IDENTITY}: the identity is missing")
                return found
            raise InspectionError(f"{path} has no identity: it is no node's data folder, or empty")
        try:
            check_not_condemned(self.files, path, found.identity)
        except StorageError as error:
            found.damage.append(str(error))
        diverged = read_diverged(self.files, path, found.identity)
        found.diverged = diverged.reason if diverged is not None else ""
        found.snapshots = self._snapshots()
        self._read_hard_state(found)
        has_begun = found.hard_state is not None and found.hard_state.term > 0
        if has_begun or self._has_log() or found.snapshots:
            self._recover(found, found.identity)
        # Each repair is noted once, though some files are looked at twice.
        found.repairs = list(dict.fromkeys(self.files.repairs))
        return found

    def try_state(self, found: Inspection) -> None:
        """Builds the state as a start does, in memory, and notes why it cannot be built. That takes
        as long as a start.
        """
        recovered = found.recovered
        if recovered is None or found.damage:
            return
        snapshot = recovered.snapshot
        pieces = self.pieces(snapshot) if snapshot else None
        first = snapshot.index + 1 if snapshot else 1
        try:
            load_state(empty_engine(), pieces, self.entries(found, first, recovered.last_index))
        except EngineError as error:
            found.damage.append(
                f"{self._path}: snapshot and log do not make a state: {error}. {DAMAGE_WAY_OUT}"
            )
        except StorageError as error:
            found.damage.append(str(error))

    def entries(self, found: Inspection, first: int, last: int) -> Iterator[Record]:
        """The records of the log, as far as they are there."""
        index = found.image.index
        if index.is_empty:
            return
        wal = Wal(
            self.files,
            segments=found.image.segments,
            spares=found.image.spares,
            index=index,
            last_crc=found.image.last_crc,
        )
        yield from wal.read(max(first, index.first_index), min(last, index.last_index))

    def pieces(self, meta: SnapshotMeta) -> Iterator[bytes]:
        """A snapshot's content, as the engine restores it."""
        return self._store.read(meta)

    def _lock(self) -> None:
        """Kept until the process ends: nobody starts a node on it meanwhile."""
        try:
            self.files.lock(self._path / LOCK)
        except FileNotFoundError as error:
            missing = "it has no lock file" if self._path.exists() else "it does not exist"
            raise InspectionError(f"{self._path} is not a node's data folder: {missing}") from error
        except BlockingIOError as error:
            raise InspectionError(
                f"a node uses {self._path}: stop it first, or ask it: raftkeeper admin status"
            ) from error
        except OSError as error:
            raise InspectionError(f"{self._path} cannot be read: {error.strerror}") from error

    def _has_log(self) -> bool:
        return any(segment_sequence(name) for name in self.files.names(self._path / LOG))

    def _snapshots(self) -> list[SnapshotFound]:
        directory = self._path / SNAPSHOTS
        found = []
        for name in self.files.names(directory):
            if snapshot_position(name) is None:
                continue
            path = directory / name
            size = path.stat().st_size
            try:
                found.append(SnapshotFound(path, size, check_snapshot(self.files, path)))
            except StorageError as error:
                found.append(SnapshotFound(path, size, None, str(error)))
        return list(reversed(found))

    def _recover(self, found: Inspection, identity: Identity) -> None:
        """As at a start; where that fails, the log as far as it goes."""
        cluster_id = identity.cluster_id
        maker = SegmentMaker(
            self.files,
            self._path / LOG,
            segment_bytes=HEADER_BYTES,
            cluster_id=cluster_id,
            random_bytes=bytes,
        )
        try:
            recovered = recover(
                self.files,
                self._path,
                cluster_id=cluster_id,
                snapshots=self._store,
                maker=maker,
                config_kind=EntryKind.CONFIG,
            )
        except StorageError as error:
            if str(error) not in found.damage:
                found.damage.append(str(error))
            self._read_log(found, cluster_id)
            return
        found.hard_state = recovered.hard_state_file.state
        found.image = recovered.log
        found.recovered = recovered
        try:
            config = RaftConfig(identity.member_id, level_max=FEATURE_LEVEL, nonce=0)
            build_core(config, recovered, self._path)
        except (StorageError, MembershipTooNew) as error:
            found.damage.append(str(error))

    def _read_hard_state(self, found: Inspection) -> None:
        try:
            found.hard_state = HardStateFile.open(self.files, self._path / HARD_STATE).state
        except FileNotFoundError:
            pass
        except StorageError as error:
            if str(error) not in found.damage:
                found.damage.append(str(error))

    def _read_log(self, found: Inspection, cluster_id: bytes) -> None:
        scan = LogScan(
            self.files,
            self._path / LOG,
            cluster_id=cluster_id,
            collect_kind=EntryKind.CONFIG,
            durable_end=found.hard_state.log_end if found.hard_state else UNKNOWN_END,
        )
        try:
            scan.run()
        except StorageError as error:
            if str(error) not in found.damage:
                found.damage.append(str(error))
        found.image = scan.image


def describe_record(record: Record) -> tuple[int, list[str]]:
    """The wall clock of a record's entry, 0 without one, and a line for each request in it."""
    _, _, kind, payload = record
    if kind == EntryKind.CONFIG:
        return 0, [describe_membership(Membership.decode(payload))]
    if kind == EntryKind.NOOP or not payload:
        return 0, ["a new leader's first entry"]
    try:
        entry = describe_entry(payload)
    except EngineError as error:
        return 0, [f"cannot be read: {error}"]
    lines = []
    for group in entry["groups"]:
        sender = f"member {group['member']}" if group["sequence"] else "leader"
        for request in group["requests"]:
            session = request["session"] & 0xFFFF_FFFF_FFFF_FFFF
            who = f"session 0x{session:x} xid {request['xid']}" if session else sender
            lines.append(f"{who}: {request['text']}")
    return int(entry["time_ms"]), lines


def describe_membership(membership: Membership) -> str:
    """Voters, learners, and those that a joint change removes."""
    parts = [f"voters {_ids(membership.voters)}"]
    if membership.learners:
        parts.append(f"learners {_ids(membership.learners)}")
    if membership.outgoing:
        parts.append(f"in place of {_ids(membership.outgoing)}")
    if membership.level > BASE_LEVEL:
        parts.append(f"feature level {membership.level}")
    return ", ".join(parts)


def _ids(members: frozenset[int]) -> str:
    return " ".join(map(str, sorted(members)))
