"""Claims about the admin API's client: what breaks off or is no answer of ours is said, and leaves nothing."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from raftkeeper.tools.admin_client import Access, AdminClient, AdminError

HALF_AN_ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"identity"'


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The address of somebody who says this to one request, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_once() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=answer_once)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_answer_that_breaks_off_is_no_answer() -> None:
    """With whom it was asked of, and no stack trace."""
    with answering(HALF_AN_ANSWER) as endpoint:
        client = AdminClient(Access((endpoint,), timeout_s=5.0))
        with pytest.raises(AdminError, match=f"cannot ask {endpoint}") as refused:
            client.ask(endpoint, "GET", "/v1/status")
    assert refused.value.code == "UNREACHABLE"


@pytest.mark.parametrize("full", [False, True], ids=["breaks off", "finds no room"])
def test_download_that_fails_leaves_no_file(tmp_path: Path, full: bool) -> None:
    """Neither under its name nor beside it."""
    if full:
        (tmp_path / "snapshot.part").symlink_to("/dev/full")
    with answering(HALF_AN_ANSWER) as endpoint:
        client = AdminClient(Access((endpoint,), timeout_s=5.0))
        with pytest.raises(AdminError, match="No space" if full else "arrived damaged"):
            client.download(endpoint, "newest", tmp_path / "snapshot")
    assert list(tmp_path.iterdir()) == []


def test_other_kind_of_server_is_told_apart() -> None:
    """A page of somebody else's."""
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"
    with answering(page) as endpoint:
        client = AdminClient(Access((endpoint,), timeout_s=5.0))
        with pytest.raises(AdminError, match="no admin API"):
            client.ask(endpoint, "GET", "/v1/status")
