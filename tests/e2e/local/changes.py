"""Says that something of some kinds has changed, for daemons that compare what is there with what they did.

Whoever waits looks at everything anew, so a change that is told twice, or late, does no harm.
"""

import threading
import time
from collections.abc import Sequence

from e2e.api import Api, ApiError, path_of

# A watch that is quiet is begun anew after this long; so nothing that was missed stays missed.
WATCH_S = 20
RETRY_S = 1.0


class Changes:
    """Of all objects of these kinds, in all namespaces."""

    def __init__(self, api: Api, kinds: Sequence[str]) -> None:
        self._api = api
        self._kinds = kinds
        self._changed = threading.Event()

    def start(self) -> None:
        for kind in self._kinds:
            threading.Thread(target=self._watch, args=(kind,), daemon=True).start()

    def clear(self) -> None:
        """What comes from now on counts."""
        self._changed.clear()

    def wait(self) -> None:
        """Returns at a change, or when it is time to look all the same."""
        self._changed.wait(WATCH_S)

    def _watch(self, kind: str) -> None:
        while True:
            try:
                version = self._api.call("GET", path_of(kind), query={"limit": "1"})["metadata"]
                self._changed.set()
                for _ in self._api.watch(kind, version["resourceVersion"], seconds=WATCH_S):
                    self._changed.set()
            except (ApiError, OSError, ValueError):
                time.sleep(RETRY_S)
