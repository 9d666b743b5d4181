"""Claims about the `raftkeeper` command."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from raftkeeper.server.config import section_models
from raftkeeper.server.config_sources import ConfigError
from raftkeeper.tools.cli import main
from raftkeeper.tools.start import build_help, parse_flags
from raftkeeper.tools.status import readable


def test_flags_take_their_value_either_way() -> None:
    """`--flag value` and `--flag=value`."""
    file, flags = parse_flags(["--config", "a.toml", "--client-port=1", "--log-level", "debug"])
    assert (file, flags) == (Path("a.toml"), {"--client-port": "1", "--log-level": "debug"})


def test_flag_without_a_value_is_told() -> None:
    """It is not taken for the next one's."""
    with pytest.raises(ConfigError, match="flag --client-port needs a value"):
        parse_flags(["--client-port"])


def test_help_of_server_names_every_setting_with_its_range() -> None:
    """From the schema, like the reference."""
    text = build_help()
    assert "--client-port VALUE   (RAFTKEEPER__CLIENT__PORT)" in text
    assert "Default: 2181. Allowed: 1 to 65535." in text


def test_help_of_server_stands_in_groups() -> None:
    """A hundred settings in a row are a wall; each section has its heading, and says what it is about."""
    lines = build_help().splitlines()
    headings = [line for line in lines if line and not line.startswith((" ", "Usage", "Runs"))]
    assert [heading.partition(":")[0] for heading in headings] == ["General", *section_models()]
    assert "session: What a client may ask for as its session's timeout." in headings
    for heading in headings:
        assert lines[lines.index(heading) - 1] == "", heading
    assert max(map(len, lines)) <= 100
    client, session = lines.index(headings[1]), lines.index(headings[2])
    flags = [line.split()[0] for line in lines[client:session] if line.startswith("  --")]
    assert flags[0] == "--client-listen"
    assert all(flag.startswith("--client-") for flag in flags)


def test_check_config_tells_problems_and_exits_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line per problem, on standard error."""
    file = tmp_path / "node.toml"
    file.write_text("[client]\nprot = 1\n")
    assert main(["check-config", str(file)]) == 2
    assert "unknown key client.prot; did you mean client.port?" in capsys.readouterr().err


def test_check_config_says_when_a_file_is_correct(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And exits 0."""
    file = tmp_path / "node.toml"
    file.write_text("[client]\nport = 2182\n")
    assert main(["check-config", str(file)]) == 0
    assert "correct" in capsys.readouterr().out


def test_wrong_configuration_starts_nothing_and_exits_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No traceback, the nearest flag."""
    assert main(["server", "--client-prt", "1"]) == 2
    assert "did you mean --client-port?" in capsys.readouterr().err


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    """The one in node/Cargo.toml, as it was installed."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == metadata.version("raftkeeper")


def test_status_of_nobody_is_one_line_and_exits_1(capsys: pytest.CaptureFixture[str]) -> None:
    """Where a node is not, it is said."""
    assert main(["status", "127.0.0.1:1"]) == 1
    assert "cannot ask 127.0.0.1:1" in capsys.readouterr().err


def test_server_process_loads_no_library_of_the_other_commands() -> None:
    """Its memory counts: what checks the configuration and prints tables stays out."""
    code = (
        "import sys, raftkeeper.tools.serve, raftkeeper.admin.http_api\n"
        "import raftkeeper.admin.admin_server, raftkeeper.admin.reconfig_door\n"
        "print([name for name in ('typer', 'rich', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_status_shows_figures_for_people() -> None:
    """Times and sizes with their units; what is no number stays."""
    assert readable("uptime", "93784000") == "1 day, 2:03:04"
    assert readable("resident_memory_bytes", "52428800") == "50.0 MiB"
    assert readable("packets_sent", "1234567") == "1,234,567"
    assert readable("avg_latency", "0.5") == "0.5"


def test_a_flag_without_its_dashes_is_recognised(capsys: pytest.CaptureFixture[str]) -> None:
    """`client-port 2182` is close enough to say what was meant."""
    assert main(["server", "client-port", "2182"]) == 2
    assert "did you mean --client-port?" in capsys.readouterr().err
