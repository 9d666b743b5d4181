"""The way to a cluster's API that works with every kubeconfig: kubectl as a proxy on loopback."""

import re
import select
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from e2e.api import Api
from e2e.shell import CommandFailed

START_TIMEOUT_S = 30


@contextmanager
def api_of(kubectl: list[str], kubeconfig: Path) -> Iterator[Api]:
    """The API as the kubeconfig's user, while the context lasts."""
    process = subprocess.Popen(
        [*kubectl, f"--kubeconfig={kubeconfig}", "proxy", "--port=0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], START_TIMEOUT_S)
        line = process.stdout.readline() if ready else ""
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        if found is None:
            raise CommandFailed(f"kubectl proxy did not start: {line.strip() or 'no answer'}")
        with closing(Api(f"http://127.0.0.1:{found[1]}")) as api:
            yield api
    finally:
        process.terminate()
        process.communicate(timeout=START_TIMEOUT_S)
