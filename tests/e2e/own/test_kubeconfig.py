"""The provider `kubeconfig`: images come from where somebody has pushed them, and what it cannot do is skipped."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.home import REPOSITORY

NAMES = "from e2e.images import NODE_IMAGE, NEXT_NODE_IMAGE, OPERATOR_IMAGE as o; print(NODE_IMAGE, NEXT_NODE_IMAGE, o)"
PROVIDE = """
from e2e import images

class Nobodys:
    def load_image(self, archive):
        raise AssertionError("these nodes are not ours")

images.provide(Nobodys())
images.provide_next(Nobodys())
"""
STORIES = """
import pytest
from e2e.provider import Unsupported

@pytest.fixture(scope="session")
def images():
    raise Unsupported("images cannot be put on nodes that are not ours")

def test_one(images):
    raise AssertionError

def test_other(images):
    raise AssertionError

def test_zone():
    raise Unsupported("zone-1 is not ours to stop")

def test_fails():
    raise ValueError("a failure stays one")
"""


def python(*words: str, registry: str = "") -> str:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "tests")}
    environment |= {"RAFTKEEPER_E2E_REGISTRY": registry}
    done = subprocess.run(
        [sys.executable, "-P", *words],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("registry", "before"),
    [
        ("", "localhost"),
        ("localhost", "localhost"),
        ("registry.test:5000/team/", "registry.test:5000/team"),
    ],
)
def test_stories_use_the_names_of_the_registry(registry: str, before: str) -> None:
    """Those under which somebody has pushed them."""
    names = ("raftkeeper:dev", "raftkeeper:next", "raftkeeper-operator:dev")
    assert python("-c", NAMES, registry=registry).split() == [f"{before}/{name}" for name in names]


def test_images_of_a_registry_are_neither_built_nor_loaded() -> None:
    """The cluster pulls them."""
    assert python("-c", PROVIDE, registry="registry.test") == ""


def test_what_a_provider_cannot_do_is_skipped(tmp_path: Path) -> None:
    """In a story, and in a fixture that all of them have; a failure stays one."""
    (tmp_path / "conftest.py").write_text(
        "from e2e.skipping import pytest_runtest_call, pytest_runtest_setup\n"
    )
    story = tmp_path / "test_story.py"
    story.write_text(STORIES)
    said = python(
        "-m", "pytest", "-rs", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(story)
    )
    assert "1 failed, 3 skipped" in said, said
    assert "images cannot be put on nodes that are not ours" in said


def test_a_cluster_without_a_registry_is_told_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before the first story, with what to do; not as an error of each."""
    from e2e import anycluster
    from e2e.shell import MissingTool

    monkeypatch.setattr(anycluster, "need", lambda *_: None)
    monkeypatch.setattr(anycluster, "REGISTRY", "")
    with pytest.raises(MissingTool, match="RAFTKEEPER_E2E_REGISTRY"):
        anycluster.FoundCluster().check()
