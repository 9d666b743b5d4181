"""`python -m raftkeeper`: the same as the `raftkeeper` command. It must do nothing else."""

import sys

from raftkeeper.tools.cli import main

if __name__ == "__main__":
    sys.exit(main())
