"""Evolve debate strategies: ``python train.py --help``."""

import sys

from qd.commands.train import main

if __name__ == "__main__":
    sys.exit(main())
