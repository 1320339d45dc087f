"""Rate the players of a match table: ``python -m qd.rate --help``."""

import sys

from qd.launch import launch

if __name__ == "__main__":
    sys.exit(launch("qd.commands.rate"))
