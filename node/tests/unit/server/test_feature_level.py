"""Neighbouring releases work together, and nothing is written that one of them cannot read."""

from raftkeeper.server.feature_level import (
    BROUGHT,
    FEATURE_LEVEL,
    LOWEST_LEVEL,
    QUOTAS_ENFORCED,
    describe_quotas,
    level_of_all,
    why_apart,
    why_too_low,
)


def test_the_table_of_levels_has_no_gaps() -> None:
    """Each says what it brought; the last is this release's, the one before is the lowest it works beside."""
    assert sorted(BROUGHT) == list(range(1, FEATURE_LEVEL + 1))
    assert LOWEST_LEVEL == FEATURE_LEVEL - 1
    assert QUOTAS_ENFORCED in BROUGHT


def test_only_neighbouring_releases_meet() -> None:
    """Members are updated one release at a time."""
    meet = [not why_apart(FEATURE_LEVEL, other) for other in range(FEATURE_LEVEL + 3)]
    assert meet == [level in (1, 2, 3) for level in range(FEATURE_LEVEL + 3)]
    assert why_apart(1, 3), "one that is held at a level is no more than that"


def test_who_speaks_less_than_what_is_in_use_is_told_what_to_start() -> None:
    """Not before it is in use."""
    assert why_too_low(1, 1, "member 3") == why_too_low(2, 1, "member 3") == ""
    assert why_too_low(1, 2, "member 3") == (
        "feature level 2 is in use in this ensemble for good, and member 3 speaks 1 at most: "
        "start it with a release of RaftKeeper that speaks 2"
    )


def test_a_new_form_waits_for_the_last_member() -> None:
    """One of the release before, or that is not linked, holds it back; a newer one does not."""
    assert level_of_all(5, [5, 4]) == 4
    assert level_of_all(5, [5, 0]) == 0
    assert level_of_all(5, [5, 6]) == 5
    assert level_of_all(5, []) == 5


def test_one_line_says_whether_quotas_hold() -> None:
    """Not asked for, asked for too early, and held."""
    assert describe_quotas(wanted=False, in_use=1) == "off"
    assert describe_quotas(wanted=True, in_use=QUOTAS_ENFORCED) == "on"
    early = describe_quotas(wanted=True, in_use=QUOTAS_ENFORCED - 1)
    assert early.startswith("not yet: ")
    assert "once all members run a release of feature level 2" in early
