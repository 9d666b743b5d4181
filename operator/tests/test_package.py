"""The operator's distribution: installed under its own name, and apart from the node."""

import importlib.metadata
import operator
import subprocess
import sys

import raftkeeper_operator


def test_installed_version_is_the_packages_own() -> None:
    """What pip reports is what the package says of itself."""
    installed = importlib.metadata.version("raftkeeper-operator")
    assert installed == raftkeeper_operator.__version__


def test_importing_it_brings_in_nothing_of_the_node() -> None:
    """The images are separate, so the operator must not need the node's package."""
    program = (
        "import raftkeeper_operator, sys; print([n for n in sys.modules if n == 'raftkeeper'])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert found.stdout.strip() == b"[]"


def test_folder_name_does_not_shadow_the_standard_library() -> None:
    """The folder is called operator/; `import operator` still finds the standard library's."""
    assert operator.add(1, 1) == 2
