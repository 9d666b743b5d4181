"""Ordinary objects: when one is as it should be, and when it is applied again."""

from copy import deepcopy
from typing import Any

from raftkeeper_operator.observe.differences import with_digest
from raftkeeper_operator.observe.resources import Applied, is_as_wanted

DESIRED: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {"name": "zoo", "labels": {"app.kubernetes.io/name": "raftkeeper"}},
    "automountServiceAccountToken": False,
}


def as_listed() -> dict[str, Any]:
    """The object as a list of the API server has it after our apply: without saying what it is."""
    actual = deepcopy(with_digest(DESIRED))
    del actual["apiVersion"], actual["kind"]
    actual["metadata"] |= {"uid": "u1", "resourceVersion": "7", "namespace": "spaces"}
    return actual


def test_applied_object_is_not_applied_again_by_the_next_process() -> None:
    """A new process, which remembers nothing, finds nothing to do; else a crash would begin anew for ever."""
    assert is_as_wanted(DESIRED, as_listed(), Applied())


def test_object_that_somebody_changed_is_applied_again() -> None:
    """A field of ours with another value, or gone."""
    changed = as_listed() | {"automountServiceAccountToken": True}
    assert not is_as_wanted(DESIRED, changed, Applied())
    stripped = as_listed()
    del stripped["metadata"]["labels"]
    assert not is_as_wanted(DESIRED, stripped, Applied())


def test_object_of_another_apply_is_applied_again() -> None:
    """What we wanted before may have had more than what we want now."""
    other = as_listed()
    other["metadata"]["annotations"] = dict.fromkeys(other["metadata"]["annotations"], "other")
    assert not is_as_wanted(DESIRED, other, Applied())


def test_missing_object_is_applied() -> None:
    """There is none."""
    assert not is_as_wanted(DESIRED, None, Applied())
