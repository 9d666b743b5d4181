"""Command line of the kill checker: prints the seed, then one line a round."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from pathlib import Path

from tests.compat.peers import PEERS, PeerError

from . import checker
from .session import ConnectionLostError, SessionGoneError, WrongReplyError


def main() -> int:
    parser = argparse.ArgumentParser(description=checker.__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--server", choices=sorted(PEERS), default="raftkeeper")
    parser.add_argument("--directory", type=Path, help="where the server keeps its data")
    arguments = parser.parse_args()
    seed = random.randrange(1 << 32) if arguments.seed is None else arguments.seed
    print(f"seed {seed}", flush=True)
    peer = PEERS[arguments.server](checker.SETTINGS, directory=arguments.directory)
    try:
        asyncio.run(checker.check(peer, arguments.rounds, seed))
    except (WrongReplyError, SessionGoneError, ConnectionLostError, PeerError) as wrong:
        print(f"WRONG (seed {seed}): {type(wrong).__name__}: {wrong}", flush=True)
        print(f"the server's directory stays: {peer.directory}\n{peer.log_tail()}")
        peer.kill()
        return 1
    peer.close()
    return 0


sys.exit(main())
