"""How the verdict of a model becomes a credence for every answer.

There are three methods, best first:

1. ``probabilities``: the model's probabilities of the answers' letters, from one reply.
2. ``credence``: the model states in JSON how likely it finds each answer, of two the first. Small
   models cannot; so it is tried beforehand (:func:`trial`).
3. ``votes``: the model is asked for a letter several times; the credence is the share of votes.

The method ``auto`` takes the first one that the model can do (:func:`method_for`). Every method
asks in two answer orders, as presented and reversed, all in one wave. A model prefers what it is
shown first (or last); averaging the two credences of each answer takes most of that out, and the
preference itself is recorded. A reply that cannot be read is asked for once more; what cannot be
read then either is a typed failure.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal, NamedTuple, Protocol

from debate_env.core.transcript import Speech, render_transcript
from debate_env.errors import FieldError, nearest
from debateqd.agents.base import Failure, Thought, request_seed
from debateqd.agents.models.base import (
    ChatModel,
    Message,
    Reply,
    Request,
    Sampling,
    StoppedError,
    capabilities_of,
)
from debateqd.agents.prompts import LETTERS, Form, judge_messages, repair_messages
from debateqd.agents.replies import (
    credence_schema,
    one_line,
    read_credence,
    read_letter,
    read_probabilities,
    reply_failure,
)

JUDGE_SAMPLING = Sampling(max_tokens=8, temperature=0.0)
"""A verdict is one letter; models that cannot restrict their reply get a little room."""

_ORDERS = (0, 1)  # as presented, and reversed
_TOKENS_PER_ANSWER = 16  # of stated credences: twice what a letter and a number need
Method = Literal["auto", "probabilities", "credence", "votes"]


@dataclass(frozen=True, slots=True)
class VerdictSettings:
    """How a judge's verdict is obtained, in debates and in the two baselines alike.

    Attributes:
        method: ``"probabilities"``, ``"credence"``, ``"votes"``, or ``"auto"`` for the first of
            these that the model can do.
        votes: Letters asked for in each answer order, where votes are taken.
        temperature: Of each vote. At 1 the share of votes estimates the model's own probability;
            below, votes agree more than the model is sure.
        max_tokens: Upper bound on the tokens of a reply; ``None``: what a letter or the stated
            credences need. A model that thinks before it answers may need far more.
    """

    method: Method = "auto"
    votes: int = 8
    temperature: float = 1.0
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        names = ("auto", *METHODS)
        if self.method not in names:
            raise FieldError("method", self.method, nearest(self.method, names))
        for name, number in (("votes", self.votes), ("max_tokens", self.max_tokens)):
            if number is not None and number < 1:
                raise FieldError(name, number, "allowed is a whole number from 1")
        if not 0.0 < self.temperature < math.inf:
            allowed = "allowed is a number above 0; at 0 all votes would be the same"
            raise FieldError("temperature", self.temperature, allowed)


class Verdict(NamedTuple):
    """What a model made of both answer orders.

    Attributes:
        credence: Mean over the orders, in the presented order of answers; sums to 1.
        orders: One credence per order asked, each in the presented order of answers.
        bias: Mean credence of the first-shown answer, minus 1/n.
        method: ``"probabilities"``; ``"letters"`` when the model was asked for them and gave only
            letters, ``"mixed"`` when it did so in one order; ``"credence"``; ``"votes"``.
        missing_mass: Probability that the model's next word was no answer's letter, mean over the
            orders where it is known; ``None`` where it is not.
        votes: Votes that could be read and votes asked for, over both orders; ``None`` where none
            were taken.
    """

    credence: tuple[float, ...]
    orders: tuple[tuple[float, ...], ...]
    bias: float
    method: str
    missing_mass: float | None = None
    votes: tuple[int, int] | None = None


class Matter(NamedTuple):
    """What a verdict is wanted of.

    Attributes:
        messages_in: Builds the messages for a permutation of the answers and a form of verdict.
        n: Number of answers.
        seed: The requests' seeds derive from it, the order, the vote and the attempt.
    """

    messages_in: Callable[[Sequence[int], Form], tuple[Message, ...]]
    n: int
    seed: int


ReadVerdict = tuple[float, ...] | Failure | None
"""Credences in the order shown; a failed reply; ``None`` for a reply that cannot be read."""


class VerdictMethod(Protocol):
    """A way to obtain a verdict. Made from :class:`VerdictSettings` and a judge's sampling."""

    def ask(self, matter: Matter) -> Thought[Verdict | Failure]:
        """Ask for a verdict in both answer orders, in one wave and one repair."""


class Probabilities:
    """The model's probabilities of the letters, or, where the engine gives none, a letter."""

    def __init__(self, settings: VerdictSettings, sampling: Sampling) -> None:
        self._ballot = _Ballot("letter", _limited(sampling, settings.max_tokens), _read_either)

    def ask(self, matter: Matter) -> Thought[Verdict | Failure]:
        """Ask once in each order."""
        replies, readings = yield from self._ballot.cast(matter, _ORDERS)
        shown = _usable(replies, readings, "no letter")
        if isinstance(shown, Failure):
            return shown
        given = sum(reply.probabilities is not None for reply in replies)
        return _merge(
            shown, ("letters", "mixed", "probabilities")[given], missing_mass=_missing(replies)
        )


