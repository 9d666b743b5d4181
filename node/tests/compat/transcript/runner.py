"""Runs stories against one server, one after another, and hands back their recordings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import ModuleType

from ..peers import Ensemble, Peer
from .recording import Recording
from .run import Run
from .stories import STORIES, chance

EXPLORED_STEPS = 500
"""Of one walk: half a second on either server."""


def story_names() -> list[str]:
    return [name(story) for story in STORIES]


def name(story: ModuleType) -> str:
    return story.__name__.rpartition(".")[2]


def run_story(story: ModuleType, peer: Peer | Ensemble) -> Recording:
    """One story, its clients closed at the end whatever happens."""
    about = (story.__doc__ or "").partition("\n")[0]
    recording = Recording(name(story), about)
    run = Run(peer, recording)
    try:
        story.story(run)
    finally:
        run.finish()
    return recording


def walk_on(peer: Peer | Ensemble, seed: int) -> Recording:
    """A walk by chance from any seed, as the story `chance` tells one from its own."""
    recording = Recording(f"chance {seed}", "")
    run = Run(peer, recording)
    try:
        chance.explore(run, seed, EXPLORED_STEPS)
    finally:
        run.finish()
    return recording


def run_stories(peer: Peer | Ensemble, wanted: Iterable[str] = ()) -> Iterator[Recording]:
    """The wanted stories in their fixed order; all if none is named."""
    names = set(wanted) or set(story_names())
    if unknown := names - set(story_names()):
        raise ValueError(f"no such story: {', '.join(sorted(unknown))}")
    for story in STORIES:
        if name(story) in names:
            yield run_story(story, peer)
