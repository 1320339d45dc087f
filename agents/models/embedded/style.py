"""Two readings of style: what a strategy asks for, and what a speech shows.

Both are lexicons. A strategy's cues become shares of a fixed attention budget: what one style gets,
the others lose, so that a strategy cannot have everything and more words add nothing for free.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from debateqd.agents.models.embedded.retrieval import stem, word_set, words_of
from debateqd.agents.models.embedded.world import STYLES

AXES = (
    "evidence",
    "precision",
    "logic",
    "authority",
    "emotion",
    "story",
    "questioning",
    "refutation",
    "certainty",
    "structure",
    "fairness",
    "vague",
)
"""What a debater can spend its attention on."""

# What a debater does when its strategy says nothing about it.
_HABIT = {"evidence": 1.4, "logic": 0.3, "refutation": 0.3, "vague": 0.7}
_HABIT_ELSE = 0.06

_CUES: Mapping[str, str] = {
    "evidence": "quote quotes quoted quoting quotation citation cite cites evidence verbatim "
    "verify verified passage excerpt excerpts textual lines wording copied copy support supporting "
    "supported proof source text document documented facts factual sentence",
    "precision": "precise precisely exact exactly accurate accurately careful carefully relevant "
    "decisive strongest select choose closest direct directly key settle settles decide decides "
    "specific specifically best pinpoint scan search locate match matches checked check context",
    "logic": "logic logical logically reason reasons reasoning rational deduce deduction premise "
    "premises conclusion conclude inference infer therefore follows implies because analysis "
    "analyst analytical analyse analyze argue syllogism contradiction assumption assumptions "
    "explain explains explanation consequence consequences eliminate elimination probability "
    "probabilities likely cause define definition definitions coherent consistent principle",
    "authority": "authority authorities authoritative expert experts expertise scholar scholars "
    "scholarly author writer trust trusted credible credibility professional senior adviser "
    "official ruling experience experienced established tradition consensus recognised witness "
    "specialist knowledge formal status reputation respected reliable standing studied endorse",
    "emotion": "emotion emotions emotional emotionally feel feeling feelings heart hearts fear "
    "fears hope hopes pain sympathy sympathetic compassion passion passionate empathy outrage "
    "moral shameful injustice warm warmth moving vivid sad regret anxious urgent alarm warn danger "
    "inspiring enthusiasm rousing energy kindness gentle gently love anger grief joy stirring "
    "dramatic comfort deserve",
    "story": "story stories tale tales narrative narrate narrated storytelling scene scenes "
    "character characters imagine picture plot suspense mystery detective clue clues analogy "
    "metaphor anecdote moment retell image images ending journey tension reveal lesson events",
    "questioning": "question questions questioning ask asks asked asking socratic rhetorical "
    "inquire inquiry wonder curious curiosity probe cross-examine examine doubt query puzzle",
    "refutation": "refute refutes refutation rebut rebuts rebuttal attack attacks counter "
    "counterargument opponent opponent's opposing objection objections weakness weakest flaw flaws "
    "expose undermine dismantle challenge contradict inconsistency inconsistent fallacy fallacies "
    "disprove defeat criticise criticize false error errors mistake unmask tricks excuse strike "
    "respond reply collapse collapses debunk",
    "certainty": "certain certainly certainty confident confidently confidence definite assert "
    "assertive firm firmly bold boldly decisive plainly undeniable undoubtedly obvious obviously "
    "clearly conviction strong strongly forceful emphatic absolute absolutely beyond never-hedge",
    "structure": "structure structured organise organize organised organized step steps order "
    "ordered outline list number numbered first second third finally summary summarise summarize "
    "clear clarity count score systematic sequence signpost begin end close open points",
    "fairness": "fair fairly fairness honest honestly honesty admit admits grant concede "
    "concession humble humility balanced balance neutral respect respectful open-minded "
    "limits doubts hedge apologise apologize moderate modest polite courteous acknowledge "
    "objective objectively impartial sincere friendly calm calmly thank",
    "vague": "good nice well great effective effectively persuasive convincing convince win "
    "interesting various something somehow generally general impressive powerful compelling "
    "quality improve better overall perspective perspectives dynamic engaging adapt flexible",
}

_PHRASES: Mapping[str, tuple[str, ...]] = {
    "evidence": ("word for word", "own words", "from the passage", "let the passage speak"),
    "precision": ("most relevant", "names the answer", "both the question", "single most"),
    "logic": ("step by step", "if it were true", "chain of"),
    "questioning": ("cross-examine", "put questions", "hard to deny"),
    "refutation": ("point by point", "other side", "weakest link", "out of context"),
    "story": ("turning point", "see it happen", "once upon"),
    "certainty": ("never hedge", "no doubt", "without hesitation", "beyond doubt"),
    "fairness": ("both sides", "give credit", "open mind"),
}

_SHORT = word_set("brief briefly short shorter concise concisely terse succinct few brevity")
_LONG = word_set(
    "thorough thoroughly detail detailed details length long longer elaborate extensive full "
    "comprehensive exhaustive expand lengthy depth"
)
_NEGATIONS = word_set(
    "not never no without avoid avoids don't nor less skip refrain instead rather ignore drop stop "
    "neither cannot spare"
)
_REACH = 3
_MORE = word_set(
    "always above mainly mostly chiefly heavily every each especially most primarily all "
    "relentlessly repeatedly only thirds entirely must"
)
_LESS = word_set(
    "occasionally sometimes slightly little one once perhaps maybe possible briefly mention "
    "touch optionally lightly rarely single"
)
_CLAUSE = re.compile(r"[.;:!?,\n]+|\bbut\b|\bthen\b")


def _by_stem(lexicon: Mapping[str, str], names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    found: dict[str, set[int]] = {}
    for name, words in lexicon.items():
        for word in words.split():
            found.setdefault(stem(word), set()).add(names.index(name))
    return {word: tuple(sorted(indices)) for word, indices in found.items()}


_CUE_AXES = _by_stem(_CUES, AXES)
_SHORT_STEMS = frozenset(map(stem, _SHORT))
_LONG_STEMS = frozenset(map(stem, _LONG))


@dataclass(frozen=True, slots=True)
class Intensities:
    """What a strategy asks for.

    Attributes:
        shares: Share of attention per axis, in the order of :data:`AXES`; they sum to 1.
        fill: Share of the word limit that speeches use, in ``[0.3, 0.95]``.
    """

    shares: tuple[float, ...]
    fill: float

    def __getitem__(self, axis: str) -> float:
        """Return the share of one axis."""
        return self.shares[AXES.index(axis)]


@lru_cache(maxsize=8192)
def intensities(strategy: str) -> Intensities:
    """Read a strategy prompt.

    Each clause counts the distinct cues of each axis (at most two), more under words such as
    "always" and less under words such as "sometimes"; a cue shortly after a negation counts
    against its axis. A clause without any cue counts as vague.
    """
    raw = [0.0] * len(AXES)
    lengths = 0.0
    for clause in _CLAUSE.split(strategy.lower().replace("’", "'")):
        words = words_of(clause)
        if not words:
            continue
        weight = 1.0
        if not _MORE.isdisjoint(words):
            weight *= 1.4
        if not _LESS.isdisjoint(words):
            weight *= 0.6
        gains, size = _clause(clause, words)
        for axis, gain in gains.items():
            raw[axis] += weight * max(-2.0, min(2.0, gain))
        if not gains and not size and len(words) >= 3:
            raw[-1] += 0.4
        lengths += size
    amounts = [
        max(0.0, value) + _HABIT.get(axis, _HABIT_ELSE) * (0.2 if value < 0 else 1.0)
        for axis, value in zip(AXES, raw, strict=True)
    ]
    total = sum(amounts)
    fill = 0.8 + 0.12 * lengths
    return Intensities(tuple(a / total for a in amounts), min(0.95, max(0.3, fill)))


def _clause(clause: str, words: list[str]) -> tuple[dict[int, float], float]:
    """Return gains by axis and the net demand for length of one clause."""
    gains: dict[int, float] = {}
    seen: set[str] = set()
    size = 0.0
    sign, left = 1.0, 0
    for word in words:
        if word in _NEGATIONS:
            # "No claim without a quote" asks for quotes: two negations close together cancel.
            sign, left = (-sign, _REACH) if left else (-1.0, _REACH)
            continue
        if left == 0:
            sign = 1.0
        left = max(0, left - 1)
        root = stem(word)
        if root in seen:
            continue
        seen.add(root)
        size += sign * ((root in _LONG_STEMS) - (root in _SHORT_STEMS))
        axes = _CUE_AXES.get(root, ())
        for axis in axes:
            gains[axis] = gains.get(axis, 0.0) + sign / len(axes)
    for name, phrases in _PHRASES.items():
        if any(p in clause for p in phrases):
            axis = AXES.index(name)
            gains[axis] = gains.get(axis, 0.0) + 1.0
    return gains, size


# --- what a speech shows --------------------------------------------------------------------------

_MARKERS: Mapping[str, str] = {
    "logic": "therefore follows hence thus premise premises reason reasons reasoning implies "
    "consequently conclude conclusion inference logic logical logically deduce consistent because "
    "assume assumption explain explains explanation",
    "authority": "expert experts scholar scholars author authority authorities established "
    "tradition specialist specialists experience experienced credible professional recognised "
    "recognized studied consensus trusted qualified official",
    "emotion": "heart feel feeling feelings fear hope hopes pain grief tragic shame shameful love "
    "cruel moving sorrow joy suffer suffering bitter injustice warm proud anger tears betray "
    "betrayed mercy compassion dread ache",
    "story": "imagine picture scene once tale story character unfolds unfold morning evening walk "
    "walked begins ending hero lamp door curtain footsteps chapter moment",
    "questioning": "ask asks wonder wondering puzzle",
    "refutation": "opponent opponent's rebut refute refutes fails fail mistaken overlooks ignores "
    "collapses unsupported misreads misread objection flaw rebuttal evades hearsay irrelevant",
    "certainty": "clearly undoubtedly certainly obviously definitely plainly unmistakable "
    "indisputable surely absolutely unquestionably undeniable undeniably settled doubtless",
    "structure": "first second third finally next lastly summary summarise sum recap step point "
    "points begin conclude",
    "fairness": "grant admit admittedly concede fair fairly perhaps honest honestly acknowledge "
    "respect may might possibly sincerely humbly",
}
_MARKER_STYLES = _by_stem(_MARKERS, STYLES)
_QUESTIONING = STYLES.index("questioning")
_LENGTH = STYLES.index("length")


def style_counts(text: str) -> tuple[float, ...]:
    """Count the markers of each style in a speech whose quotes have been taken out.

    Returns:
        One number per :data:`debateqd.agents.models.embedded.world.STYLES`; a question mark counts
        as one and a half markers of questioning, and ``length`` is left 0 because quotes belong to
        it too.
    """
    counts = [0.0] * len(STYLES)
    lookup = _MARKER_STYLES
    for word in words_of(text):
        styles = lookup.get(stem(word))
        if styles:
            for style in styles:
                counts[style] += 1.0
    counts[_QUESTIONING] += 1.5 * text.count("?")
    return tuple(counts)


def strength(counts: tuple[float, ...], words: float) -> tuple[float, ...]:
    """Turn mean counts per speech into strengths in ``[0, 1)``: ``n / (n + 1.2)``.

    Args:
        counts: Markers per style and speech.
        words: Words per speech, quotes included; 150 or more are full length.
    """
    result = [n / (n + 1.2) for n in counts]
    result[_LENGTH] = min(1.0, words / 150.0)
    return tuple(result)
