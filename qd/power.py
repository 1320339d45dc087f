"""Say what a study can tell from zero: ``python -m qd.power --help``."""

import sys

from qd.launch import launch

if __name__ == "__main__":
    sys.exit(launch("qd.commands.power"))
