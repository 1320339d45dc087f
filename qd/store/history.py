"""Everything that a run directory knows about one strategy.

Where it comes from, what each mutation changed, how it has fared, how it is rated, and where it is
now: all of it a view of ``strategies.jsonl``, ``matches.jsonl`` and the generations.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Literal, get_args

from debate_env.errors import InputError
from debateqd.qd.archive.grid import Archive
from debateqd.qd.config.schema import is_simulated
from debateqd.qd.debates.counting import speech_troubles
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.plans import Phase
from debateqd.qd.ratings import make_rating
from debateqd.qd.statistics import Estimate, mean_interval
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.store.word_diff import Stretch, word_diff
from debateqd.qd.strategy import Strategy

Role = Literal["elite", "challenger", "dead", "unknown"]
"""``unknown``: no generation has been committed yet."""

# --- what it was made from, and what was made from it -------------------------------------------


def ancestors(strategy_id: str, strategies: Mapping[str, Strategy]) -> tuple[Strategy, ...]:
    """Return a strategy's ancestors, parents before their children, itself last.

    ``strategies`` are all of a run, in order of creation.

    Raises:
        InputError: A parent is missing, or was not made before its child.
    """
    order = {name: number for number, name in enumerate(strategies)}
    found = {strategy_id}
    waiting = [strategy_id]
    while waiting:
        child = waiting.pop()
        for parent in strategies[child].parents:
            if parent not in order:
                raise InputError(f"parent '{parent}' of '{child}' is missing; restore the file")
            if order[parent] >= order[child]:
                raise InputError(f"parent '{parent}' of '{child}' comes after it; restore the file")
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return tuple(strategies[name] for name in sorted(found, key=order.__getitem__))


@dataclass(frozen=True, slots=True)
class Descendant:
    """A strategy made from another in ``depth`` steps: the fewest where there are several ways."""

    strategy: Strategy
    depth: int


def descendants(strategy_id: str, strategies: Mapping[str, Strategy]) -> tuple[Descendant, ...]:
    """Return all descendants of a strategy in order of creation."""
    depths = {strategy_id: 0}
    found = []
    for strategy in strategies.values():  # in order of creation, so parents come first
        known = [depths[p] for p in strategy.parents if p in depths]
        if known and strategy.strategy_id not in depths:
            depths[strategy.strategy_id] = depth = min(known) + 1
            found.append(Descendant(strategy, depth))
    return tuple(found)


# --- how it has fared --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tally:
    """How often something was won, of one debate or more.

    A tie, in which the judge favoured neither, counts as half in ``rate``.
    """

    won: int
    lost: int
    tied: int
    rate: Estimate


@dataclass(frozen=True, slots=True)
class Record:
    """How a strategy fared in the debates of one phase; ``None`` without any of a kind.

    Attributes:
        overall: Against other strategies; against the question where it plays alone.
        correct: Of them, those in which it defended the correct answer.
        wrong: Of them, those in which it defended another, and somebody else it.
        neither: Of them, those in which no player did.
        first: Of them, those in which its answer was presented first.
        second: The rest.
        self_play: Debates with itself; won means that the judge found the correct answer.
        unusable: Debates without a usable verdict, of all kinds.
        troubles: What was wrong with its speeches, as
            :func:`debateqd.qd.debates.counting.speech_troubles` counts; empty if nothing was.
    """

    overall: Tally | None = None
    correct: Tally | None = None
    wrong: Tally | None = None
    neither: Tally | None = None
    first: Tally | None = None
    second: Tally | None = None
    self_play: Tally | None = None
    unusable: int = 0
    troubles: Mapping[str, int] = field(default_factory=dict)


def record(strategy_id: str, matches: Iterable[Match]) -> Record:
    """Count a strategy's debates; those of others are left out."""
    shares: dict[str, list[tuple[float, str]]] = {}
    unusable = 0
    own = [match for match in matches if strategy_id in match.players]
    for match in own:
        if not match.usable:
            unusable += 1
            continue
        for name, share in _shares(strategy_id, match):
            shares.setdefault(name, []).append((share, match.passage))
    tallies = {name: _tally(observed) for name, observed in shares.items()}
    troubles = speech_troubles(own).get(strategy_id, {})
    return Record(**tallies, unusable=unusable, troubles=troubles)


def _shares(strategy_id: str, match: Match) -> Iterator[tuple[str, float]]:
    """Yield which tallies a usable match counts in, and with what share."""
    share = match.share(strategy_id, "win") if match.contested else match.truth("win")
    if share is None:
        return
    if not match.contested:
        yield "self_play", share
        return
    yield "overall", share
    argued = "correct" if match.side(strategy_id) == match.label else "wrong"
    yield (argued if match.alone or match.label in match.sides.values() else "neither"), share
    first = match.seats_of(strategy_id)[0] == next(iter(match.seats))
    yield ("first" if first else "second"), share


def _tally(observed: Sequence[tuple[float, str]]) -> Tally:
    shares = [share for share, _ in observed]
    won, lost = shares.count(1.0), shares.count(0.0)
    rate = mean_interval(shares, [passage for _, passage in observed])
    return Tally(won, lost, len(shares) - won - lost, rate)


# --- all of it --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A strategy on the way from a seed, and what its text changed, by parent id."""

    strategy: Strategy
    changes: Mapping[str, tuple[Stretch, ...]]


