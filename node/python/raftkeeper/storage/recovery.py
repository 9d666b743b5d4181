"""What a data directory remembers, put together: hard state, newest good snapshot, log.

Reads everything once, repairs only what a crash can leave behind, and raises StorageError where the
pieces do not fit: it is never guessed what was lost.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from raftkeeper.storage.errors import DAMAGE_WAY_OUT, StorageError
from raftkeeper.storage.files import Files
from raftkeeper.storage.hard_state import UNKNOWN_END, HardStateFile
from raftkeeper.storage.layout import HARD_STATE, LOG, SNAPSHOTS
from raftkeeper.storage.log_scan import LogImage, LogScan
from raftkeeper.storage.segments import SegmentMaker
from raftkeeper.storage.snapshot_file import SnapshotMeta
from raftkeeper.storage.snapshots import SnapshotStore

_log = logging.getLogger("raftkeeper.storage")

_NOBODY = 0
"""Of a vote."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was durable. The last three fields are for the writer."""

    term: int
    vote: int
    snapshot: SnapshotMeta | None
    first_index: int
    """Of the log; one behind `last_index` where the log has no entries behind the snapshot."""
    last_index: int
    """Of the log, or of the snapshot where the log has none behind it."""
    term_starts: tuple[tuple[int, int], ...]
    """(first index, term) of each run of entries of one term in the log."""
    configs: tuple[tuple[int, bytes], ...]
    """(index, payload) of the log's records of the kind that carries memberships."""
    hard_state_file: HardStateFile
    log: LogImage
    restart: tuple[int, int] | None
    """(index, term) of a received snapshot with which the log on disk does not go together."""


def recover(
    files: Files,
    root: Path,
    *,
    cluster_id: bytes,
    snapshots: SnapshotStore,
    maker: SegmentMaker,
    config_kind: int,
) -> Recovered:
    """Everything that was durable, and nothing else."""
    snapshots.remove_unfinished()
    snapshot, damage = snapshots.newest_good(cluster_id)
    snapshot_index = snapshot.index if snapshot else 0
    hard_state = _find_hard_state(files, root)
    image = LogScan(
        files,
        root / LOG,
        cluster_id=cluster_id,
        collect_kind=config_kind,
        durable_end=hard_state.state.log_end if hard_state else UNKNOWN_END,
    ).run()
    if hard_state is None:
        hard_state = _make_hard_state(files, root, is_new=not image.segments and snapshot is None)
    if not image.segments:
        if snapshot is not None or hard_state.state.term > 0:
            raise StorageError(root / LOG, "the log is missing", DAMAGE_WAY_OUT)
        image.segments.append(maker.make(1))
    if damage is not None:
        _check_reach(damage, image, snapshot_index)
    fits = _check_fit(root, image, snapshot, hard_state.state.term)
    if snapshot is not None and snapshot.installed and snapshot.term > hard_state.state.term:
        _take_over_term(files, root, hard_state, snapshot)
    _settle(files, root, image, hard_state)
    index = image.index
    recovered = Recovered(
        term=hard_state.state.term,
        vote=hard_state.state.vote,
        snapshot=snapshot,
        first_index=snapshot_index + 1 if index.is_empty else index.first_index,
        last_index=snapshot_index if index.is_empty else index.last_index,
        term_starts=index.term_starts,
        configs=tuple(image.configs),
        hard_state_file=hard_state,
        log=image,
        restart=(snapshot.index, snapshot.term) if snapshot and not fits else None,
    )
    said = {
        "directory": str(root),
        "term": recovered.term,
        "snapshot_index": snapshot_index,
        "last_index": recovered.last_index,
    }
    _log.info("storage.recovered", extra=said)
    return recovered


def _settle(files: Files, root: Path, image: LogImage, hard_state: HardStateFile) -> None:
    """Makes durable what was read. A process killed between write and fsync leaves bytes that are
    seen by everybody and on no disk; from here on they count as durable.
    """
    files.sync(image.segments[-1].fd)
    files.sync(hard_state.fd)
    for directory in (root / LOG, root / SNAPSHOTS, root):
        files.sync_directory(directory)


