"""`python -m e2e …`, from the folder `tests`: a cluster to develop on, and everything that `make e2e` does.

check         say what this machine lacks
prepare       build all programs and images that a run needs; nothing is started
up            bring the cluster up, or say that it is
down          stop it and remove what it made
status        what runs
load FILE…    give images, as archives of `docker save`, to every node
stop-zone Z   cut the power of a zone; start-zone Z brings it back
images        build the images of node and operator and load them
operator      install the operator from this checkout's charts, or anew
life          record apply, scale and upgrade under load, and draw docs/operator/life.svg
operator-cost measure the operator with one and with fifty clusters, for docs/operator/cost.md
"""

import argparse
import sys
from pathlib import Path

from e2e import provider
from e2e.deadline import NotInTime
from e2e.home import say
from e2e.shell import CommandFailed, MissingTool

EXIT_MISSING = 3


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m e2e", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = (
        *("check", "prepare", "up", "down", "status", "load", "stop-zone", "start-zone", "images"),
        *("operator", "life", "operator-cost"),
    )
    parser.add_argument("command", choices=commands)
    parser.add_argument("values", nargs="*")
    arguments = parser.parse_args()
    try:
        _do(provider.choose(), arguments.command, arguments.values)
    except (CommandFailed, MissingTool, NotInTime, provider.Unsupported, ValueError) as error:
        print(f"e2e: {error}", file=sys.stderr)
        return EXIT_MISSING if isinstance(error, MissingTool) else 1
    return 0


def _do(cluster: provider.Provider, command: str, values: list[str]) -> None:
    if command == "check":
        cluster.check()
    elif command == "prepare":
        from e2e import images

        cluster.prepare()
        images.build()
    elif command == "up":
        if not cluster.up():
            say(f"was up already; export KUBECONFIG={cluster.kubeconfig}")
    elif command == "down":
        cluster.down()
    elif command == "status":
        print(cluster.status())
    elif command == "load":
        for value in values:
            cluster.load_image(Path(value).resolve())
    elif command == "images":
        from e2e import images

        images.provide(cluster)
    elif command in {"operator", "life", "operator-cost"}:
        _show(cluster, command)
    else:
        do = cluster.stop_zone if command == "stop-zone" else cluster.start_zone
        for value in values:
            do(value)


def _show(cluster: provider.Provider, command: str) -> None:
    from e2e import images
    from e2e.access import api_of
    from e2e.operator_release import Operator
    from e2e.shows import cost, life, life_picture

    if command == "operator":
        with api_of(cluster.kubectl, cluster.kubeconfig) as api:
            Operator(cluster, api).install()
    elif command == "life":
        images.provide_next(cluster)
        life_picture.write(life.record(cluster))
    else:
        cost.measure(cluster)


if __name__ == "__main__":
    sys.exit(main())
