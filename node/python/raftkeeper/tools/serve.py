"""The program that serves: takes over the checked configuration and runs a node with its surfaces.

Started by `start` through `handover`, never by hand. It must load nothing that a server does not
need while it runs: what is imported here stays in memory for months.
"""

import sys

from raftkeeper.admin.four_letter import FourLetter
from raftkeeper.server.app import Surfaces, run
from raftkeeper.server.handover import read_config


def main() -> int:
    """Runs a node; the exit code of the process."""
    config = read_config(int(sys.argv[1]))
    http = admin = reconfig = None
    if config.http.enabled:
        from raftkeeper.admin.http_api import HttpApi

        http = HttpApi
    if config.admin.enabled:
        from raftkeeper.admin.admin_server import AdminServer

        admin = AdminServer
    if config.features.reconfig:
        from raftkeeper.admin.reconfig_door import open_door

        reconfig = open_door
    return run(config, Surfaces(commands=FourLetter, http=http, admin=admin, reconfig=reconfig))


if __name__ == "__main__":
    sys.exit(main())
