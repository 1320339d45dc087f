"""Which contests to play next: those that help the open decisions of an archive the most.

A *decision* is between a challenger and the incumbent of its cell. With the difference of their
strengths normal with mean m, and a batch of contests expected to move that mean by s standard
normal units, deciding after the batch is worth ``E[max(0, m + s Z)] - max(0, m)`` more than
deciding now (the knowledge gradient of Frazier, Powell and Dayanik 2009, "The Knowledge-Gradient
Policy for Correlated Normal Beliefs", sections 2 and 4). Its derivative by s^2 is
``phi(m / s) / (2 s)``: what a unit of variance taken from that difference is worth. Contests are
chosen one after the other, always the pair that takes the most of the variances so weighted, with
the joint covariance brought up to date after each. So a contest between challengers of two cells
counts for both, nothing is spent on what is as good as decided, and nothing is known twice.

Questions tell most about strength where the outcome is open. Each pair gets one of the most telling
share of the questions, the least asked first, rather than the single best: a strategy has to be
good on more than one question.

Pure functions of numpy arrays, in Elo points; nothing here knows an archive or a log.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from debateqd.agents.base import derive_seed
from debateqd.qd.statistics import ELO, Floats, Ints

ContestForm = Literal["duel", "self"]
IndexedContest = tuple[int, int, int]
"""Two players and a question, as places in the arrays of :class:`Beliefs`."""

_TYPICAL = {"duel": 0.4, "self": 0.1}
"""Precision of a usual contest about a difference, in squared logits: 2 and 1/2 times p (1 - p)."""
_WIDEST = 128
"""Players that are compared pair by pair; more are dealt into groups."""
_GROUP = 48
"""Players of such a group: so few that a contest costs little, enough to choose from."""


@dataclass(frozen=True, eq=False)
class Beliefs:
    """What is known of n players and k questions, in Elo points.

    Attributes:
        mean: Strengths, (n,).
        covariance: Of the strengths, (n, n).
        effect: Of every question, (k,): what defending the correct answer is worth on it (form
            ``"duel"``), or its difficulty on the scale of the strengths (form ``"self"``).
        deviation: Posterior standard deviations of ``effect``, (k,).
        dispersion: Variance of an outcome over p (1 - p).
    """

    mean: Floats
    covariance: Floats
    effect: Floats
    deviation: Floats
    dispersion: float = 1.0


@dataclass(frozen=True, slots=True)
class AllocationSettings:
    """How contests are shared out; the defaults are those that ``docs/selection.md`` measures.

    Attributes:
        own: Share of the contests kept for challengers against the incumbent of their own cell.
        anchors: Share of the contests kept for tying the incumbents to the anchors.
        questions: Share of the questions that a pair may get: the most telling ones.
        patience: How many times the contests to come a decision may still hope for. Above 1, as
            what stays undecided now is decided in a later generation.
    """

    own: float = 0.0
    anchors: float = 0.05
    questions: float = 0.5
    patience: float = 2.0


def telling(beliefs: Beliefs, differences: ArrayLike, form: ContestForm) -> Floats:
    """Precision about strength that a contest has on every question.

    A duel with seats exchanged has two outcomes with predictors d + a and d - a, where d is the
    difference of strengths and a the question's effect; a self-debate has one, strength minus
    difficulty. Each has information p (1 - p), averaged over what is not known of the question by
    the approximation of MacKay (1992, "The Evidence Framework Applied to Classification Networks",
    equation 10).

    Returns:
        In units of one over squared Elo points, of the shape of ``differences`` (those of
        strengths in a duel, else the strengths) with the questions as a last axis.
    """
    d = np.asarray(differences, dtype=np.float64)[..., None] / ELO
    effect = beliefs.effect / ELO
    shrink = 1 / np.sqrt(1 + math.pi / 8 * (beliefs.deviation / ELO) ** 2)
    scale = ELO**2 * beliefs.dispersion

    def information(z: Floats) -> Floats:
        half = np.exp(-np.abs(z * shrink))
        return np.asarray(shrink * half / (1 + half) ** 2)

    if form == "duel":
        return (information(d + effect) + information(d - effect)) / scale
    return information(d - effect) / scale


def allocate(
    beliefs: Beliefs,
    decisions: ArrayLike,
    count: int,
    seed: int,
    *,
    form: ContestForm = "duel",
    remaining: int | None = None,
    anchors: ArrayLike = (),
    settings: AllocationSettings = AllocationSettings(),
) -> list[IndexedContest]:
    """Choose the next contests.

    A contest of form ``"duel"`` is two debates of two players on a question, seats exchanged. One
    of form ``"self"`` (the truth objective) is two debates on a question as well, each player
    debating itself.

    Args:
        beliefs: What is known of all players: challengers, incumbents, and anchors if there are
            any.
        decisions: Open decisions: challenger and incumbent, (m, 2). Without any, contests only tie
            the players together.
        count: How many contests to choose.
        seed: For draws among equals.
        form: ``"duel"`` or ``"self"``.
        remaining: Contests still to come before the decisions fall, these included; what cannot be
            decided in this batch may be in the next. Default: ``count``.
        anchors: Players of the frozen panel. A share of the contests is kept for the pairs of an
            anchor and another player that tell most about the incumbents' mean lead over them.
        settings: How contests are shared out.

    Returns:
        The contests in the order of their choice. A pair that has played every question is not
        chosen again; so they can be fewer than asked for.

    Raises:
        ValueError: There are no questions, or fewer than two players.
    """
    table = np.asarray(decisions, dtype=np.int64).reshape(-1, 2)
    panel = np.unique(np.asarray(anchors, dtype=np.int64))
    if len(beliefs.mean) < 2 or not len(beliefs.effect):
        raise ValueError("contests need two players and a question")
    if count <= 0:
        return []
    draw = _Questions(beliefs, form, settings.questions, seed)
    left = count if remaining is None else max(remaining, count)
    chosen: list[IndexedContest] = []
    if len(panel):
        to_panel = round(settings.anchors * count)
        chosen += _panel_contests(beliefs, table, panel, to_panel, form, draw)
    rest = count - len(chosen)
    groups = _groups(beliefs, table)
    for number, group in enumerate(groups):
        share = rest * (number + 1) // len(groups) - rest * number // len(groups)
        own = round(settings.own * share)
        players = np.unique(table[group]) if len(table) else np.arange(len(beliefs.mean))
        ahead = settings.patience * share * left / count
        search = _Search(beliefs, players, table[group], form, draw, ahead)
        chosen += search.choose(own, own_only=True)
        chosen += search.choose(share - own)
    return chosen


def _groups(beliefs: Beliefs, table: Ints) -> list[Ints]:
    """Deal the decisions into groups of few enough players, alike in how open they are."""
    size = len(np.unique(table)) if len(table) else 0
    count = 1 if size <= _WIDEST else math.ceil(size / _GROUP)
    if count == 1:
        return [np.arange(len(table))]
    mean, variance = _differences(beliefs, table)
    order = np.argsort(np.abs(mean) / np.sqrt(variance), kind="stable")
    # Decisions about one incumbent stay together.
    incumbents = list(dict.fromkeys(table[order, 1].tolist()))
    place = {incumbent: number % count for number, incumbent in enumerate(incumbents)}
    return [
        np.array([k for k in range(len(table)) if place[int(table[k, 1])] == group])
        for group in range(count)
    ]


def _differences(beliefs: Beliefs, table: Ints) -> tuple[Floats, Floats]:
    """Mean and variance of every decision's difference, (m,) each."""
    i, j = table[:, 0], table[:, 1]
    c = beliefs.covariance
    variance = c[i, i] + c[j, j] - 2 * c[i, j]
    return beliefs.mean[i] - beliefs.mean[j], np.maximum(variance, 1e-9)


