"""The `raftkeeper` command. `server` starts at once; the other verbs load their libraries first.

It decides nothing else: the verbs are in `start` and `commands`.
"""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a verb; the exit code of the process."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] == "server":
        from raftkeeper.tools.start import run_server

        return run_server(given[1:])
    from raftkeeper.tools.commands import run_command

    return run_command(given)
