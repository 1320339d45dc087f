"""The embedded mutator's ways with two strategies, with debates, and with a wish.

It is a model of a mutator that is sometimes right: what it reads in a debate is there, but whether
that is what the judge went by it cannot know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from debate_env.core.quotes import MARKED_QUOTE
from debate_env.draws import Draws
from debateqd.agents.models.embedded.changes import INSTRUCTIONS, change, weigh
from debateqd.agents.models.embedded.phrases import expand
from debateqd.agents.prompts import DebateExcerpt

_REBUTS = re.compile(r"\bopponent\b|\bhearsay\b|\bother side\b", re.IGNORECASE)


def _bank(*templates: str) -> tuple[str, ...]:
    return tuple(sentence for template in templates for sentence in expand(template))


_MORE: dict[str, tuple[str, ...]] = {
    "verified_quote_share": INSTRUCTIONS["evidence_quoting"],
    "rebuttal_share": INSTRUCTIONS["refutation"],
    "length": _bank(
        "Use the full length and go into detail.",
        "Be thorough and [elaborate|expand on] each point.",
    ),
    "readability": _bank(
        "Use long, [connected|complex] sentences and [technical|learned] words.",
        "Write as in a scholarly article.",
    ),
    "certainty": _bank(
        "Be [confident|bold and definite] and never hedge.",
        "Speak with absolute certainty.",
    ),
}
"""Instructions that raise a behaviour."""

_LESS: dict[str, tuple[str, ...]] = {
    "verified_quote_share": _bank(
        "Avoid [quotes|quoting] and speak freely instead.",
        "Do without quotes and explain the matter yourself.",
        "Never [cite|quote] much.",
    ),
    "rebuttal_share": _bank(
        "Ignore the opponent and build your own case.",
        "Do not answer objections.",
    ),
    "length": _bank("Keep every speech [brief|short and concise]."),
    "readability": _bank("Use short sentences and [plain|everyday] words."),
    "certainty": _bank(
        "Admit honestly what is open, and [be fair|show respect] to the other side.",
        "Hedge every claim that is not proven.",
    ),
}
"""Instructions that lower it."""

_TOPIC: dict[str, re.Pattern[str]] = {
    "verified_quote_share": re.compile(r"\bquot|\bverif|word for word|\bcopy|\bline", re.I),
    "rebuttal_share": re.compile(r"\boppon|\boppos|\brefut|\brebut|\bobjection|\bcounter", re.I),
    "length": re.compile(r"\bbrief|\bshort|\bconcise|\blength|\bdetail|\bthorough|\blong\b", re.I),
    "readability": re.compile(r"\bsentence|\bplain|\bsimple\b|\bscholarly", re.I),
    "certainty": re.compile(r"\bcertain|\bhedge|\bbold|\bconfiden|\badmit|\bhonest", re.I),
}
"""What a sentence of a strategy says when it is about a behaviour."""


def cross(first: list[str], second: list[str], family: str | None, draws: Draws) -> list[str]:
    """Mix the sentences of two strategies, rather more of the first; sometimes change one, too.

    Args:
        first: Sentences of the strategy whose family the child keeps.
        second: Sentences of the other.
        family: That family, as the bank calls it.
        draws: Source of variety.
    """
    kept = [s for s in first if draws.uniform() < 0.65]
    taken = [s for s in second if s not in first and draws.uniform() < 0.5]
    if not kept and first:
        kept = [draws.pick(first)]
    if not taken and second:
        taken = [draws.pick(second)]
    mixed = list(kept)
    for sentence in taken:
        place = draws.below(len(mixed) + 1)
        mixed = [*mixed[:place], sentence, *mixed[place:]]
    return change(mixed, family, draws) if draws.uniform() < 0.3 or not mixed else mixed


def aim(
    sentences: list[str],
    wanted: Sequence[tuple[str, bool]],
    move: str | None,
    family: str | None,
    draws: Draws,
) -> list[str]:
    """Change a strategy so that a named behaviour grows or shrinks, or another family speaks.

    Args:
        sentences: The strategy.
        wanted: Behaviours, each with whether more of it is wanted.
        move: The family to move to; ``None`` when it stays or is unknown to the bank.
        family: Its family.
        draws: Source of variety.
    """
    if move is not None:
        family = move
        kept = [s for s in sentences if draws.uniform() < 0.4]
        sentences = [*kept, *draws.sample(INSTRUCTIONS[move], 2 + draws.below(2))]
    for behaviour, more in wanted:
        sentences = shift(sentences, behaviour, more=more, draws=draws)
    if not wanted and move is None:
        sentences = change(sentences, family, draws)
    return sentences


def shift(sentences: list[str], behaviour: str, *, more: bool, draws: Draws) -> list[str]:
    """Add instructions for a behaviour and drop some of those against it."""
    about = [k for k, s in enumerate(sentences) if _TOPIC[behaviour].search(s)]
    contrary = set((_LESS if more else _MORE)[behaviour])
    dropped = {k for k in about if sentences[k] in contrary or (draws.uniform() < 0.7 and not more)}
    kept = [s for k, s in enumerate(sentences) if k not in dropped]
    bank = [s for s in (_MORE if more else _LESS)[behaviour] if s not in kept]
    for new in draws.sample(bank, 1 + draws.below(2)):
        place = draws.below(len(kept) + 1)
        kept = [*kept[:place], new, *kept[place:]]
    return kept


def reflect(
    sentences: list[str], debates: Sequence[DebateExcerpt], family: str | None, draws: Draws
) -> list[str]:
    """Change a strategy by what its debates show, or at random where they show nothing.

    Args:
        sentences: The strategy.
        debates: Debates of the strategy, won and lost.
        family: Its family.
        draws: Source of variety.
    """
    lessons = _lessons(debates)
    for _ in range(1 + draws.below(2)):
        # Even a mutator that reads the debates follows a hunch as often as not.
        if lessons and draws.uniform() < 0.6:
            behaviour, more = draws.pick(lessons)
            sentences = _mend(sentences, behaviour, more=more, draws=draws)
        else:
            sentences = change(sentences, family, draws)
    return sentences


def _mend(sentences: list[str], behaviour: str, *, more: bool, draws: Draws) -> list[str]:
    """Stress what the strategy says of a behaviour already, or add to it."""
    about = [k for k, s in enumerate(sentences) if _TOPIC[behaviour].search(s)]
    if more and about and draws.uniform() < 0.4:
        return weigh(sentences, draws.pick(about), draws, more=True)
    return shift(sentences, behaviour, more=more, draws=draws)


def _lessons(debates: Sequence[DebateExcerpt]) -> list[tuple[str, bool]]:
    """Read what sets the own speeches of lost debates apart from the other side's, or of won ones.

    Returns:
        Behaviours that might be mended, each with whether more of it is wanted; one for every
        debate that speaks for it.
    """
    found: list[tuple[str, bool]] = []
    for debate in debates:
        own, other = _said(debate, "own"), _said(debate, "other")
        if not own.words or not other.words:
            continue
        winner, loser = (own, other) if debate.won else (other, own)
        if winner.verified > loser.verified:
            found.append(("verified_quote_share", True))
        elif loser.verified > winner.verified + 0.1:
            found.append(("verified_quote_share", False))
        if loser.unverified > winner.unverified:
            found.append(("verified_quote_share", True))
        if winner.rebuttals > loser.rebuttals:
            found.append(("rebuttal_share", True))
        if winner.words > 1.3 * loser.words:
            found.append(("length", True))
        elif loser.words > 1.3 * winner.words:
            found.append(("length", False))
    return found


class _Said:
    """What one side of a debate said, counted."""

    def __init__(self, texts: Sequence[str]) -> None:
        text = " ".join(texts)
        quotes = MARKED_QUOTE.findall(text)
        self.words = len(MARKED_QUOTE.sub(r"\2", text).split())
        total = max(1, self.words)
        self.verified = sum(len(q.split()) for kind, q in quotes if kind == "v") / total
        self.unverified = sum(kind == "u" for kind, _ in quotes)
        self.rebuttals = len(_REBUTS.findall(text))


def _said(debate: DebateExcerpt, speaker: str) -> _Said:
    return _Said([s.text for s in debate.speeches if s.speaker == speaker])