class _Questions:
    """Gives pairs their questions: telling ones, the least asked first, none twice."""

    def __init__(self, beliefs: Beliefs, form: ContestForm, share: float, seed: int) -> None:
        self._beliefs, self._form = beliefs, form
        self._count = len(beliefs.effect)
        self.eligible = max(1, math.ceil(share * self._count))
        self._done: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
        self._asked: Counter[int] = Counter()
        # Equals are told apart by an order that has nothing to do with their numbers.
        self._luck = np.random.default_rng(derive_seed(seed, "questions")).permutation(self._count)

    def open_for(self, a: int, b: int) -> bool:
        """Whether the pair has a question left."""
        return len(self._done[min(a, b), max(a, b)]) < self._count

    def draw(self, a: int, b: int) -> int:
        """Draw a question for a pair that has one left."""
        mean = self._beliefs.mean
        if self._form == "duel":
            value = telling(self._beliefs, mean[a] - mean[b], "duel")
        else:
            value = telling(self._beliefs, mean[[a, b]], "self").sum(axis=0)
        done = self._done[min(a, b), max(a, b)]
        order: list[int] = np.lexsort((self._luck, -value)).tolist()
        best = [q for q in order[: self.eligible] if q not in done]
        best = best or [q for q in order if q not in done]
        question = min(best, key=lambda q: (self._asked[q], self._luck[q]))
        self._asked[question] += 1
        done.add(question)
        return question


