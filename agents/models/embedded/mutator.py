"""The embedded model as mutator and as writer of strategies; it knows nothing about the judge.

This module sees what the prompt holds (a strategy, its family and record; for some operators a
second strategy, debates or a wish; for the writer examples) and has no access to a world: neither
it nor anything it imports takes one. Instructions are drawn from a bank, whether they help or not;
most rewrites change little, some harm, some help.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from debate_env.core.quotes import MARKED_QUOTE
from debate_env.core.words import count_words
from debate_env.draws import Draws
from debateqd.agents import prompts
from debateqd.agents.models.embedded.words import banks, load

_WORDS = load("mutator")
INSTRUCTIONS = banks(_WORDS["instructions"])
"""What the mutator can think of, by family; ``any`` and ``vague`` belong to none."""

FAMILIES = tuple(f for f in INSTRUCTIONS if f not in ("any", "vague"))
_STRESS, _SOFTEN = tuple(_WORDS["stress"]), tuple(_WORDS["soften"])
_MORE = {
    "verified_quote_share": INSTRUCTIONS["evidence_quoting"],
    "rebuttal_share": INSTRUCTIONS["refutation"],
    **banks(_WORDS["more"]),
}
"""Instructions that raise a behaviour."""
_LESS = banks(_WORDS["less"])
"""Instructions that lower it."""

_TOPIC: dict[str, re.Pattern[str]] = {
    "verified_quote_share": re.compile(r"\bquot|\bverif|word for word|\bcopy|\bline", re.I),
    "rebuttal_share": re.compile(r"\boppon|\boppos|\brefut|\brebut|\bobjection|\bcounter", re.I),
    "length": re.compile(r"\bbrief|\bshort|\bconcise|\blength|\bdetail|\bthorough|\blong\b", re.I),
    "readability": re.compile(r"\bsentence|\bplain|\bsimple\b|\bscholarly", re.I),
    "certainty": re.compile(r"\bcertain|\bhedge|\bbold|\bconfiden|\badmit|\bhonest", re.I),
}
"""What a sentence of a strategy says when it is about a behaviour."""

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_LIMIT = re.compile(r"at most\s+(\d+)\s+words")
_REBUTS = re.compile(r"\bopponent\b|\bhearsay\b|\bother side\b", re.IGNORECASE)
_OPERATIONS = ("add", "replace", "remove", "stress", "soften", "any", "stray", "vague", "mix")
_OPERATION_WEIGHTS = (0.20, 0.20, 0.10, 0.10, 0.06, 0.12, 0.10, 0.06, 0.06)
_SOURCES = ("example", "own", "any", "stray", "vague")
_SOURCE_WEIGHTS = (0.35, 0.30, 0.15, 0.12, 0.08)


def rewrite(user: str, draws: Draws) -> str | None:
    """Answer a mutator's prompt: a strategy in its tags; ``None`` when a section is missing."""
    parent = prompts.section(user, "strategy")
    family = prompts.section(user, "family")
    instruction = prompts.section(user, "instruction")
    if parent is None or family is None or instruction is None:
        return None
    own = family_of(family)
    sentences = sentences_of(parent)
    operator = prompts.operator_of(user)
    if operator == "rewrite":
        for _ in range(1 + draws.below(3)):
            sentences = change(sentences, own, draws)
    elif operator == "crossover":
        second = prompts.second_strategy(user)
        if second is None:
            return None
        sentences = cross(sentences, sentences_of(second), own, draws)
    elif operator == "reflection":
        debates = prompts.debates_shown(user)
        if not debates:
            return None
        sentences = reflect(sentences, debates, own, draws)
    else:
        wanted, move = prompts.wishes_of(user)
        sentences = aim(sentences, wanted, family_of(move), own, draws)
    child = fit(sentences, _word_limit(instruction), draws)
    return f"<strategy>{child}</strategy>"


def _word_limit(instruction: str) -> int:
    found = _LIMIT.search(instruction)
    return int(found.group(1)) if found else 200


def write(user: str, draws: Draws) -> str | None:
    """Answer a writer's prompt: a strategy in its tags; ``None`` when a section is missing."""
    family = prompts.section(user, "family")
    instruction = prompts.section(user, "instruction")
    examples = [sentences_of(text) or [""] for text in prompts.examples_shown(user)]
    if family is None or instruction is None or not examples:
        return None
    left = _word_limit(instruction)
    own = family_of(family) or draws.pick(FAMILIES)
    sentences: list[str] = []
    for _ in range(max(2, len(draws.pick(examples)) + draws.below(3))):
        sentence = _sentence(own, examples, draws)
        words = count_words(sentence)
        if sentence not in sentences and words <= left:
            sentences.append(sentence)
            left -= words
    text = " ".join(sentences) or " ".join(draws.pick(INSTRUCTIONS[own]).split()[:left])
    return f"<strategy>{text}</strategy>"


