"""Refusing strategies that quote a passage, or carry what belongs to a question.

A strategy is for any question about any passage; one that knows the answers of training questions
would win there and nowhere else. :class:`LeakGuard` refuses quotes of passages,
:class:`ContentGuard` what belongs to a question; that is read off the questions themselves, so that
common words are never refused:

1. **Wording**: :data:`RUN` consecutive words of a question or answer, or all of a shorter one from
   three words on. Runs that questions on two passages share are nobody's, and a run needs two
   content words, one of them *distinctive*: in no seed strategy, and in few of the passages. From
   five words on, three content words will do as well.
2. **Names**: a word of a question or answer that its passage writes with a capital in the middle of
   a sentence, and that no text of the run writes small. The strategy must write it with a capital,
   too, and not only where a sentence begins.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Protocol

from debate_env.errors import InputError
from debate_env.questions.question import Question
from debateqd.qd.descriptors.words import FUNCTION_WORDS
from debateqd.qd.mutation.novelty import Refusal, RefusalKind, normal_words
from debateqd.qd.seeds import SEED_TEXTS

RUN = 6
"""Consecutive words that give a question or answer away."""

_SHORTEST = 3
_LONG = 5
_CONTENT = 2
_COMMON_SHARE = 0.1
_COMMON_LEAST = 3
_TOKEN = re.compile(r"[^\W_]+|[.!?:;\n\"“”‘’'•*#>()\[\]-]")
_MIDDLE = re.compile(r"[^\W\d_]{3,}")


class Guard(Protocol):
    """Refuses texts for what they hold. Pure."""

    def check(self, text: str) -> Refusal | None:
        """Say what a text must not hold; ``None`` when nothing."""


class LeakGuard:
    """Refuses strategies that carry the words of a passage, or of another text.

    Args:
        passages: The passages of the training questions; equal ones are read once.
        words: A strategy that shares this many consecutive words with a passage is refused.
        kind: What such a refusal counts as.

    Raises:
        InputError: ``words`` below 1.
    """

    __slots__ = ("_hashes", "_kind", "_texts", "words")

    def __init__(self, passages: Iterable[str], words: int = 8, kind: RefusalKind = "leak") -> None:
        if words < 1:
            raise InputError(f"leak_words {words}: must be 1 or more")
        self.words = words
        self._kind = kind
        self._texts = [
            " " + " ".join(normal_words(passage)) + " " for passage in dict.fromkeys(passages)
        ]
        # Only hashes are kept, about 60 bytes a word. A hit is confirmed in the texts, so the
        # result does not depend on how this process happens to hash.
        self._hashes = frozenset(
            hash(gram) for text in self._texts for gram in self._grams(tuple(text.split()))
        )

    def check(self, text: str) -> Refusal | None:
        """Say what a strategy quotes; ``None`` when nothing."""
        for gram in self._grams(normal_words(text)):
            if hash(gram) in self._hashes:
                quote = " ".join(gram)
                if any(f" {quote} " in passage for passage in self._texts):
                    source = "a passage" if self._kind == "leak" else "the instruction"
                    return Refusal(self._kind, f"quotes {source}: {quote!r}")
        return None

    def _grams(self, words: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
        return (words[i : i + self.words] for i in range(len(words) - self.words + 1))


class ContentGuard:
    """Refuses strategies that carry the wording, an answer or a name of a question.

    Args:
        questions: The questions that strategies may have learnt from; their passages say what is
            common and what is a name.
    """

    __slots__ = ("_names", "_runs")

    def __init__(self, questions: Iterable[Question]) -> None:
        asked = list(questions)
        passages = {q.passage_id: q.passage for q in asked}
        self._runs = _wordings(asked, _common_words(passages.values()))
        self._names = _names(asked, passages)

    def check(self, text: str) -> Refusal | None:
        """Say what a strategy carries; ``None`` when nothing."""
        words = normal_words(text)
        for size in range(_SHORTEST, RUN + 1):
            for start in range(len(words) - size + 1):
                if words[start : start + size] in self._runs:
                    found = " ".join(words[start : start + size])
                    return Refusal("leak", f"words of a question or answer: {found!r}")
        for name in _capitals(text):
            if name in self._names:
                return Refusal("leak", f"a name from a question or answer: {name!r}")
        return None


class Guards:
    """Several guards as one; the first that refuses decides."""

    __slots__ = ("_guards",)

    def __init__(self, guards: Sequence[Guard]) -> None:
        self._guards = tuple(guards)

    def check(self, text: str) -> Refusal | None:
        """Say what a text must not hold; ``None`` when nothing."""
        refusals = (guard.check(text) for guard in self._guards)
        return next((refusal for refusal in refusals if refusal is not None), None)


def _common_words(passages: Iterable[str]) -> frozenset[str]:
    """Words that point to no question: function words, those of seeds and of many passages."""
    seeds = {word for texts in SEED_TEXTS.values() for t in texts for word in normal_words(t)}
    counts: Counter[str] = Counter()
    number = 0
    for number, passage in enumerate(passages, 1):  # noqa: B007
        counts.update(set(normal_words(passage)))
    often = max(_COMMON_LEAST, _COMMON_SHARE * number)
    return FUNCTION_WORDS | seeds | {word for word, n in counts.items() if n >= often}


def _wordings(questions: Sequence[Question], common: frozenset[str]) -> frozenset[tuple[str, ...]]:
    """Runs of words that belong to the questions on one passage alone."""
    owners: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for question in questions:
        for text in (question.question, *question.answers):
            words = normal_words(text)
            size = min(RUN, len(words))
            for start in range(len(words) - size + 1):
                owners[words[start : start + size]].add(question.passage_id)
    return frozenset(
        run for run, passages in owners.items() if len(passages) == 1 and _tells(run, common)
    )


def _tells(run: tuple[str, ...], common: frozenset[str]) -> bool:
    """Whether a run of words says enough to point to its question."""
    content = sum(word not in FUNCTION_WORDS for word in run)
    if len(run) >= _LONG and content > _CONTENT:
        return True
    return len(run) >= _SHORTEST and content >= _CONTENT and any(w not in common for w in run)


def _names(questions: Sequence[Question], passages: dict[str, str]) -> frozenset[str]:
    """Names in questions and answers, as their passages write them."""
    small: set[str] = set()
    for text in (*passages.values(), *(t for q in questions for t in (q.question, *q.answers))):
        small.update(word.casefold() for word in _MIDDLE.findall(text) if word[0].islower())
    small |= {word for texts in SEED_TEXTS.values() for t in texts for word in normal_words(t)}
    small |= FUNCTION_WORDS
    capitals = {passage_id: set(_capitals(text)) for passage_id, text in passages.items()}
    return frozenset(
        word
        for question in questions
        for text in (question.question, *question.answers)
        for word in _MIDDLE.findall(text)
        if word.casefold() not in small and word in capitals[question.passage_id]
    )


def _capitals(text: str) -> Iterable[str]:
    """Words with a capital that begin no sentence, heading, quote or item of a list."""
    begins = True
    for token in _TOKEN.findall(text):
        word = token[0].isalnum()
        if word and not begins and token[0].isupper() and len(token) >= 3:
            yield token
        begins = not word
