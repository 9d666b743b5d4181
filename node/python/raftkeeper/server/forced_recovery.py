"""Makes the data of one survivor an ensemble of one, when a majority is lost for good and a person says so.

Everything in the survivor's log is kept, also what it does not know to be committed: the members that
are lost may have acknowledged it. What they acknowledged without this one is lost, and nobody can tell
what it was. The ensemble is another one, with an id of its own, so that no member of the old one can
ever vote in it or be believed by it.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from raftkeeper._engine import Engine, EngineError
from raftkeeper.raft import Member, Membership
from raftkeeper.server import limits
from raftkeeper.server.restored import load_state
from raftkeeper.storage import (
    DataDirectory,
    Identity,
    Recovered,
    Replacement,
    SnapshotMeta,
    StorageError,
)
from raftkeeper.storage.layout import DIVERGED

TERMS_SKIPPED = 1_000_000
"""The lost members may have elected leaders that this one never heard of, but not so many. Only for
those who compare log lines: members of the two ensembles do not talk to each other."""


class RecoveryRefused(Exception):
    """Nothing was changed. The sentence ends with what to do."""


@dataclass(frozen=True, slots=True)
class Survivor:
    """Who goes on alone."""

    epoch: int
    address: str
    """host:port at which members will reach it."""
    zone: str = ""
    """'' for what the membership says."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was kept, and as what it goes on."""

    epoch: int
    index: int
    term: int
    """Of the last entry that was kept, as the old ensemble counted."""
    snapshot_index: int
    zxid: int
    """The last of the old ensemble that is known here."""
    zxid_after: int
    """Those of the new one are above it."""
    znodes: int
    sessions: int
    digest: str
    cluster_id: str
    member_id: int
    from_cluster_id: str
    from_member_id: int
    others: tuple[str, ...]
    """Voters of the old membership that may have acknowledged more."""
    old_data: Path


def is_due(identity: Identity | None, epoch: int) -> bool:
    """Whether a member's data have not passed this epoch yet. RecoveryRefused where there are none."""
    if identity is None or identity.is_waiting:
        raise RecoveryRefused(
            "the data folder belongs to no ensemble, so there is nothing to recover; name the folder "
            "of a member that has its data"
        )
    if identity.recovery_epoch > epoch:
        raise RecoveryRefused(
            f"these data have passed recovery {identity.recovery_epoch}; epoch {epoch} is none to "
            "come: use a greater one"
        )
    return identity.recovery_epoch < epoch


def recover_alone(directory: DataDirectory, engine: Engine, survivor: Survivor) -> Outcome:
    """Durable on return; killed before, the data are those of before, or a next start finishes it.

    The engine is an empty one of the caller's thread and of no use afterwards. Raises RecoveryRefused
    where the data cannot be read whole.
    """
    old = directory.identity
    if old is None or not is_due(old, survivor.epoch):
        raise RecoveryRefused(f"recovery {survivor.epoch} is done already")
    if directory.diverged is not None:
        raise RecoveryRefused(
            f"the state made of these data is known to be wrong: {directory.diverged.reason}. Recover "
            "one of the members that are right; where none of them is left, remove the file "
            f"{directory.path / DIVERGED} to take this state all the same"
        )
    try:
        recovered = directory.recover()
        try:
            return _succeed(directory, engine, survivor, old, recovered)
        finally:
            directory.release_recovered()
    except (StorageError, EngineError, ValueError) as error:
        raise RecoveryRefused(
            f"{error}. Nothing was changed. These data cannot be the survivor's: recover the member "
            "that knows most of the others, or restore a backup into a new ensemble"
        ) from error


def _succeed(
    directory: DataDirectory,
    engine: Engine,
    survivor: Survivor,
    old: Identity,
    recovered: Recovered,
) -> Outcome:
    snapshot = recovered.snapshot
    pieces = directory.snapshots.read(snapshot) if snapshot else None
    load_state(engine, pieces, directory.read_recovered(recovered))
    before = _newest_membership(recovered)
    index, zxid, digest = engine.digest()
    new = Identity(os.urandom(16), before.next_id, os.urandom(16), recovery_epoch=survivor.epoch)
    engine.succeed(new.cluster_id)
    term = max(recovered.term, _last_term(recovered)) + TERMS_SKIPPED
    replacement = directory.prepare_replacement()
    meta = SnapshotMeta(
        index=index,
        term=term,
        zxid=engine.last_zxid,
        membership=_membership_of_one(before, old, new, survivor).encode(),
        cluster_id=new.cluster_id,
        installed=True,
        config_index=index,
    )
    _write(engine, replacement, meta)
    statistics = engine.statistics()
    return Outcome(
        epoch=survivor.epoch,
        index=index,
        term=_last_term(recovered),
        snapshot_index=snapshot.index if snapshot else 0,
        zxid=zxid,
        zxid_after=engine.last_zxid,
        znodes=int(statistics["znode_count"]),
        sessions=len(engine.sessions()),
        digest=f"{digest:016x}",
        cluster_id=new.cluster_id.hex(),
        member_id=new.member_id,
        from_cluster_id=old.cluster_id.hex(),
        from_member_id=old.member_id,
        others=tuple(
            member.address or str(member.id)
            for member in before.members
            if before.may_vote(member.id) and member.id != old.member_id
        ),
        old_data=directory.replace(replacement, new, term),
    )


def _write(engine: Engine, replacement: Replacement, meta: SnapshotMeta) -> None:
    engine.snapshot_begin()
    job = replacement.snapshots.begin(meta)
    try:
        while piece := engine.snapshot_next(limits.SNAPSHOT_PIECE_BYTES):
            job.add(piece)
        job.finish()
    except BaseException:
        job.abandon()
        raise


def _last_term(recovered: Recovered) -> int:
    if recovered.term_starts:
        return recovered.term_starts[-1][1]
    return recovered.snapshot.term if recovered.snapshot else 0


def _newest_membership(recovered: Recovered) -> Membership:
    """Committed or not, with the highest next id that any of them knows."""
    known = [Membership.decode(payload) for _, payload in recovered.configs]
    if recovered.snapshot is not None:
        known.insert(0, Membership.decode(recovered.snapshot.membership))
    if not known:
        raise ValueError("the log holds no membership: no ensemble was ever founded on these data")
    next_id = max(membership.next_id for membership in known)
    newest = known[-1]
    return replace(newest, next_id=next_id)


def _membership_of_one(
    before: Membership, old: Identity, new: Identity, survivor: Survivor
) -> Membership:
    """Under an id that nobody had, so that no word about the old member is taken for one about it."""
    was = before.member(old.member_id) or Member(old.member_id)
    me = Member(
        new.member_id,
        new.incarnation,
        survivor.address,
        survivor.zone or was.zone,
        was.priority,
    )
    return Membership.of([me.id], details=[me], level=before.level)