class _Search:
    """Greedy choice of pairs among some players.

    Players and decisions are places in the beliefs, (p,) and (m, 2); ``ahead`` is the number of
    contests that the decisions may hope for.
    """

    def __init__(
        self,
        beliefs: Beliefs,
        players: Ints,
        table: Ints,
        form: ContestForm,
        questions: _Questions,
        ahead: float,
    ) -> None:
        self._players, self._form, self._questions = players, form, questions
        place = {int(p): k for k, p in enumerate(players)}
        self._table = np.array(
            [[place[int(p)] for p in row] for row in table], dtype=np.int64
        ).reshape(-1, 2)
        self._covariance = beliefs.covariance[np.ix_(players, players)].copy()
        self._noise, self._shared = _noise(beliefs, players, form, questions.eligible)
        self._closed = np.tri(len(players), dtype=bool)
        if len(table):
            self._mean, self._before = _differences(beliefs, table)
            i, j = self._table.T
            self._cross = self._covariance[i] - self._covariance[j]
            # What a fair share of the contests to come would take from each variance.
            precision = _TYPICAL[form] / (ELO**2 * beliefs.dispersion) * ahead / len(table)
            self._fair = self._before**2 / (self._before + 1 / max(precision, 1e-12))
        else:
            # Without decisions every strength counts alike.
            self._mean, self._before = np.zeros(len(players)), np.ones(len(players))
            self._cross = self._covariance.copy()
            self._fair = np.ones(len(players))

    def choose(self, count: int, *, own_only: bool = False) -> list[IndexedContest]:
        """Choose contests; ``own_only``: of challengers against their own incumbents alone."""
        closed = self._closed
        if own_only:
            closed = np.ones_like(closed)
            low, high = np.sort(self._table, axis=1).T
            closed[low, high] = self._closed[low, high]
        chosen: list[IndexedContest] = []
        while len(chosen) < count:
            score = self._score()
            score[closed] = -1.0
            a, b = divmod(int(np.argmax(score)), len(score))
            if score[a, b] < 0:
                break
            first, second = int(self._players[a]), int(self._players[b])
            if not self._questions.open_for(first, second):
                closed[a, b] = self._closed[a, b] = True
                continue
            chosen.append((first, second, self._questions.draw(first, second)))
            self._learn(a, b)
        return chosen

    def _weights(self) -> Floats:
        """Worth of a unit of variance of every decision, up to a factor."""
        if not len(self._table):
            return np.ones(len(self._mean))
        i, j = self._table.T
        rows = np.arange(len(i))
        taken = self._before - (self._cross[rows, i] - self._cross[rows, j])
        square = np.maximum(taken, self._fair)
        return np.asarray(np.exp(-0.5 * self._mean**2 / square) / np.sqrt(square))

    def _score(self) -> Floats:
        """What a contest of every pair takes from the weighted variances, (p, p)."""
        gain = (self._cross * self._weights()[:, None]).T @ self._cross
        c, noise = self._covariance, self._noise
        own, gained = c.diagonal(), gain.diagonal()
        if self._form == "duel":
            spread = own[:, None] + own[None, :] - 2 * c + noise
            return np.asarray((gained[:, None] + gained[None, :] - 2 * gain) / spread)
        # Two outcomes that share the question: trace of gain times the inverse of their covariance.
        a = (own + noise)[:, None]
        b = (own + noise)[None, :]
        both = c + self._shared
        return np.asarray(
            (gained[:, None] * b + gained[None, :] * a - 2 * gain * both) / (a * b - both**2)
        )

    def _learn(self, a: int, b: int) -> None:
        """Bring the covariances up to date as if the contest had been played."""
        if self._form == "duel":
            u = (self._covariance[:, a] - self._covariance[:, b])[:, None]
            v = (self._cross[:, a] - self._cross[:, b])[:, None]
            inverse = np.array([[1 / (u[a, 0] - u[b, 0] + self._noise[a, b])]])
        else:
            u, v = self._covariance[:, [a, b]], self._cross[:, [a, b]]
            outcome = u[[a, b]] + self._shared
            outcome[[0, 1], [0, 1]] = u[[a, b], [0, 1]] + self._noise[[a, b]]
            inverse = np.linalg.inv(outcome)
        self._covariance -= u @ inverse @ u.T
        self._cross -= v @ inverse @ u.T


