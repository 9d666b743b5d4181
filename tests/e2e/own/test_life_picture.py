"""The picture of a cluster's life says what was recorded, and nothing else."""

from xml.etree import ElementTree as ET

import pytest

from e2e.shows.life import Command, Look, Recording
from e2e.shows.life_picture import draw, fitting, per_second, strips, tells

LOOKS = [
    Look(0.0, 0, {"zoo-0": "starting"}, {"zoo-0": "dev"}),
    Look(1.0, 10, {"zoo-0": "leader"}, {"zoo-0": "dev"}),
    Look(2.0, 110, {"zoo-0": "leader"}, {"zoo-0": "dev"}),
    Look(3.0, 110, {}, {}),
    Look(4.0, 130, {"zoo-0": "follower"}, {"zoo-0": "next"}),
]


def test_a_pause_is_shown_as_a_pause() -> None:
    """A second in which nothing was acknowledged is a second at zero."""
    assert list(per_second([(look.at, look.acknowledged) for look in LOOKS])) == [
        (1, 100),
        (2, 0),
        (3, 20),
    ]


def test_counts_between_two_looks_are_shared_by_time() -> None:
    """A look half a second late moves half of what was counted."""
    assert list(per_second([(1.0, 10), (2.5, 160), (3.0, 160)])) == [(1, 100), (2, 50)]


def test_a_pod_is_what_it_was_seen_as() -> None:
    """Equal looks are one strip, a pod that was gone is a gap, and a new image is told apart."""
    assert strips(LOOKS, "zoo-0") == [
        ("starting", 0.0, 1.0),
        ("leader", 1.0, 3.0),
        ("follower next", 4.0, 4.0),
    ]


@pytest.mark.parametrize("sentence", ['Add <zoo-3> & "wait"', "x" * 500])
def test_any_sentence_of_the_operator_can_be_drawn(sentence: str) -> None:
    """What it draws is XML, whatever was said, and the counts are in it."""
    summary = {"acknowledged": 130, "missing_count": 0, "gap_max_ms": 12}
    recording = Recording([Command(0.0, "kubectl apply")], LOOKS, [(0.5, sentence)], [3.0], summary)
    root = ET.fromstring(draw(recording))
    words = " ".join(root.itertext())
    assert "130 writes acknowledged, 0 lost" in words
    assert sentence[:20] in words


def test_waiting_and_ordinary_objects_are_left_out() -> None:
    """What the lanes show already needs no sentence; a step of the ensemble does."""
    assert not tells("zoo-3 is to be added: it does not answer yet")
    assert not tells("Service zoo is not as the spec has it")
    assert tells("zoo-0 has an old template and leads; zoo-2 takes over")


def test_command_that_would_run_into_the_next_one_is_shortened() -> None:
    """It goes without `kubectl`; where there is room it is whole."""
    assert fitting("kubectl scale rk/zoo", 400) == "kubectl scale rk/zoo"
    assert fitting("kubectl scale rk/zoo", 120) == "scale rk/zoo"
