"""`make run NODES=3`: several nodes on this machine as one ensemble, until Ctrl-C.

For trying things out: kill one by its process id, which is printed, and start all again to bring it
back. Their lines go to standard error with the member's number before them.
"""

import argparse
import secrets
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

# From the first client port on: two ensembles with different ports have nothing in common.
PEER_PORT_BEYOND = 2888 - 2181
HTTP_PORT_BEYOND = 8080 - 2181
ADMIN_PORT_BEYOND = 8090 - 2181
NODES_MAX = 9


def main() -> int:
    """Starts the nodes and waits for them; the highest of their exit codes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=3, choices=range(1, NODES_MAX + 1))
    parser.add_argument("--port", type=int, default=2181, help="client port of the first")
    parser.add_argument("--data", type=Path, default=Path("data"))
    arguments, more = parser.parse_known_args()
    first = arguments.port
    numbers = range(1, arguments.nodes + 1)
    peer_port, http_port = first + PEER_PORT_BEYOND, first + HTTP_PORT_BEYOND
    admin_port = first + ADMIN_PORT_BEYOND
    members = ",".join(f"{number}=127.0.0.1:{peer_port + number - 1}" for number in numbers)
    token_file = make_token(arguments.data)
    processes = []
    for number in numbers:
        command = [sys.executable, "-m", "raftkeeper", "server"]
        command += ["--client-port", str(first + number - 1)]
        command += ["--storage-data-dir", str(arguments.data / str(number))]
        command += ["--http-port", str(http_port + number - 1)]
        command += ["--peer-port", str(peer_port + number - 1)]
        command += ["--admin-port", str(admin_port + number - 1)]
        command += ["--admin-token-file", str(token_file)]
        command += ["--ensemble-members", members, "--ensemble-member", str(number)]
        command += ["--ensemble-bootstrap", "true", "--log-format", "console", *more]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        print(f"node {number}: 127.0.0.1:{first + number - 1}, process {process.pid}")
        threading.Thread(target=relay, args=(number, process.stderr), daemon=True).start()
        processes.append(process)
    print("clients: " + ",".join(f"127.0.0.1:{first + number - 1}" for number in numbers))
    endpoints = ",".join(f"127.0.0.1:{admin_port + number - 1}" for number in numbers)
    tool = Path(sys.executable).with_name("raftkeeper")
    print(f"{tool} admin --endpoints {endpoints} --token-file {token_file} status", flush=True)

    def stop(*_: object) -> None:
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    return max(abs(process.wait()) for process in processes)


def make_token(data: Path) -> Path:
    """A token for the admin API of all of them, the same at the next start."""
    data.mkdir(parents=True, exist_ok=True)
    path = (data / "admin.token").absolute()
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32) + "\n", encoding="ascii")
    return path


def relay(number: int, lines: IO[str] | None) -> None:
    """A node's lines, told apart."""
    for line in lines or ():
        sys.stderr.write(f"{number} | {line}")


if __name__ == "__main__":
    sys.exit(main())
