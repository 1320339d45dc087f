# ruff: noqa: S101 - asserting is what these functions are for
"""Who sees what, who is paid what, and how a debate can end."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from gymnasium.spaces import Box

from debate_env.core.episode import Episode
from debate_env.core.protocols import DEBATERS
from debate_env.core.quotes import strip_marks
from debate_env.debate_v1 import raw_env
from debate_env.errors import InputError
from debate_env.questions.question import Question
from debate_env.testing.scripted import CANARY, Configuration, play, same, scripted_action

# --- who sees what --------------------------------------------------------------------------------


def _watch(raw: raw_env, seats: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Play, and record what the given seats see, and their infos, after every step."""
    seen = []
    while raw.agents:
        seen += [(seat, copy.deepcopy(raw.observe(seat))) for seat in seats]
        seen += [(seat, copy.deepcopy(raw.infos[seat])) for seat in seats if seat in raw.infos]
        agent = raw.agent_selection
        done = raw.terminations[agent] or raw.truncations[agent]
        raw.step(None if done else scripted_action(raw, agent))
    return seen


def _with_passage(config: Configuration, passage: Callable[[str], str]) -> list[Question]:
    return [replace(q, passage=passage(q.passage)) for q in config.questions]


def _canary(config: Configuration) -> None:
    questions = _with_passage(config, lambda text: f"{text} {CANARY} {text}")
    raw = config.raw(questions)
    raw.reset(seed=0)
    readers = [seat for seat in raw.possible_agents if seat not in config.hidden_from]
    assert all(CANARY in raw.observe(seat)["passage"] for seat in readers)
    for seat, seen in _watch(raw, config.hidden_from):
        assert CANARY not in repr(seen), f"{seat} sees a word of the passage that nobody said"


def _non_interference(config: Configuration) -> None:
    def view(questions: Sequence[Question]) -> list[tuple[str, Any]]:
        raw = config.raw(questions)
        raw.reset(seed=0, options={"index": 0, "swap": True})
        seen = _watch(raw, config.hidden_from)
        for _, values in seen:
            if "transcript" in values:
                values["transcript"] = strip_marks(values["transcript"])
            values.pop("quotes", None)  # how many were verified: a mark too
        return seen

    other = _with_passage(config, lambda text: "Nothing of the kind is told in this passage.")
    same(view(config.questions), view(other), "views without passage, over different passages")


def _simultaneity(config: Configuration) -> None:
    raw = config.raw()
    raw.reset(seed=0)
    while not raw.episode.over:
        acting = raw.acting_agents
        before = {seat: copy.deepcopy(raw.observe(seat)) for seat in raw.possible_agents}
        for agent in acting[:-1]:
            raw.step(scripted_action(raw, agent))
            for seat, seen in before.items():
                same(raw.observe(seat), seen, f"{seat} after {agent} spoke in the same wave")
        raw.step(scripted_action(raw, acting[-1]))


def _label_hidden(config: Configuration) -> None:
    traces = []
    for label in (0, 1):
        raw = config.raw([replace(config.questions[0], label=label)])
        # The answer that debater 0 defends is the same in both cases; only which is right differs.
        raw.reset(seed=0, options={"swap": False, "rival": 1 - label})
        seen = [copy.deepcopy(raw.state())]
        while len(raw.agents) == len(raw.possible_agents) and not raw.episode.over:
            seen += [copy.deepcopy(raw.observe(seat)) for seat in raw.possible_agents]
            seen += [copy.deepcopy(raw.infos), copy.deepcopy(raw.state())]
            raw.step(scripted_action(raw, raw.agent_selection))
        traces.append(seen)
    same(traces[0], traces[1], "what is seen before the verdict, when only the label differs")


# --- rewards and endings --------------------------------------------------------------------------


def _finish(config: Configuration, credence: Sequence[float], *, swap: bool = False) -> raw_env:
    raw = config.raw()
    raw.reset(seed=0, options={"index": 0, "swap": swap})
    while not raw.episode.over:
        agent = raw.agent_selection
        is_judge = isinstance(raw.action_space(agent), Box)
        raw.step(np.array(credence, np.float32) if is_judge else "A short speech.")
    return raw


def _swap_symmetry(config: Configuration) -> None:
    rest = [0.1] * (len(config.questions[0].answers) - 2)
    plain = _finish(config, [0.5, 0.2, *rest])
    swapped = _finish(config, [0.2, 0.5, *rest], swap=True)
    first, second = DEBATERS
    for kind in ("persuasion", "truth"):
        a, b = (e.infos[first]["scores"][kind] for e in (plain, swapped))
        assert np.allclose([a[first], a[second]], [b[second], b[first]]), (
            f"{kind}: exchanging the answers did not exchange the scores"
        )
        if kind == "persuasion":
            assert np.isclose(a[first] + a[second], 0.0), "persuasion is not zero-sum"
        else:
            assert a[first] == a[second], "truth is not shared"
    assert np.isclose(plain.rewards[first], swapped.rewards[second]), "rewards are not symmetric"


