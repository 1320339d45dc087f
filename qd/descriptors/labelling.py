"""Which way of arguing a strategy shows, read out of its speeches by a chat model.

A strategy declares a family, and its children inherit the name; what they say may have become
something else. Here a model reads speeches of its debates and chooses among the families and
``unclassified``. It is asked k times, each time with other speeches, another order of the families
and another seed; the family that more than half of all k votes name is the label.

The votes are kept as counts, like everything else that is measured; see :class:`LabelledFamily`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from debate_env.draws import Draws, digest
from debateqd.agents.base import Thought, derive_seed
from debateqd.agents.models.base import NO_USAGE, ChatModel, Reply, Request, Sampling, Usage
from debateqd.agents.prompts import label_messages
from debateqd.agents.replies import one_line, read_letter, reply_failure
from debateqd.agents.rollout import run_thoughts
from debateqd.qd.archive.axes import UNCLASSIFIED, Value
from debateqd.qd.config.schema import LabelsConfig
from debateqd.qd.descriptors.utterances import SpeechFacts
from debateqd.qd.seeds import FAMILIES
from debateqd.qd.statistics import Estimate, as_json, mean_interval
from debateqd.qd.strategy import Strategy

WAYS: Mapping[str, str] = MappingProxyType(
    {
        "rationality": "reasons step by step from premises to a conclusion, by logic, definitions, "
        "elimination or probability",
        "authority": "speaks as an expert or relies on the standing of the author, a witness, "
        "scholars or tradition",
        "emotional_appeal": "appeals to feelings such as hope, fear, pity, anger or pride",
        "evidence_quoting": "lets quotes from the passage carry the case",
        "refutation": "attacks the other side's claims and quotes",
        "storytelling": "tells a story, paints a scene, or argues by an analogy",
        "socratic_questioning": "asks questions that lead the judge or corner the other side",
    }
)
"""What the model is told about each family, in the order of :data:`debateqd.qd.seeds.FAMILIES`."""

NONE_OF_THEM = "none of these, or several of them alike"
UNREADABLE = "unreadable"
OUTCOMES: tuple[str, ...] = (*FAMILIES, UNCLASSIFIED, UNREADABLE)
"""What a vote can be."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a model's votes say about one strategy.

    Attributes:
        votes: Number of votes for every one of :data:`OUTCOMES`, in that order.
        problems: What was wrong with each unreadable vote, a line each.
    """

    votes: tuple[int, ...] = (0,) * len(OUTCOMES)
    problems: tuple[str, ...] = ()
    usage: Usage = NO_USAGE
    calls: int = 0

    @property
    def unreadable(self) -> int:
        """Votes that could not be read."""
        return self.votes[-1]

    @property
    def counts(self) -> dict[str, tuple[int, ...]]:
        """The votes as counts of a :class:`debateqd.qd.descriptors.base.BehaviourSummary`."""
        return {LabelledFamily.name: self.votes}


def majority(votes: Sequence[int]) -> str | None:
    """Return what more than half of all votes name.

    There is a number for each of :data:`OUTCOMES`. Votes that could not be read count as votes for
    nothing, and are never guessed: with 2 of 5
    unreadable, 3 that agree are a majority and 2 are not.

    Returns:
        A family; ``"unclassified"`` when that has the majority or nothing has; ``None`` when no
        vote could be read.
    """
    total = sum(votes)
    if total == votes[-1]:
        return None
    best = max(range(len(votes) - 1), key=votes.__getitem__)
    return OUTCOMES[best] if 2 * votes[best] > total else UNCLASSIFIED


def agreement(votes: Sequence[int]) -> float | None:
    """Return the share of all votes that the most-named label has, unreadable ones in the total.

    Returns:
        A number above 0, up to 1; ``None`` when no vote could be read.
    """
    total = sum(votes)
    return None if total == votes[-1] else max(votes[:-1]) / total


class LabelledFamily:
    """The family that most votes name, whatever family the strategy declares.

    Votes are counts, but a speech alone has none: :func:`label_strategies` gives them.
    """

    name = "labelled_family"
    units: tuple[str, ...] = tuple(f"votes_{outcome}" for outcome in OUTCOMES)

    def count(self, facts: SpeechFacts) -> tuple[int, ...]:
        """Count nothing."""
        return (0,) * len(OUTCOMES)

    def value(self, strategy: Strategy, counts: tuple[int, ...]) -> Value:
        """Return the label."""
        return majority(counts)


def label_strategies(
    model: ChatModel,
    speeches_by_strategy: Mapping[str, Sequence[str]],
    settings: LabelsConfig,
    run_seed: int,
    *,
    max_open: int = 512,
) -> dict[str, Label]:
    """Label strategies by what they said: their marked speeches, in any order.

    The model sees neither the strategies nor the families that they declare. A strategy without
    speeches is not asked about and stays unmeasured. Run seed, strategy id and the number of the
    vote give the seeds, the choice of speeches and the order of the families.

    Returns:
        Strategy id to its label, in the order of ``speeches_by_strategy``.
    """
    thoughts = [
        label_thought(speeches, settings, (run_seed, strategy_id))
        for strategy_id, speeches in speeches_by_strategy.items()
    ]
    labels = run_thoughts(model, thoughts, max_open=max_open)
    return dict(zip(speeches_by_strategy, labels, strict=True))


def label_thought(
    speeches: Sequence[str], settings: LabelsConfig, names: tuple[object, ...]
) -> Thought[Label]:
    """Ask for all votes on one strategy at once."""
    pool = _shuffled(sorted(set(speeches)), "speeches", *names)
    if not pool:
        return Label()
    requests, orders = [], []
    sampling = Sampling(settings.max_tokens, settings.temperature)
    for vote in range(settings.votes):
        # One after the other, so that the votes together read as many of them as they can.
        first = vote * settings.speeches
        read = [pool[(first + n) % len(pool)] for n in range(min(settings.speeches, len(pool)))]
        order = _shuffled(FAMILIES, "families", *names, vote)
        shown = [*((family, WAYS[family]) for family in order), (UNCLASSIFIED, NONE_OF_THEM)]
        seed = derive_seed("label", *names, vote)
        requests.append(Request(label_messages(read, shown), sampling, seed))
        orders.append((*order, UNCLASSIFIED))
    replies = yield requests
    votes: Counter[str] = Counter()
    problems = []
    for reply, shown_order in zip(replies, orders, strict=True):
        found, problem = _read(reply, shown_order)
        votes[found] += 1
        if problem:
            problems.append(problem)
    usage = _sum(reply.usage for reply in replies)
    return Label(tuple(votes[o] for o in OUTCOMES), tuple(problems), usage, len(replies))


def _read(reply: Reply, order: Sequence[str]) -> tuple[str, str]:
    """Return what a reply votes for, and what is wrong with it where it cannot be read."""
    failure = reply_failure(reply)
    if failure is not None:
        return UNREADABLE, f"{failure.kind}: {failure.message}"
    # A reply that was cut off is none: more might have followed the letter.
    whole = reply.finish_reason in ("stop", "unknown")
    place = read_letter(reply.text, len(order)) if whole else None
    if place is None:
        return UNREADABLE, one_line(f"not a letter: {reply.text!r}")
    return order[place], ""


def _shuffled(items: Iterable[str], *names: object) -> list[str]:
    return Draws(digest("label", *map(str, names))).shuffle(list(items))


@dataclass(frozen=True, slots=True)
class Labelling:
    """A generation's labels, summed up.

    Attributes:
        strategies: Strategies that were asked about.
        unreadable: Votes that could not be read.
        agreement: Mean agreement of the strategies with a readable vote, with its interval over
            strategies; ``None`` without any.
        families: Strategies by label, ``unclassified`` included; without those that have none.
        drifted: Strategies whose label is another family than they declare; ``unclassified`` is
            none.
    """

    strategies: int = 0
    votes: int = 0
    unreadable: int = 0
    agreement: Estimate | None = None
    families: Mapping[str, int] = field(default_factory=dict)
    drifted: int = 0
    usage: Usage = NO_USAGE
    calls: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return what a generation's results say of its labels; nothing where none were asked."""
        if not self.calls:
            return {}
        shown: dict[str, Any] = as_json(self)
        return {name: value for name, value in shown.items() if name not in ("usage", "calls")}


def sum_up(labels: Mapping[str, Label], declared: Mapping[str, str]) -> Labelling:
    """Sum up labels by strategy, beside the families that the strategies declare."""
    asked = {s: label for s, label in labels.items() if label.calls}
    agreed = [a for label in asked.values() if (a := agreement(label.votes)) is not None]
    named = {s: family for s, x in asked.items() if (family := majority(x.votes)) is not None}
    counts = Counter(named.values())
    return Labelling(
        strategies=len(asked),
        votes=sum(sum(label.votes) for label in asked.values()),
        unreadable=sum(label.unreadable for label in asked.values()),
        agreement=mean_interval(agreed, range(len(agreed))) if agreed else None,
        families={f: counts[f] for f in (*FAMILIES, UNCLASSIFIED) if counts[f]},
        drifted=sum(f not in (UNCLASSIFIED, declared.get(s)) for s, f in named.items()),
        usage=_sum(label.usage for label in asked.values()),
        calls=sum(label.calls for label in asked.values()),
    )


def _sum(usages: Iterable[Usage]) -> Usage:
    return Usage(*map(sum, zip(NO_USAGE, *usages, strict=True)))
