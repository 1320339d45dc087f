"""The shared checks on a grid of settings, on a plug-in protocol, and on broken environments."""

from __future__ import annotations

import pytest

from debate_env.debate_v0 import raw_env
from debate_env.episode import Episode
from debate_env.protocols import _PROTOCOLS as PROTOCOLS
from debate_env.protocols import DEBATERS, JUDGE, SPEECH, VERDICT, Simultaneous, Wave
from debate_env.testing import CHECKS, check_debate_env, run_check, sample_questions

GRID = [
    {},
    {"protocol": "sequential", "rounds": 1, "objective": "truth", "reward_form": "win"},
    {"rounds": 3, "objective": "mix", "reward_form": "log_odds", "mix_weight": 0.3},
    {"word_limit": 5, "max_chars": 60, "quotes": "khan", "reward_form": "win"},
    {"protocol": "sequential", "quotes": "khan", "objective": "mix", "answers": 4},
    {"objective": "truth", "reward_form": "log_odds", "answers": 3, "rounds": 1},
]


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize(
    "settings", GRID, ids=lambda s: "-".join(map(str, s.values())) or "default"
)
def test_check(name, settings):
    settings = dict(settings)
    run_check(name, sample_questions(settings.pop("answers", 2)), **settings)


class ClosingWords(Simultaneous):
    """A plug-in: simultaneous rounds, then debater 1 alone has the last word."""

    name = "closing_words"

    def wave(self, index, speeches, rounds):
        if index < rounds:
            return Wave(SPEECH, index + 1, DEBATERS)
        if index == rounds:
            return Wave(SPEECH, rounds + 1, DEBATERS[1:])
        return Wave(VERDICT, rounds + 1, (JUDGE,)) if index == rounds + 1 else None


def test_a_plug_in_protocol_passes_every_check(monkeypatch):
    monkeypatch.setitem(PROTOCOLS, "closing_words", ClosingWords())
    assert check_debate_env(protocol="closing_words") == list(CHECKS)


def _leak_passage(monkeypatch):
    honest = Episode.observe

    def observe(self, seat):
        seen = honest(self, seat)
        return {**seen, "position": seen["position"] or self.question.passage[:5000]}

    monkeypatch.setattr(Episode, "observe", observe)


def _leak_label(monkeypatch):
    honest = Episode.observe
    monkeypatch.setattr(
        Episode,
        "observe",
        lambda self, seat: {**honest(self, seat), "round": 1 + self.label},
    )


def _leak_pending(monkeypatch):
    honest = Episode.observe

    def observe(self, seat):
        seen = honest(self, seat)
        return {**seen, "transcript": seen["transcript"] + "".join(s.text for s in self.pending)}

    monkeypatch.setattr(Episode, "observe", observe)


def _favour_first(monkeypatch):
    honest = Episode.rewards.fget
    monkeypatch.setattr(
        Episode,
        "rewards",
        property(lambda self: {**honest(self), "debater_0": honest(self)["debater_0"] + 0.1}),
    )


def _remember(monkeypatch):
    honest = raw_env.reset

    def reset(self, seed=None, options=None):
        before = self.__dict__.get("_episode")
        honest(self, seed, options)
        if before is not None:
            self._episode._transcript = before._transcript

    monkeypatch.setattr(raw_env, "reset", reset)


def _forget_pending_in_copies(monkeypatch):
    honest = Episode.__getstate__
    monkeypatch.setattr(Episode, "__getstate__", lambda self: {**honest(self), "pending": {}})


def _always_first(monkeypatch):
    honest = raw_env.reset

    def reset(self, seed=None, options=None):
        honest(self, seed, {**(options or {}), "swap": False})

    monkeypatch.setattr(raw_env, "reset", reset)


def _swallow_long_speeches(monkeypatch):
    honest = Episode.act

    def act(self, seat, action):
        cut = action[: self.settings.max_chars] if isinstance(action, str) else action
        honest(self, seat, cut)

    monkeypatch.setattr(Episode, "act", act)


@pytest.mark.parametrize(
    ("breakage", "names"),
    [
        (_leak_passage, ["canary", "non_interference"]),
        (_leak_label, ["label_hidden"]),
        (_leak_pending, ["simultaneity"]),
        (_favour_first, ["swap_symmetry", "paid_scores", "abstention"]),
        (_remember, ["reset_leaves_no_trace"]),
        (_forget_pending_in_copies, ["copies"]),
        (_always_first, ["options"]),
        (_swallow_long_speeches, ["refusals"]),
    ],
)
def test_a_broken_environment_fails(monkeypatch, breakage, names):
    breakage(monkeypatch)
    for name in names:
        with pytest.raises((AssertionError, ValueError)):
            run_check(name)
    with pytest.raises((AssertionError, ValueError)):
        check_debate_env()
