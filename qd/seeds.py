"""The 35 strategies that every run starts from: seven families of five.

They were written for this project, differ in substance within a family, name no topic, and stay
frozen: later generations are measured against them. Their texts are in ``seeds.toml``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from debateqd.qd.strategy import Strategy

SEED_TEXTS: Mapping[str, tuple[str, ...]] = {
    family: tuple(texts)
    for family, texts in tomllib.loads(
        Path(__file__).with_name("seeds.toml").read_text(encoding="utf-8")
    ).items()
}
"""Seed texts by family."""

FAMILIES = tuple(SEED_TEXTS)
"""The families, in the order in which seeds are numbered and reports are drawn."""


def seed_strategies() -> tuple[Strategy, ...]:
    """Return the 35 seeds, ``s0000`` to ``s0034``, family by family in the order of FAMILIES."""
    texts = [(family, text) for family in FAMILIES for text in SEED_TEXTS[family]]
    return tuple(
        Strategy(strategy_id=f"s{number:04d}", family=family, text=text)
        for number, (family, text) in enumerate(texts)
    )
