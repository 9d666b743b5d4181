"""Claims about a disk that fails a write: the node stops, says so, and lost nothing it answered."""

import resource
from pathlib import Path

from tests.integration.node_process import NodeProcess, wait_until
from tests.integration.wire import Wire

MIB = 1024 * 1024


def test_failed_write_of_the_log_stops_the_node(tmp_path: Path) -> None:
    """Exit code 1 and one line with the file; no answer after it; the data is there at the restart.

    A limit on the size of files that is set while the node runs makes its next write fail.
    """
    with NodeProcess(tmp_path) as node:
        acknowledged = 0
        with Wire(node.port) as client:
            client.handshake()
            client.create("/a", b"0")
            wait_until(lambda: segments_ready(tmp_path / "data" / "log"))
            resource.prlimit(node.running.pid, resource.RLIMIT_FSIZE, (MIB, MIB))
            try:
                for number in range(1, 64):
                    data = b"%d" % number + b" " * 100_000
                    assert client.set("/a", data).error == 0
                    acknowledged = number
            except (EOFError, ConnectionError):
                pass
        assert node.wait() == 1
        assert 0 < acknowledged < 63
        (line,) = node.events("node.failed")
        assert str(tmp_path / "data") in line["reason"]
        assert "Traceback" not in node.log_path.read_text()
        node.start()
        with Wire(node.port) as client:
            client.handshake()
            assert int(client.get("/a").data()) >= acknowledged


def segments_ready(folder: Path) -> bool:
    """Whether the segment to come is prepared, so that only the log itself is written to."""
    names = [path.name for path in folder.iterdir()]
    return len(names) == 2 and all(name.endswith(".log") for name in names)
