"""Turn order and visibility: one small class per protocol, pure rules without state.

A protocol divides a debate into *waves*. The seats of a wave act without seeing each other's
actions, so all of them can be asked at once; what they said is published when the last of them has
acted. A protocol says which wave comes next given what has been said, what each seat may see of it,
who reads the passage and who defends which answer. Everything else (limits, quotes, verdicts,
rewards) is the business of :class:`debate_env.core.episode.Episode` and the same for every
protocol.

To add one, implement :class:`DebateProtocol` and call :func:`register_protocol`; then
``DebateSettings(protocol="its name")`` plays it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, Protocol, runtime_checkable

from debate_env.core.transcript import Speech
from debate_env.errors import InputError, nearest

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


@runtime_checkable
class DebateProtocol(Protocol):
    """The rules that distinguish one kind of debate from another; implementations are stateless."""

    @property
    def name(self) -> str:
        """The name by which settings choose this protocol."""
        ...

    @property
    def seats(self) -> tuple[str, ...]:
        """Every seat, ``"<role>_<number>"``; those that defend an answer come first."""
        ...

    def wave(self, index: int, speeches: tuple[Speech, ...], rounds: int) -> Wave | None:
        """Say who acts next.

        Args:
            index: Number of waves that are complete.
            speeches: What has been published so far.
            rounds: Rounds of speeches in the settings.

        Returns:
            The next wave. The one with phase :data:`VERDICT` is the last: its action ends the
            debate. ``None`` ends a debate without a verdict, and nobody is paid.
        """
        ...

    def visible(self, seat: str, speeches: tuple[Speech, ...]) -> tuple[Speech, ...]:
        """Say which published speeches ``seat`` sees; the same tuple when it sees them all."""
        ...

    def reads_passage(self, seat: str) -> bool:
        """Say whether ``seat`` sees the passage."""
        ...

    def defends(self, seat: str) -> int | None:
        """Say which presented answer ``seat`` argues for: 0, 1 or ``None``."""
        ...


class _TwoDebaters:
    """What the debates of two debaters before one judge have in common."""

    seats = (*DEBATERS, JUDGE)

    def visible(self, seat: str, speeches: tuple[Speech, ...]) -> tuple[Speech, ...]:
        return speeches

    def reads_passage(self, seat: str) -> bool:
        return seat != JUDGE

    def defends(self, seat: str) -> int | None:
        return DEBATERS.index(seat) if seat in DEBATERS else None


# Waves are the same in every debate; building them once keeps stepping cheap.
@lru_cache(maxsize=1024)
def _simultaneous(index: int, rounds: int) -> Wave | None:
    if index < rounds:
        return Wave(SPEECH, index + 1, DEBATERS)
    return Wave(VERDICT, rounds + 1, (JUDGE,)) if index == rounds else None


@lru_cache(maxsize=1024)
def _sequential(index: int, rounds: int) -> Wave | None:
    if index < 2 * rounds:
        return Wave(SPEECH, index // 2 + 1, (DEBATERS[index % 2],))
    return Wave(VERDICT, rounds + 1, (JUDGE,)) if index == 2 * rounds else None


class Simultaneous(_TwoDebaters):
    """Both debaters of a round speak blind to each other: R rounds are R + 1 waves."""

    name = "simultaneous"

    def wave(self, index: int, speeches: tuple[Speech, ...], rounds: int) -> Wave | None:
        """Both debaters at once in every round, then the judge."""
        return _simultaneous(index, rounds)


class Sequential(_TwoDebaters):
    """In every round debater 1 replies having read debater 0: R rounds are 2R + 1 waves."""

    name = "sequential"

    def wave(self, index: int, speeches: tuple[Speech, ...], rounds: int) -> Wave | None:
        """One debater after the other in every round, then the judge."""
        return _sequential(index, rounds)


_PROTOCOLS: dict[str, DebateProtocol] = {p.name: p for p in (Simultaneous(), Sequential())}


def register_protocol(protocol: DebateProtocol) -> None:
    """Make a protocol available by its name.

    Raises:
        InputError: Another protocol has this name.
    """
    if type(_PROTOCOLS.get(protocol.name, protocol)) is not type(protocol):
        raise InputError(f"protocol {protocol.name!r} is registered already; choose another name")
    _PROTOCOLS[protocol.name] = protocol


def protocol_names() -> tuple[str, ...]:
    """Return the names of all registered protocols, sorted."""
    return tuple(sorted(_PROTOCOLS))


def get_protocol(name: str) -> DebateProtocol:
    """Return the protocol called ``name``.

    Raises:
        InputError: There is none; says which there are.
    """
    try:
        return _PROTOCOLS[name]
    except KeyError:
        raise InputError(f"unknown protocol {name!r}: {nearest(name, _PROTOCOLS)}") from None
