"""The life of what a test starts: begun on entry, closed at the end, and closed as well when its start fails."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Lifetime(ABC):
    """`with Something() as something:`; whoever derives from it says what start and close are."""

    @abstractmethod
    def start(self) -> Self:
        """Returns when it serves."""

    @abstractmethod
    def close(self) -> None:
        """Stops whatever of it runs, after half a start as well."""

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
