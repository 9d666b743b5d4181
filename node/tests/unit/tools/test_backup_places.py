"""Claims about places of backups: complete or not there, never replaced, in the order of time."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.tools.fake_s3 import BUCKET, FakeS3

from raftkeeper.tools.backup_places import (
    BackupError,
    BackupRecord,
    Place,
    check_name,
    open_place,
)

RECORD = BackupRecord("20261123T190000Z-42-3", 42, 3, 40, 7, 4, "ab" * 32, "cd" * 16, "t")


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """An empty one."""
    if request.param == "folder":
        yield open_place(f"file://{tmp_path}/some/backups", {})[0]
        return
    store = FakeS3()
    yield open_place(f"s3://{BUCKET}/some/backups", store.environment)[0]
    store.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A snapshot, for all that a place knows."""
    file = tmp_path / "file"
    file.write_bytes(b"snap")
    return file


def test_stored_backup_is_listed_and_fetched(place: Place, file: Path, tmp_path: Path) -> None:
    """With its record."""
    assert place.names() == []
    place.store(RECORD, file)
    assert place.names() == [RECORD.name]
    assert place.record(RECORD.name) == RECORD
    copy = tmp_path / "copy"
    place.fetch(RECORD.name, copy)
    assert copy.read_bytes() == b"snap"


def test_names_are_in_the_order_of_time(place: Place, file: Path) -> None:
    """However they came."""
    names = ["20261123T190000Z-9-1", "20261123T180000Z-1-1", "20261122T200000Z-5-1"]
    for name in names:
        place.store(replace(RECORD, name=name), file)
    assert place.names() == sorted(names)


def test_backup_is_never_replaced(place: Place, file: Path) -> None:
    """Two Jobs of one name: the second fails."""
    place.store(RECORD, file)
    with pytest.raises(BackupError, match="already"):
        place.store(replace(RECORD, index=43), file)
    assert place.record(RECORD.name) == RECORD


def test_deleted_backup_is_gone_and_may_be_deleted_again(place: Place, file: Path) -> None:
    """Both of its parts."""
    place.store(RECORD, file)
    place.delete(RECORD.name)
    place.delete(RECORD.name)
    assert (place.names(), place.record(RECORD.name)) == ([], None)
    with pytest.raises(BackupError):
        place.fetch(RECORD.name, file.with_name("copy"))


def test_what_has_no_record_is_no_backup(tmp_path: Path) -> None:
    """A job that was killed in between."""
    (tmp_path / "a.snap").write_bytes(b"")
    (tmp_path / "b.snap.json").write_bytes(RECORD.encode())
    (tmp_path / "c.snap.part").write_bytes(b"")
    place, _ = open_place(str(tmp_path), {})
    assert place.names() == []


def test_backup_that_found_no_room_leaves_nothing(tmp_path: Path, file: Path) -> None:
    """Its half would be in the way of the next one."""
    part = tmp_path / f"{RECORD.name}.snap.part"
    part.symlink_to("/dev/full")
    place, _ = open_place(str(tmp_path), {})
    with pytest.raises(BackupError, match="No space left"):
        place.store(RECORD, file)
    assert not part.is_symlink()
    place.store(RECORD, file)
    assert place.names() == [RECORD.name]


def test_record_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """With its file."""
    (tmp_path / "a.snap.json").write_bytes(b'{"record": 2}')
    place, _ = open_place(str(tmp_path), {})
    with pytest.raises(BackupError, match=r"a\.snap\.json is no record of a backup"):
        place.record("a")


def test_address_of_one_backup_is_taken_apart(tmp_path: Path) -> None:
    """Folder or bucket, and the name."""
    place, name = open_place(f"{tmp_path}/x/a-1.snap", {})
    assert (place.url, name) == (f"file://{tmp_path}/x", "a-1")
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    place, name = open_place("s3://bucket/deep/er/a-1.snap", keys)
    assert (place.url, name) == ("s3://bucket/deep/er", "a-1")
    place, name = open_place("s3://bucket", keys)
    assert (place.url, name) == ("s3://bucket", "")


@pytest.mark.parametrize("url", ["ftp://a/b", "s3://", "file://host/a"])
def test_address_of_another_kind_is_refused(url: str) -> None:
    """With the kinds that there are."""
    with pytest.raises(BackupError, match="s3://bucket"):
        open_place(url, {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"})


@pytest.mark.parametrize("name", ["", "a/b", "..", "-a", "a b", "ä"])
def test_name_that_is_no_file_name_is_refused(name: str) -> None:
    """It must not lead out of the folder."""
    with pytest.raises(BackupError):
        check_name(name)
