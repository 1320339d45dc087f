"""``python -m debateqd COMMAND``, as ``debateqd COMMAND`` where that is not installed."""

import sys

from debateqd.qd.commands.launch import launch

if __name__ == "__main__":
    sys.exit(launch())
