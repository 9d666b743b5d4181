"""Runs kazoo's own tests: `python -m tests.compat.kazoo_suite [PEER]` from the folder node/.

Without PEER both servers are run, ZooKeeper first, and compared: a test that passes there and not here
fails the command. The suite has an environment of its own in the user's cache, made on first use.
`--nodes 3` runs it on ensembles of three, whose addresses every client has; `-k EXPRESSION` runs some
of the tests, as in pytest.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..peers import PEERS
from ..peers.process import cache_directory
from .plugin_names import (
    NODES_VARIABLE,
    ONLY_VARIABLE,
    OUTCOMES_VARIABLE,
    PEER_VARIABLE,
    PLUGIN,
)
from .skips import load_skips, names

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
NODE_FOLDER = Path(__file__).parents[3]

TEST_TIMEOUT_S = 120
"""kazoo waits up to 60 s inside a test; beyond this a test hangs."""

SUITE_TIMEOUT_S = 3_600

EXIT_TESTS_FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="kazoo_suite", description=__doc__)
    parser.add_argument("peer", nargs="?", choices=sorted(PEERS))
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("-k", dest="expression", default="")
    parser.add_argument("--out", type=Path, default=Path("build/kazoo"))
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    if chosen.peer:
        outcomes = run_suite(chosen.peer, chosen.out, chosen.expression, chosen.nodes)
        return 1 if "failed" in outcomes.values() else 0
    theirs = run_suite("zookeeper", chosen.out, chosen.expression, chosen.nodes)
    ours = run_suite("raftkeeper", chosen.out, chosen.expression, chosen.nodes)
    complaints = compare(theirs, ours, chosen.nodes)
    print(*complaints, sep="\n")
    return 1 if complaints else 0


def run_suite(kind: str, out: Path, expression: str = "", nodes: int = 1) -> dict[str, str]:
    """Outcome by test. What failed is run once more by itself: several of kazoo's tests wait five
    seconds for a server that is just coming back, and on a busy machine that is chance.
    """
    outcomes = _run(kind, out / kind, expression, nodes)
    again = _failed(outcomes)
    if again:
        print(f"{kind}: run once more", *again, sep="\n  ")
        outcomes |= _run(kind, out / f"{kind}-again", expression, nodes, again)
    print(f"{kind}: {dict(Counter(outcomes.values()))}", *_failed(outcomes), sep="\n  failed ")
    return outcomes


def _failed(outcomes: Mapping[str, str]) -> list[str]:
    return sorted(test for test, outcome in outcomes.items() if outcome == "failed")


def _run(
    kind: str, out: Path, expression: str, nodes: int, only: Sequence[str] = ()
) -> dict[str, str]:
    """One run; pytest's own report goes to `<out>.log`."""
    log_path, outcomes_path = out.with_suffix(".log").resolve(), out.with_suffix(".json").resolve()
    outcomes_path.unlink(missing_ok=True)
    command = [
        *(str(environment() / "bin" / "python"), "-m", "pytest", "--pyargs", "kazoo.tests"),
        *("-p", PLUGIN, "-p", "no:cacheprovider", "-q", "--tb=short", "-rs"),
        *("--timeout", str(TEST_TIMEOUT_S)),
        *(("-k", expression) if expression else ()),
    ]
    with tempfile.TemporaryDirectory() as folder, log_path.open("w") as log:
        done = subprocess.run(
            command,
            cwd=folder,
            env=_variables(kind, outcomes_path, nodes, only),
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=SUITE_TIMEOUT_S,
            check=False,
        )
    if done.returncode > EXIT_TESTS_FAILED or not outcomes_path.exists():
        raise SystemExit(f"the suite did not run:\n{log_path.read_text()[-4000:]}")
    outcomes: dict[str, str] = json.loads(outcomes_path.read_text())
    return outcomes


def _variables(kind: str, outcomes: Path, nodes: int, only: Sequence[str]) -> dict[str, str]:
    search = filter(None, [str(NODE_FOLDER), os.environ.get("PYTHONPATH")])
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(search),
        PEER_VARIABLE: kind,
        NODES_VARIABLE: str(nodes),
        OUTCOMES_VARIABLE: str(outcomes),
        ONLY_VARIABLE: "\n".join(only),
        "RAFTKEEPER_PYTHON": os.environ.get("RAFTKEEPER_PYTHON", sys.executable),
        "ZOOKEEPER_VERSION": "3.9.4",
        "ZOOKEEPER_CLUSTER_SIZE": str(nodes),
        # Of its own accord kazoo skips a test of the server's version outside of CI.
        "CI": "true",
    }


def compare(theirs: Mapping[str, str], ours: Mapping[str, str], nodes: int = 1) -> list[str]:
    """What passes on ZooKeeper and not here; then what makes the comparison say less than it seems."""
    worse = [
        f"passes on ZooKeeper, {ours[test]} here: {test}"
        for test, outcome in sorted(theirs.items())
        if outcome == "passed" and ours.get(test, "passed") != "passed"
    ]
    listed = load_skips(nodes)
    unexplained = [
        f"skipped on ZooKeeper, without a reason in skips.toml: {test}"
        for test, outcome in sorted(theirs.items())
        if outcome == "skipped" and not any(name in listed for name in names(test))
    ]
    failing = [
        f"fails on ZooKeeper, so it shows nothing; skips.toml should say why: {test}"
        for test, outcome in sorted(theirs.items())
        if outcome == "failed"
    ]
    lost = [f"ran on one server only: {test}" for test in sorted(set(theirs) ^ set(ours))]
    return worse + unexplained + failing + lost


def environment() -> Path:
    """The virtual environment with kazoo's tests; made once for each version of requirements.txt."""
    version = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = cache_directory() / f"kazoo-suite-{version}"
    ready = folder / "ready"
    if not ready.exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run(
            [
                *(str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"),
                *("--require-hashes", "--no-binary", "kazoo", "-r", str(REQUIREMENTS)),
            ],
            check=True,
        )
        ready.touch()
    return folder


if __name__ == "__main__":
    sys.exit(main())
