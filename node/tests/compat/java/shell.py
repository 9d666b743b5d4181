"""Runs ZooKeeper's own shell with a list of commands, and makes two runs comparable.

Times are masked; zxids and sessions are numbered in the order they appear, so that what must be equal
within a run still must be. Watch events are printed by a thread of their own, amid the answers:
they are taken out line by line and compared as a sequence.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.compat.peers.zookeeper import class_path, java

COMMANDS = Path(__file__).with_name("shell_session.txt")
SESSION_DEADLINE_S = 180.0

MARK = "/no-such-znode-behind-command-"
"""The shell prints no prompt to a pipe; its complaint about this path ends each answer."""

_MARKED = re.compile(rf"^Node does not exist: {MARK}(\d+)$")
_EVENT = "WatchedEvent "
_NOT_ANSWERS = {"", "WATCHER::"}
_TIME = re.compile(r"^(\s*[cm]time = ).*$", re.MULTILINE)
_ZXID = re.compile(r"^(\s*[cmp]Zxid = )(0x[0-9a-f]+)$|(zxid: )(-?\d+)", re.MULTILINE)
_OWNER = re.compile(r"^(\s*ephemeralOwner = )(0x[0-9a-f]+)$", re.MULTILINE)
_NOT_SESSIONS = re.compile(r"0x(?:0|8000000000000000|ff[0-9a-f]{14})$")
"""Owner values of plain, container and TTL znodes: those are compared as they are."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the shell printed between one command and the next."""

    command: str
    text: str


@dataclass(frozen=True, slots=True)
class Transcript:
    answers: list[Answer]
    events: list[str]


def read_commands() -> list[str]:
    lines = (line.partition("#")[0].strip() for line in COMMANDS.read_text().splitlines())
    return [line for line in lines if line]


def run(address: str, commands: Sequence[str]) -> Transcript:
    """One session of the shell against the server at `address`."""
    script = "".join(f"{command}\nget {MARK}{number}\n" for number, command in enumerate(commands))
    done = subprocess.run(
        [
            *(java(), "-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-Dfile.encoding=UTF-8"),
            *("-cp", class_path(), "org.apache.zookeeper.ZooKeeperMain", "-server", address),
            *("-timeout", "30000"),
        ],
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=SESSION_DEADLINE_S,
        check=False,
    )
    return _masked(parse(done.stdout, commands))


def parse(printed: str, commands: Sequence[str]) -> Transcript:
    """Cuts what was printed at the marks. ValueError when one is missing."""
    answers: list[Answer] = []
    events: list[str] = []
    lines: list[str] = []
    greeting = printed.partition("JLine support is disabled")[2]
    for line in greeting.splitlines():
        mark = _MARKED.match(line)
        if line.startswith(_EVENT):
            events.append(line)
        elif mark and len(answers) == int(mark.group(1)):
            answers.append(Answer(commands[len(answers)], "\n".join(lines)))
            lines = []
        elif line not in _NOT_ANSWERS:
            lines.append(line)
    if len(answers) != len(commands):
        raise ValueError(f"{len(commands)} commands, {len(answers)} answers:\n{printed[-2000:]}")
    return Transcript(answers, events)


def _masked(transcript: Transcript) -> Transcript:
    zxids, sessions = _Numbered("zxid"), _Numbered("session")

    def mask(text: str) -> str:
        text = _TIME.sub(r"\1<time>", text)
        text = _ZXID.sub(zxids.name, text)
        return _OWNER.sub(lambda found: sessions.name(found, unless=_NOT_SESSIONS), text)

    answers = [Answer(one.command, mask(one.text)) for one in transcript.answers]
    return Transcript(answers, [_masked_event(event) for event in transcript.events])


def _masked_event(event: str) -> str:
    return re.sub(r" zxid: -?\d+", "", event)


class _Numbered:
    """Gives each different value a number, in the order of appearance."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._numbers: dict[str, int] = {}

    def name(self, found: re.Match[str], unless: re.Pattern[str] | None = None) -> str:
        prefix, value = (group for group in found.groups() if group is not None)
        if unless is not None and unless.match(value):
            return prefix + value
        number = self._numbers.setdefault(str(int(value, 0)), len(self._numbers) + 1)
        return f"{prefix}<{self._kind} {number}>"


UNORDERED = {"whoami"}
"""Commands whose lines come in an order that ZooKeeper takes from a hash table."""


def differences(zookeeper: Transcript, node: Transcript) -> list[str]:
    """In words, what the node answered otherwise than ZooKeeper."""
    found = [
        f"`{theirs.command}`\n  ZooKeeper: {theirs.text}\n  node:      {ours.text}"
        for theirs, ours in zip(zookeeper.answers, node.answers, strict=True)
        if _comparable(theirs) != _comparable(ours)
    ]
    if zookeeper.events != node.events:
        found.append(f"events\n  ZooKeeper: {zookeeper.events}\n  node:      {node.events}")
    return found


def _comparable(answer: Answer) -> list[str]:
    lines = answer.text.splitlines()
    return sorted(lines) if answer.command in UNORDERED else lines
