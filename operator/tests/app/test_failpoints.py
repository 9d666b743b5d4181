"""Failpoints: they end the process where they say, and nowhere else."""

import pytest

from raftkeeper_operator.app.failpoints import Failpoints
from raftkeeper_operator.app.settings import read_settings


def passes(
    everywhere: str, *visits: tuple[str, str], annotation: str = "", obeys: bool = True
) -> list[int]:
    """At which of the visits the process would have ended."""
    deaths: list[int] = []
    now = [0]
    failpoints = Failpoints(everywhere, lambda: deaths.append(now[0]), obeys_annotations=obeys)
    for number, (place, action) in enumerate(visits):
        now[0] = number
        failpoints.pass_by(place, action, annotation)
    return deaths


VISITS = [("before", "Evict"), ("after", "Evict"), ("before", "Promote"), ("after", "Promote")]


def test_the_named_place_is_fatal_and_no_other() -> None:
    """Before or after one kind of effect, or any."""
    assert passes("after:Promote", *VISITS) == [3]
    assert passes("before:*", *VISITS) == [0]
    assert passes("after:*#2", *VISITS) == [3]
    assert passes("", *VISITS) == []


def test_an_annotation_counts_for_itself() -> None:
    """One that is nonsense is nobody's business: people write annotations."""
    assert passes("", *VISITS, annotation="before:Promote") == [2]
    assert passes("", *VISITS, annotation="nonsense") == []


def test_an_annotation_ends_no_operator_that_was_not_told_to_obey_it() -> None:
    """Whoever may edit one cluster must not be able to end the operator of all."""
    assert passes("", *VISITS, annotation="before:*", obeys=False) == []
    assert passes("after:Evict", *VISITS, annotation="before:*", obeys=False) == [1]
    assert not read_settings([], {}).cluster_failpoints
    told = {"RAFTKEEPER_OPERATOR_CLUSTER_FAILPOINTS": "true"}
    assert read_settings([], told).cluster_failpoints


def test_a_wrong_one_on_the_command_line_is_refused() -> None:
    """A test that would never end the process is no test."""
    with pytest.raises(ValueError, match="write after:Promote"):
        Failpoints("afterwards:Promote")
