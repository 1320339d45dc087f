"""The commands, as functions of their arguments that return the exit status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from debateqd.qd.commands.group import load, run

Program = Callable[[Sequence[str]], int]

train: Program = partial(run, load("train"))
evaluate: Program = partial(run, load("evaluate"))
equal_calls: Program = partial(run, load("equal-calls"))
lineage: Program = partial(run, load("lineage"))
power: Program = partial(run, load("power"))
rate: Program = partial(run, load("rate"))
play: Program = partial(run, load("play"))
