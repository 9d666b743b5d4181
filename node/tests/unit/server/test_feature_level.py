"""Neighbouring releases work together, and nothing is written that one of them cannot read."""

import pytest

from raftkeeper.server import feature_level


def test_only_neighbouring_releases_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Members are updated one release at a time."""
    monkeypatch.setattr(feature_level, "FEATURE_LEVEL", 5)
    assert [feature_level.may_meet(level) for level in (3, 4, 5, 6, 7)] == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_a_new_form_waits_for_the_last_member(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the release before, or that was not heard of, holds it back; a newer one does not."""
    monkeypatch.setattr(feature_level, "FEATURE_LEVEL", 5)
    assert feature_level.level_of_all([5, 4]) == 4
    assert feature_level.level_of_all([5, 0]) == 0
    assert feature_level.level_of_all([5, 6]) == 5
    assert feature_level.level_of_all([]) == 5
