"""How well question and answers alone, without the passage, give the right answer away.

A linear classifier scores every candidate answer and picks the highest of each question. It is
trained on differences between the right answer and each wrong one, so that it learns what sets
right answers apart, and is tested on passages it was not trained on. Two views are added up, each
scaled to unit variance on its training data: hand-made features (length, digits, hedges,
absolutes, overlap with the question, ...) and word and character n-grams, alone and
crossed with the question's first word.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix, hstack, vstack
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from debate_env.questions.question import Question

View = Literal["hand", "ngrams"]
FOLDS = 10
NORMAL_95 = 1.96


def _lexicon(words: str) -> frozenset[str]:
    return frozenset(words.split())


HEDGES = _lexicon(
    "about almost apparently could generally largely likely mainly may maybe might mostly nearly "
    "often partly perhaps possibly probably rather roughly seems some sometimes usually"
)
ABSOLUTES = _lexicon(
    "all always any completely entirely every everyone everything exactly fully never no nobody "
    "none nothing only purely solely totally wholly"
)
NEGATIONS = _lexicon("cannot didn't doesn't hadn't neither never no nor not wasn't without won't")
STOP_WORDS = _lexicon(
    "a an and are as at be been by did do does for from had has have he her him his how in into is "
    "it its of on or she so than that the their them they this to was were what when where which "
    "who why will with would"
)
POSITIVE = _lexicon("best better brave fair good happy help helped kind love proud safe")
NEGATIVE = _lexicon("afraid angry bad blame broke fear lost poor shame stole worse wrong")


class AnswerOnly(NamedTuple):
    """Accuracy of the answer-only classifier and the band it would fall in by chance.

    ``low`` and ``high`` are chance +- 1.96 standard errors. The standard error is the larger of
    the binomial one and the cluster-robust one of the same predictions (clusters are passages),
    so questions that share a passage are not counted as independent.
    """

    accuracy: float
    low: float
    high: float
    n: int


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def _hand(question: Question, index: int) -> dict[str, float]:
    answer = question.answers[index]
    words = _words(answer)
    count = max(1, len(words))
    asked = set(_words(question.question)) - STOP_WORDS
    content = [word for word in words if word not in STOP_WORDS]
    capitals = re.findall(r"(?<!^)\b[A-Z]", answer)
    return {
        "characters": float(len(answer)),
        "words": float(len(words)),
        "word length": len(answer) / count,
        "digits": float(sum(ch.isdigit() for ch in answer)),
        "capitals": float(len(capitals)),
        "commas": float(len(re.findall(r"[,;:]", answer))),
        "marks": float(len(re.findall(r"[^\w\s,;:]", answer))),
        "hedges": float(sum(word in HEDGES for word in words)),
        "absolutes": float(sum(word in ABSOLUTES for word in words)),
        "negations": float(sum(word in NEGATIONS for word in words)),
        "positive": float(sum(word in POSITIVE for word in words)),
        "negative": float(sum(word in NEGATIVE for word in words)),
        "stop words": sum(word in STOP_WORDS for word in words) / count,
        "distinct": len(set(words)) / count,
        "overlap": sum(word in asked for word in content) / max(1, len(content)),
        "overlap any": float(any(word in asked for word in content)),
        "and": float(words.count("and")),
        "because": float(words.count("because")),
    }


def _crossed(question: Question, index: int) -> dict[str, float]:
    """Words of the answer alone, crossed with the question's first word, and its ends."""
    asked = _words(question.question)
    first = asked[0] if asked else ""
    words = _words(question.answers[index])
    found = {f"w {word}": 1.0 for word in words}
    found |= {f"q {first} {word}": 1.0 for word in words}
    found |= {f"b {a} {b}": 1.0 for a, b in itertools.pairwise(words)}
    if words:
        found |= {f"first {words[0]}": 1.0, f"last {words[-1]}": 1.0}
    return found