class Credence:
    """How likely the model says each answer is, in JSON."""

    def __init__(self, settings: VerdictSettings, sampling: Sampling) -> None:
        self._sampling, self._max_tokens = sampling, settings.max_tokens

    def ask(self, matter: Matter) -> Thought[Verdict | Failure]:
        """Ask once in each order."""
        room = self._max_tokens or _TOKENS_PER_ANSWER * (1 + matter.n)
        ballot = _Ballot("credence", _limited(self._sampling, room), _read_stated)
        replies, readings = yield from ballot.cast(matter, _ORDERS)
        shown = _usable(replies, readings, "no credence for every answer")
        return shown if isinstance(shown, Failure) else _merge(shown, "credence")


class Votes:
    """The share of letters that the model gives each answer when it is asked repeatedly.

    More than half of the votes in each order must be readable. A vote that failed for good (an
    engine error, a refusal) is one that could not be read; where such votes alone leave too few,
    the verdict fails as most of them did.
    """

    def __init__(self, settings: VerdictSettings, sampling: Sampling) -> None:
        drawn = replace(sampling, temperature=settings.temperature)
        self._ballot = _Ballot("letter", _limited(drawn, settings.max_tokens), _read_drawn)
        self._votes = settings.votes

    def ask(self, matter: Matter) -> Thought[Verdict | Failure]:
        """Ask for all votes of both orders at once; those of an order share their whole prompt."""
        k = self._votes
        # Numbered so that the first votes are the same however many are asked for.
        samples = [2 * vote + order for order in _ORDERS for vote in range(k)]
        replies, readings = yield from self._ballot.cast(matter, samples)
        shown = []
        for place in (slice(0, k), slice(k, 2 * k)):
            readable = [r for r in readings[place] if isinstance(r, tuple)]
            if 2 * len(readable) <= k:
                return _too_few(replies[place], readings[place])
            shown.append(tuple([fmean(column) for column in zip(*readable, strict=True)]))
        read = sum(isinstance(r, tuple) for r in readings)
        return _merge(shown, "votes", votes=(read, 2 * k))


METHODS: Mapping[str, Callable[[VerdictSettings, Sampling], VerdictMethod]] = {
    "probabilities": Probabilities,
    "credence": Credence,
    "votes": Votes,
}
"""Methods by name, in the order in which ``auto`` prefers them."""

DEFAULT_VERDICT = VerdictSettings()


def method_for(model: ChatModel, settings: VerdictSettings, sampling: Sampling) -> VerdictMethod:
    """Choose how to obtain verdicts from a model.

    ``auto`` takes probabilities where the engine gives them, else stated credences where it
    enforces a schema, else votes.
    """
    return METHODS[resolve(settings, model).method](settings, sampling)


def resolve(settings: VerdictSettings, model: ChatModel) -> VerdictSettings:
    """Return settings with the method that ``auto`` stands for with a model."""
    if settings.method != "auto":
        return settings
    able = capabilities_of(model)
    return replace(
        settings,
        method="probabilities" if able.probabilities else "credence" if able.schema else "votes",
    )


_KNOWN_ANSWERS = ("on the sill", "in the boat", "under the stairs", "at the mill")
_KNOWN_DEBATE = (
    "<v_quote>every evening the keeper set his lamp on the sill</v_quote> The passage says in so "
    "many words that the lamp stood on the sill.",
    "<u_quote>the lamp was left in the boat</u_quote> I admit that this quote is not in the "
    "passage and that my opponent is right: the lamp stood on the sill.",
)
_PASSING = ("connection", "rate_limited", "timeout")  # failures that say nothing of a method
_LEAST_BELIEF = 0.55  # in what is obviously right; an answer's place alone gives it one half


def trial(settings: VerdictSettings, n: int) -> Thought[str]:
    """Try stated credences on a debate with an obvious winner, in both answer orders.

    Args:
        settings: How verdicts are obtained otherwise.
        n: How many answers there are to a question.

    Returns:
        Why they are of no use, in words that go after "the judge"; empty where they are.

    Raises:
        StoppedError: The model gave no answer, so that nothing is known.
    """
    speeches = (Speech(1, f"debater_{i}", text) for i, text in enumerate(_KNOWN_DEBATE))
    seen = {
        "question": "Where did the keeper set his lamp?",
        "answers": _KNOWN_ANSWERS[: max(2, n)],
        "transcript": render_transcript(speeches),
    }
    answers = len(seen["answers"])
    matter = Matter(lambda order, form: judge_messages(seen, order, form), answers, seed=0)
    found = yield from Credence(settings, JUDGE_SAMPLING).ask(matter)
    if isinstance(found, Failure):
        said = f"{found.kind}: {found.message}"
        if found.kind in _PASSING:
            raise StoppedError(f"the judge could not be asked for a first verdict: {said}")
        return f"states no credences ({said})"
    if found.credence[0] < _LEAST_BELIEF:
        first, last = (f"{100 * order[0]:.0f} %" for order in found.orders)
        return f"finds an answer that is obviously right {first} likely shown first, {last} last"
    return ""


