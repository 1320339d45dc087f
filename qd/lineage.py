"""Show where a strategy comes from: ``python -m qd.lineage --help``."""

import sys

from qd.launch import launch

if __name__ == "__main__":
    sys.exit(launch("qd.commands.lineage"))