def _noise(
    beliefs: Beliefs, players: Ints, form: ContestForm, eligible: int
) -> tuple[Floats, float]:
    """Noise variances of contests on the questions they may get.

    Returns:
        Duel: of the difference seen, (p, p), and 0. Self: of each player's strength seen, that of
        the question's difficulty included, (p,), and the part that both players share.
    """
    mean = beliefs.mean[players]
    if form == "duel":
        # The difference is all that counts: a table of it is enough.
        differences = np.abs(mean[:, None] - mean[None, :])
        grid = np.linspace(0.0, max(float(differences.max()), 1.0), 33)
        best = np.sort(telling(beliefs, grid, form), axis=1)[:, -eligible:].mean(axis=1)
        return 1 / np.interp(differences, grid, best), 0.0
    shared = float(np.mean(beliefs.deviation**2))
    value = np.sort(telling(beliefs, mean, form), axis=1)[:, -eligible:].mean(axis=1)
    return 1 / value + shared, shared


def _panel_contests(
    beliefs: Beliefs, table: Ints, panel: Ints, count: int, form: ContestForm, questions: _Questions
) -> list[IndexedContest]:
    """Choose pairs of an anchor and another that tell most about the incumbents' lead."""
    everyone = np.arange(len(beliefs.mean))
    incumbents = np.unique(table[:, 1]) if len(table) else np.setdiff1d(everyone, panel)
    if not len(incumbents):
        return []
    contrast = np.zeros(len(everyone))
    contrast[incumbents] += 1 / len(incumbents)
    contrast[panel] -= 1 / len(panel)
    others = np.setdiff1d(incumbents, panel)
    covariance = beliefs.covariance.copy()
    chosen: list[IndexedContest] = []
    closed = np.zeros((len(others), len(panel)), dtype=bool)
    noise = ELO**2 * beliefs.dispersion / _TYPICAL[form]
    while len(chosen) < count and not closed.all():
        along = covariance @ contrast
        own = covariance.diagonal()
        spread = own[others][:, None] + own[panel][None, :]
        spread = spread - 2 * covariance[np.ix_(others, panel)] + noise
        score = (along[others][:, None] - along[panel][None, :]) ** 2 / spread
        score[closed] = -1.0
        k, m = divmod(int(np.argmax(score)), len(panel))
        a, b = int(others[k]), int(panel[m])
        if not questions.open_for(a, b):
            closed[k, m] = True
            continue
        chosen.append((a, b, questions.draw(a, b)))
        u = covariance[:, a] - covariance[:, b]
        covariance -= np.outer(u, u) / (u[a] - u[b] + noise)
    return chosen
