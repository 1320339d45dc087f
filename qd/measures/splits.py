"""What a run is worth on questions it has and has not seen.

These kinds of debate are played on every question:

- *elites*: each elite debates itself; the share of right verdicts is the run's **judge accuracy**
  (self-play accuracy of Khan et al. 2024, section 3);
- *seeds*: seed strategies debate themselves on the same questions, for comparison;
- *panel*: each elite meets a seed strategy, once in either seat; the share it wins is the **win
  rate against the seed panel**. Seeds rotate over questions, so all are met about equally often;
  a seed that is an elite itself meets the next one instead.

Others serve one measure each: *archive* (all elites anew,
:mod:`debateqd.qd.measures.corrected_archive`), *robin* (elites against each other,
:mod:`debateqd.qd.measures.payoffs`) and *length* (elites cut to the length of seeds,
:mod:`debateqd.qd.measures.controls`).

Two baselines ask the judge model alone: without the passage, and reading it. Everything is averaged
over questions with passages as clusters. Debates without a usable verdict are left out of rates and
counted beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from debate_env.core.rewards import correctness
from debate_env.questions.question import Question
from debateqd.agents.base import Failure, derive_seed
from debateqd.agents.judge import read_question
from debateqd.agents.models.base import ChatModel
from debateqd.agents.rollout import run_thoughts
from debateqd.agents.verdicts import VerdictSettings
from debateqd.qd.debates.counting import (
    believed,
    by_question,
    credence_won,
    mean_of,
    paired,
    position_bias,
    rate,
    right,
    won,
)
from debateqd.qd.debates.matches import Match
from debateqd.qd.statistics import Estimate, difference_interval


@dataclass(frozen=True, slots=True)
class JudgeAlone:
    """The judge model alone on one question; ``None`` where its reply could not be used."""

    passage: str
    no_debate: float | None
    reading: float | None


def read_alone(
    questions: Sequence[Question],
    judge: ChatModel,
    seed: int,
    verdict: VerdictSettings = VerdictSettings(),  # noqa: B008  (frozen)
) -> list[JudgeAlone]:
    """Ask the judge model every question without a debate: without and with the passage."""
    thoughts = [
        read_question(
            judge,
            question,
            passage,
            derive_seed(seed, "baseline", question.question_id, passage is not None),
            verdict,
        )
        for question in questions
        for passage in (None, question.passage)
    ]
    answers = run_thoughts(judge, thoughts)
    found = []
    for question, *pair in zip(questions, answers[::2], answers[1::2], strict=True):
        shares = (None if isinstance(a, Failure) else correctness(a, question.label) for a in pair)
        found.append(JudgeAlone(question.passage_id, *shares))
    return found


def report_split(
    questions: Sequence[Question], matches: Sequence[Match], alone: Sequence[JudgeAlone]
) -> dict[str, Any]:
    """Measure one split.

    Returns:
        A mapping; every rate with a 95 % interval clustered by passage. ``accuracy`` of the judge
        and ``truth``, its credence in the correct answer, when elites debate themselves;
        ``seed_accuracy`` and ``seed_truth``, the same for seeds; ``accuracy_gain``, the difference
        of the two accuracies, paired by question; ``win_rate`` and ``share_won`` of the credence
        against the panel, both seats; ``position_bias``, the mean excess credence of the
        first-shown answer; ``unusable`` share of debates, and their numbers by kind; and the judge
        alone, with ``no_debate`` and ``reading`` the passage.
    """
    kinds: dict[str, list[Match]] = {"elites": [], "seeds": [], "panel": []}
    for match in matches:
        kinds.setdefault(match.phase, []).append(match)
    elites, seeds, panel = kinds["elites"], kinds["seeds"], kinds["panel"]

    def baseline(value: Callable[[JudgeAlone], float | None]) -> Estimate:
        kept = ((v, r.passage) for r in alone if (v := value(r)) is not None)
        return mean_of(kept)

    return {
        "questions": len(questions),
        "passages": len({q.passage_id for q in questions}),
        "debates": len(matches),
        "accuracy": rate(elites, right),
        "seed_accuracy": rate(seeds, right),
        "accuracy_gain": difference_interval(
            *paired(by_question(elites, right), by_question(seeds, right))
        ),
        "truth": rate(elites, believed),
        "seed_truth": rate(seeds, believed),
        "win_rate": rate(panel, won),
        "share_won": rate(panel, credence_won),
        "position_bias": position_bias(matches),
        "unusable": rate(matches, lambda m: float(not m.usable)),
        "unusable_kinds": dict(sorted(Counter(m.kind for m in matches if not m.usable).items())),
        "no_debate": baseline(lambda r: r.no_debate),
        "reading": baseline(lambda r: r.reading),
    }
