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

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from debate_env.core.protocols import get_protocol
from debate_env.core.transcript import Speech
from debate_env.errors import InputError
from debate_env.questions.question import Question
from debateqd.agents.base import derive_seed
from debateqd.agents.models.base import Message, Request
from debateqd.agents.prompts import DebateShown, SpokenBlock
from debateqd.agents.rollout import run_thoughts
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.counting import share_won, truth_reached
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.models import Models
from debateqd.qd.debates.plans import Phase, Plan, RunPlanner
from debateqd.qd.debates.questions import RunQuestions
from debateqd.qd.debates.referee import make_referee
from debateqd.qd.mutation.leaks import LeakGuard
from debateqd.qd.mutation.mutate import Child, MutationSettings, MutationTask, check_text, mutate
from debateqd.qd.mutation.novelty import StrategyPool
from debateqd.qd.mutation.operators import make_mutator, needs_of
from debateqd.qd.mutation.reflection import show
from debateqd.qd.seeds import seed_strategies
from debateqd.qd.strategy import Strategy

COMPONENT = "strategy"
"""Name of the one text in a GEPA candidate."""

NEUTRAL = 0.5
"""Score of a question on which no verdict could be used: nobody is punished for that."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """What GEPA calls the output, and the trajectory, of one example.

    Attributes:
        debates: What was said, with the outcome; empty when no debate had a usable verdict, or
            none was played.
        message: Why there is no score of its own; empty otherwise.
    """

    question: str
    score: float
    debates: tuple[DebateShown, ...]
    message: str = ""


class DebateAdapter:
    """Scores strategies for ``gepa.optimize``.

    - ``persuasion``: the strategy meets one seed of the panel on the question, in both seats; the
      score is the share it wins. Which seed it is follows from the question.
    - ``truth``: it debates itself; the score is the judge's credence in the correct answer.
    - ``mix``: the weighted mean.

    A text that is too long or carries the words of a passage is not debated and scores 0.

    Args:
        config: A run's configuration: rules, models' sampling, objective, seed, limits of texts.
        questions: The questions, dealt out.
        models: The chat models.
        family: Family of the strategy that is improved.
        score: What a debate counts: the judge's credence, or a win.
        operator: A mutation operator of ours that proposes new texts, e.g. ``"reflection"``; empty
            leaves that to GEPA, which then needs ``reflection_lm`` (see :meth:`reflection_lm`).
        panel: The frozen opponents; the 35 seeds by default.
        on_match: Told of every match with what was said in it.

    Attributes:
        calls: Model calls so far, those for proposals included.
        debates: Debates so far.
        propose_new_texts: GEPA's hook for proposals; ``None`` without ``operator``.

    Raises:
        InputError: The operator is unknown, or needs more than a parent and its debates; or there
            is no panel.
    """

    def __init__(
        self,
        config: RunConfig,
        questions: RunQuestions,
        models: Models,
        *,
        family: str,
        score: Literal["credence", "win"] = "credence",
        operator: str = "",
        panel: Sequence[Strategy] | None = None,
        on_match: Callable[[Match, tuple[Speech, ...]], None] | None = None,
    ) -> None:
        self.calls = 0
        self.debates = 0
        self._config = config
        self._models = models
        self._questions = questions
        self._family = family
        self._score = score
        self._panel = tuple(seed_strategies() if panel is None else panel)
        if not self._panel:
            raise InputError("GEPA: the panel is empty; give one opponent or more")
        self._on_match = on_match
        self._proposals = 0
        mutation = config.evolution.mutation
        self._settings = MutationSettings(
            mutation.max_words, mutation.max_attempts, sampling=config.mutator_sampling()
        )
        self._pool = StrategyPool((), mutation.near_duplicate, mutation.shingle)
        passages = [*questions.train.passages.values(), *questions.selection.passages.values()]
        self._guard = LeakGuard(passages, mutation.leak_words) if mutation.leak_words else None
        self._mutator = make_mutator(operator, self._settings) if operator else None
        if self._mutator and (self._mutator.arity != 1 or needs_of(self._mutator) - {"debates"}):
            raise InputError(
                f"operator {operator!r}: GEPA has one parent and its debates to offer; allowed are "
                "rewrite, reflection, static, and own operators that need no more"
            )
        # GEPA asks whether this is None.
        self.propose_new_texts = self._propose if self._mutator is not None else None
        self._phases: dict[str, Phase] = {
            **dict.fromkeys(questions.selection.ids, "selection"),
            **dict.fromkeys(questions.train.ids, "train"),
        }
        self._referee = make_referee(config, questions, models)

    # --- what is given to gepa.optimize ---------------------------------------------------------

    @property
    def trainset(self) -> list[Question]:
        """The questions of GEPA's minibatches, which it reflects on."""
        return list(self._questions.train)

    @property
    def valset(self) -> list[Question]:
        """The questions of GEPA's validation set; the training questions where there are none."""
        return list(self._questions.selection or self._questions.train)

    def stop_after(self, calls: int) -> Callable[[Any], bool]:
        """Return a stopper: true once so many model calls have been made."""

        def stop(_state: Any) -> bool:
            return self.calls >= calls

        return stop

    def reflection_lm(self, prompt: str | list[dict[str, Any]]) -> str:
        """Answer a prompt of GEPA's own with the mutator's model; give it as ``reflection_lm``.

        Raises:
            InputError: The model gave no reply. The embedded model has none for such prompts.
        """
        said = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        messages = tuple(Message(_role(m["role"]), str(m["content"])) for m in said)
        seed = derive_seed(self._config.seed, "gepa", self._proposals)
        self._proposals += 1
        self.calls += 1

        def ask() -> Any:
            (reply,) = yield [Request(messages, self._settings.sampling, seed)]
            return reply

        (reply,) = run_thoughts(self._models.mutator, [ask()])
        if reply.finish_reason in ("refused", "error"):
            reason = reply.error or reply.finish_reason
            raise InputError(f"models.mutator: no reply to a prompt of GEPA: {reason}")
        return str(reply.text)

    # --- GEPA's contract ------------------------------------------------------------------------

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
        adapter = _gepa_adapter()
        rollouts = self.rollouts(batch, candidate[COMPONENT])
        return adapter.EvaluationBatch(
            outputs=list(rollouts),
            scores=[rollout.score for rollout in rollouts],
            trajectories=list(rollouts) if capture_traces else None,
        )

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Any, components_to_update: list[str]
    ) -> dict[str, list[dict[str, Any]]]:
        """Say what happened in the debates of training questions, one record per debate.

        Debates on selection questions are left out: a text that had learnt from them would be
        chosen by them.
        """
        records = [
            record
            for rollout in eval_batch.trajectories or ()
            if self._phases.get(rollout.question) == "train"
            for record in reflective_records(rollout)
        ]
        return dict.fromkeys(components_to_update, records)

    def _propose(
        self,
        candidate: dict[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: list[str],
    ) -> dict[str, str]:
        """Ask the operator for a new text; the old one stays where every draft is refused."""
        if self._mutator is None:
            raise ValueError("this adapter proposes nothing; it was made without an operator")
        text = candidate[COMPONENT]
        records = reflective_dataset.get(COMPONENT, ())
        debates = [read_record(r) for r in records if "won" in r]
        each = self._config.evolution.mutation.shown_debates
        shown = [d for d in debates if not d.won][:each] + [d for d in debates if d.won][:each]
        if COMPONENT not in components_to_update or not shown:
            return {COMPONENT: text}
        won = sum(debate.won for debate in debates)
        parent = Strategy(self.strategy_id(text), self._family, text)
        task = MutationTask(
            (parent,),
            0,
            self._proposals,
            f"It did well in {won} of {len(debates)} debates.",
            tuple(shown),
        )
        self._proposals += 1
        thought = mutate(
            self._mutator,
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

    # --- debates --------------------------------------------------------------------------------

    @staticmethod
    def strategy_id(text: str) -> str:
        """Name a text."""
        return "g" + hashlib.blake2b(text.encode(), digest_size=6).hexdigest()

    def rollouts(self, batch: Sequence[Question], text: str) -> tuple[Rollout, ...]:
        """Debate questions with a strategy; the work behind :meth:`evaluate`, without GEPA.

        Raises:
            InputError: A question is of neither training nor selection.
        """
        for question in batch:
            if question.question_id not in self._phases:
                raise InputError(
                    f"question {question.question_id}: GEPA may see training and selection "
                    "questions only"
                )
        refusal = check_text(text, self._settings, StrategyPool(), self._guard)
        if refusal is not None:
            reason = f"refused, {refusal.kind}: {refusal.message}"
            return tuple(Rollout(q.question_id, 0.0, (), reason) for q in batch)
        strategy = Strategy(self.strategy_id(text), self._family, text)
        plans = [self._plans(question, strategy) for question in batch]
        played: dict[str, tuple[Match, tuple[Speech, ...]]] = {}

        def record(match: Match, speeches: tuple[Speech, ...]) -> None:
            played[match.match_id] = (match, speeches)
            self.calls += match.calls
            self.debates += 1
            if self._on_match is not None:
                self._on_match(match, speeches)

        # A batch may hold a question twice; its debates are the same ones.
        found = iter(self._referee.play([plan for group in plans for plan in group], record))
        return tuple(
            self._rollout(question, strategy, [played[next(found).match_id] for _ in group])
            for question, group in zip(batch, plans, strict=True)
        )

    def _plans(self, question: Question, strategy: Strategy) -> list[Plan]:
        config = self._config
        seed, weight = config.seed, config.truth_weight
        planner = RunPlanner(get_protocol(config.debate.protocol), seed)
        phase = self._phases[question.question_id]
        plans: list[Plan] = []
        if weight < 1:
            others = [s for s in self._panel if s.text != strategy.text] or self._panel
            place = derive_seed(seed, "gepa", "panel", question.question_id) % len(others)
            plans += planner.contest(phase, 0, question, (strategy, others[place]), "gepa")
        if weight > 0:
            plans.append(planner.alone(phase, 0, question, strategy, "gepa"))
        return plans

    def _rollout(
        self,
        question: Question,
        strategy: Strategy,
        played: Sequence[tuple[Match, tuple[Speech, ...]]],
    ) -> Rollout:
        weight, own = self._config.truth_weight, strategy.strategy_id
        words = self._config.evolution.mutation.shown_words
        duels = [match for match, _ in played if not match.alone]
        alone = [match for match, _ in played if match.alone]
        won = share_won(duels, own, self._score)
        right = truth_reached(alone, self._score)
        shown = tuple(
            show(match, speeches, question, own, weight, words)
            for match, speeches in played
            if match.usable
        )
        # Half a pair would favour one side.
        usable = all(match.usable for match, _ in played)
        if not usable or (won is None and weight < 1) or (right is None and weight > 0):
            message = next((m.message for m, _ in played if not m.usable), "no usable verdict")
            return Rollout(question.question_id, NEUTRAL, shown, message or "no usable verdict")
        score = (1 - weight) * (won or 0.0) + weight * (right or 0.0)
        return Rollout(question.question_id, score, shown)


# --- what GEPA reflects on ----------------------------------------------------------------------


def reflective_records(rollout: Rollout) -> list[dict[str, Any]]:
    """Turn an example into records of the form that GEPA recommends; :func:`read_record` inverts.

    An example without debates gives one record that says why.
    """
    if not rollout.debates:
        return [{"Inputs": {}, "Generated Outputs": "", "Feedback": rollout.message}]
    return [_record(debate) for debate in rollout.debates]


def _record(debate: DebateShown) -> dict[str, Any]:
    if debate.team:
        aim = "The strategy spoke for both answers and is to help the judge find the correct one."
        verdict = f"The judge gave the correct answer a credence of {debate.credence:.2f}"
    else:
        aim = "The strategy's debater spoke for 'own'."
        verdict = f"The judge gave the strategy's answer a credence of {debate.credence:.2f}"
    return {
        "Inputs": {
            "question": debate.question,
            "answer of own": debate.own,
            "answer of other": debate.other,
        },
        "Generated Outputs": [
            {"round": s.round, "speaker": s.speaker, "text": s.text} for s in debate.speeches
        ],
        "Feedback": f"{verdict}: {'won' if debate.won else 'lost'}. {aim} Carry nothing over from "
        "this passage, question or answer: the strategy is for any question about any passage.",
        "credence": debate.credence,
        "won": debate.won,
        "team": debate.team,
    }


def read_record(record: Mapping[str, Any]) -> DebateShown:
    """Read a record of a debate back."""
    inputs = record["Inputs"]
    return DebateShown(
        won=bool(record["won"]),
        credence=float(record["credence"]),
        question=inputs["question"],
        own=inputs["answer of own"],
        other=inputs["answer of other"],
        speeches=tuple(
            SpokenBlock(int(s["round"]), s["speaker"], s["text"])
            for s in record["Generated Outputs"]
        ),
        team=bool(record["team"]),
    )


def _role(name: Any) -> Literal["system", "user", "assistant"]:
    """Return a role that every engine knows; any other speaks as the user."""
    known: dict[str, Literal["system", "user", "assistant"]] = {
        "system": "system",
        "assistant": "assistant",
    }
    return known.get(str(name), "user")


def _gepa_adapter() -> Any:
    try:
        import gepa.core.adapter
    except ImportError:
        raise InputError("GEPA is not installed: run pip install 'debateqd[gepa]'") from None
    return gepa.core.adapter
