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

PEER_PORT = 2888
HTTP_PORT = 8080
ADMIN_PORT = 8090


def main() -> int:
    """Starts the nodes and waits for them; the highest of their exit codes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--port", type=int, default=2181, help="client port of the first")
    parser.add_argument("--data", type=Path, default=Path("data"))
    arguments, more = parser.parse_known_args()
    numbers = range(1, arguments.nodes + 1)
    members = ",".join(f"{number}=127.0.0.1:{PEER_PORT + number - 1}" for number in numbers)
    token_file = make_token(arguments.data)
    processes = []
    for number in numbers:
        command = [sys.executable, "-m", "raftkeeper", "server"]
        command += ["--client-port", str(arguments.port + number - 1)]
        command += ["--storage-data-dir", str(arguments.data / str(number))]
        command += ["--http-port", str(HTTP_PORT + number - 1)]
        command += ["--peer-port", str(PEER_PORT + number - 1)]
        command += ["--admin-port", str(ADMIN_PORT + number - 1)]
        command += ["--admin-token-file", str(token_file)]
        command += ["--ensemble-members", members, "--ensemble-member", str(number)]
        command += ["--ensemble-bootstrap", "true", "--log-format", "console", *more]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        print(f"node {number}: 127.0.0.1:{arguments.port + number - 1}, process {process.pid}")
        threading.Thread(target=relay, args=(number, process.stderr), daemon=True).start()
        processes.append(process)
    endpoints = ",".join(f"127.0.0.1:{ADMIN_PORT + number - 1}" for number in numbers)
    print(f"raftkeeper admin --endpoints {endpoints} --token-file {token_file} status", flush=True)

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
