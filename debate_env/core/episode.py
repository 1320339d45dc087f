"""One debate as a state machine: the rules under every view of it.

No model, no PettingZoo, no randomness and no I/O: the PettingZoo environment, the single-seat
view and the scheduler of the agents package all drive this class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

from debate_env.core.outcome import AbortKind, Outcome, OutcomeKind
from debate_env.core.protocols import (
    OVER,
    SPEECH,
    Comparison,
    Ending,
    Wave,
    check_comparisons,
    get_protocol,
)
from debate_env.core.quotes import mark
from debate_env.core.rewards import correctness, judge_log_score, reward
from debate_env.core.settings import DebateSettings
from debate_env.core.speeches import clean, clip, cut
from debate_env.core.transcript import Speech, render_transcript
from debate_env.errors import InputError
from debate_env.questions.question import Question, require_passages


def present(question: Question, swap: bool = False, rival: int | None = None) -> tuple[int, ...]:
    """Order the answers of a question by seat.

    Args:
        question: The question.
        swap: Whether the two contested answers are exchanged.
        rival: Index of the wrong answer that is defended; the first wrong one by default.

    Returns:
        A permutation of the answers' indices: the one debater 0 defends, the one debater 1
        defends, then all others in their own order.
    """
    n, label = len(question.answers), question.label
    if rival is None:
        rival = 0 if label else 1
    elif type(rival) is not int or not 0 <= rival < n or rival == label:
        raise InputError(
            f"question {question.question_id!r}: rival={rival!r}; allowed: "
            + ", ".join(str(i) for i in range(n) if i != label)
        )
    first, second = (label, rival) if (label < rival) != swap else (rival, label)
    return (first, second, *(i for i in range(n) if i not in (first, second)))


@dataclass(slots=True)
class _Record:
    """What has been counted about one player."""

    words: int = 0
    quotes: int = 0
    verified: int = 0
    clipped: int = 0
    fitted: bool = False  # whether the speech that is about to come was cut by Episode.fit
    keys: set[str] = field(default_factory=set)


class Episode:
    """One debate from its question to its outcome.

    ``observe(seat)`` is valid at any time, ``act(seat, action)`` for the seats in ``acting``, in
    any order. Within a wave of the protocol no seat sees what another has just said.

    Args:
        swap: Whether the two contested answers are exchanged between the debaters.
        rival: Index in ``question.answers`` of the wrong answer that is defended; the first wrong
            one by default. Matters only with more than two answers.

    Attributes:
        answers: The answers in presented order: debater 0's, debater 1's, then the rest.
        label: Index of the correct one in that order.
        seats: Every seat, those of players first.
        speeches: What has been published.
        outcome: How it ended; ``None`` while it is going on.
    """

    _wave: Wave | None

    def __init__(
        self,
        question: Question,
        settings: DebateSettings,
        *,
        swap: bool = False,
        rival: int | None = None,
    ) -> None:
        self.question = question
        self.settings = settings
        self.swap = swap
        self.rival = rival
        order = present(question, swap, rival)
        self.answers = tuple([question.answers[i] for i in order])
        self.label = order.index(question.label)
        protocol = self._protocol = get_protocol(settings.protocol)
        self.seats = (*protocol.players, *protocol.judges)
        if any(protocol.reads_passage(seat) for seat in self.seats):
            require_passages([question])
        self._roles = {seat: self._role(seat) for seat in self.seats}
        self.speeches: tuple[Speech, ...] = ()
        self._transcript = ""
        self._pending: dict[str, Speech] = {}
        self._records = {seat: _Record() for seat in self._protocol.players}
        self._waves = 0
        self._wave = self._protocol.wave(0, (), settings.rounds)
        self.outcome: Outcome | None = None

    def _role(self, seat: str) -> tuple[str, str]:
        """Return the passage and the position that a seat is shown; either may be empty."""
        index = self._protocol.defends(seat)
        if index is not None and not 0 <= index < len(self.answers):
            raise InputError(
                f"question {self.question.question_id!r} has {len(self.answers)} answers, but in "
                f"protocol {self.settings.protocol!r} {seat} defends number {index + 1}"
            )
        return (
            self.question.passage if self._protocol.reads_passage(seat) else "",
            "" if index is None else self.answers[index],
        )

    # --- what can be seen ---------------------------------------------------------------------

    @property
    def acting(self) -> tuple[str, ...]:
        """Seats whose observation is fixed and that have not acted on it; empty when over."""
        wave, pending = self._wave, self._pending
        if wave is None:
            return ()
        return tuple([s for s in wave.seats if s not in pending]) if pending else wave.seats

    @property
    def over(self) -> bool:
        """Whether the debate has ended."""
        return self.outcome is not None

    @property
    def truncated(self) -> bool:
        """Whether it ended without a legal verdict, by :meth:`abort`."""
        return self.outcome is not None and self.outcome.kind in ("unusable", "error")

    @property
    def round(self) -> int:
        """The round being played, from 1; the verdict's follows the last round of speeches."""
        return self.settings.rounds + 1 if self._wave is None else self._wave.round

    @property
    def phase(self) -> int:
        """``SPEECH``, ``VERDICT`` or ``OVER`` of :mod:`debate_env.core.protocols`."""
        return OVER if self._wave is None else self._wave.phase

    @property
    def pending(self) -> tuple[Speech, ...]:
        """Speeches of the open wave, which nobody else sees until its last seat has acted."""
        return tuple(self._pending.values())

    @property
    def rewards(self) -> dict[str, float]:
        """What every seat is paid by this debate; zeros until something is earned."""
        paid = dict.fromkeys(self.seats, 0.0)
        if self.outcome is not None:
            scores = self.outcome.scores
            for seat, convinced in scores["persuasion"].items():
                if convinced is not None:
                    paid[seat] = reward(
                        convinced,
                        scores["truth"][seat],
                        self.settings.objective,
                        self.settings.mix_weight,
                    )
            if scores["judge"] is not None:
                paid |= dict.fromkeys(self._protocol.judges, scores["judge"])
        return paid

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """What the debate says of its players' strength; nothing until it has ended, or aborted."""
        outcome = self.outcome
        if outcome is None or outcome.kind not in ("verdict", "ended"):
            return ()
        found = self._protocol.comparisons(self._ending(outcome.credence))
        return check_comparisons(found, self._protocol.players)

    def observe(self, seat: str) -> dict[str, Any]:
        """Return what ``seat`` sees now, as a fresh dictionary of shared values.

        Returns:
            ``passage`` and ``position`` (empty for the judge), ``question``, ``answers`` (tuple of
            n strings), ``transcript`` (see :mod:`debate_env.core.transcript`), ``phase``,
            ``round``.
        """
        try:
            passage, position = self._roles[seat]
        except KeyError:
            raise InputError(f"unknown seat {seat!r}; allowed: {', '.join(self.seats)}") from None
        visible = self._protocol.visible(seat, self.speeches)
        return {
            "passage": passage,
            "question": self.question.question,
            "answers": self.answers,
            "position": position,
            "transcript": (
                self._transcript if visible is self.speeches else render_transcript(visible)
            ),
            "phase": self.phase,
            "round": self.round,
        }

    # --- what can happen ----------------------------------------------------------------------

    def act(self, seat: str, action: Any) -> None:
        """Take the action of an acting seat.

        Args:
            seat: One of :attr:`acting`.
            action: A ``str`` of at most ``max_chars`` characters in a speech phase (it is cut at
                the word limit); in the verdict phase n finite credences in [0, 1], normalised
                here; all zeros abstain.

        Raises:
            InputError: It is not the seat's turn, or the action is not allowed; nothing changed.
        """
        wave = self._wave
        if wave is None or seat not in wave.seats or seat in self._pending:
            turn = f"waiting for {', '.join(self.acting)}" if wave else "the debate is over"
            raise InputError(f"{seat} cannot act: {turn}")
        if wave.phase != SPEECH:
            credence = self._credence(seat, action)
            self._finish("abstained" if credence is None else "verdict", "", credence)
            return
        if not isinstance(action, str):
            raise InputError(f"{seat}: a speech is a str, not {type(action).__name__}")
        settings = self.settings
        if len(action) > settings.max_chars:
            raise InputError(
                f"{seat}: a speech of {len(action)} characters; "
                f"the limit is max_chars={settings.max_chars}"
            )
        text, words, clipped = clip(clean(str(action)), settings.word_limit, settings.words)
        record = self._record(seat)
        text, quotes = mark(text, self.question.passage, settings.quotes, record.keys)
        record.words += words
        record.clipped += clipped or record.fitted
        record.fitted = False
        for quote in quotes:
            record.quotes += 1
            record.verified += quote.verified
            record.keys.add(quote.key)
        self._pending[seat] = Speech(wave.round, seat, text)
        if len(self._pending) == len(wave.seats):
            self._publish(wave)

    def fit(self, seat: str, speech: str) -> str:
        """Cut a speech that is too long for :meth:`act`, as a runner does with long replies.

        A quote that the cut leaves open is closed, and the cut is marked and counted in
        :attr:`Outcome.clipped`. A speech within ``max_chars`` is returned as it is.
        """
        limit = self.settings.max_chars
        if len(speech) <= limit:
            return speech
        self._record(seat).fitted = True
        return cut(speech, limit)

    def _record(self, seat: str) -> _Record:
        return self._records.setdefault(seat, _Record())  # no player: a judge who asks

    def abort(self, kind: AbortKind, message: str) -> None:
        """End the debate without a verdict; see :meth:`debate_env.core.aec.AECDebate.abort`."""
        if kind not in ("unusable", "error"):
            raise InputError(f"abort kind {kind!r}; allowed: error, unusable")
        if self.outcome is not None:
            raise InputError("the debate is over; it cannot be aborted")
        self._finish(kind, message, None)

    def _publish(self, wave: Wave) -> None:
        said = [self._pending[seat] for seat in wave.seats]
        self.speeches += tuple(said)
        self._transcript += render_transcript(said)
        self._pending = {}
        self._waves += 1
        self._wave = self._protocol.wave(self._waves, self.speeches, self.settings.rounds)
        if self._wave is None:
            self._finish("ended", "", None)

    def _credence(self, seat: str, action: Any) -> tuple[float, ...] | None:
        n = len(self.answers)
        values = action.tolist() if hasattr(action, "tolist") else action
        if isinstance(values, list | tuple):
            values = [v.item() if hasattr(v, "item") else v for v in values]
        if (
            not isinstance(values, Sequence)
            or isinstance(values, str | bytes)
            or len(values) != n
            or not all(isinstance(v, int | float) for v in values)
        ):
            raise InputError(f"{seat}: a verdict is {n} credences, one per answer, not {action!r}")
        # The comparison comes first: an integer may be too large to become a float.
        if not all(0.0 <= v <= 1.0 and isfinite(v) for v in values):
            raise InputError(f"{seat}: a credence lies between 0 and 1; got {list(values)}")
        total = sum(values)
        return tuple([v / total for v in values]) if total else None

    def _finish(self, kind: OutcomeKind, message: str, credence: tuple[float, ...] | None) -> None:
        records, label = self._records, self.label
        if kind in ("verdict", "ended"):
            scores = self._protocol.scores(self._ending(credence))
            judge = None if credence is None else judge_log_score(credence, label)
        else:
            judge = 0.0 if kind == "abstained" else None
            blank = dict.fromkeys(self._protocol.players, judge)
            scores = {"persuasion": blank, "truth": blank}
        self.outcome = Outcome(
            question_id=self.question.question_id,
            passage_id=self.question.passage_id,
            label=label,
            swap=self.swap,
            kind=kind,
            message=message,
            credence=credence,
            scores={**scores, "judge": judge},
            correct=None if credence is None else correctness(credence, label),
            words={seat: r.words for seat, r in records.items()},
            quotes={seat: (r.quotes, r.verified) for seat, r in records.items()},
            clipped={seat: r.clipped for seat, r in records.items()},
        )
        self._wave = None
        self._pending = {}

    def _ending(self, credence: tuple[float, ...] | None) -> Ending:
        return Ending(self.label, credence, self.speeches, self.settings.reward_form)

    # --- copies -------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        # The protocol is stateless and found again by its name; all else that changes is copied.
        state = {name: value for name, value in vars(self).items() if name != "_protocol"}
        records = {seat: replace(r, keys=set(r.keys)) for seat, r in self._records.items()}
        return {**state, "_pending": dict(self._pending), "_records": records}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)
        self._protocol = get_protocol(self.settings.protocol)

    def __deepcopy__(self, memo: dict[int, Any]) -> Episode:
        """Return an independent copy that goes on identically; questions and text are shared."""
        return copy(self)
