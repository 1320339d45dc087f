"""Evolve debate strategies: ``python train.py --help``."""

import sys

from debateqd.qd.commands.launch import launch

if __name__ == "__main__":
    sys.exit(launch("train"))
