"""How outcomes of kazoo's suite are compared; and, with ZooKeeper at hand, the suite itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.compat.kazoo_suite.__main__ import SUITE_TIMEOUT_S, compare, run_suite
from tests.compat.kazoo_suite.skips import load_skips, names

LISTED = next(iter(load_skips()))


@pytest.mark.compat
@pytest.mark.timeout(2 * SUITE_TIMEOUT_S)
@pytest.mark.parametrize("nodes", [1, 3])
def test_kazoo_passes_here_what_it_passes_on_zookeeper(tmp_path: Path, nodes: int) -> None:
    """Kazoo's own tests, by the same command against both: one server each, and three each."""
    theirs = run_suite("zookeeper", tmp_path, nodes=nodes)
    ours = run_suite("raftkeeper", tmp_path, nodes=nodes)
    complaints = compare(theirs, ours, nodes)
    assert not complaints, "\n".join(complaints)


def test_equal_outcomes_are_fine() -> None:
    """Passed and passed, skipped with a reason and skipped."""
    outcomes = {"test_x.py::test_a": "passed", LISTED: "skipped"}
    assert compare(outcomes, outcomes) == []


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_what_passes_there_must_pass_here(outcome: str) -> None:
    """A failure here is one, and a skip here hides one."""
    (complaint,) = compare({"test_a": "passed"}, {"test_a": outcome})
    assert "test_a" in complaint


def test_a_skip_needs_a_reason() -> None:
    """A test that ran nowhere and is not listed is a hole."""
    (complaint,) = compare({"test_a": "skipped"}, {"test_a": "skipped"})
    assert "without a reason" in complaint


def test_a_failure_of_zookeeper_is_told() -> None:
    """What fails on both shows nothing, and is not passed over in silence."""
    (complaint,) = compare({"test_a": "failed"}, {"test_a": "failed"})
    assert "fails on ZooKeeper" in complaint


def test_a_test_that_ran_once_only_is_told() -> None:
    """The same command runs the same tests."""
    (complaint,) = compare({}, {"test_a": "passed"})
    assert "one server only" in complaint


def test_skips_are_found_by_test_class_and_file() -> None:
    """The three ways to name what is skipped."""
    assert names("../x/test_a.py::C::t") == ["test_a.py::C::t", "test_a.py::C", "test_a.py"]
