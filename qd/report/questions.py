"""What a set of questions holds, in text."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from debate_env.core.words import count_words
from debate_env.questions.question import Question
from debateqd.agents.prompts import LETTERS

_SHOWN = 400


def questions_report(questions: Sequence[Question]) -> str:
    """Describe questions: counts, lengths, scripts, where right answers stand, the first one."""
    passages = dict.fromkeys(q.passage for q in questions if q.passage)
    first = questions[0]
    lines = [
        f"{len(questions)} questions on {len(passages) or 'no'} passages, with "
        f"{_range(len(q.answers) for q in questions)} answers each",
        f"  words of a passage: {_range(map(count_words, passages))}",
        f"  words of a question: {_range(count_words(q.question) for q in questions)}",
        f"  words of an answer: {_range(count_words(a) for q in questions for a in q.answers)}",
        f"  scripts: {_scripts(questions)}",
        f"  right answers: {_places(questions)}",
        f"  longest answer right: {_longest(questions)}",
        "first question:",
        f"  id: {first.question_id}",
        f"  passage: {_cut(first.passage) or '(none)'}",
        f"  question: {_cut(first.question)}",
        *(
            f"  {LETTERS[k]}: {_cut(answer)}{'  (right)' if k == first.label else ''}"
            for k, answer in enumerate(first.answers)
        ),
    ]
    return "\n".join(lines if passages else [line for line in lines if "of a passage" not in line])


def _range(values: Iterable[int]) -> str:
    found = sorted(values)
    if not found:
        return "none"
    if found[0] == found[-1]:
        return f"{found[0]:,}"
    return f"{found[0]:,} to {found[-1]:,} (median {median(found):,.0f})"


def _scripts(questions: Sequence[Question]) -> str:
    """Shares of letters by script, as Unicode names them: what language it is, that cannot say."""
    found: Counter[str] = Counter()
    for q in questions:
        for letter in filter(str.isalpha, q.passage[:1000] + q.question):
            found[unicodedata.name(letter, "UNKNOWN").split()[0]] += 1
    total = sum(found.values())
    shares = [
        f"{name if name == 'CJK' else name.capitalize()} {n / total:.0%}"
        for name, n in found.most_common(4)
        if n / total >= 0.01
    ]
    return ", ".join(shares) or "no letters"


def _places(questions: Sequence[Question]) -> str:
    found = Counter(q.label for q in questions)
    return ", ".join(f"{LETTERS[place]} {found[place]}" for place in sorted(found))


def _longest(questions: Sequence[Question]) -> str:
    """How often length alone gives the answer away; ties count by their share."""
    share = expected = 0.0
    for q in questions:
        lengths = [len(answer) for answer in q.answers]
        longest = [k for k, n in enumerate(lengths) if n == max(lengths)]
        share += (q.label in longest) / len(longest)
        expected += 1 / len(lengths)
    n = len(questions)
    return f"{share / n:.0%} (by chance {expected / n:.0%})"


def _cut(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "…"
