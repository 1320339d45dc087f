"""Measure or compare runs: ``python evaluate.py --help``."""

import sys

from qd.commands.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
