"""Why a node cannot start or go on, as a person should read it. It must hold no logic."""

from typing import Final

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
"""The node cannot start or had to stop: port, folder, disk."""
EXIT_USAGE: Final = 2
"""The command line or the configuration is wrong."""


class NodeError(Exception):
    """The node cannot start or go on. The text is one line, and says what to do."""


class DamagedData(NodeError):
    """The data folder is not what was written, and no other start will find it better."""