def _find_hard_state(files: Files, root: Path) -> HardStateFile | None:
    try:
        return HardStateFile.open(files, root / HARD_STATE)
    except FileNotFoundError:
        return None


def _make_hard_state(files: Files, root: Path, *, is_new: bool) -> HardStateFile:
    path = root / HARD_STATE
    if not is_new:
        raise StorageError(path, "term and vote are missing", DAMAGE_WAY_OUT)
    HardStateFile.create(files, path)
    return HardStateFile.open(files, path)


def _check_reach(damage: StorageError, image: LogImage, snapshot_index: int) -> None:
    """Whether the log makes good for the newest snapshot, which cannot be read."""
    index = image.index
    begins = image.restart_index + 1 if index.is_empty else index.first_index
    reaches = begins <= snapshot_index + 1 and image.restart_index <= snapshot_index
    if index.is_empty or not reaches:
        older = (
            f"the one before it ends at entry {snapshot_index}"
            if snapshot_index
            else "there is no older one"
        )
        raise StorageError(
            damage.path,
            f"this snapshot is damaged, {older}, and the log begins at entry {begins}",
            DAMAGE_WAY_OUT,
            offset=damage.offset,
        ) from damage
    _log.warning(
        "%s: this snapshot is damaged; the log reaches back behind it, so nothing is lost. The next"
        " snapshot takes its place",
        damage.path,
    )


def _take_over_term(
    files: Files, root: Path, hard_state: HardStateFile, snapshot: SnapshotMeta
) -> None:
    """Another member's snapshot is of a newer term than the disk knows: it became durable on its own
    thread, and the crash came before the core had taken its term over and that was durable.

    No vote is forgotten that could count. Whatever a member says in a term (a vote, an
    acknowledgement) leaves it only when term and vote are durable, so in this newer term it has said
    nothing and is free to vote; and the vote that is overwritten is of an older term, in which nobody
    gets an answer from it any more. It is the step that any message of the newer term brings about.
    """
    _log.warning(
        "%s: taking over term %d of the received snapshot of entry %d; the crash came before it",
        root / HARD_STATE,
        snapshot.term,
        snapshot.index,
    )
    for offset, data in hard_state.writes(snapshot.term, _NOBODY):
        files.write(hard_state.fd, data, offset)
        files.sync(hard_state.fd)


def _check_fit(root: Path, image: LogImage, snapshot: SnapshotMeta | None, term: int) -> bool:
    """Snapshot, log and hard state belong together, or it is said what does not.

    False where the log has to be restarted behind the snapshot: it came from another member, or from
    a backup, and there was no time yet for the record that says so.
    """
    index = image.index
    snapshot_index = snapshot.index if snapshot else 0
    if image.restart_index > snapshot_index:
        # This member has told its leader that it has all of that snapshot.
        what = f"the snapshot of entry {image.restart_index} or of a later one is missing"
        raise StorageError(root / SNAPSHOTS, what, DAMAGE_WAY_OUT)
    if index.is_empty:
        if snapshot is not None and not snapshot.installed:
            raise StorageError(
                root / LOG, f"the log up to entry {snapshot.index} is missing", DAMAGE_WAY_OUT
            )
        return image.restart_index == snapshot_index
    last_term = index.term_at(index.last_index)
    if last_term is not None and last_term > term:
        raise StorageError(
            root / HARD_STATE, f"term {term} is older than the log's {last_term}", DAMAGE_WAY_OUT
        )
    if index.first_index > snapshot_index + 1:
        raise StorageError(
            root / LOG,
            f"entries {snapshot_index + 1} to {index.first_index - 1} are neither in a snapshot"
            " nor in the log",
            DAMAGE_WAY_OUT,
        )
    if snapshot is None:
        return True
    ends_before = index.last_index < snapshot.index
    differs = index.term_at(snapshot.index) not in {None, snapshot.term}
    if (ends_before or differs) and snapshot.installed:
        image.index.forget()
        image.configs.clear()
        return False
    if ends_before or differs:
        raise StorageError(
            root / LOG,
            f"the log does not hold the last entry of the snapshot, {snapshot.index} of term"
            f" {snapshot.term}",
            DAMAGE_WAY_OUT,
        )
    return True
