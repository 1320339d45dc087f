"""GEPA on debate strategies, as a baseline; extra ``debateqd[gepa]``.

GEPA (Agrawal et al. 2025, arXiv 2507.19457) improves one text by reflection and keeps a Pareto
front over examples. :class:`DebateAdapter` lets ``gepa.optimize`` do so with a strategy: an example
is a question, its score what debates with the frozen seed panel give, and what GEPA reflects on is
what was said. The contract is that of ``gepa.core.adapter`` in release 0.1.4; nothing of GEPA is
imported before it is needed.

GEPA reads training questions in its minibatches and selection questions as its validation set; a
question of another split is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from debate_env.core.protocols import get_protocol
from debate_env.core.transcript import Speech
from debate_env.errors import InputError
from debate_env.questions.question import Question
from debateqd.agents.base import derive_seed
from debateqd.agents.prompts import DebateShown
from debateqd.agents.rollout import run_thoughts
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.models import Models
from debateqd.qd.debates.plans import EvaluationPlanner, Phase, Plan
from debateqd.qd.debates.questions import RunQuestions
from debateqd.qd.debates.referee import make_referee
from debateqd.qd.measures.scores import objective_scores
from debateqd.qd.mutation.mutate import Child, MutationSettings, MutationTask, check_text, mutate
from debateqd.qd.mutation.novelty import StrategyPool
from debateqd.qd.mutation.operators import ReflectionMutator
from debateqd.qd.mutation.reflection import show
from debateqd.qd.seeds import seed_strategies
from debateqd.qd.strategy import Strategy
from debateqd.qd.training.breeding import leak_guard, novelty_pool

COMPONENT = "strategy"
"""Name of the one text in a GEPA candidate."""

NEUTRAL = 0.5
"""Score of a question whose verdicts cannot all be used: nobody is punished for that."""

_OWN = "gepa"  # id of whatever strategy GEPA tries out

Proposer = Callable[
    [dict[str, str], Mapping[str, Sequence[Mapping[str, Any]]], list[str]], dict[str, str]
]


@dataclass(frozen=True, slots=True)
class Rollout:
    """What GEPA calls the output, and the trajectory, of one example.

    Attributes:
        debates: The debates that had a usable verdict.
        message: Why the text was refused, or what was wrong with a verdict; empty otherwise.
    """

    question: str
    score: float
    debates: tuple[DebateShown, ...]
    message: str = ""


class DebateAdapter:
    """Scores strategies for ``gepa.optimize``, and proposes new ones by our reflection.

    - ``persuasion``: the strategy meets one seed of the panel on the question, in both seats; the
      score is the share of the credence that it wins. Which seed it is follows from the question.
    - ``truth``: it debates itself; the score is the judge's credence in the correct answer.
    - ``mix``: the weighted mean.

    A text that training would refuse (too long, or with the words of a passage) is not debated and
    scores 0.

    Args:
        config: A run's configuration: rules, models' sampling, objective, seed, limits of texts.
        questions: The questions, dealt out.
        models: The chat models.
        family: Family of the strategy that is improved.
        panel: The frozen opponents; the 35 seeds by default.

    Attributes:
        calls: Model calls so far, those for proposals included.
        debates: Debates so far.
        propose_new_texts: GEPA's hook. Set it to ``None`` to have new texts written with GEPA's own
            prompt, by the ``reflection_lm`` that ``gepa.optimize`` is given.
    """

    def __init__(
        self,
        config: RunConfig,
        questions: RunQuestions,
        models: Models,
        *,
        family: str,
        panel: Sequence[Strategy] = (),
    ) -> None:
        mutation = config.evolution.mutation
        self.calls = 0
        self.debates = 0
        self.propose_new_texts: Proposer | None = self._propose
        self._config = config
        self._models = models
        self._family = family
        self._panel = panel or seed_strategies()
        self._settings = MutationSettings(
            mutation.max_words, mutation.max_attempts, sampling=config.mutator_sampling()
        )
        self._pool = novelty_pool(mutation)
        self._guard = leak_guard(mutation, [*questions.train, *questions.selection])
        self._proposals = 0
        self._splits: dict[str, Phase] = {
            **dict.fromkeys(questions.selection.ids, "selection"),
            **dict.fromkeys(questions.train.ids, "train"),
        }
        self._referee = make_referee(config, questions, models)

    def evaluate(
        self, batch: list[Question], candidate: dict[str, str], capture_traces: bool = False
    ) -> Any:
        """Debate a batch of questions.

        Returns:
            A ``gepa.core.adapter.EvaluationBatch`` of :class:`Rollout` objects. To GEPA, an example
            is one metric call, however many debates it takes.

        Raises:
            InputError: GEPA is not installed, or a question is of neither training nor selection.
            TrainingStoppedError: Most verdicts cannot be used.
        """
        try:
            from gepa.core.adapter import EvaluationBatch
        except ImportError:
            raise InputError("GEPA is not installed: run pip install 'debateqd[gepa]'") from None
        rollouts = self.rollouts(batch, candidate[COMPONENT])
        return EvaluationBatch(
            outputs=rollouts,
            scores=[rollout.score for rollout in rollouts],
            trajectories=rollouts if capture_traces else None,
        )

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Any, components_to_update: list[str]
    ) -> dict[str, list[dict[str, Any]]]:
        """Say what happened in the debates of training questions, one record per debate.

        Debates on selection questions are left out: a text that had learnt from them would be
        chosen by them. An example without debates gives one record that says why.
        """
        records: list[dict[str, Any]] = []
        for rollout in eval_batch.trajectories or ():
            if self._splits.get(rollout.question) == "train":
                debates = [_record(debate) for debate in rollout.debates]
                records += debates or [{"Feedback": rollout.message}]
        return dict.fromkeys(components_to_update, records)

    def rollouts(self, batch: Sequence[Question], text: str) -> list[Rollout]:
        """Debate questions with a strategy; the work behind :meth:`evaluate`, without GEPA.

        Raises:
            InputError: A question is of neither training nor selection.
        """
        for question in batch:
            if question.question_id not in self._splits:
                raise InputError(
                    f"question {question.question_id}: GEPA may see training and selection "
                    "questions only"
                )
        refusal = check_text(text, self._settings, StrategyPool(), self._guard)
        if refusal is not None:
            reason = f"refused, {refusal.kind}: {refusal.message}"
            return [Rollout(q.question_id, 0.0, (), reason) for q in batch]
        strategy = Strategy(_OWN, self._family, text)
        weight, mutation = self._config.truth_weight, self._config.evolution.mutation
        played: list[tuple[Match, tuple[Speech, ...]]] = []
        plans = [plan for question in batch for plan in self._plans(question, strategy)]
        matches = self._referee.play(plans, lambda *debate: played.append(debate))
        self.calls += sum(match.calls for match, _ in played)
        self.debates += len(played)
        scores: dict[tuple[str, str], tuple[float, str]] = {}
        for split in ("train", "selection"):
            scores |= objective_scores(matches, "credence", weight, split, split)
        found = []
        for question in batch:
            own = [(m, said) for m, said in played if m.question == question.question_id]
            shown = [
                show(match, speeches, question, _OWN, weight, mutation.shown_words)
                for match, speeches in own
                if match.usable
            ]
            trouble = next((match.message for match, _ in own if not match.usable), "")
            score, _ = scores.get((_OWN, question.question_id), (NEUTRAL, ""))
            found.append(Rollout(question.question_id, score, tuple(shown), trouble))
        return found

    def _plans(self, question: Question, strategy: Strategy) -> list[Plan]:
        """What measures a strategy on a question, alike wherever the question turns up."""
        seed, split = self._config.seed, self._splits[question.question_id]
        planner = EvaluationPlanner(get_protocol(self._config.debate.protocol), seed, split)
        others = [s for s in self._panel if s.text != strategy.text] or self._panel
        place = derive_seed(seed, "gepa", "panel", question.question_id) % len(others)
        return planner.objective(
            split, [strategy], [others[place]], [question], self._config.truth_weight
        )

    def _propose(
        self,
        candidate: dict[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: list[str],
    ) -> dict[str, str]:
        """Ask for a new text; the old one stays where every draft is refused."""
        text = candidate[COMPONENT]
        records = reflective_dataset.get(COMPONENT, ())
        fields = DebateShown._fields
        debates = [DebateShown(**{f: r[f] for f in fields}) for r in records if "won" in r]
        each = self._config.evolution.mutation.shown_debates
        shown = [d for d in debates if not d.won][:each] + [d for d in debates if d.won][:each]
        if not shown:
            return {COMPONENT: text}
        won = sum(debate.won for debate in debates)
        record = f"It did well in {won} of {len(debates)} debates."
        parent = Strategy(_OWN, self._family, text)
        task = MutationTask((parent,), 0, self._proposals, record, tuple(shown))
        self._proposals += 1
        thought = mutate(
            ReflectionMutator(self._settings),
            task,
            run_seed=derive_seed(self._config.seed, "gepa"),
            pool=self._pool,
            settings=self._settings,
            guard=self._guard,
        )
        (result,) = run_thoughts(self._models.mutator, [thought])
        self.calls += result.calls
        if not isinstance(result, Child):
            return {COMPONENT: text}
        self._pool.add(result.text)
        return {COMPONENT: result.text}


def _record(debate: DebateShown) -> dict[str, Any]:
    """The fields of a debate, and what GEPA's own prompt is to make of them."""
    aim = (
        "The strategy spoke for both answers and is to help the judge find the correct one, 'own'."
        if debate.team
        else "The strategy's debater spoke for 'own'."
    )
    feedback = (
        f"The judge gave 'own' a credence of {debate.credence:.2f}: "
        f"{'won' if debate.won else 'lost'}. {aim} Carry nothing over from this passage, question "
        "or answer: the strategy is for any question about any passage."
    )
    return {**debate._asdict(), "Feedback": feedback}
