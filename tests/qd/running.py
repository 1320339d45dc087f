"""The commands, as functions of their arguments that return the exit status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from debateqd.qd.commands.group import load_command, run

Program = Callable[[Sequence[str]], int]

train: Program = partial(run, load_command("train"))
evaluate: Program = partial(run, load_command("evaluate"))
equal_calls: Program = partial(run, load_command("equal-calls"))
lineage: Program = partial(run, load_command("lineage"))
power: Program = partial(run, load_command("power"))
questions: Program = partial(run, load_command("questions"))
rate: Program = partial(run, load_command("rate"))
play: Program = partial(run, load_command("play"))