def _paid_scores(config: Configuration) -> None:
    raw = _finish(config, [0.6, 0.3, *[0.1] * (len(config.questions[0].answers) - 2)])
    scores = raw.infos[DEBATERS[0]]["scores"]
    weight = {"persuasion": 0.0, "truth": 1.0, "mix": raw.settings.mix_weight}
    w = weight[raw.settings.objective]
    for seat in DEBATERS:
        expected = w * scores["truth"][seat] + (1 - w) * scores["persuasion"][seat]
        assert np.isclose(raw.rewards[seat], expected), f"{seat} is not paid its objective"
    for judge in config.hidden_from:
        assert np.isclose(raw.rewards[judge], scores["judge"]), f"{judge} is not paid its score"


def _abstention(config: Configuration) -> None:
    raw = _finish(config, [0.0] * len(config.questions[0].answers))
    assert all(raw.terminations.values()), "an abstention terminates"
    assert not any(raw.truncations.values()), "an abstention does not truncate"
    for agent in raw.agents:
        assert raw.rewards[agent] == 0.0, f"{agent} is paid for an abstention"
        assert raw.infos[agent]["verdict_ok"] is False


def _abort(config: Configuration) -> None:
    for steps, kind in ((0, "error"), (1, "unusable")):
        aec = config.aec()
        aec.reset(seed=0)
        for _ in range(steps):
            aec.step(scripted_action(aec, aec.agent_selection))
        aec.unwrapped.abort(kind, "the line went dead")
        assert all(aec.truncations.values()), "an aborted debate truncates"
        assert not any(aec.terminations.values()), "an aborted debate does not terminate"
        for agent, _, reward, terminated, truncated, info in play(aec):
            assert (reward, terminated, truncated) == (0.0, False, True), agent
            assert (info["kind"], info["message"]) == (kind, "the line went dead")
            assert info["label"] is None, "no verdict, so no label"
        assert not aec.agents
        aec.reset(seed=0)
        play(aec)


def _refusal(raw: raw_env, action: Any) -> str:
    """Return the message with which an action is refused; empty if it is taken."""
    try:
        raw.step(action)
    except InputError as error:
        return str(error)
    return ""


def _refusals(config: Configuration) -> None:
    raw = config.raw()
    raw.reset(seed=0, options={"no such option": object()})
    limit = raw.settings.max_chars
    bad_speeches = ["x" * (limit + 1), 7, None, b"bytes"]
    n = len(config.questions[0].answers)
    bad_verdicts = [
        [1.0] * (n + 1),
        [-0.5] + [0.5] * (n - 1),
        [float("nan")] * n,
        [float("inf")] * n,
        [2.0] * n,
        "A" * n,
        np.ones((n, 1)),
        None,
    ]
    while not raw.episode.over:
        agent = raw.agent_selection
        space = raw.action_space(agent)
        before = copy.deepcopy(raw.episode.__getstate__())
        for bad in bad_verdicts if isinstance(space, Box) else bad_speeches:
            message = _refusal(raw, bad)
            assert message, f"{agent}: action {bad!r:.40} was taken"
            assert agent in message, f"the error does not name {agent}: {message}"
            if bad is bad_speeches[0]:
                assert str(limit + 1) in message, f"no length in: {message}"
                assert str(limit) in message, f"no limit in: {message}"
        assert raw.episode.__getstate__() == before, "a refused action changed the debate"
        raw.step(scripted_action(raw, agent))
    for agent in list(raw.agents):
        late = scripted_action(raw, agent)
        assert _refusal(raw, late), f"{agent} is done, but its action was taken"
        raw.step(None)


def _options(config: Configuration) -> None:
    raw = config.raw()
    n = len(config.questions)
    drawn = set()
    for seed in range(40):
        raw.reset(seed=seed)
        drawn.add(raw.episode.label)
    assert {0, 1} <= drawn, "the correct answer's seat is not drawn at random"
    for index in range(n):
        for swap in (False, True):
            raw.reset(options={"index": index, "swap": swap})
            expected = Episode(
                config.questions[index], raw.settings, swap=swap, rival=raw.episode.rival
            )
            assert raw.episode.question is config.questions[index], "option 'index' is ignored"
            assert raw.episode.answers == expected.answers, "option 'swap' is ignored"
    for bad in (n, -1, True, "0"):
        try:
            raw.reset(options={"index": bad})
        except InputError:
            continue
        raise AssertionError(f"option index={bad!r} was taken")


RULE_CHECKS: Mapping[str, Callable[[Configuration], None]] = {
    "canary": _canary,
    "non_interference": _non_interference,
    "simultaneity": _simultaneity,
    "label_hidden": _label_hidden,
    "swap_symmetry": _swap_symmetry,
    "paid_scores": _paid_scores,
    "abstention": _abstention,
    "abort": _abort,
    "refusals": _refusals,
    "options": _options,
}
"""Checks of the environment as a debate, by name."""
