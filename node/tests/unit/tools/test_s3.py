"""Claims about the client of object stores: signatures, parts, pages, retries, refusals."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.tools.fake_s3 import FakeS3

from raftkeeper.tools import s3
from raftkeeper.tools.s3 import S3, S3Access, S3Error, sign


@pytest.fixture
def store() -> Iterator[FakeS3]:
    """An empty bucket."""
    store = FakeS3()
    yield store
    store.close()


def test_signature_is_that_of_the_published_example() -> None:
    """GET of an object, from the specification of Signature Version 4."""
    access = S3Access(
        bucket="examplebucket",
        endpoint="https://s3.amazonaws.com",
        region="us-east-1",
        key_id="AKIAIOSFODNN7EXAMPLE",
        secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    )
    headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "range": "bytes=0-9",
        "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-amz-date": "20130524T000000Z",
    }
    assert sign(access, "GET", "/test.txt", {}, headers).endswith(
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


def test_objects_come_back_as_they_went(store: FakeS3, tmp_path: Path) -> None:
    """Small ones, files, and names that need quoting."""
    client = store.client()
    file, copy = tmp_path / "file", tmp_path / "copy"
    file.write_bytes(b"content" * 1000)
    client.put_file("a/b c+ü.bin", file)
    client.put("a/small", b"hello")
    assert client.get_file("a/b c+ü.bin", copy)
    assert copy.read_bytes() == file.read_bytes()
    assert list(client.keys("a/")) == ["a/b c+ü.bin", "a/small"]
    client.delete("a/small")
    assert client.get("a/small") is None
    assert not client.get_file("a/small", copy)


def test_long_file_goes_up_in_parts(store: FakeS3, tmp_path: Path) -> None:
    """And is one object in the end."""
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * 10)
    store.client(part_bytes=1000).put_file("long", file)
    assert store.objects == {"long": file.read_bytes()}
    assert sum("partNumber" in request for request in store.requests) == 3
    assert store.parts == {}


def test_upload_that_fails_leaves_no_parts(store: FakeS3, tmp_path: Path) -> None:
    """They would cost money for ever."""
    file = tmp_path / "file"
    file.write_bytes(bytes(2500))
    store.refused = {"partNumber=3": 403}
    with pytest.raises(S3Error, match="PUT of long"):
        store.client(part_bytes=1000).put_file("long", file)
    assert (store.objects, store.parts) == ({}, {})


def test_upload_that_cannot_be_cleaned_up_tells_its_first_error(
    store: FakeS3, tmp_path: Path
) -> None:
    """What went wrong first, and a note that parts stay."""
    file = tmp_path / "file"
    file.write_bytes(bytes(2500))
    store.refused = {"partNumber=3": 403, "DELETE": 403}
    with pytest.raises(S3Error, match="PUT of long") as failed:
        store.client(part_bytes=1000).put_file("long", file)
    assert "parts stay at the store" in failed.value.__notes__[0]


def test_answer_that_breaks_off_is_read_anew(store: FakeS3, tmp_path: Path) -> None:
    """Nothing of the half that came is left, in memory or in a file."""
    store.objects = {"a": b"0123456789"}
    store.cut = 1
    assert store.client().get("a") == b"0123456789"
    store.cut = 1
    assert store.client().get_file("a", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"0123456789"
    assert len(store.requests) == 4


def test_certificates_that_cannot_be_read_are_named() -> None:
    """Before anything is asked."""
    access = S3Access("b", "https://127.0.0.1:1", "r", "k", "s", ca_file="/none/ca.pem")
    with pytest.raises(S3Error, match=r"AWS_CA_BUNDLE '/none/ca\.pem' cannot be used: No such"):
        S3(access).get("a")


def test_listing_goes_over_pages(store: FakeS3) -> None:
    """All keys, in order."""
    store.objects = {f"p/{number:02d}": b"" for number in range(10)}
    assert list(store.client().keys("p/")) == sorted(store.objects)


def test_trouble_of_the_store_is_tried_again_with_growing_pauses(store: FakeS3) -> None:
    """A few times; then it is said."""
    store.failures = [500, 503]
    store.client().put("a", b"1")
    assert (store.objects, store.pauses) == ({"a": b"1"}, [0.5, 1.0])
    store.failures = [500] * s3.ATTEMPTS_MAX
    with pytest.raises(S3Error, match=r"PUT of a at .*, bucket backups: Broken \(HTTP 500\)"):
        store.client().put("a", b"2")


def test_refusal_is_not_tried_again(store: FakeS3) -> None:
    """Nobody's rights change within a second."""
    store.failures = [403]
    with pytest.raises(S3Error, match="HTTP 403"):
        store.client().get("a")
    assert len(store.requests) == 1


def test_missing_bucket_is_an_error_and_no_missing_object(store: FakeS3) -> None:
    """A typo must not look like an empty place."""
    with pytest.raises(S3Error, match="NoSuchBucket"):
        store.client("other").get("a")


def test_store_that_is_not_there_is_said() -> None:
    """After all attempts."""
    store = FakeS3()
    client = store.client()
    store.close()
    with pytest.raises(S3Error, match="refused"):
        client.get("a")
    assert len(store.pauses) == s3.ATTEMPTS_MAX - 1


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({}, "AWS_ACCESS_KEY_ID"),
        (
            {
                "AWS_ACCESS_KEY_ID": "k",
                "AWS_SECRET_ACCESS_KEY": "s",
                "AWS_ENDPOINT_URL": "minio:9000",
            },
            "must be http://host:port",
        ),
        (
            {
                "AWS_ACCESS_KEY_ID": "k",
                "AWS_SECRET_ACCESS_KEY": "s",
                "AWS_ENDPOINT_URL": "http://minio:port",
            },
            "must be http://host:port",
        ),
    ],
)
def test_incomplete_environment_is_said(environment: dict[str, str], problem: str) -> None:
    """Which variable, and what it must be."""
    with pytest.raises(S3Error, match=problem):
        S3Access.from_environment("b", environment)
