"""The shared checks on a grid of settings, on a plug-in protocol, and on broken environments."""

from __future__ import annotations

import pytest

from debate_env.core.episode import Episode
from debate_env.core.protocols import _PROTOCOLS as PROTOCOLS
from debate_env.core.protocols import DEBATERS, JUDGE, SPEECH, VERDICT, Simultaneous, Wave
from debate_env.debate_v1 import raw_env
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


class Chain(Simultaneous):
    """A plug-in without a judge and without a verdict: one seat after the other."""

    name = "chain"
    players = DEBATERS
    judges = ()

    def wave(self, index, speeches, rounds):
        return Wave(SPEECH, index + 1, (DEBATERS[index % 2],)) if index < rounds else None

    def defends(self, seat):
        return None


class Consultancy(Simultaneous):
    """A plug-in in which one side alone is heard."""

    name = "consultancy"
    players = DEBATERS[:1]

    def wave(self, index, speeches, rounds):
        if index < rounds:
            return Wave(SPEECH, index + 1, DEBATERS[:1])
        return Wave(VERDICT, rounds + 1, (JUDGE,)) if index == rounds else None


@pytest.mark.parametrize("protocol", [Chain(), Consultancy()], ids=lambda p: p.name)
@pytest.mark.parametrize(
    "check", ["api_test", "seed_test", "parallel_api_test", "state_test", "determinism"]
)
def test_protocols_without_opponent_or_verdict(monkeypatch, protocol, check):
    monkeypatch.setitem(PROTOCOLS, protocol.name, protocol)
    run_check(check, protocol=protocol.name)


def test_a_protocol_without_verdict_ends_and_pays_nobody(monkeypatch):
    monkeypatch.setitem(PROTOCOLS, "chain", Chain())
    one = raw_env(sample_questions(), protocol="chain", rounds=2, render_mode="ansi")
    one.reset(seed=0)
    one.step("A text.")
    one.step("The text, told again.")
    assert all(one.terminations.values())
    assert not any(one.truncations.values())
    assert set(one.rewards.values()) == {0.0}
    info = one.infos["debater_0"]
    assert (info["kind"], info["verdict_ok"], info["label"]) == ("ended", False, None)
    assert "there is no verdict" in one.render()


def test_a_consultant_is_paid_for_the_answer_it_defends(monkeypatch):
    monkeypatch.setitem(PROTOCOLS, "consultancy", Consultancy())
    one = raw_env(sample_questions(), protocol="consultancy", rounds=1)
    one.reset(seed=0)
    one.step("Believe me.")
    one.step([0.75, 0.25])
    assert one.rewards["debater_0"] == pytest.approx(0.5)
    assert one.infos[JUDGE]["scores"]["persuasion"] == {"debater_0": pytest.approx(0.5)}


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
    monkeypatch.setattr(Episode, "__getstate__", lambda self: {**honest(self), "_pending": {}})


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
