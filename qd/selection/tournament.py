"""A tournament: waves of contests, between which ratings may be renewed.

Without a number of debates the one pairing plays its whole rounds, one per wave (the paper's
tournament). With one, pairings share the debates of every wave; what one of them has no use for
goes to the next, and what none wants to neighbours in the standings.

For persuasion and mix, and for truth with ``teams: neighbours``, a contest is two debates, seats
exchanged. For truth with ``teams: self`` its strategies debate themselves, so that none is rated
for a partner.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from debate_env.core.protocols import get_protocol
from debate_env.errors import InputError
from debate_env.plug_ins import wrong_result
from debate_env.questions.question import Question
from debateqd.agents.base import derive_seed
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.counting import points
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.plans import Contest, Plan, RunPlanner, seatings
from debateqd.qd.debates.questions import RunQuestions
from debateqd.qd.debates.referee import PlayPlans
from debateqd.qd.ratings.posterior import Posterior
from debateqd.qd.selection.pairing import (
    PAIRINGS,
    Pair,
    Pairing,
    Round,
    Situation,
    Standings,
    Swiss,
)
from debateqd.qd.strategy import Strategy

Look = Callable[[], tuple[Posterior | None, Sequence[Pair]]]
"""Tells between two waves what the ratings know (``None`` where they know no uncertainty), and the
open decisions: challenger, and the elite that it may replace."""


class Tournament:
    """Arranges and plays the tournament of a generation.

    Tournaments are played on the train split, decisions on the selection split.

    Raises:
        InputError: Unknown pairing, or shares that cannot be played.
    """

    def __init__(self, config: RunConfig, questions: RunQuestions) -> None:
        self._config = config
        self._settings = settings = config.evolution.tournament
        self._questions = questions
        self._pairings = make_pairings(config)
        self._rules = get_protocol(config.debate.protocol)
        self._planner = RunPlanner(self._rules, config.seed)
        if settings.debates is None and len(self._pairings) != 1:
            raise InputError(
                "evolution.tournament.debates: null plays the whole rounds of one pairing, but "
                f"there are {len(self._pairings)}; give a number of debates"
            )

    @property
    def alone(self) -> bool:
        """Whether strategies debate themselves, or have no opponent in a debate."""
        team = self._config.objective == "truth" and self._settings.teams == "self"
        return team or len(self._rules.players) == 1

    @property
    def looks(self) -> bool:
        """Whether a pairing asks what the ratings know between waves."""
        return self._settings.debates is not None

    def waves(self, players: int) -> int:
        """Return the number of waves for so many players."""
        if self._settings.debates is not None:
            return self._settings.waves
        ((pairing, _),) = self._pairings
        found = pairing.waves(players)
        if found is None:
            name = next(iter(self._settings.pairings))
            raise InputError(
                f"evolution.tournament.debates: the pairing '{name}' has no end of its own; give a "
                "number of debates"
            )
        return found

    def debates(self, players: int) -> int:
        """Return the most debates for so many players; exact for whole rounds."""
        if self._settings.debates is not None:
            return self._settings.debates
        questions = min(self._settings.questions_per_pairing, len(self._questions.train))
        count = self.waves(players) * questions
        return count * players if self.alone else count * (players // 2) * 2

    def play(
        self,
        start: Situation,
        strategies: Mapping[str, Strategy],
        generation: int,
        look: Look,
        play: PlayPlans,
    ) -> list[Match]:
        """Play all waves.

        ``start`` says who takes part, with whom as parents and anchors; its standings are written
        on. ``look`` is asked before every wave.
        """
        seed = derive_seed(self._config.seed, "tournament", generation)
        standings = start.standings
        train = _shuffled(self._questions.train, seed, "question")
        fresh = _shuffled(self._questions.selection, seed, "fresh")
        size = self._settings.questions_per_pairing
        step = size if self._settings.debates is None else self._settings.questions_per_wave
        count = self.waves(len(standings.players))
        matches: list[Match] = []
        for wave in range(count):
            posterior, challenges = look() if self.looks else (None, ())
            situation = replace(
                start,
                questions=_rotated(train, wave * step),
                fresh=_rotated(fresh, wave * step),
                per_round=size,
                per_wave=self._settings.questions_per_wave,
                waves_left=count - wave,
                challenges=challenges,
                posterior=posterior,
                alone=self.alone,
            )
            contests, byes = self._arrange(situation, wave, count, derive_seed(seed, "wave", wave))
            played = play(self._plans(contests, strategies, generation, wave))
            matches += played
            self._note(standings, Round(tuple(contests), byes), played)
        return matches

    def _plans(
        self,
        contests: Sequence[Contest],
        strategies: Mapping[str, Strategy],
        generation: int,
        wave: int,
    ) -> list[Plan]:
        """Plan the debates of a wave, each once, question by question in order of passages."""
        plans: dict[tuple[str, ...], Plan] = {}
        passages: dict[str, int] = {}
        for contest in contests:
            passages.setdefault(contest.question.passage_id, len(passages))
            for plan in self._planner.plans_of(
                contest, strategies, generation, generation, wave, alone=self.alone
            ):
                names = [strategy.strategy_id for strategy in plan.seats.values()]
                plans.setdefault((plan.question.question_id, *names), plan)
        return sorted(plans.values(), key=lambda p: passages[p.question.passage_id])

    def _arrange(
        self, situation: Situation, wave: int, waves: int, seed: int
    ) -> tuple[list[Contest], tuple[str, ...]]:
        """Choose the contests of a wave."""
        total = self._settings.debates
        if total is None:
            ((pairing, _),) = self._pairings
            whole = next(_rounds(pairing, situation, seed), Round(()))
            return list(whole.contests), whole.byes
        budget = total * (wave + 1) // waves - total * wave // waves
        shares = sum(share for _, share in self._pairings)
        chosen: list[Contest] = []
        taken: set[tuple[str, ...]] = set()
        due = 0.0
        for number, (pairing, share) in enumerate(self._pairings):
            due += budget * share / shares
            room = round(due) - len(taken)
            asked = replace(situation, room=(room + 1) // 2)
            rounds = _rounds(pairing, asked, derive_seed(seed, number))
            chosen += self._take(rounds, room, taken)
        rounds = Swiss().rounds(situation, derive_seed(seed, "rest"))
        chosen += self._take(rounds, budget - len(taken), taken)
        return chosen, ()

    def _take(
        self, rounds: Iterator[Round], room: int, taken: set[tuple[str, ...]]
    ) -> list[Contest]:
        """Take contests as long as there is room for their debates, which are noted in ``taken``.

        Ends with a round that brings nothing new: some pairings would go on for ever.
        """
        chosen: list[Contest] = []
        while room > 0:
            found = next(rounds, Round(()))
            before = len(chosen)
            for contest in found.contests:
                new = self._debates_of(contest) - taken
                if len(new) > room:
                    return chosen
                if new:
                    chosen.append(contest)
                    taken |= new
                    room -= len(new)
            if len(chosen) == before:
                return chosen
        return chosen

    def _debates_of(self, contest: Contest) -> set[tuple[str, ...]]:
        """Name the debates of a contest, so that none is planned twice in a wave."""
        question, first, second = contest.question.question_id, contest.first, contest.second
        if self.alone:
            return {(question, first), (question, second)}
        seated = seatings(self._rules, (first, second))
        return {(question, *names.values()) for names in seated}

    def _note(self, standings: Standings, played: Round, matches: Sequence[Match]) -> None:
        own: dict[str, list[Match]] = defaultdict(list)
        for match in matches:
            for strategy_id in match.players:
                own[strategy_id].append(match)
        earned = dict.fromkeys(played.byes, 0.5)
        for strategy_id, found in own.items():
            # No player is punished for a wave in which no verdict could be used.
            won = points(found, strategy_id, self._config.truth_weight)
            earned[strategy_id] = 0.5 if won is None else won
        for strategy_id, number in earned.items():
            standings.points[strategy_id] = standings.points.get(strategy_id, 0.0) + number
        standings.note(played)


def _rounds(pairing: Pairing, situation: Situation, seed: int) -> Iterator[Round]:
    found = pairing.rounds(situation, seed)
    if not isinstance(found, Iterator):
        raise wrong_result(pairing, "rounds", found, "an iterator of Round")
    for one in found:
        if not isinstance(one, Round):
            raise wrong_result(pairing, "rounds", one, "an iterator of Round")
        yield one


def make_pairings(config: RunConfig) -> list[tuple[Pairing, float]]:
    """Make the pairings of a configuration, each with its share of the debates.

    Raises:
        InputError: Unknown pairing, or no share above 0.
    """
    shares = config.evolution.tournament.pairings
    chosen = [(name, share) for name, share in shares.items() if share > 0]
    found = [(PAIRINGS.make(name, config.evolution), share) for name, share in chosen]
    if not found:
        raise InputError(
            "evolution.tournament.pairings: name at least one pairing with a share above 0, e.g. "
            "{swiss: 1}"
        )
    return found


def _shuffled(questions: Sequence[Question], seed: int, what: str) -> list[Question]:
    return sorted(questions, key=lambda q: derive_seed(seed, what, q.question_id))


def _rotated(questions: Sequence[Question], by: int) -> list[Question]:
    """Begin elsewhere; a list that is used up begins again."""
    if not questions:
        return []
    by %= len(questions)
    return [*questions[by:], *questions[:by]]
