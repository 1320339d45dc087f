"""The rules of one debate, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal, TypedDict, get_args

from debate_env.core.protocols import get_protocol, protocol_names
from debate_env.core.rewards import Objective, RewardForm
from debate_env.core.words import WordMode
from debate_env.errors import FieldError, InputError, nearest

QuoteMode = Literal["strict", "khan"]


@dataclass(frozen=True, slots=True)
class DebateSettings:
    """Everything about a debate except its question, its seats and its seed.

    Attributes:
        protocol: Name of a protocol that is registered with
            :func:`debate_env.core.protocols.register_protocol`: ``simultaneous`` (both debaters of
            a round blind to each other), ``sequential`` (one after the other) or one of your own;
            or ``"package.module:attribute"``.
        rounds: Rounds of speeches before the verdict.
        word_limit: Speeches are cut after this many words; the cut is marked and recorded.
        words: What a word is; see :func:`debate_env.core.words.word_ends`.
        max_chars: Upper bound of a speech in characters; a longer action is an error.
        quotes: How quotes are checked against the passage; see :mod:`debate_env.core.quotes`.
        objective: Which score the debaters' reward is.
        reward_form: The judge's credence, a win, or log-odds.
        mix_weight: Weight of truth in the ``mix`` objective; persuasion has the rest.
    """

    protocol: str = "simultaneous"
    rounds: int = 2
    word_limit: int = 150
    words: WordMode = "reader"
    max_chars: int = 4000
    quotes: QuoteMode = "strict"
    objective: Objective = "persuasion"
    reward_form: RewardForm = "credence"
    mix_weight: float = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.protocol, str) and ":" in self.protocol:
            get_protocol(self.protocol)
        elif self.protocol not in (names := protocol_names()):
            raise FieldError("protocol", self.protocol, nearest(str(self.protocol), names))
        for name, kind in (
            ("words", WordMode),
            ("quotes", QuoteMode),
            ("objective", Objective),
            ("reward_form", RewardForm),
        ):
            value, allowed = getattr(self, name), get_args(kind)
            if value not in allowed:
                raise FieldError(name, value, nearest(str(value), allowed))
        for name in ("rounds", "word_limit", "max_chars"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
                raise FieldError(name, value, "allowed is a whole number from 1")
            object.__setattr__(self, name, int(value))  # of NumPy, perhaps
        weight: object = self.mix_weight
        number = isinstance(weight, Real) and not isinstance(weight, bool)
        if not number or not 0 <= float(self.mix_weight) <= 1:
            raise FieldError("mix_weight", weight, "allowed is a number from 0 to 1")
        object.__setattr__(self, "mix_weight", float(self.mix_weight))

    @property
    def rules(self) -> tuple[object, ...]:
        """What a debate itself depends on, and not what is paid for it."""
        return (
            self.protocol,
            self.rounds,
            self.word_limit,
            self.words,
            self.max_chars,
            self.quotes,
        )


class SettingsFields(TypedDict, total=False):
    """The fields of :class:`DebateSettings` as keyword arguments, which editors complete."""

    protocol: str
    rounds: int
    word_limit: int
    words: WordMode
    max_chars: int
    quotes: QuoteMode
    objective: Objective
    reward_form: RewardForm
    mix_weight: float


def read_settings(given: Mapping[str, Any], *others: str) -> DebateSettings:
    """Make settings of keyword arguments to a function that takes ``others``, too."""
    allowed = (*DebateSettings.__dataclass_fields__, *others)
    for name in given:
        if name not in allowed:
            raise InputError(f"unknown argument {name!r}: {nearest(name, allowed)}")
    return DebateSettings(**given)
