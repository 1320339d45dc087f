"""The loop: children, tournament, ratings, choice, report, commit.

Everything random derives from the run's seed and names, so that with the same replies results do
not depend on batch or order, and an interrupted run that is resumed ends like one that was not.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from debate_env.core.transcript import Speech
from debate_env.errors import InputError
from debateqd.agents.models.budget import BudgetReachedError
from debateqd.qd.config.schema import ROLES, RunConfig, is_simulated
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.models import Models
from debateqd.qd.debates.plans import Plan
from debateqd.qd.debates.questions import RunQuestions
from debateqd.qd.debates.referee import make_referee
from debateqd.qd.descriptors.base import BehaviourSummary, make_descriptors
from debateqd.qd.descriptors.labelling import sum_up
from debateqd.qd.descriptors.utterances import utterances_of
from debateqd.qd.measures.controls import favoured_place
from debateqd.qd.measures.diversity import family_diversity
from debateqd.qd.measures.scores import reported_progress
from debateqd.qd.mutation.mutate import Child, MutationResult
from debateqd.qd.mutation.operator_shares import operator_stats
from debateqd.qd.mutation.reflection import transcript_reader
from debateqd.qd.seeds import seed_strategies
from debateqd.qd.selection.choice import Challenge
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.store.writer import RunWriter
from debateqd.qd.strategy import Strategy
from debateqd.qd.tracking.events import (
    EliteRow,
    GenerationFinished,
    Listener,
    Progress,
    RunFinished,
    RunStarted,
    Status,
    Timing,
)
from debateqd.qd.tracking.telling import Listeners
from debateqd.qd.training.breeding import BARREN, BarrenError, Breeder, barrenness
from debateqd.qd.training.competition import Competition
from debateqd.qd.training.gains import Reporter, champions
from debateqd.qd.training.labeller import Labeller
from debateqd.qd.training.results import archive_json, elite_rows, generation_stats, summary_json
from debateqd.qd.training.state import TrainingState, new_archive, restore_state


class Trainer:
    """Runs generations; :mod:`debateqd.qd.training.start` arranges the files for it.

    ``state`` is where to go on from; ``None`` for a new run. ``notes`` are told at the start, after
    those of the models.

    Raises:
        InputError: The configuration asks for something that does not exist;
            :mod:`debateqd.qd.training.checks` finds that before there is a directory.
    """

    def __init__(
        self,
        config: RunConfig,
        questions: RunQuestions,
        models: Models,
        writer: RunWriter,
        *,
        state: TrainingState | None = None,
        first_generation: int = 0,
        listeners: Sequence[Listener] = (),
        notes: Sequence[str] = (),
    ) -> None:
        evolution = config.evolution
        self._config = config
        self._models = models
        self._writer = writer
        self._questions = questions
        self._first = first_generation
        self._listeners = Listeners(listeners)
        self._tell = self._listeners.tell
        self._notes = notes
        self._warnings: dict[str, str] = {}  # what was warned of last, by what it is about
        for generation in range(first_generation):
            self._warnings |= RunDirectory(writer.path).stats(generation).warnings
        self._seeds = seed_strategies()
        self._state = state or TrainingState(new_archive(evolution))
        self._panel = tuple(seed.strategy_id for seed in self._seeds)
        self._rows: tuple[EliteRow, ...] = ()
        self._played: list[Match] = []
        self._delivered = models.delivery()
        self._referee = make_referee(config, questions, models)
        self._check_pool()
        self._descriptors = make_descriptors(evolution.archive)
        self._competition = Competition(config, questions, self._panel, self._descriptors)
        self._reporter = Reporter(config, questions.report, self._seeds)
        self._labeller = Labeller(config, models.mutator)
        known = list(self._state.strategies.values())
        self._breeder = Breeder(
            config, questions, models.mutator, known, transcript_reader(writer.path)
        )

    def _check_pool(self) -> None:
        """Refuse to go on with other models: their debates could not be compared."""
        last = self._state.matches[-1:]
        if last and last[0].pool != self._referee.pool:
            models = self._models
            raise InputError(
                f"{self._writer.path}: the models or the way of judging are not those that this "
                f"run began with; now they are {models.debater.fingerprint!r} and "
                f"{models.judge.fingerprint!r} (another version of an engine counts, too); give it "
                "back its models, or start a new run"
            )

    def run(self) -> dict[str, Any]:
        """Play all generations that are left.

        Returns:
            What ``summary.json`` holds.

        Raises:
            StoppedError: The run gave up, or cannot write its files.
            BudgetReachedError: Its budget is used up. The directory then holds the results of the
                generations that were finished, and no trace of the open one but its replies in
                the journal.
            KeyboardInterrupt: The user did; the run can be resumed.
        """
        config = self._config
        status: Status = "failed"
        message, summary = "", dict[str, Any]()
        started = RunStarted(
            run_dir=self._writer.path,
            name=config.name,
            config=config.to_json(),
            objective=config.objective,
            generations=config.evolution.generations,
            first_generation=self._first,
            questions=self._questions.sizes(),
            simulation=is_simulated(*map(config.models.spec, ROLES)),
            notes=(*self._models.notes(), *self._notes),
        )
        self._tell("run_started", started)
        try:
            for generation in range(self._first, config.evolution.generations + 1):
                self._generation(generation)
                self._check_children(generation)
            summary = self._finish()
            status = "finished"
        except KeyboardInterrupt:
            status, message = "interrupted", "interrupted by the user"
            raise
        except (BudgetReachedError, BarrenError) as error:
            status, message = "stopped", str(error)
            summary = self._finish_early()
            raise
        except BaseException as error:
            message = " ".join(f"{type(error).__name__}: {error}".split())
            raise
        finally:
            finished = RunFinished(self._writer.path, status, message, summary, self._rows)
            self._listeners.finish(finished)
        return summary

    # --- one generation -------------------------------------------------------------------------

    def _generation(self, generation: int) -> None:
        started = time.perf_counter()
        state, config = self._state, self._config
        self._played = []
        self._referee.new_generation()
        if generation:
            # Before there are children, so that a resumed run begins alike.
            self._competition.ratings(state, generation - 1)
        shares = self._breeder.shares(state) if generation else {}
        births: list[MutationResult] = []
        if generation:
            told = self._progress(generation, "mutation")
            births = self._breeder.breed(state, generation, told)
        children = self._name(births, generation)
        state.add(children)
        self._writer.add_strategies(children)
        self._labeller.begin(c.strategy_id for c in children)
        members = [state.strategies[e.strategy_id] for e in state.archive.members()]
        players = [*members, *children]
        fitted = self._competition.compete(
            state, players, children, generation, lambda plans: self._play(plans, generation)
        )
        told = self._progress(generation, "labelling")
        labels, labelled = self._labeller.label(state.behaviours, told)
        state.behaviours |= labelled
        choice = self._competition.choose(state, children, generation)
        chosen = champions(state.archive.elites(), state.strategies)
        gains = None
        if self._reporter.due(generation):
            gains = self._reporter.measure(
                chosen,
                state.strategies,
                generation,
                lambda plans: self._play_new(plans, generation),
            )
        state.forget_the_dead()
        operators = self._count_yields(births, generation, shares)
        stats = generation_stats(
            state.archive,
            births,
            self._played,
            choice,
            sum_up(labels, {s: state.strategies[s].family for s in labels}),
            gains,
            generation=generation,
            players=len(players),
            champions=chosen,
            operators=operators,
            reported_progress=reported_progress(
                fitted.strategies, chosen, self._panel, fitted.posterior
            ),
            diversity=family_diversity(state.archive.elites(), state.strategies).to_json(),
            rating_effects=fitted.effects,
            warnings=self._warn(births),
        )
        state.count(stats)
        self._rows = elite_rows(state, fitted)
        table = state.archive.heat_map()
        record = {
            **state.to_json(),
            "stats": stats.to_json(),
            "warnings": list(fitted.warnings),
            "questions": {q: round(r, 6) for q, r in fitted.questions.items()},
            "decisions": [_challenge_json(challenge) for challenge in choice.challenges],
            "events": [asdict(event) for event in choice.events],
        }
        self._writer.commit(
            generation, record, archive_json(generation, self._rows, table, state.archive)
        )
        seconds = time.perf_counter() - started
        timing = self._timing(seconds, stats.calls)
        finished = GenerationFinished(
            stats, self._rows, table, config.evolution.generations, timing
        )
        self._tell("generation_finished", finished)

    def _check_children(self, generation: int) -> None:
        """Stop after some generations in a row without a child; all of them are committed."""
        begun = max(s.generation for s in self._state.strategies.values()) + 1
        barren, why = generation + 1 - begun, self._warnings.get("children")
        last = self._config.evolution.generations
        if why and barren and barren % BARREN == 0 and generation < last:
            raise BarrenError(
                f"{barren} generations in a row, {begun} to {generation}, have {why}; check "
                "models.mutator, or what evolution.mutation refuses"
            )

    def _warn(self, births: Sequence[MutationResult]) -> dict[str, str]:
        """Say what is wrong: of children every time, of the judge once in a run."""
        state, found = self._state, {"children": barrenness(births)}
        if "position" not in self._warnings:
            found["position"] = favoured_place([*state.matches, *state.reported.values()])
        self._warnings |= {about: text for about, text in found.items() if text}
        return {about: text for about, text in found.items() if text}

    def _count_yields(
        self, births: Sequence[MutationResult], generation: int, shares: Mapping[str, float]
    ) -> dict[str, dict[str, float]]:
        """Remember what became of the children of each mutation operator."""
        state, mutation = self._state, self._config.evolution.mutation
        asked = [birth.operator for birth in births]
        elites = [e.strategy_id for e in state.archive.elites()]
        state.yields = state.yields.after(
            generation, asked, elites, state.strategies, mutation.window
        )
        return operator_stats(shares, state.yields, mutation.prior_elites, asked)

    def _timing(self, seconds: float, calls: int) -> Timing:
        """Take stock of what the generation took; the journal remembers it for the budget."""
        before, self._delivered = self._delivered, self._models.delivery()
        spent = {
            name: counts - before.get(name, Counter()) for name, counts in self._delivered.items()
        }
        budget = self._models.budget
        self._models.note_time()
        return Timing(
            seconds,
            calls / seconds if seconds else 0.0,
            {name: dict(sorted(counts.items())) for name, counts in spent.items()},
            budget.money(spent),
            budget.money(),
        )

    def _progress(self, generation: int, phase: str) -> Callable[[int, int], None]:
        return lambda done, total: self._tell(
            "progressed", Progress(generation, phase, done, total)
        )

    def _name(self, births: Sequence[MutationResult], generation: int) -> list[Strategy]:
        if not generation:
            self._breeder.admit(self._seeds)
            return list(self._seeds)
        born = [birth for birth in births if isinstance(birth, Child)]
        return [child.strategy(self._state.next_id(n)) for n, child in enumerate(born)]

    # --- playing --------------------------------------------------------------------------------

    def _play(self, plans: Sequence[Plan], generation: int) -> list[Match]:
        """Play debates; log each, count behaviour unless it is a report, tell how far we are.

        Plans of the same debate (two champions may be each other's opponents) are played once.
        """
        if not plans:
            return []
        total = len({plan.match_id(self._referee.pool) for plan in plans})
        phase, done = plans[0].phase, 0
        order = self._config.debate.protocol

        def record(match: Match, speeches: tuple[Speech, ...]) -> None:
            nonlocal done
            done += 1
            self._writer.add_match(match, speeches)
            self._played.append(match)
            self._state.remember(match)
            if match.phase != "report" and speeches:
                self._count_behaviour(match, speeches, order)
            self._tell("progressed", Progress(generation, phase, done, total))

        return self._referee.play(plans, record)

    def _play_new(self, plans: Sequence[Plan], generation: int) -> list[Match]:
        """Play only those debates that no earlier generation has played."""
        known = self._state.reported
        ids = [plan.match_id(self._referee.pool) for plan in plans]
        self._play([p for p, i in zip(plans, ids, strict=True) if i not in known], generation)
        return [known[match_id] for match_id in ids]

    def _count_behaviour(self, match: Match, speeches: tuple[Speech, ...], order: str) -> None:
        behaviours = self._state.behaviours
        for strategy_id in match.players:
            spoken = utterances_of(speeches, match.seats_of(strategy_id), order)
            self._labeller.hear(strategy_id, spoken)
            summary = BehaviourSummary.of_match(spoken, self._descriptors)
            known = behaviours.get(strategy_id)
            behaviours[strategy_id] = summary if known is None else known + summary

    # --- end ------------------------------------------------------------------------------------

    def _finish_early(self) -> dict[str, Any]:
        """Put the directory back to the last committed generation, if any, and sum that up."""
        self._models.note_time()
        last = self._writer.roll_back()
        if last is None:
            return {}
        self._state = restore_state(RunDirectory(self._writer.path), last)
        self._rows = ()
        self._competition.forget()
        return self._finish(last)

    def _finish(self, last: int | None = None) -> dict[str, Any]:
        run = RunDirectory(self._writer.path)
        last = self._config.evolution.generations if last is None else last
        state = self._state
        played = [run.generation(number)["stats"] for number in range(last + 1)]
        stats = run.stats(last)
        if not self._rows:  # nothing was played since the state was read
            self._rows = elite_rows(state, self._competition.ratings(state, last))
        table = state.archive.heat_map()
        facts = {
            "simulation": is_simulated(*map(self._config.models.spec, ROLES)),
            "pool": self._referee.pool,
            "questions": self._questions.sizes(),
            "content_hash": self._questions.content_hash,
        }
        summary = summary_json(self._config, state, stats, facts, played)
        self._writer.finish(summary, archive_json(last, self._rows, table, state.archive))
        return summary


def _challenge_json(challenge: Challenge) -> dict[str, Any]:
    facts = asdict(challenge)
    for name, value in facts.pop("belief").items():
        facts[name] = round(value, 6) if isinstance(value, float) else value
    return facts
