"""The choice: children against the elites of their cells, on questions that no rating has seen.

Training ratings say who may challenge; the best-rated challenger of each elite then meets it on
fresh selection questions, and the rule of :mod:`qd.acceptance` decides. Per question the child's
score minus the elite's is

- persuasion: twice the share that the child wins in two debates with seats exchanged, minus 1;
- truth: the judge's score for the child debating itself minus that for the elite debating itself;
- mix: the weighted mean of the two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from debate_env.questions import Question
from qd.acceptance import AcceptanceRule, Comparison
from qd.archive_base import ArchiveEvent, ArchiveProtocol, Decision, Entry
from qd.archives import archive_from_dict
from qd.config import RunConfig
from qd.contests import both_seats, self_debate, share_won, truth_reached
from qd.matches import Match, Plan
from qd.splits import draw
from qd.strategy import Strategy

PlayPlans = Callable[[Sequence[Plan]], list[Match]]
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Choice:
    """What came of a generation's children.

    Attributes:
        comparisons: The direct comparisons, in the order of the challenges.
        won: Which of them the child won.
        events: What happened in the archive.
    """

    comparisons: tuple[Comparison, ...]
    won: tuple[bool, ...]
    events: tuple[ArchiveEvent, ...]

    @property
    def accepted(self) -> tuple[str, ...]:
        """The children that entered the archive and stayed."""
        entered = [e.strategy_id for e in self.events if e.kind in ("inserted", "replaced")]
        left = {e.strategy_id for e in self.events if e.kind == "evicted"}
        return tuple(s for s in entered if s not in left)


def debates_per_challenge(config: RunConfig, questions: int) -> int:
    """Return the number of debates of one direct comparison."""
    weight = config.truth_weight
    return questions * (2 * (weight < 1) + 2 * (weight > 0))


def challenges(
    archive: ArchiveProtocol, children: Sequence[Entry], rule: AcceptanceRule
) -> list[Pair]:
    """Find out who would face whom, without changing the archive.

    Each elite has one challenger at most, the best-rated: comparing many and taking the best would
    mostly reward luck.

    Args:
        archive: The archive.
        children: Best-rated first.
        rule: Says who may challenge.

    Returns:
        Pairs of child and elite.
    """
    rehearsal = archive_from_dict(archive.to_dict())
    found: dict[str, str] = {}

    def ask(challenger: Entry, incumbent: Entry) -> Decision:
        if incumbent.strategy_id in archive and rule.may_challenge(challenger, incumbent):
            found.setdefault(incumbent.strategy_id, challenger.strategy_id)
        return "reject"

    rehearsal.place_all(children, ask)
    return [(child, incumbent) for incumbent, child in found.items()]


def choose(
    archive: ArchiveProtocol,
    children: Sequence[Entry],
    rule: AcceptanceRule,
    compare: Callable[[Sequence[Pair]], Sequence[Comparison]],
) -> Choice:
    """Offer children to the archive; changes it.

    Args:
        archive: The archive.
        children: The generation's children with training rating and behaviour.
        rule: Decides.
        compare: Plays the direct comparisons of all pairs.
    """
    ranked = sorted(children, key=lambda e: (-e.fitness, e.strategy_id))
    if not rule.compares:

        def by_rating(child: Entry, incumbent: Entry) -> Decision:
            return "accept" if rule.may_challenge(child, incumbent) else "reject"

        return Choice((), (), archive.place_all(ranked, by_rating))
    comparisons = tuple(compare(challenges(archive, ranked, rule)))
    won = tuple(rule.accept(comparison) for comparison in comparisons)
    winners = {(c.child, c.incumbent) for c, w in zip(comparisons, won, strict=True) if w}

    def by_comparison(child: Entry, incumbent: Entry) -> Decision:
        return "accept" if (child.strategy_id, incumbent.strategy_id) in winners else "reject"

    return Choice(comparisons, won, archive.place_all(ranked, by_comparison))


class Comparer:
    """Plays direct comparisons.

    Args:
        config: The run's configuration.
        questions: The selection questions.
    """

    def __init__(self, config: RunConfig, questions: Sequence[Question]) -> None:
        self._config = config
        self._questions = questions

    def compare(
        self,
        pairs: Sequence[Pair],
        strategies: Mapping[str, Strategy],
        generation: int,
        play: PlayPlans,
    ) -> list[Comparison]:
        """Play all pairs on the same freshly drawn questions.

        Args:
            pairs: Children and elites.
            strategies: Strategies by id.
            generation: The generation's number.
            play: Plays debates.
        """
        selection = self._config.evolution.selection
        seed = self._config.seed
        questions = draw(
            self._questions, selection.questions, seed, "questions", "selection", generation
        )
        keys: list[tuple[Pair, str, str]] = []
        plans: list[Plan] = []
        for question in questions:
            for pair in pairs:
                for role, plan in self._plans(question, pair, strategies, generation):
                    keys.append((pair, question.question_id, role))
                    plans.append(plan)
        played: dict[tuple[Pair, str], dict[str, list[Match]]] = {}
        for (pair, question_id, role), match in zip(keys, play(plans), strict=True):
            roles = played.setdefault((pair, question_id), defaultdict(list))
            roles[role].append(match)
        return [self._comparison(pair, questions, played) for pair in pairs]

    def _plans(
        self,
        question: Question,
        pair: Pair,
        strategies: Mapping[str, Strategy],
        generation: int,
    ) -> list[tuple[str, Plan]]:
        seed, weight = self._config.seed, self._config.truth_weight
        child, incumbent = strategies[pair[0]], strategies[pair[1]]
        plans: list[tuple[str, Plan]] = []
        if weight < 1:
            both = both_seats(
                seed, "selection", generation, question, (child, incumbent), generation
            )
            plans += [("duel", plan) for plan in both]
        if weight > 0:
            plans += [
                (role, self_debate(seed, "selection", generation, question, who, generation))
                for role, who in (("child", child), ("incumbent", incumbent))
            ]
        return plans

    def _comparison(
        self,
        pair: Pair,
        questions: Sequence[Question],
        played: Mapping[tuple[Pair, str], Mapping[str, list[Match]]],
    ) -> Comparison:
        differences: list[float] = []
        passages: list[str] = []
        for question in questions:
            roles = played[pair, question.question_id]
            # A question counts when all its debates do: half a pair would favour one side.
            if all(match.usable for matches in roles.values() for match in matches):
                differences.append(self._difference(pair[0], roles))
                passages.append(question.passage_id)
        return Comparison(pair[0], pair[1], tuple(differences), tuple(passages))

    def _difference(self, child: str, roles: Mapping[str, list[Match]]) -> float:
        weight = self._config.truth_weight
        score = self._config.evolution.selection.score
        won = right = 0.0
        if weight < 1:
            won = 2 * (share_won(roles["duel"], child, score) or 0.0) - 1
        if weight > 0:
            own = truth_reached(roles["child"], score) or 0.0
            right = own - (truth_reached(roles["incumbent"], score) or 0.0)
        return (1 - weight) * won + weight * right