@dataclass(frozen=True, slots=True)
class Standing:
    """The rating of the strategy in the view that the run selects by, such as ``"elo"``.

    In Elo points, with the ends of the 95 % interval where the view
    knows one; it rests on ``games`` usable debates up to a generation, those of reports left out.
    """

    view: str
    value: float
    low: float | None
    high: float | None
    games: int
    generation: int


@dataclass(frozen=True, slots=True)
class StrategyFate:
    """Where a strategy is now.

    ``cell`` is the last one of a dead strategy that had one; ``generation`` the last committed one,
    or the one that ended it.
    """

    role: Role
    cell: str = ""
    generation: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StrategyHistory:
    """What :func:`history_of` finds.

    ``steps`` are its ancestry, seeds first, itself last; ``records`` its debates by phase;
    ``standing`` is ``None`` without a rated debate; ``living`` are the ids in the archive.
    """

    run: str
    simulation: bool
    strategy: Strategy
    steps: tuple[Ancestor, ...]
    records: Mapping[str, Record]
    standing: Standing | None
    fate: StrategyFate
    descendants: tuple[Descendant, ...]
    living: tuple[str, ...]


def history_of(run: RunDirectory, strategy_id: str) -> StrategyHistory:
    """Gather everything about a strategy.

    Raises:
        InputError: There is no such strategy, or a file is damaged.
    """
    strategies = run.strategies()
    if strategy_id not in strategies:
        raise InputError(f"{run.path}: {_no_such(strategy_id, list(strategies))}")
    try:
        line = ancestors(strategy_id, strategies)
    except InputError as error:
        raise InputError(f"{run.path / 'strategies.jsonl'}: {error}") from None
    matches = run.matches()
    for number, match in enumerate(matches, 1):
        if unknown := set(match.players).difference(strategies):
            where = f"{run.path / 'matches.jsonl'}, line {number}"
            raise InputError(f"{where}: '{min(unknown)}' is no strategy of this run; restore it")
    own = [m for m in matches if strategy_id in m.players]
    archive = run.living() if run.generations() else None
    return StrategyHistory(
        run=run.config.name or run.path.name,
        simulation=is_simulated(run.config.models.debater, run.config.models.judge),
        strategy=strategies[strategy_id],
        steps=tuple(
            Ancestor(s, {p: word_diff(strategies[p].text, s.text) for p in s.parents}) for s in line
        ),
        records={
            phase: record(strategy_id, played)
            for phase in get_args(Phase)
            if (played := [m for m in own if m.phase == phase])
        },
        standing=_standing(run, strategy_id, matches, strategies),
        fate=_fate(run, strategies[strategy_id], archive),
        descendants=descendants(strategy_id, strategies),
        living=tuple(e.strategy_id for e in archive.members()) if archive else (),
    )


def _no_such(strategy_id: str, known: Sequence[str]) -> str:
    """Say what is allowed instead; a run may have thousands, so only the range is listed."""
    if not known:
        return f"holds no strategy '{strategy_id}', nor any other yet"
    close = difflib.get_close_matches(strategy_id, known, n=1, cutoff=0.6)
    question = f"did you mean '{close[0]}'? " if close else ""
    return (
        f"holds no strategy '{strategy_id}'; {question}"
        f"allowed: the {len(known)} from {known[0]} to {known[-1]}"
    )


def _fate(run: RunDirectory, strategy: Strategy, archive: Archive | None) -> StrategyFate:
    if archive is None:
        return StrategyFate("unknown")
    strategy_id = strategy.strategy_id
    committed = run.generations()
    cell = archive.locate(strategy_id)
    if cell is not None:
        elite = any(e.strategy_id == strategy_id for e in archive.elites())
        return StrategyFate(
            "elite" if elite else "challenger", archive.describe(cell), committed[-1]
        )
    last = StrategyFate("dead", reason="no archive has taken it in")
    for generation in committed:
        if generation < strategy.generation:
            continue
        for event in run.generation(generation).get("events", ()):
            if event["strategy_id"] != strategy_id:
                continue
            where = archive.describe(tuple(event["cell"])) if event["cell"] is not None else ""
            last = StrategyFate("dead", where, generation, event["reason"])
            if event["kind"] == "evicted":
                return last
    return last


def _standing(
    run: RunDirectory,
    strategy_id: str,
    matches: Sequence[Match],
    strategies: Mapping[str, Strategy],
) -> Standing | None:
    """Rate the strategy in the view that the run selects by."""
    rated = [m for m in matches if m.phase != "report"]
    # Ratings that forget are of the last generation in which it played for one.
    last = max((m.generation for m in rated if strategy_id in m.players), default=None)
    if last is None:
        return None
    evolution = run.config.evolution
    known = [m for m in rated if m.generation <= last]
    view = make_rating(evolution, run.config.truth_weight)
    fitted = view.fit(known, strategies, last, living=[strategy_id])
    if (value := fitted.strategies.get(strategy_id)) is None:
        return None
    deviation = fitted.deviations.get(strategy_id)
    half = None if deviation is None else NormalDist().inv_cdf(0.975) * deviation
    return Standing(
        view=evolution.tournament.rating,
        value=value,
        low=None if half is None else value - half,
        high=None if half is None else value + half,
        games=fitted.games.get(strategy_id, 0),
        generation=last,
    )
