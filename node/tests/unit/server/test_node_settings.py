"""Claims about what the parts of a node are given of its configuration."""

import subprocess
from pathlib import Path

import pytest

from raftkeeper.server.clock import SystemClock
from raftkeeper.server.config_sources import ConfigError, load_config
from raftkeeper.server.node_settings import build_transport


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Signed by itself."""
    certificate, key = folder / "tls.crt", folder / "tls.key"
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    words += ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=member", "-days", "1"]
    subprocess.run(["openssl", *words], check=True, capture_output=True)
    return certificate, key


def test_names_of_members_reach_the_links(tmp_path: Path) -> None:
    """With commas in a flag; without the setting whoever the CA has signed is a member."""
    certificate, key = make_certificate(tmp_path)
    flags = {
        "--peer-tls-certificate": str(certificate),
        "--peer-tls-key": str(key),
        "--peer-tls-ca": str(certificate),
    }
    names = {"--peer-tls-names": "*.members.svc, members.svc"}
    config = load_config(None, {}, flags | names)
    assert config.peer.tls_names == ("*.members.svc", "members.svc")
    tls = build_transport(config, SystemClock())._tls
    assert tls is not None
    assert tls.wrong_name({"subjectAltName": (("DNS", "zoo-0.members.svc"),)}) == ""
    assert "printer" in tls.wrong_name({"subjectAltName": (("DNS", "printer"),)})
    anybody = build_transport(load_config(None, {}, flags), SystemClock())._tls
    assert anybody is not None
    assert anybody.wrong_name({"subjectAltName": (("DNS", "printer"),)}) == ""


def test_names_without_certificates_are_a_mistake() -> None:
    """They would keep nobody out."""
    with pytest.raises(ConfigError, match="tls_names"):
        load_config(None, {}, {"--peer-tls-names": "*.members.svc"})
