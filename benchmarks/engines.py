"""How fast and how safely real engines are used: ``python benchmarks/engines.py [PART ...]``.

Every figure is one of a fixed workload within one run, most of them a ratio or a count. Parts:

- ``equal``: prompt tokens computed and time taken, on a simulated engine, beside a bare schedule
  that holds nothing back; and whether the order of the parts of prompts is the best one;
- ``vllm``: prompt tokens computed of the same workload by real vLLM, with a tiny model of random
  weights;
- ``client``: processor time of the client per request to a server;
- ``load``: 2,000 debates in flight against a server where one request in ten goes wrong;
- ``overhead``: processor time of a debate outside the engine, journal included;
- ``replay``: processor time of a call that the journal answers.

Without a part, all run that can run here. ``--check`` returns 1 when a bound does not hold. Where
``DEBATEQD_DATA`` names a folder with real stories, ``equal`` and ``vllm`` read those.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engines_client import client
from engines_equal import equal
from engines_load import load
from engines_overhead import overhead, replay
from engines_table import Figure, table
from engines_vllm import available, vllm_prefill

PARTS: Mapping[str, Callable[[int | None], list[Figure]]] = {
    "equal": lambda debates: equal(),
    "vllm": vllm_prefill,
    "client": lambda debates: client(debates or 500),
    "load": lambda debates: load(debates or 2_000),
    "overhead": lambda debates: overhead(debates or 2_000),
    "replay": lambda debates: replay(debates or 2_000),
}
"""What each part measures; the argument is the number of debates, ``None`` for its own."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables; with ``--check`` return 1 when a bound does not hold.

    Args:
        argv: The options; those of the process by default.
    """
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--debates", type=int, help="another number of debates, where one can vary")
    parser.add_argument("--check", action="store_true", help="fail when a bound does not hold")
    options = parser.parse_args(argv)
    for part in options.parts:
        if part not in PARTS:
            parser.error(f"unknown part '{part}'; choose from {', '.join(PARTS)}")
    if options.debates is not None and options.debates < 1:
        parser.error(f"--debates must be at least 1, not {options.debates}")
    chosen = options.parts or [part for part in PARTS if part != "vllm" or available()]
    if "vllm" in chosen and not available():
        parser.error("part 'vllm' needs vllm and transformers; neither is needed for the others")
    failed = []
    for part in chosen:
        begun = time.perf_counter()
        figures = PARTS[part](options.debates)
        print(table(figures))
        print(f"({time.perf_counter() - begun:.0f} s)\n", flush=True)
        failed += [figure.what for figure in figures if not figure.holds]
    if options.check and failed:
        print("bounds that do not hold: " + "; ".join(failed), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
