"""How fast the environment is: ``python -m debate_env.bench``.

One driver plays recorded episodes (actions drawn beforehand) in every environment, for the debate
and, where the extra ``bench`` is installed, for PettingZoo's classic environments: wrapped against
wrapped, raw against raw, parallel against parallel, in one run with interleaved repeats. "Wrapped"
is what each project's ``env()`` returns; the debate checks its actions itself and so goes without
``AssertOutOfBoundsWrapper``, which the games have; the row "bounds too" adds it. A step is one call
of ``step`` for one agent, the steps of agents that are done included; resets are part of the time.
Reported are medians over the repeats.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from typing import Any

import gymnasium
import numpy as np
from pettingzoo.env_registry.exceptions import PettingZooRegistryError
from pettingzoo.utils import wrappers
from pettingzoo.utils.conversions import turn_based_aec_to_parallel

from debate_env.debate_v1 import env, parallel_env, raw_env
from debate_env.questions.question import Question

FLOOR, AIM = 0.6, 1.0
"""Wrapped debate steps per wrapped ``rps`` step: what is accepted, and what is aimed at."""

CLASSICS = ("rps-v2", "tictactoe-v3", "connect_four-v3", "chess-v6")
_PASSAGE_WORDS = 5000
_SPEECH_WORDS = 100
_EPISODES = 20


@dataclass(frozen=True, slots=True)
class Speed:
    """One line of the table.

    Attributes:
        view: ``"wrapped"``, ``"raw"``, ``"parallel"`` or ``"lock-step"``.
        rate: Median rate over the repeats.
        unit: ``"steps/s"``, or ``"debates/s"`` for lock-step.
        spread: Largest over smallest rate of the repeats.
        ratio: Debate's rate over this row's; ``None`` for the debate's own rows.
    """

    case: str
    view: str
    rate: float
    unit: str
    spread: float
    ratio: float | None = None


def sample_questions() -> list[Question]:
    """Make two questions about one passage of about 30,000 characters."""
    rng = np.random.default_rng(0)
    letters = list("etaoinshrdlu")
    words = ["".join(rng.choice(letters, size=int(n))) for n in rng.integers(2, 9, _PASSAGE_WORDS)]
    passage = " ".join(words)
    return [
        Question(f"bench-{i}", "bench", passage, "Which is right?", ("this one", "that one"), i)
        for i in range(2)
    ]


def sample_speech(question: Question, *, quoted: bool = False) -> str:
    """Make a speech of 100 words, on request with one verified quote of 20 words."""
    words = question.passage.split()[:_SPEECH_WORDS]
    if quoted:
        words[10] = "<quote>" + words[10]
        words[29] += "</quote>"
    return " ".join(words)


def debate_episodes(*, quoted: bool = False) -> list[list[Any]]:
    """Draw the actions of some debates: four speeches, one verdict, three dead steps."""
    rng = np.random.default_rng(1)
    speech = sample_speech(sample_questions()[0], quoted=quoted)
    verdicts = rng.random((_EPISODES, 2)).astype(np.float32)
    return [[speech] * 4 + [verdict] + [None] * 3 for verdict in verdicts]


def record_episodes(aec: Any) -> list[list[Any]]:
    """Draw legal actions of some complete episodes of a deterministic AEC environment."""
    rng = np.random.default_rng(1)
    episodes = []
    for _ in range(_EPISODES):
        actions: list[Any] = []
        aec.reset()
        for agent in aec.agent_iter():
            observation, _, terminated, truncated, _ = aec.last()
            if terminated or truncated:
                action = None
            elif isinstance(observation, dict) and "action_mask" in observation:
                action = int(rng.choice(np.flatnonzero(observation["action_mask"])))
            else:
                action = int(rng.integers(aec.action_space(agent).n))
            actions.append(action)
            aec.step(action)
        episodes.append(actions)
    return episodes


def drive(
    play: Callable[[Sequence[Any]], int], episodes: Sequence[Sequence[Any]], seconds: float
) -> float:
    """Play recorded episodes over and over for a while; return ``play``'s counts per second."""
    count, index = 0, 0
    start = now = time.perf_counter()
    while now - start < seconds:
        count += play(episodes[index % len(episodes)])
        index += 1
        now = time.perf_counter()
    return count / (now - start)


def play_aec(aec: Any, actions: Sequence[Any]) -> int:
    """Play one episode; count steps."""
    upcoming = iter(actions)
    aec.reset()
    for _ in aec.agent_iter():
        aec.last()
        aec.step(next(upcoming))
    return len(actions)


def play_parallel(parallel: Any, actions: Sequence[Any]) -> int:
    """Play one episode through a parallel view; count one step per action that is used."""
    used = [action for action in actions if action is not None]
    upcoming = iter(used)
    parallel.reset()
    while parallel.agents:
        acting = getattr(parallel, "acting_agents", parallel.agents)
        parallel.step({agent: next(upcoming) for agent in acting})
    return len(used)


def play_turns(parallel: Any, actions: Sequence[Any]) -> int:
    """Play one episode through PettingZoo's turn-based parallel view; count steps."""
    upcoming = iter(actions)
    parallel.reset()
    while parallel.agents:
        parallel.step({parallel.aec_env.agent_selection: next(upcoming)})
    return len(actions)


