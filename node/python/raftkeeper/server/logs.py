"""Log lines of a node: one event a line, JSON or console, on standard error.

Event names are stable (`node.serving`, `client.closed`): people search and alert for them. Lines
of the standard library's loggers, ours below storage among them, come out in the same form.
"""

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raftkeeper.server.config import Log


# structlog's console module loads rich when it finds it, 4 MB that a server never uses: it is hidden
# for the length of this import, and structlog falls back to its plain traceback.
_hidden = {name: sys.modules.get(name) for name in ("rich",)}
sys.modules["rich"] = None  # type: ignore[assignment]
try:
    import structlog
finally:
    for _name, _module in _hidden.items():
        if _module is None:
            del sys.modules[_name]
        else:
            sys.modules[_name] = _module

Processor = Callable[[Any, str, MutableMapping[str, Any]], Any]


class LogBudget:
    """A bound on lines that clients can cause: so many in each second, the rest are counted."""

    def __init__(self, lines_per_second: int, now_us: Callable[[], int]) -> None:
        self._lines_max = lines_per_second
        self._now_us = now_us
        self._second = 0
        self._lines = 0
        self._suppressed = 0

    def allows(self) -> bool:
        """Whether one more line may be written now."""
        second = self._now_us() // 1_000_000
        if second != self._second:
            self._second = second
            self._lines = 0
        self._lines += 1
        if self._lines > self._lines_max:
            self._suppressed += 1
            return False
        return True

    def take_suppressed(self) -> int:
        """How many lines were swallowed since the last one that was written."""
        count, self._suppressed = self._suppressed, 0
        return count


def set_up_logging(settings: "Log") -> None:
    """Sends every log line of this process to standard error in the configured form."""
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[Processor]
    if console:
        last = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    else:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def get_logger(name: str) -> "structlog.stdlib.BoundLogger":
    """The logger of one module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
