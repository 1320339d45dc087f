"""Measure or compare runs: ``python evaluate.py --help``."""

import sys

from debateqd.qd.commands.launch import launch

if __name__ == "__main__":
    sys.exit(launch("evaluate"))
