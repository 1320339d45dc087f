"""How many debates and model calls a run will take, without making any."""

from __future__ import annotations

from dataclasses import dataclass

from debate_env.core.protocols import get_protocol, speeches_of
from debateqd.qd.config.schema import EvolutionConfig, RunConfig
from debateqd.qd.debates.questions import RunQuestions
from debateqd.qd.mutation.parents import most_children
from debateqd.qd.seeds import FAMILIES, SEEDS_PER_FAMILY, seed_strategies
from debateqd.qd.selection.tournament import Tournament
from debateqd.qd.training.checks import check_names
from debateqd.qd.training.gains import Reporter
from debateqd.qd.training.labeller import label_calls
from debateqd.qd.training.state import new_archive


@dataclass(frozen=True, slots=True)
class Plan:
    """An estimate of a run.

    Attributes:
        first: Debates of the tournament of generation 0; exact.
        players: Most strategies in a later tournament.
        tournament: Debates of a later tournament with that many.
        report: Most debates of one report, of all reports, and of what is played once for them.
        debates: All debates of the run; an upper bound, exact when ``exact``.
        calls_per_debate: Speeches, and verdicts in both orders; the most where it depends on what
            a server can do.
        verdict_calls: How many of them may be the judge's, the fewest and the most.
        mutations: Most model calls for mutation.
        labels: Most model calls for labelling new strategies.
        calls: All model calls; an upper bound as long as verdicts can be read.
        repairs: Calls that may come on top, should every verdict have to be asked for again.
        least_debates: All debates of the run if every child is refused; a lower bound.
        exact: Whether the number of debates is known beforehand.
    """

    first: int
    players: int
    tournament: int
    report: int
    debates: int
    calls_per_debate: int
    verdict_calls: tuple[int, int]
    mutations: int
    labels: int
    calls: int
    repairs: int
    least_debates: int
    exact: bool


def plan_run(config: RunConfig, questions: RunQuestions) -> Plan:
    """Estimate a run.

    Args:
        config: Its configuration.
        questions: Its questions.

    Raises:
        InputError: The configuration names something that does not exist, or cannot be played on
            these questions.
    """
    check_names(config)
    evolution = config.evolution
    later = evolution.generations
    seeds = seed_strategies()
    tournament = Tournament(config, questions)
    first = tournament.debates(len(seeds))
    children = most_children(evolution, len(FAMILIES))
    elites = _most_members(evolution)
    if evolution.archive.keep_per_family:
        elites = min(elites, evolution.archive.keep_per_family * len(FAMILIES))
    players = min(elites, len(seeds) + children * max(0, later - 1)) + children
    each = tournament.debates(players)
    reporter = Reporter(config, questions.report, seeds)
    reports = sum(reporter.due(g) for g in range(later + 1))
    per_report, once = reporter.debates()
    report = reports * per_report + (once if reports else 0)
    debates = first + later * each + report
    fewest, most = verdict_calls(config)
    rules = get_protocol(config.debate.protocol)
    per_debate = speeches_of(rules, config.debate.rounds) + most
    # Elites stay until they are replaced, and champions that stay are not measured again.
    least = first + later * tournament.debates(_fewest_players(evolution))
    least += per_report + once if reports else 0
    mutations = later * children * evolution.mutation.max_attempts
    labels = label_calls(evolution.archive, len(seeds) + later * children)
    return Plan(
        first=first,
        players=players,
        tournament=each,
        report=report,
        debates=debates,
        calls_per_debate=per_debate,
        verdict_calls=(fewest, most),
        mutations=mutations,
        labels=labels,
        calls=debates * per_debate + mutations + labels,
        repairs=most * debates,
        least_debates=min(least, debates),
        exact=later == 0 and not report,
    )


def _most_members(evolution: EvolutionConfig) -> int:
    """Count elites and challengers of a full archive."""
    archive = new_archive(evolution)
    waiting = evolution.selection.challengers if evolution.archive.kind == "grid" else 0
    return archive.size * (1 + waiting)


def _fewest_players(evolution: EvolutionConfig) -> int:
    """Count the players of a tournament in which no child takes part."""
    if evolution.archive.kind != "slots":
        return len(FAMILIES)  # a grid may hold all seeds of a family in one cell
    kept = min(evolution.archive.slots, SEEDS_PER_FAMILY)
    return len(FAMILIES) * min(kept, evolution.archive.keep_per_family or kept)


def verdict_calls(config: RunConfig) -> tuple[int, int]:
    """Count the calls for one verdict in both answer orders: the fewest and the most.

    With ``auto`` it depends on whether a server gives log-probabilities or must be asked for votes.
    """
    settings = config.models.verdict
    if not get_protocol(config.debate.protocol).judges:
        return 0, 0
    votes = 2 * settings.votes
    if settings.method == "votes":
        return votes, votes
    if settings.method == "auto" and config.models.judge.startswith("openai:"):
        return 2, votes
    return 2, 2
