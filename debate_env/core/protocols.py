"""What distinguishes one kind of debate from another: turns, visibility, roles, earnings.

A protocol divides a debate into *waves*. The seats of a wave act without seeing each other's
actions, so all of them can be asked at once; what they said is published when the last of them has
acted. Everything that :class:`DebateProtocol` does not ask for (limits, quotes, verdicts) is the
business of :class:`debate_env.core.episode.Episode` and the same for every protocol; nothing above
this package knows how many players there are or that there is a judge.

To add one, implement :class:`DebateProtocol` and call :func:`register_protocol`; then
``DebateSettings(protocol="its name")`` plays it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import combinations
from math import inf
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from debate_env.core.rewards import RewardForm, correctness, persuasion, truth
from debate_env.core.transcript import Speech
from debate_env.errors import InputError, nearest
from debate_env.plug_ins import import_part, make_part

SPEECH = 0
"""Phase in which the acting seats give a speech."""
VERDICT = 1
"""Phase in which the acting seat gives a credence per answer."""
OVER = 2
"""Phase after the debate has ended."""

DEBATERS = ("debater_0", "debater_1")
JUDGE = "judge_0"


class Wave(NamedTuple):
    """Actions that may be asked for at once.

    Attributes:
        phase: :data:`SPEECH` or :data:`VERDICT`.
        round: From 1; the verdict belongs to the round after the last speeches.
        seats: Who acts, in the order in which their speeches are published.
    """

    phase: int
    round: int
    seats: tuple[str, ...]


class Ending(NamedTuple):
    """How an episode ended that was not aborted: all that earnings and comparisons depend on.

    Attributes:
        label: Index of the correct answer in the presented order.
        credence: The judge's probabilities in the presented order; ``None`` without a verdict.
        reward_form: What scores are: the judge's credence, wins or log-odds.
    """

    label: int
    credence: tuple[float, ...] | None
    speeches: tuple[Speech, ...] = ()
    reward_form: RewardForm = "credence"


Scores = Mapping[str, Mapping[str, float | None]]
"""``"persuasion"`` and ``"truth"``, each a score by seat of the players."""


class Comparison(NamedTuple):
    """What an episode says of the strength of players; ratings and tournaments read nothing else.

    Attributes:
        objective: The objective under which it counts.
        rated: The seat that is rated, or several that share what they reach together.
        opponents: The seats that it was up against; empty: the question itself.
        score: In [0, 1], of ``rated``; that of ``opponents`` is the rest.
        win: The same in whole wins: 1, 0, or a share for a tie.
        weight: How many games it counts for.
        correct: 1 where ``rated`` (the first of them) defends the correct answer, -1 where the
            other side does, 0 where neither or both do.
    """

    objective: Literal["persuasion", "truth"]
    rated: tuple[str, ...]
    opponents: tuple[str, ...]
    score: float
    win: float
    weight: float = 1.0
    correct: float = 0.0


@runtime_checkable
class DebateProtocol(Protocol):
    """The rules that distinguish one kind of debate from another; implementations are stateless."""

    @property
    def name(self) -> str:
        """The name by which settings choose this protocol."""

    @property
    def players(self) -> tuple[str, ...]:
        """Seats that strategies play, ``"<role>_<number>"``."""

    @property
    def judges(self) -> tuple[str, ...]:
        """Seats that give a verdict; may be empty. The seats of a debate are players and judges."""

    @property
    def symmetric(self) -> bool:
        """Whether it is all the same to a player which seat it has, answers apart."""

    def wave(self, index: int, speeches: tuple[Speech, ...], rounds: int) -> Wave | None:
        """Say who acts next.

        Args:
            index: Number of waves that are complete.
            speeches: What has been published so far.
            rounds: Rounds of speeches in the settings.

        Returns:
            The next wave. The one with phase :data:`VERDICT` is the last: its action ends the
            debate. ``None`` ends a debate without a verdict.
        """

    def visible(self, seat: str, speeches: tuple[Speech, ...]) -> tuple[Speech, ...]:
        """Say which published speeches ``seat`` sees; the same tuple when it sees them all."""

    def reads_passage(self, seat: str) -> bool:
        """Say whether ``seat`` sees the passage."""

    def defends(self, seat: str) -> int | None:
        """Say which presented answer ``seat`` argues for, or ``None``; 0 and 1 are contested."""

    def scores(self, ending: Ending) -> Scores:
        """Say what every player earns under either objective; ``None`` where nothing is."""

    def comparisons(self, ending: Ending) -> tuple[Comparison, ...]:
        """Say which players were compared; none where nobody is rated."""


def sides_of(protocol: DebateProtocol | Debate) -> dict[str, int]:
    """Return the presented answer that each player defends; who defends none is left out."""
    found = ((seat, protocol.defends(seat)) for seat in protocol.players)
    return {seat: side for seat, side in found if side is not None}


def convincing(sides: Mapping[str, int], ending: Ending) -> tuple[Comparison, ...]:
    """Compare players by what the judge believed of their answers.

    All pairs that defend different answers meet, at weights with which a player plays one game on
    average: 1 / (n - 1) where each of n players has an answer of its own. Players of one side alone
    have the question against them: would the judge rather believe the other contested answer?

    Args:
        sides: Seat to the presented answer that it defends.
        ending: How the debate ended; without a credence nobody is compared.
    """
    credence, label = ending.credence, ending.label
    if credence is None or not sides:
        return ()
    rivals = {seat: sum(other != side for other in sides.values()) for seat, side in sides.items()}
    pairs = [(a, b) for a, b in combinations(sides.items(), 2) if a[1] != b[1]]
    if not pairs:
        pairs = [((seat, side), ("", int(not side))) for seat, side in sides.items()]
    found = []
    for (one, i), (other, j) in pairs:
        own, rival = credence[i], credence[j]
        found.append(
            Comparison(
                "persuasion",
                rated=(one,),
                opponents=(other,) if other else (),
                score=own / (own + rival) if own + rival else 0.5,
                win=(float(own > rival) - float(own < rival) + 1) / 2,
                weight=(1 / rivals[one] + 1 / rivals[other]) / 2 if other else 1.0,
                correct=float(i == label) - float(j == label),
            )
        )
    return tuple(found)


def finding(sides: Mapping[str, int], ending: Ending) -> tuple[Comparison, ...]:
    """Compare the players as one team with the question: did the judge find the correct answer?"""
    credence, label = ending.credence, ending.label
    if credence is None or not sides:
        return ()
    first, *others = sides.values()
    correct = float(first == label) - float(label in others)
    right = correctness(credence, label)
    return (Comparison("truth", tuple(sides), (), credence[label], right, correct=correct),)


class Debate:
    """What debates between defenders of the two contested answers before one judge have in common.

    Protocols of one's own may be derived from it; who plays and who defends what may be overridden.
    """

    players: tuple[str, ...] = DEBATERS
    judges: tuple[str, ...] = (JUDGE,)

    def visible(self, seat: str, speeches: tuple[Speech, ...]) -> tuple[Speech, ...]:
        """Everybody sees everything."""
        return speeches

    def reads_passage(self, seat: str) -> bool:
        """All but judges read it."""
        return seat not in self.judges

    def defends(self, seat: str) -> int | None:
        """Every player defends the answer of its place."""
        return self.players.index(seat) if seat in self.players else None

    def scores(self, ending: Ending) -> Scores:
        """Pay each side what it convinced the judge of, and all alike for the truth."""
        credence, form, sides = ending.credence, ending.reward_form, sides_of(self)
        if credence is None:
            return {name: dict.fromkeys(self.players) for name in ("persuasion", "truth")}

        def convinced(side: int) -> float:
            """Score against the strongest answer that others defend, or that is contested."""
            others = {*sides.values()} - {side} or {int(not side)}
            return persuasion((credence[side], max(credence[i] for i in others)), form)[0]

        return {
            "persuasion": {seat: convinced(side) for seat, side in sides.items()},
            "truth": dict.fromkeys(sides, truth(credence, ending.label, form)),
        }

    def comparisons(self, ending: Ending) -> tuple[Comparison, ...]:
        """Rate conviction between the sides, and the truth as a team."""
        sides = sides_of(self)
        return convincing(sides, ending) + finding(sides, ending)


class Simultaneous(Debate):
    """Both debaters of a round speak blind to each other: R rounds are R + 1 waves."""

    name = "simultaneous"
    symmetric = True

    def wave(self, index: int, speeches: tuple[Speech, ...], rounds: int) -> Wave | None:
        """Both debaters at once in every round, then the judge."""
        if index < rounds:
            return Wave(SPEECH, index + 1, self.players)
        return Wave(VERDICT, rounds + 1, self.judges) if index == rounds else None


class Sequential(Debate):
    """In every round debater 1 replies having read debater 0: R rounds are 2R + 1 waves."""

    name = "sequential"
    symmetric = False

    def wave(self, index: int, speeches: tuple[Speech, ...], rounds: int) -> Wave | None:
        """One debater after the other in every round, then the judge."""
        if index < 2 * rounds:
            return Wave(SPEECH, index // 2 + 1, (self.players[index % 2],))
        return Wave(VERDICT, rounds + 1, self.judges) if index == 2 * rounds else None


_MEMBERS = [name for name in vars(DebateProtocol) if not name.startswith("_")]
_SEAT = re.compile(r"[A-Za-z]\w*_\d+")
_PROTOCOLS: dict[str, DebateProtocol] = {p.name: p for p in (Simultaneous(), Sequential())}


def speeches_of(protocol: DebateProtocol, rounds: int) -> int:
    """Count the speeches of a debate, as its protocol plans them when nothing is said in them."""
    said: tuple[Speech, ...] = ()
    index = 0
    while (wave := protocol.wave(index, said, rounds)) is not None and wave.phase == SPEECH:
        said += tuple(Speech(wave.round, seat, "") for seat in wave.seats)
        index += 1
    return len(said)


def check_protocol(protocol: DebateProtocol) -> DebateProtocol:
    """Return a protocol that can be played.

    Raises:
        InputError: This is none; says what it lacks.
    """
    name = type(protocol).__name__
    if lacking := [n for n in _MEMBERS if not hasattr(protocol, n)]:
        raise InputError(
            f"{name} is no protocol: it has no {', '.join(lacking)}; see "
            "debate_env.core.protocols.DebateProtocol"
        )
    seats = (*protocol.players, *protocol.judges)
    wrong = [seat for seat in seats if not _SEAT.fullmatch(seat)]
    if not protocol.players or wrong or len(set(seats)) < len(seats):
        raise InputError(
            f"{name}: there must be players, and seats must be different names such as "
            f"'debater_0', not {', '.join(map(repr, wrong or seats)) or 'none'}"
        )
    if len(protocol.judges) > 1:
        raise InputError(f"{name}: one judge gives the verdict; there are {len(protocol.judges)}")
    return protocol


def check_comparisons(found: object, players: tuple[str, ...]) -> tuple[Comparison, ...]:
    """Return comparisons that can be counted.

    Raises:
        InputError: One is not of players, or its numbers are out of range.
    """
    if not isinstance(found, tuple):
        raise InputError(f"comparisons must be a tuple of Comparison, not {type(found).__name__}")
    for c in found:
        if (
            not isinstance(c, Comparison)
            or c.objective not in ("persuasion", "truth")
            or not c.rated
            or not {*c.rated, *c.opponents} <= {*players}
            or not (0 <= c.score <= 1 and 0 <= c.win <= 1 and 0 < c.weight < inf)
            or not -1 <= c.correct <= 1
        ):
            raise InputError(
                f"{c!r} is no comparison of {', '.join(players)} with score and win in [0, 1] and "
                "a weight above 0"
            )
    return found


def register_protocol(protocol: DebateProtocol) -> None:
    """Make a protocol available by its name.

    Raises:
        InputError: Another protocol has this name, or this is none.
    """
    check_protocol(protocol)
    if type(_PROTOCOLS.get(protocol.name, protocol)) is not type(protocol):
        raise InputError(f"protocol {protocol.name!r} is registered already; choose another name")
    _PROTOCOLS[protocol.name] = protocol


def protocol_names() -> tuple[str, ...]:
    """Return the names of all registered protocols, sorted."""
    return tuple(sorted(_PROTOCOLS))


def get_protocol(name: str) -> DebateProtocol:
    """Return a registered protocol, or one of your own, ``"package.module:attribute"``."""
    found = _PROTOCOLS.get(name)
    if found is not None:
        return found
    if ":" in name:
        return _imported(name)
    raise InputError(f"unknown protocol {name!r}: {nearest(name, _PROTOCOLS)}")


@lru_cache(maxsize=64)
def _imported(name: str) -> DebateProtocol:
    found = import_part("protocol", name)
    if isinstance(found, type):
        found = make_part("protocol", name, found)
    try:
        return check_protocol(found)
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"protocol {name!r} cannot be had: {error}") from None
