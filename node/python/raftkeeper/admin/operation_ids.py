"""Operation ids: a call that is repeated is answered as the first was, and does nothing twice.

Only what was done is remembered: a refusal did nothing, so the same call may try again. This memory
is this process's; after a change of leader the replicated membership itself shows what was done, see
`membership`. It must not grow: the oldest are forgotten.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from raftkeeper.admin.refusals import AdminRefusal, Code

REMEMBERED_MAX = 1_000
"""Weeks of an operator's work; a repetition comes within minutes."""

RUNNING_MAX = 32
"""Operations under way. Changes go one at a time, so more than a few means a caller gone wild."""

ID_LENGTH_MAX = 200

Answer = dict[str, Any]


@dataclass(slots=True)
class _Operation:
    fingerprint: str
    task: "asyncio.Task[Answer]"


class OperationIds:
    """The operations of this process that had an id."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Operation] = OrderedDict()
        self._running = 0

    async def run(
        self, operation_id: str, fingerprint: str, work: Callable[[], Awaitable[Answer]]
    ) -> tuple[Answer, bool]:
        """The answer, and whether it is a repetition's. `fingerprint` says what is asked for.

        Who repeats while the first still runs waits for the same end. The work goes on when its
        caller goes away.
        """
        if len(operation_id) > ID_LENGTH_MAX:
            raise AdminRefusal(
                Code.BAD_REQUEST,
                f"the operation id is longer than {ID_LENGTH_MAX} characters",
                "use a short, unique one, a UUID for example",
            )
        known = self._known.get(operation_id) if operation_id else None
        if known is not None:
            if known.fingerprint != fingerprint:
                raise AdminRefusal(
                    Code.OPERATION_ID_REUSED,
                    f"operation {operation_id!r} was asked for before with another content",
                    "use a new id for each new operation, and the old one only to repeat it",
                )
            return dict(await asyncio.shield(known.task)), True
        if self._running >= RUNNING_MAX:
            raise AdminRefusal(
                Code.TOO_MANY_OPERATIONS,
                f"{RUNNING_MAX} operations are under way",
                "wait for their answers before you send more",
            )
        operation = _Operation(fingerprint, asyncio.ensure_future(self._count(work)))
        if operation_id:
            self._known[operation_id] = operation
            operation.task.add_done_callback(lambda task: self._settle(operation_id, task))
        return dict(await asyncio.shield(operation.task)), False

    async def _count(self, work: Callable[[], Awaitable[Answer]]) -> Answer:
        self._running += 1
        try:
            return await work()
        finally:
            self._running -= 1

    def _settle(self, operation_id: str, task: "asyncio.Task[Answer]") -> None:
        if task.cancelled() or task.exception() is not None:
            self._known.pop(operation_id, None)
        while len(self._known) > REMEMBERED_MAX:
            oldest, operation = next(iter(self._known.items()))
            if not operation.task.done():
                break
            self._known.pop(oldest)
