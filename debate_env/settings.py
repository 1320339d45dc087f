"""The rules of one debate, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Order = Literal["simultaneous", "sequential"]
QuoteMode = Literal["strict", "khan"]
Objective = Literal["persuasion", "truth", "mix"]
RewardForm = Literal["credence", "win", "log_odds"]


@dataclass(frozen=True, slots=True)
class DebateSettings:
    """Everything about a debate except its question, its seats and its seed.

    Attributes:
        protocol: Turn order: both debaters of a round blind to each other, or one after the other.
        rounds: Rounds of speeches before the verdict.
        word_limit: Speeches are cut after this many words; the cut is marked and recorded.
        max_chars: Upper bound of a speech in characters; a longer action is an error.
        quotes: How quotes are checked against the passage; see :mod:`debate_env.quotes`.
        objective: Which score the debaters' reward is.
        reward_form: The judge's credence, a win, or log-odds.
        mix_weight: Weight of truth in the ``mix`` objective; persuasion has the rest.
    """

    protocol: Order = "simultaneous"
    rounds: int = 2
    word_limit: int = 150
    max_chars: int = 4000
    quotes: QuoteMode = "strict"
    objective: Objective = "persuasion"
    reward_form: RewardForm = "credence"
    mix_weight: float = 0.5
