"""Deliberate bugs: each is a patch that the simulator must notice, or the simulator is worth little."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Mutation:
    """`apply` puts the bug in by replacing attributes; it says which with the given function."""

    name: str
    story: str
    level: str
    apply: Callable[[Callable[[Any, str, Any], None]], None]


MUTATIONS: dict[str, Mutation] = {}


@contextmanager
def switched_on(mutation: Mutation | None) -> Iterator[None]:
    """The bug is there inside, and gone afterwards."""
    with ExitStack() as undo:

        def replace(owner: Any, name: str, value: Any) -> None:
            undo.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, value)

        if mutation is not None:
            mutation.apply(replace)
        yield
