"""Claims about starts that cannot succeed: one clear line and an exit code, no traceback."""

import socket
from pathlib import Path

import pytest
from tests.integration.node_process import NodeProcess


def fail(node: NodeProcess) -> str:
    """The one reason why the node did not start; it must exit with 1."""
    assert node.launch().wait() == 1
    (line,) = node.events("node.failed")
    assert "Traceback" not in node.log_path.read_text()
    reason: str = line["reason"]
    return reason


@pytest.mark.parametrize("which", ["client", "http"])
def test_port_in_use_is_told(tmp_path: Path, which: str) -> None:
    """With the setting that chooses another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        reason = fail(NodeProcess(tmp_path, **{f"{which}_port": port}))
    assert f"port {port} on 127.0.0.1 is in use" in reason
    assert f"{which}.port" in reason


def test_second_process_on_the_same_data_is_told(tmp_path: Path) -> None:
    """And the first goes on."""
    (tmp_path / "second").mkdir()
    with NodeProcess(tmp_path) as first:
        second = NodeProcess(tmp_path / "second", storage_data_dir=tmp_path / "data")
        assert "another process uses this data directory" in fail(second)
        assert first.ready()[0] == 200


def test_file_in_place_of_the_data_folder_is_told(tmp_path: Path) -> None:
    """By its name."""
    (tmp_path / "data").write_text("not a folder")
    assert str(tmp_path / "data") in fail(NodeProcess(tmp_path))


def test_address_of_another_host_is_told(tmp_path: Path) -> None:
    """With the setting to correct."""
    reason = fail(NodeProcess(tmp_path, client_listen="203.0.113.1"))
    assert reason == "203.0.113.1 is no address of this host: correct client.listen"


def test_wrong_configuration_exits_2(tmp_path: Path) -> None:
    """Before anything is opened."""
    node = NodeProcess(tmp_path, client_prot=1).launch()
    assert node.wait() == 2
    assert "did you mean --client-port?" in node.log_path.read_text()
    assert not (tmp_path / "data").exists()