# --- asking ---------------------------------------------------------------------------------------


class _Ballot(NamedTuple):
    """What is asked for, and how it is read."""

    form: Form
    sampling: Sampling
    read: Callable[[Reply, int], ReadVerdict]

    def cast(
        self, matter: Matter, samples: Sequence[int]
    ) -> Thought[tuple[Sequence[Reply], Sequence[ReadVerdict]]]:
        """Ask for some samples in one wave, and once more for those that cannot be read.

        Samples with even numbers are asked in the presented order, others in the reversed one.
        """
        messages_in, n, seed = matter
        forward = tuple(range(n))
        prompts = [messages_in(order, self.form) for order in (forward, forward[::-1])]
        replies = yield [
            self._request(prompts[sample % 2], n, request_seed(seed, sample)) for sample in samples
        ]
        readings = [self.read(reply, n) for reply in replies]
        unread = [place for place, reading in enumerate(readings) if reading is None]
        if unread:
            again = yield [
                self._request(
                    repair_messages(prompts[samples[i] % 2], replies[i].text, n, self.form),
                    n,
                    request_seed(seed, samples[i], 1),
                )
                for i in unread
            ]
            replies = list(replies)
            for place, reply in zip(unread, again, strict=True):
                replies[place], readings[place] = reply, self.read(reply, n)
        return replies, readings

    def _request(self, messages: tuple[Message, ...], n: int, seed: int) -> Request:
        if self.form == "letter":
            return Request(messages, self.sampling, seed, tuple(LETTERS[:n]))
        return Request(messages, self.sampling, seed, schema=credence_schema(n))


def _limited(sampling: Sampling, max_tokens: int | None) -> Sampling:
    return sampling if max_tokens is None else replace(sampling, max_tokens=max_tokens)


# --- reading --------------------------------------------------------------------------------------


def _read_either(reply: Reply, n: int) -> ReadVerdict:
    """Read probabilities, or else a letter."""
    if reply.probabilities is not None:
        return reply_failure(reply) or read_probabilities(reply.probabilities, n)
    return _read_drawn(reply, n)


def _read_drawn(reply: Reply, n: int) -> ReadVerdict:
    """Read a letter, whatever else the engine may tell.

    A reply that was cut off may have been about to go on: "A" of "A is wrong".
    """
    failure = reply_failure(reply)
    if failure is not None:
        return failure
    whole = reply.finish_reason in ("stop", "unknown")  # the second does not look cut, either
    letter = read_letter(reply.text, n) if whole else None
    return None if letter is None else tuple([float(i == letter) for i in range(n)])


def _read_stated(reply: Reply, n: int) -> ReadVerdict:
    """Read stated credences."""
    return reply_failure(reply) or read_credence(reply.text, n)


def _usable(
    replies: Iterable[Reply], readings: Iterable[ReadVerdict], lacking: str
) -> list[tuple[float, ...]] | Failure:
    """Return the readings if all of them are credences, or what is wrong with the first other."""
    usable = []
    for reply, reading in zip(replies, readings, strict=True):
        if reading is None:
            return Failure(
                "unparsable_verdict", one_line(f"{lacking}, asked twice: {reply.text!r}")
            )
        if isinstance(reading, Failure):
            return reading
        usable.append(reading)
    return usable


def _too_few(replies: Sequence[Reply], readings: Sequence[ReadVerdict]) -> Failure:
    """Say why too few votes of an order could be read."""
    asked = len(readings)
    failures = [r for r in readings if isinstance(r, Failure)]
    if 2 * len(failures) >= asked:
        ((kind, _),) = Counter(f.kind for f in failures).most_common(1)
        example = next(f.message for f in failures if f.kind == kind)
        return Failure(kind, one_line(f"{len(failures)} of {asked} votes failed: {example}"))
    text = next(p.text for p, r in zip(replies, readings, strict=True) if r is None)
    read = sum(isinstance(r, tuple) for r in readings)
    return Failure(
        "unparsable_verdict",
        one_line(f"{read} of {asked} votes are letters, asked twice; another: {text!r}"),
    )


def _missing(replies: Iterable[Reply]) -> float | None:
    given = (r.missing_mass for r in replies if r.probabilities is not None)
    known = [mass for mass in given if mass is not None]
    return fmean(known) if known and math.isfinite(sum(known)) else None


def _merge(
    shown: Sequence[tuple[float, ...]],
    method: str,
    *,
    missing_mass: float | None = None,
    votes: tuple[int, int] | None = None,
) -> Verdict:
    """Average two credences, each in the order shown; the second order is the first reversed."""
    first, second = shown
    by_order = (first, second[::-1])
    return Verdict(
        tuple([(p + q) / 2 for p, q in zip(*by_order, strict=True)]),
        by_order,
        (first[0] + second[0]) / 2 - 1.0 / len(first),
        method,
        missing_mass,
        votes,
    )