def _features(
    train: Sequence[Question], test: Sequence[Question], view: View
) -> tuple[csr_matrix, csr_matrix]:
    """Features of every answer of every question, fitted on the training questions only."""

    def flat(questions: Sequence[Question]) -> list[tuple[Question, int]]:
        return [(q, k) for q in questions for k in range(len(q.answers))]

    one, two = flat(train), flat(test)
    if view == "hand":
        vectors = DictVectorizer(sparse=False)
        scale = StandardScaler()
        left = scale.fit_transform(vectors.fit_transform([_hand(q, k) for q, k in one]))
        right = scale.transform(vectors.transform([_hand(q, k) for q, k in two]))
        return csr_matrix(left), csr_matrix(right)
    words, largest = DictVectorizer(), MaxAbsScaler()
    grams = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=2, sublinear_tf=True)
    left = largest.fit_transform(words.fit_transform([_crossed(q, k) for q, k in one]))
    right = largest.transform(words.transform([_crossed(q, k) for q, k in two]))
    texts, others = [q.answers[k] for q, k in one], [q.answers[k] for q, k in two]
    return (
        csr_matrix(hstack([left * 0.3, grams.fit_transform(texts)])),
        csr_matrix(hstack([right * 0.3, grams.transform(others)])),
    )


def _scores(train: Sequence[Question], test: Sequence[Question], view: View) -> list[np.ndarray]:
    """One score per answer of every test question, in units of the training spread."""
    left, right = _features(train, test, view)
    rows, start = [], 0
    for question in train:
        for k in range(len(question.answers)):
            if k != question.label:
                rows.append(left[start + question.label] - left[start + k])
        start += len(question.answers)
    differences = vstack(rows)
    both = vstack([differences, -differences])
    target = np.repeat([1, 0], len(rows))
    strength = 0.05 if view == "hand" else 1.0
    model = LogisticRegression(C=strength, fit_intercept=False, solver="liblinear")
    weights = model.fit(both, target).coef_[0]
    spread = float(np.std(differences @ weights)) or 1.0
    scores, found, start = (right @ weights) / spread, [], 0
    for question in test:
        found.append(scores[start : start + len(question.answers)])
        start += len(question.answers)
    return found


def _shuffled(passages: set[str], seed: int, repeat: int) -> list[str]:
    def key(passage_id: str) -> bytes:
        return hashlib.sha256(f"{seed}/{repeat}/{passage_id}".encode()).digest()

    return sorted(passages, key=key)


def answer_only_accuracy(
    questions: Sequence[Question],
    seed: int = 0,
    *,
    views: Sequence[View] = ("hand", "ngrams"),
    repeats: int = 3,
) -> AnswerOnly:
    """Cross-validated accuracy of guessing the right answer without the passage.

    Args:
        questions: At least ``FOLDS`` passages. Folds are by passage.
        seed: Decides the folds; two calls with the same seed agree exactly.
        views: Which features to use.
        repeats: Average over so many ways of making folds.

    Returns:
        ``(accuracy, low, high, n)``; at chance means ``low <= accuracy <= high``.
    """
    passages = {question.passage_id for question in questions}
    if len(passages) < FOLDS:
        raise ValueError(f"{len(passages)} passages; at least {FOLDS} are needed")
    right = np.zeros(len(questions))
    for repeat in range(repeats):
        order = {p: k % FOLDS for k, p in enumerate(_shuffled(passages, seed, repeat))}
        for fold in range(FOLDS):
            train = [q for q in questions if order[q.passage_id] != fold]
            held = [k for k, q in enumerate(questions) if order[q.passage_id] == fold]
            test = [questions[k] for k in held]
            by_view = [_scores(train, test, view) for view in views]
            for place, (k, question) in enumerate(zip(held, test, strict=True)):
                total = np.sum([scores[place] for scores in by_view], axis=0)
                best = np.flatnonzero(total >= total.max() - 1e-12)
                right[k] += (question.label in best) / len(best) / repeats
    return _band(questions, right)


def _band(questions: Sequence[Question], right: np.ndarray) -> AnswerOnly:
    n = len(questions)
    chances = np.array([1.0 / len(q.answers) for q in questions])
    chance = float(chances.mean())
    binomial = math.sqrt(float((chances * (1 - chances)).sum())) / n
    accuracy = float(right.mean())
    sums: Counter[str] = Counter()
    for question, value in zip(questions, right - accuracy, strict=True):
        sums[question.passage_id] += float(value)
    m = len(sums)
    clustered = math.sqrt(m / (m - 1) * sum(value**2 for value in sums.values())) / n
    half = NORMAL_95 * max(binomial, clustered)
    return AnswerOnly(accuracy, chance - half, chance + half, n)


def plant(questions: Sequence[Question], change: Callable[[str], str]) -> list[Question]:
    """The same questions with every right answer changed: a give-away that must be found."""
    return [
        replace(
            q,
            answers=tuple(change(a) if k == q.label else a for k, a in enumerate(q.answers)),
        )
        for q in questions
    ]
