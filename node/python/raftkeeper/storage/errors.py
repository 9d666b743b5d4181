"""What storage says when it cannot go on. Every text ends with what a person can do about it."""

from pathlib import Path


class StorageError(Exception):
    """The data directory cannot be used as it is; the node must not start, or must stop."""

    def __init__(self, path: Path, what: str, way_out: str, *, offset: int | None = None) -> None:
        where = str(path) if offset is None else f"{path} at byte {offset}"
        super().__init__(f"{where}: {what}. {way_out}")
        self.path = path
        self.is_damage = way_out is DAMAGE_WAY_OUT
        """The files are not what was written: another start would find the same."""
        self.offset = offset


class StorageFailed(StorageError):
    """A write or an fsync failed. Nobody knows what is on disk: stop, start again, and recover."""


class StorageFull(StorageError):
    """No space for something that can wait. Nothing was lost; try again later."""


DAMAGE_WAY_OUT = (
    "The file was changed by something other than RaftKeeper, or the disk has lost it. Keep a copy."
    " A member of an ensemble can be replaced: start it with an empty directory and let it join anew."
    " A node that is alone would lose everything that way: restore its newest backup with"
    " `raftkeeper restore`"
)
