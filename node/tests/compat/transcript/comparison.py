"""Compares two transcripts step by step, against the list of intended differences.

A difference that is not on the list is a failure. So is an entry of the list that no longer differs,
or that differs otherwise than it says: the list in docs/divergence.md stays true, or the run fails.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .recording import Step

LIST = Path(__file__).with_name("divergences.toml")
ENSEMBLE_LIST = Path(__file__).with_name("ensemble.toml")


@dataclass(frozen=True, slots=True)
class Divergence:
    """One intended difference: in these steps of a story ZooKeeper says this and the node that.

    `steps` are numbers of the story. `zookeeper` and `node` are what tells the two apart: each must
    stand in what that server answered in each of the steps, and not in what the other answered.
    An empty text stands for no answer at all; a line feed at its end for the end of a line.
    """

    id: str
    story: str
    steps: tuple[int, ...]
    zookeeper: str
    node: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One step that two servers answered differently."""

    story: str
    number: int
    done: str
    zookeeper: tuple[str, ...]
    node: tuple[str, ...]

    def text(self) -> str:
        return "\n".join(
            [
                f"{self.story} step {self.number}: {self.done}",
                *(f"  - {line}" for line in self.zookeeper),
                *(f"  + {line}" for line in self.node),
            ]
        )


def load_divergences(path: Path = LIST) -> list[Divergence]:
    """The machine-read half of docs/divergence.md."""
    entries = tomllib.loads(path.read_text()).get("divergence", [])
    return [
        Divergence(
            id=entry["id"],
            story=entry["story"],
            steps=tuple(entry["steps"]),
            zookeeper=entry["zookeeper"],
            node=entry["node"],
        )
        for entry in entries
    ]


def differences(story: str, zookeeper: Sequence[Step], node: Sequence[Step]) -> list[Difference]:
    """The steps whose answers differ, in order. Both have run the same story."""
    found = []
    for number in range(1, max(len(zookeeper), len(node)) + 1):
        theirs, ours = _step(zookeeper, number), _step(node, number)
        if theirs != ours:
            done = theirs.done if theirs.done == ours.done else f"{theirs.done} | {ours.done}"
            found.append(
                Difference(story, number, done, tuple(theirs.received), tuple(ours.received))
            )
    return found


def judge(story: str, found: Iterable[Difference], listed: Iterable[Divergence]) -> list[str]:
    """What is wrong, in words; nothing when all that differs is intended and all intended differs."""
    complaints = []
    expected = {
        (number, entry.id): entry
        for entry in listed
        if entry.story == story
        for number in entry.steps
    }
    for difference in found:
        entries = [entry for (number, _), entry in expected.items() if number == difference.number]
        if not entries:
            complaints.append(f"not listed as intended:\n{difference.text()}")
        for entry in entries:
            del expected[difference.number, entry.id]
            if not _as_listed(difference, entry):
                complaints.append(f"differs otherwise than {entry.id} says:\n{difference.text()}")
    complaints.extend(
        f"{identity} says that {story} step {number} differs, and it does not"
        for number, identity in expected
    )
    return complaints


def _as_listed(difference: Difference, entry: Divergence) -> bool:
    theirs = "".join(f"{line}\n" for line in difference.zookeeper)
    ours = "".join(f"{line}\n" for line in difference.node)
    return _tells(entry.zookeeper, theirs, ours) and _tells(entry.node, ours, theirs)


def _tells(mark: str, said: str, other: str) -> bool:
    """Whether `mark` stands in what one said and not in what the other did."""
    return mark in said and mark not in other if mark else said == ""


def _step(steps: Sequence[Step], number: int) -> Step:
    return steps[number - 1] if number <= len(steps) else Step(number, "(nothing more)")