def _sentence(own: str, examples: list[list[str]], draws: Draws) -> str:
    source = _SOURCES[draws.weighted(_SOURCE_WEIGHTS)]
    if source == "example":
        return draws.pick(draws.pick(examples))
    bank = {"own": own, "stray": draws.pick(FAMILIES)}.get(source, source)
    return draws.pick(INSTRUCTIONS[bank])


# --- one change at random -------------------------------------------------------------------------


def family_of(name: str) -> str | None:
    """Return our name of a family; ``None`` when the family is somebody's own."""
    key = "_".join(name.lower().replace("-", " ").replace("_", " ").split())
    return key if key in FAMILIES else None


def sentences_of(text: str) -> list[str]:
    """Cut a strategy into sentences."""
    return [s for s in _SENTENCE.split(" ".join(text.split())) if s]


def change(sentences: list[str], family: str | None, draws: Draws) -> list[str]:
    """Make one change at random, mostly within the family (``None``: one unknown to the bank)."""
    operation = _OPERATIONS[draws.weighted(_OPERATION_WEIGHTS)]
    bank = INSTRUCTIONS[family or draws.pick(FAMILIES)]
    if operation in ("any", "vague"):
        bank = INSTRUCTIONS[operation]
    elif operation in ("stray", "mix"):
        bank = INSTRUCTIONS[draws.pick(FAMILIES)]
    new = draws.pick(bank)
    if not sentences:
        return [new]
    where = draws.below(len(sentences))
    rest = [*sentences[:where], *sentences[where + 1 :]]
    if operation == "remove":
        return rest or [new]
    if operation in ("stress", "soften"):
        return weigh(sentences, where, draws, more=operation == "stress")
    if operation in ("replace", "mix"):
        return [*sentences[:where], new, *sentences[where + 1 :]]
    if new in sentences:
        return sentences
    return _insert(sentences, new, draws)


def _insert(sentences: list[str], new: str, draws: Draws) -> list[str]:
    place = draws.below(len(sentences) + 1)
    return [*sentences[:place], new, *sentences[place:]]


def weigh(sentences: list[str], where: int, draws: Draws, *, more: bool) -> list[str]:
    """Stress or soften one sentence, in place of what stressed or softened it before."""
    start = draws.pick(_STRESS if more else _SOFTEN)
    old = sentences[where]
    old = old.split(": ", 1)[1] if old.startswith((*_STRESS, *_SOFTEN)) else old
    changed = start + old[:1].lower() + old[1:]
    return [*sentences[:where], changed, *sentences[where + 1 :]]


def fit(sentences: list[str], limit: int, draws: Draws) -> str:
    """Drop sentences at random until the strategy fits its word limit."""
    kept = list(sentences)
    while len(kept) > 1 and sum(map(count_words, kept)) > limit:
        kept.pop(draws.below(len(kept)))
    return " ".join(" ".join(kept).split()[:limit])


# --- two strategies, a wish, debates --------------------------------------------------------------


def cross(first: list[str], second: list[str], family: str | None, draws: Draws) -> list[str]:
    """Mix two strategies, rather more of the first, whose family it is; change some once more."""
    kept = [s for s in first if draws.uniform() < 0.65]
    taken = [s for s in second if s not in first and draws.uniform() < 0.5]
    if not kept and first:
        kept = [draws.pick(first)]
    if not taken and second:
        taken = [draws.pick(second)]
    mixed = kept
    for sentence in taken:
        mixed = _insert(mixed, sentence, draws)
    return change(mixed, family, draws) if draws.uniform() < 0.3 or not mixed else mixed


def aim(
    sentences: list[str],
    wanted: Sequence[tuple[str, bool]],
    move: str | None,
    family: str | None,
    draws: Draws,
) -> list[str]:
    """Change a strategy so that behaviours grow (``True``) or shrink, or it moves to a family."""
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
        kept = _insert(kept, new, draws)
    return kept


def reflect(
    sentences: list[str], debates: Sequence[prompts.DebateExcerpt], family: str | None, draws: Draws
) -> list[str]:
    """Change a strategy by what its debates show, or at random where they show nothing."""
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


def _lessons(debates: Sequence[prompts.DebateExcerpt]) -> list[tuple[str, bool]]:
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


def _said(debate: prompts.DebateExcerpt, speaker: str) -> _Said:
    return _Said([s.text for s in debate.speeches if s.speaker == speaker])
