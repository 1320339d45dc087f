"""Which effects games can tell from strength."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import lsmr

from debateqd.qd.ratings.games import COEFFICIENTS, Games
from debateqd.qd.statistics import ELO

LEAST_TOLD = 0.5
"""An effect is left out where the players leave less than this share of it unexplained..."""

FIRM = 10.0
"""...unless there are so many games that its standard error is below so many Elo points."""


def tellable(games: Games) -> tuple[Games, list[str]]:
    """Leave out the effects of position and side that the games cannot tell from strength.

    Where the same players nearly always come first, who they are says who was first, and the priors
    alone would share out what they won between strength and position: a lead is halved. What a
    weighted regression on the players leaves of an effect is the information about it, in games.

    Returns:
        The games, and what was left out, in words.
    """
    size, warnings = len(games), []
    weight = np.sqrt(games.counts)
    values = np.concatenate([share * weight for share in COEFFICIENTS[games.form]])
    places = np.tile(np.arange(size), 2), np.concatenate([games.first, games.second])
    players = sparse.coo_array((values, places)).tocsr()
    for name, what in (("position", "presented first"), ("side", "defending the correct answer")):
        effect = weight * getattr(games, name)
        if not np.any(effect) or (name == "side" and games.form == "team"):
            continue
        left = effect - players @ lsmr(players, effect, atol=1e-9, btol=1e-9)[0]
        told = float(left @ left)
        firm = told > 0 and 2 * ELO / math.sqrt(told) < FIRM
        if told < LEAST_TOLD * float(effect @ effect) and not firm:
            none: Any = {name: np.zeros(size)}
            games = replace(games, **none)
            warnings.append(
                f"the same players are so often {what} that its effect cannot be told from their "
                "strength: it is left out, and ratings contain it"
            )
    return games, warnings
