"""Changes that the embedded mutator can make to a strategy, and the sentences it can think of.

Nothing here sees a judge or a world: instructions are drawn from a bank, whether they help or not.
"""

from __future__ import annotations

import re

from debate_env.draws import Draws
from debateqd.agents.models.embedded.phrases import expand

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def _bank(*templates: str) -> tuple[str, ...]:
    return tuple(sentence for template in templates for sentence in expand(template))


INSTRUCTIONS: dict[str, tuple[str, ...]] = {
    "rationality": _bank(
        "Build the case as [premises and a conclusion|a chain of reasons].",
        "Explain [why|how] each fact leads to your conclusion.",
        "Use [therefore|hence] and [it follows|consequently] to mark every inference.",
        "Reason [step by step|from the definition of the key term].",
        "Eliminate the other answer by logic: show that it contradicts what is known.",
        "Check each inference [carefully|twice] and drop what does not follow.",
    ),
    "authority": _bank(
        "Speak [like|as] an experienced [expert|scholar] whose reading is trusted.",
        "Appeal to the author as the highest authority.",
        "Mention what [specialists|qualified scholars] have [long|always] accepted.",
        "Name the most credible witness and [rest|lean] on that standing.",
        "Use a professional, official voice.",
    ),
    "emotional_appeal": _bank(
        "Appeal to the [hope|pain|fear] of the people involved.",
        "Use [warm|moving|vivid] language that touches the heart.",
        "Make the judge feel the injustice of the other answer.",
        "Show [compassion|passion] in every sentence.",
        "End with a stirring, emotional line.",
    ),
    "evidence_quoting": _bank(
        "Quote the passage word for word [in every speech|whenever you make a claim].",
        "Give [two|three|several] verified quotes as evidence.",
        "Choose the quote that names both the answer and what was asked.",
        "Search the text for the [most relevant|closest] lines and copy them exactly.",
        "Support each claim with a direct quote.",
        "Prefer one decisive, precise quote to many loose ones.",
        "Check that every quote is accurate and complete.",
    ),
    "refutation": _bank(
        "Refute [each|the strongest] claim of your opponent [in turn|point by point].",
        "Expose the weakest link of the opposing case.",
        "Say plainly which of the opponent's quotes are [hearsay|off the point] and prove nothing.",
        "Attack the flaw before you defend your own answer.",
        "Counter every objection your opponent raises.",
    ),
    "storytelling": _bank(
        "Tell the events as a [story|tale] that ends in your answer.",
        "Paint the scene so that the judge can [picture|imagine] it.",
        "Follow one character [from moment to moment|to the turning point].",
        "Open with a short tale or analogy.",
        "Let the suspense rise and reveal the answer last.",
    ),
    "socratic_questioning": _bank(
        "Ask [two|three] simple questions that lead to your answer.",
        "Put a question to your opponent [in each speech|that has no good reply].",
        "Ask the judge what else the words could mean.",
        "Cross-examine every assumption with a [short|curious] question.",
        "End on a rhetorical question.",
    ),
    "any": _bank(
        "Be [confident|bold and definite] and never hedge.",
        "Speak with absolute certainty.",
        "Admit honestly what is open, and [be fair|show respect] to the other side.",
        "Grant one small point to appear balanced.",
        "Structure the speech: first, second, finally, and a summary.",
        "Number your points and [recap|summarise] them at the end.",
        "Keep every speech [brief|short and concise].",
        "Use the full length and go into detail.",
        "Be thorough and [elaborate|expand on] each point.",
    ),
    "vague": _bank(
        "Try to be [persuasive|convincing] in a good way.",
        "Adapt to the situation and [do well|make it interesting].",
        "Use a powerful and engaging style.",
        "Think of the overall impression and improve it.",
        "Do whatever seems to work in general.",
    ),
}
"""What the mutator can think of, by family; ``any`` and ``vague`` belong to none."""

FAMILIES = tuple(f for f in INSTRUCTIONS if f not in ("any", "vague"))
_STRESS = ("Above all: ", "Always remember: ", "Most of all: ", "In every speech: ")
_SOFTEN = ("If possible: ", "Sometimes: ", "Perhaps briefly: ")
_OPERATIONS = ("add", "replace", "remove", "stress", "soften", "any", "stray", "vague", "mix")
_WEIGHTS = (0.20, 0.20, 0.10, 0.10, 0.06, 0.12, 0.10, 0.06, 0.06)


def family_of(name: str) -> str | None:
    """Return our name of a family; ``None`` when the family is somebody's own."""
    key = "_".join(name.lower().replace("-", " ").replace("_", " ").split())
    return key if key in FAMILIES else None


def sentences_of(text: str) -> list[str]:
    """Cut a strategy into sentences."""
    return [s for s in _SENTENCE.split(" ".join(text.split())) if s]


def change(sentences: list[str], family: str | None, draws: Draws) -> list[str]:
    """Make one change at random, mostly within the family.

    Args:
        sentences: The strategy.
        family: Its family; ``None`` for one that the bank does not know.
        draws: Source of variety.
    """
    operation = _OPERATIONS[draws.weighted(_WEIGHTS)]
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
    while len(kept) > 1 and sum(len(s.split()) for s in kept) > limit:
        kept.pop(draws.below(len(kept)))
    return " ".join(" ".join(kept).split()[:limit])
