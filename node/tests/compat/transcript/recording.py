"""What one run of one story leaves: numbered steps, each a request and all that came back.

Steps are text, because text is what people review and what is compared. Beside the text the recording
keeps which opcodes were sent and which errors were seen, for the proof that the stories cover them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .masks import Masks


@dataclass(slots=True)
class Step:
    """One thing done (`done`) and everything received until its answer was complete."""

    number: int
    done: str
    received: list[str] = field(default_factory=list)

    def text(self) -> str:
        lines = [f"{self.number:>3} {self.done}", *(f"      {line}" for line in self.received)]
        return "\n".join(lines)


@dataclass(slots=True)
class Recording:
    """The steps of one story as one server answered them."""

    story: str
    about: str
    steps: list[Step] = field(default_factory=list)
    masks: Masks = field(default_factory=Masks)
    requests: int = 0
    opcodes: set[str] = field(default_factory=set)
    errors: set[int] = field(default_factory=set)

    def begin(self, done: str) -> Step:
        self.steps.append(Step(len(self.steps) + 1, done))
        return self.steps[-1]

    @property
    def place(self) -> str:
        """Where the next received line will stand: step 12 first `12`, then `12.2`."""
        step = self.steps[-1]
        received = len(step.received)
        return f"{step.number}.{received + 1}" if received else str(step.number)

    def add(self, line: str) -> None:
        self.steps[-1].received.append(line)

    def text(self) -> str:
        head = f"# {self.story}: {self.about}\n"
        return head + "\n".join(step.text() for step in self.steps) + "\n"


def parse_steps(text: str) -> list[Step]:
    """The steps of a transcript that was written by `Recording.text`."""
    steps: list[Step] = []
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith("      "):
            steps[-1].received.append(line[6:])
        else:
            number, _, done = line.strip().partition(" ")
            steps.append(Step(int(number), done))
    return steps