def play_lock_step(envs: Sequence[Any], actions: Sequence[Any]) -> int:
    """Advance many debates together, all observations of a wave first; count debates."""
    speech, verdict = actions[0], actions[4]
    for one in envs:
        one.reset()
    live = list(envs)
    while live:
        asked = [(one, [(a, one.observe(a)) for a in one.acting_agents]) for one in live]
        for one, seats in asked:
            for agent, _ in seats:
                one.step(verdict if agent == "judge_0" else speech)
        live = [one for one in live if not one.episode.over]
    return len(envs)


def _classic(kind: str, name: str) -> Any:
    import pettingzoo

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return pettingzoo.make(kind, f"classic/{name}")


def measure(
    *, seconds: float, repeats: int, sizes: Sequence[int], classics: Sequence[str]
) -> tuple[list[Speed], list[str]]:
    """Time every case; return the table, and a line per environment that could not be made."""
    questions = sample_questions()
    plain, quoted = debate_episodes(), debate_episodes(quoted=True)
    cases: dict[tuple[str, str], Callable[[], float]] = {}

    def add(case: str, view: str, play: Any, of: Any, episodes: Any = plain) -> None:
        cases[case, view] = partial(drive, partial(play, of), episodes, seconds)

    bounded = wrappers.OrderEnforcingWrapper(wrappers.AssertOutOfBoundsWrapper(raw_env(questions)))
    add("debate", "wrapped", play_aec, env(questions))
    add("debate, quoting", "wrapped", play_aec, env(questions), quoted)
    add("debate, bounds too", "wrapped", play_aec, bounded)
    add("debate", "raw", play_aec, raw_env(questions))
    add("debate", "parallel", play_parallel, parallel_env(questions))
    turns = turn_based_aec_to_parallel(env(questions))
    add("debate, turn-based", "parallel", play_turns, turns)
    missing = []
    for name in classics:
        try:
            wrapped = _classic("aec", name)
        except (ImportError, PettingZooRegistryError, gymnasium.error.Error) as error:
            reason = str(error).partition(". ")[0] or type(error).__name__
            missing.append(f"{name}: left out: {reason} (pip install 'debateqd[bench]')")
            continue
        episodes = record_episodes(wrapped)
        add(name, "wrapped", play_aec, wrapped, episodes)
        add(name, "raw", play_aec, wrapped.unwrapped, episodes)
        if name == "rps-v2":
            add(name, "parallel", play_parallel, _classic("parallel", name), episodes)
    for size in sizes:
        many = [raw_env(questions) for _ in range(size)]
        add(f"debate x {size:,}", "lock-step", play_lock_step, many, plain[:1])
    rates: dict[tuple[str, str], list[float]] = {key: [] for key in cases}
    for key, run in [*cases.items()] * repeats:
        rates[key].append(run())
    medians = {key: statistics.median(values) for key, values in rates.items()}
    rows = [
        Speed(
            case,
            view,
            rate,
            "debates/s" if view == "lock-step" else "steps/s",
            max(rates[case, view]) / min(rates[case, view]),
            None if case.startswith("debate") else medians["debate", view] / rate,
        )
        for (case, view), rate in medians.items()
    ]
    return rows, missing


def table(rows: Sequence[Speed], missing: Sequence[str]) -> str:
    """Lay the rows out as text."""
    lines = [f"{'environment':<22}{'view':<11}{'rate':>12}  {'unit':<11}{'spread':>7}{'ratio':>8}"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}x"
        lines.append(
            f"{row.case:<22}{row.view:<11}{row.rate:>12,.0f}  {row.unit:<11}"
            f"{row.spread:>6.2f}x{ratio:>8}"
        )
    lines.append("ratio: the debate's rate over that environment's, in the same view")
    lines += missing
    found = against_rps(rows)
    if found is not None:
        grade = "aim reached" if found >= AIM else "ok" if found >= FLOOR else "TOO SLOW"
        lines.append(f"wrapped against rps: {found:.2f}x (floor {FLOOR}x, aim {AIM}x): {grade}")
        rates = {(row.case, row.view): row.rate for row in rows}
        both = rates["debate, bounds too", "wrapped"] / rates["rps-v2", "wrapped"]
        lines.append(f"with the same two wrappers as rps: {both:.2f}x")
    return "\n".join(lines)


def against_rps(rows: Sequence[Speed]) -> float | None:
    """Return the ratio that :data:`FLOOR` is about; ``None`` where ``rps`` was not timed."""
    wrapped = (row.ratio for row in rows if (row.case, row.view) == ("rps-v2", "wrapped"))
    return next(wrapped, None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark from the command line; returns 1 when the floor is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m debate_env.bench", description="Steps per second, beside PettingZoo's."
    )
    parser.add_argument("--seconds", type=float, default=0.5, help="per measurement")
    parser.add_argument("--repeats", type=int, default=5, help="measurements per case")
    parser.add_argument("--sizes", type=int, nargs="*", default=[100, 1000, 10000])
    parser.add_argument("--classics", nargs="*", default=list(CLASSICS))
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    if options.seconds <= 0 or options.repeats < 1 or any(n < 1 for n in options.sizes):
        parser.error("--seconds, --repeats and --sizes must be above 0")
    as_json = vars(options).pop("json")
    rows, missing = measure(**vars(options))
    if as_json:
        result = {
            "version": 1,
            "python": platform.python_version(),
            "pettingzoo": metadata.version("pettingzoo"),
            "seconds": options.seconds,
            "repeats": options.repeats,
            "rows": [asdict(row) for row in rows],
            "missing": missing,
        }
        print(json.dumps(result, indent=2))
    else:
        print(table(rows, missing))
    ratio = against_rps(rows)
    return int(ratio is not None and ratio < FLOOR)


if __name__ == "__main__":
    sys.exit(main())
