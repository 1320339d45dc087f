"""Measures of a finished run beyond its accuracy: what its archive is worth, and who beats whom."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from debate_env.errors import InputError
from debate_env.questions.question import Question
from debateqd.qd.archive.base import ArchiveProtocol
from debateqd.qd.archive.registry import archive_from_dict
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.counting import contest_scores, measured, self_scores
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.plans import EvaluationPlanner, Plan
from debateqd.qd.descriptors.base import BehaviourSummary, Descriptor, make_descriptors
from debateqd.qd.measures.corrected_archive import FreshLook, QDMetrics, corrected_qd
from debateqd.qd.measures.diversity import diversity_over_time
from debateqd.qd.measures.payoffs import cycles, meetings_of, nash_weights, payoffs
from debateqd.qd.measures.score_units import Scale
from debateqd.qd.measures.scores import above_seeds
from debateqd.qd.ratings import Ratings, make_rating
from debateqd.qd.statistics import ELO
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.strategy import Strategy

OFFSET = -0.5
"""Offset of every QD-score: losing every debate. Fixed, so that runs can be compared."""

Play = Callable[[Sequence[Strategy], Sequence[Descriptor]], Sequence[Match]]
"""Plays the debates that measure strategies anew, and counts their behaviour."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What is measured beyond the splits.

    Attributes:
        archive_questions: Test questions on which every elite is measured anew for the corrected
            archive; 0 leaves it out.
        round_robin: Test questions for every pair of elites, beside the debates of the log.
        length_control: Whether elites play again, cut to the length of the seeds.
    """

    archive_questions: int = 24
    round_robin: int = 0
    length_control: bool = False


def archive_of(run: RunDirectory) -> ArchiveProtocol:
    """Read the archive of a run's last committed generation.

    Raises:
        InputError: There is none, or it is none of the built-in ones.
    """
    try:
        return archive_from_dict(run.archive()["archive"])
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{run.path}/archive.json: {error} is missing; the file was changed or damaged: "
            "restore it"
        ) from None


def fit_ratings(run: RunDirectory, config: RunConfig, living: Sequence[str]) -> Ratings:
    """Rate the run's strategies from its log, in the view that the run selects by.

    Args:
        run: The run.
        config: Its configuration.
        living: The elites.
    """
    rated = [match for match in run.matches() if match.phase != "report"]
    view = make_rating(config.evolution, config.truth_weight)
    return view.fit(rated, run.strategies(), run.archive()["generation"], living=living)


def scale_of(ratings: Ratings, seeds: Sequence[Strategy], config: RunConfig) -> Scale | None:
    """Return what translates ratings into score; ``None`` where they say nothing of the seeds.

    Plain Elo rates whoever played. Where no seed is rated in the same view, a rating of 1100 is 100
    points above nobody in particular.

    Args:
        ratings: The ratings.
        seeds: The frozen panel.
        config: The run's configuration.
    """
    rated = [
        ratings.strategies[s.strategy_id] for s in seeds if s.strategy_id in ratings.strategies
    ]
    if not rated:
        return None
    points = ELO
    if config.evolution.tournament.rating == "elo":
        elo = config.evolution.tournament.elo
        points = elo.scale / math.log(elo.base)
    return Scale(tuple(rated), tuple(ratings.questions.values()), config.truth_weight, points)


def rated_score(config: RunConfig) -> str:
    """Return what a debate counts in the ratings of a run: ``"credence"`` or ``"win"``."""
    tournament = config.evolution.tournament
    known = {"elo": tournament.elo.score, "bradley_terry": tournament.bradley_terry.score}
    return known.get(tournament.rating, config.evolution.report.score)


def archive_plans(
    elites: Sequence[Strategy],
    seeds: Sequence[Strategy],
    questions: Sequence[Question],
    truth_weight: float,
    planner: EvaluationPlanner,
) -> list[Plan]:
    """Return the debates that measure every elite anew; and seeds on the same questions."""
    found: list[Plan] = []
    if truth_weight < 1:
        found += planner.against("archive", elites, seeds, questions)
    if truth_weight > 0:
        found += planner.self_play("archive", elites, questions, len(elites))
    return found


def looks_of(
    elites: Sequence[Strategy],
    archive: ArchiveProtocol,
    scale: Scale | None,
    matches: Sequence[Match],
    seed_matches: Sequence[Match],
    score: str,
    truth_weight: float,
) -> list[FreshLook]:
    """Sum up what fresh debates show of every elite.

    Args:
        elites: The elites.
        archive: The archive that holds them, with their ratings.
        scale: Translates the ratings.
        matches: Fresh debates, of phase ``archive``.
        seed_matches: The seeds' debates with themselves on the same questions.
        score: ``"credence"`` or ``"win"``.
        truth_weight: 0 for persuasion, 1 for truth, between them for the mix.
    """
    found = above_seeds(
        contest_scores(measured(matches), score),
        self_scores(measured(matches), score),
        self_scores(measured(seed_matches), score),
        truth_weight,
    )
    shown: dict[str, dict[str, BehaviourSummary]] = {}
    for match in matches:
        if match.behaviour is not None:
            own = shown.setdefault(match.subject, {})
            own[match.passage] = own.get(match.passage, BehaviourSummary()) + match.behaviour
    looks = []
    for strategy in elites:
        entry = archive.get(strategy.strategy_id)
        scores = [value for (name, _), value in found.items() if name == strategy.strategy_id]
        looks.append(
            FreshLook(
                strategy,
                None if scale is None or entry is None else scale.score(entry.fitness),
                [value for value, _ in scores],
                [passage for _, passage in scores],
                shown.get(strategy.strategy_id, {}),
            )
        )
    return looks


def measure_archive(
    run: RunDirectory,
    config: RunConfig,
    seeds: Sequence[Strategy],
    seed_matches: Sequence[Match],
    play: Play,
) -> tuple[QDMetrics, tuple[str, ...]]:
    """Measure all elites of a run anew.

    Args:
        run: The run.
        config: Its configuration.
        seeds: The frozen panel.
        seed_matches: The seeds' debates with themselves on these questions.
        play: Plays debates and counts behaviour in them.

    Returns:
        The metrics, and what to be careful about.
    """
    archive, strategies = archive_of(run), run.strategies()
    elites = [strategies[entry.strategy_id] for entry in archive.elites()]
    weight, score = config.truth_weight, rated_score(config)
    ratings = fit_ratings(run, config, [s.strategy_id for s in elites])
    scale = scale_of(ratings, seeds, config)
    descriptors = make_descriptors(config.evolution.archive)
    matches = play(elites, descriptors)
    looks = looks_of(elites, archive, scale, matches, seed_matches, score, weight)
    metrics = corrected_qd(archive, looks, offset=OFFSET, descriptors=descriptors, seed=config.seed)
    return metrics, (*_warnings(config, scale, metrics), *ratings.warnings)


def _warnings(config: RunConfig, scale: Scale | None, metrics: QDMetrics) -> list[str]:
    found = []
    if scale is None:
        found.append(
            "No seed was rated in the view that this run selects by, so that its ratings promise "
            "nothing that could be checked; only the corrected figures are given."
        )
    elif 0 < config.truth_weight < 1:
        found.append("A mixed rating is translated approximately: it stands for both strengths.")
    if metrics.carried_over:
        names = ", ".join(metrics.carried_over)
        found.append(f"Not measured anew, but taken as reported: {names}.")
    if metrics.measured < metrics.elites:
        found.append(
            f"{metrics.elites - metrics.measured} of {metrics.elites} elites have no usable fresh "
            "debate and are left out of the corrected archive."
        )
    return found


def measure_payoffs(
    run: RunDirectory, elites: Sequence[Strategy], matches: Sequence[Match], score: str, seed: int
) -> dict[str, Any]:
    """Report who beats whom among the elites, from the log and from fresh debates.

    Args:
        run: The run; its training and selection debates count.
        elites: The strategies.
        matches: Fresh debates between them, of phase ``robin``.
        score: ``"credence"`` or ``"win"``.
        seed: Seed of the resampling.

    Returns:
        A JSON-able mapping: ``matrix``, ``cycles``, ``nash`` weights, and the numbers of debates
        from the ``log`` and ``fresh`` ones.
    """
    ids = [s.strategy_id for s in elites]
    logged = meetings_of((m for m in run.matches() if m.phase != "report"), ids, score)
    fresh = meetings_of(matches, ids, score)
    meetings = [*logged, *fresh]
    met = {name for m in meetings for name in (m.first, m.second)}
    matrix = payoffs(meetings, [name for name in ids if name in met])
    return {
        "log": len(logged),
        "fresh": len(fresh),
        "matrix": matrix.to_json(),
        "cycles": cycles(meetings, seed=seed).to_json(),
        "nash": {k: round(w, 6) for k, w in nash_weights(matrix).items() if w > 1e-9},
    }


def diversity_json(run: RunDirectory) -> list[dict[str, Any]]:
    """Return the diversity of every generation as JSON-able data."""
    return [{"generation": number, **found.to_json()} for number, found in diversity_over_time(run)]
