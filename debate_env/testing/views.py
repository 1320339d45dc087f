# ruff: noqa: S101 - asserting is what these functions are for
"""PettingZoo's and Gymnasium's own tests, determinism, and copies in mid-episode."""

from __future__ import annotations

import contextlib
import copy
import io
import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gymnasium.utils.env_checker import check_env
from pettingzoo.utils.conversions import turn_based_aec_to_parallel

from debate_env.core.protocols import DEBATERS
from debate_env.core.solo import SoloDebateEnv
from debate_env.debate_v1 import raw_env
from debate_env.testing.scripted import Configuration, play, same, scripted, scripted_action

with warnings.catch_warnings():
    # PettingZoo's tests import one of its games in a way that PettingZoo itself deprecates.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pettingzoo.test.api_test import api_test
    from pettingzoo.test.parallel_test import parallel_api_test
    from pettingzoo.test.render_test import render_test
    from pettingzoo.test.seed_test import seed_test
    from pettingzoo.test.state_test import state_test


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what PettingZoo's own tests print, and its warnings that text cannot avoid."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


# --- PettingZoo's and Gymnasium's own tests -------------------------------------------------------


@_quiet()
def _api(config: Configuration) -> None:
    api_test(config.aec(), num_cycles=100)


@_quiet()
def _seed(config: Configuration) -> None:
    seed_test(config.aec, num_cycles=100)


@_quiet()
def _parallel_api(config: Configuration) -> None:
    parallel_api_test(config.parallel(), num_cycles=100)
    parallel_api_test(turn_based_aec_to_parallel(config.aec()), num_cycles=100)


@_quiet()
def _render(config: Configuration) -> None:
    render_test(config.aec, custom_tests={"html": lambda page: page.startswith("<!DOCTYPE")})


@_quiet()
def _state(config: Configuration) -> None:
    state_test(config.aec(), config.parallel())


def _gymnasium(config: Configuration) -> None:
    for seat in config.raw().possible_agents:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_env(
                SoloDebateEnv(seat, questions=config.questions, **config.settings),
                skip_render_check=True,
            )


# --- determinism ----------------------------------------------------------------------------------


def _determinism(config: Configuration) -> None:
    first, second = config.aec(), config.aec()
    for seed in (7, None, None):
        first.reset(seed=seed)
        second.reset(seed=seed)
        same(play(first), play(second), "two environments with the same seed and actions")


def _parallel_determinism(config: Configuration) -> None:
    first, second = config.parallel(), config.parallel()
    for seed in (7, None, None):
        same(first.reset(seed=seed), second.reset(seed=seed), "parallel reset")
        waves = 0
        while first.agents:
            waves += 1
            results = [
                p.step({a: scripted_action(p.aec_env, a) for a in p.acting_agents})
                for p in (first, second)
            ]
            same(results[0], results[1], f"parallel wave {waves}")
        assert not second.agents, "one parallel environment ended before the other"


def _views_agree(config: Configuration) -> None:
    aec, parallel = config.aec(), config.parallel()
    aec.reset(seed=3)
    parallel.reset(seed=3)
    trace = {step[0]: step for step in play(aec)}
    result: tuple[Any, ...] = ()
    while parallel.agents:
        result = parallel.step(
            {a: scripted_action(parallel.aec_env, a) for a in parallel.acting_agents}
        )
    for agent, step in trace.items():
        same(step[1:], tuple(part[agent] for part in result), f"AEC and parallel end of {agent}")


def _reset_leaves_no_trace(config: Configuration) -> None:
    used, fresh = config.aec(), config.aec()
    used.reset(seed=1)
    play(used, salt=5)
    used.reset(seed=2)
    used.step(scripted_action(used, used.agent_selection, salt=9))
    for one in (used, fresh):
        one.reset(seed=4)
    same(play(used), play(fresh), "a used environment and a fresh one after the same reset")


def _order_of_acting(config: Configuration) -> None:
    ends = []
    for flip in (False, True):
        raw = config.raw()
        raw.reset(seed=5, options={"index": 0, "swap": False})
        episode = raw.episode
        while not episode.over:
            for seat in episode.acting[::-1] if flip else episode.acting:
                action = scripted(raw.action_space(seat), seat, episode.observe(seat)["round"])
                episode.act(seat, action)
        ends.append(episode)
    assert ends[0].speeches == ends[1].speeches, "the order of acting changed the transcript"
    assert ends[0].outcome == ends[1].outcome, "the order of acting changed the outcome"


def _copies(config: Configuration) -> None:
    whole = config.aec()
    whole.reset(seed=11)
    expected = play(whole)
    duplicates: dict[str, Callable[[Any], Any]] = {
        "deepcopy": copy.deepcopy,
        "pickle": lambda one: pickle.loads(pickle.dumps(one)),  # noqa: S301 - our own bytes
    }
    for kind, duplicate in duplicates.items():
        for cut in range(len(expected)):
            one = config.aec()
            one.reset(seed=11)
            for agent, _, _, terminated, truncated, _ in expected[:cut]:
                done = terminated or truncated
                one.step(None if done else scripted_action(one, agent))
            twin = duplicate(one)
            same(play(twin), expected[cut:], f"{kind} after {cut} steps")
            assert len(one.agents) == len({step[0] for step in expected[cut:]}), (
                f"{kind} after {cut} steps: playing the copy moved the original"
            )
            one.reset()
            twin.reset()
            same(one.observe(DEBATERS[0]), twin.observe(DEBATERS[0]), f"{kind}: next reset")


def _names(config: Configuration) -> None:
    aec = config.aec()
    assert str(aec) == "debate_v1", f"str() is {aec!s}"
    assert isinstance(aec.unwrapped, raw_env), "unwrapped is not raw_env"
    assert aec.possible_agents[:2] == list(DEBATERS), "the debaters are not the first two agents"


VIEW_CHECKS: Mapping[str, Callable[[Configuration], None]] = {
    "api_test": _api,
    "seed_test": _seed,
    "parallel_api_test": _parallel_api,
    "render_test": _render,
    "state_test": _state,
    "check_env": _gymnasium,
    "names": _names,
    "determinism": _determinism,
    "parallel_determinism": _parallel_determinism,
    "views_agree": _views_agree,
    "reset_leaves_no_trace": _reset_leaves_no_trace,
    "order_of_acting": _order_of_acting,
    "copies": _copies,
}
"""Checks of the environment as a program, by name."""
