"""The embedded model as labeller: says which way of arguing speeches show, by its lexicons.

It reads the speeches of the prompt and nothing else: neither strategies nor worlds. Its answer does
not depend on the seed or on the order in which ways are listed.
"""

from __future__ import annotations

from collections.abc import Sequence

from debate_env.core.quotes import MARKED_QUOTE
from debateqd.agents import prompts
from debateqd.agents.models.embedded.style import style_counts
from debateqd.agents.models.embedded.world import STYLES
from debateqd.agents.prompts import listed_ways, shown_speeches

_STYLE_OF = {
    "rationality": "logic",
    "authority": "authority",
    "emotional_appeal": "emotion",
    "refutation": "refutation",
    "storytelling": "story",
    "socratic_questioning": "questioning",
}
_QUOTING = "evidence_quoting"
_UNCLASSIFIED = "unclassified"
_QUOTED = 14.0  # markers per 100 words that a speech of nothing but quotes is worth
_LEAST = 2.0  # markers per 100 words; fewer stand for nothing
_AHEAD = 1.1  # times the score of the second


def choose_way(user: str) -> str | None:
    """Return the letter of the way of arguing that the speeches of a prompt mostly show.

    Returns:
        A letter: that of ``unclassified`` where no way stands out; ``None`` when the prompt lists
        no ways or shows no speeches.
    """
    ways, speeches = listed_ways(user), shown_speeches(user)
    if not ways or not speeches:
        return None
    scores = way_scores(speeches)
    ranked = sorted(((scores.get(way, 0.0), -n) for n, way in enumerate(ways)), reverse=True)
    (best, place), (second, _) = ranked[0], ranked[1] if len(ranked) > 1 else (0.0, 0)
    if _UNCLASSIFIED in ways and (best < _LEAST or best < _AHEAD * second):
        return prompts.LETTERS[ways.index(_UNCLASSIFIED)]
    return prompts.LETTERS[-place]


def way_scores(speeches: Sequence[str]) -> dict[str, float]:
    """Score the ways of arguing: markers per 100 own words; quotes by their share of all words."""
    own = [MARKED_QUOTE.sub(" ", speech) for speech in speeches]
    words = max(1, sum(len(text.split()) for text in own))
    counts = [0.0] * len(STYLES)
    for text in own:
        counts = [a + b for a, b in zip(counts, style_counts(text), strict=True)]
    quoted = sum(len(text.split()) for s in speeches for _, text in MARKED_QUOTE.findall(s))
    scores = {way: 100 * counts[STYLES.index(style)] / words for way, style in _STYLE_OF.items()}
    scores[_QUOTING] = _QUOTED * quoted / (words + quoted)
    return scores
