"""Measure or compare runs: ``python evaluate.py --help``."""

import sys

from qd.launch import launch

if __name__ == "__main__":
    sys.exit(launch("qd.commands.evaluate"))
