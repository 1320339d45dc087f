"""Who meets whom, and who stays: tournaments, and challengers against the elites of their cells.

``Pairing``         arranges contests; ``PAIRINGS``: ``swiss``, ``parent`` (a child meets its own),
                    ``informative`` (what settles open decisions, by the knowledge gradient of
                    ``allocation.py``), ``anchors`` (the frozen seeds)
``Tournament``      plays the waves of a generation, its debates shared out among pairings
``AcceptanceRule``  whether a challenger takes a place; ``ACCEPTANCE``: ``racing``, ``rating`` (the
                    paper's), ``coin`` (a baseline)
``choose``          lets challengers face their elites, and the archive change
"""

from debateqd.qd.lazy import lazily

__all__ = [
    "ACCEPTANCE",
    "PAIRINGS",
    "AcceptanceRule",
    "Belief",
    "Pairing",
    "Round",
    "Situation",
    "Standings",
    "Tournament",
    "choose",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from debateqd.qd.selection.acceptance import ACCEPTANCE, AcceptanceRule, Belief
    from debateqd.qd.selection.choice import choose
    from debateqd.qd.selection.pairing import PAIRINGS, Pairing, Round, Situation, Standings
    from debateqd.qd.selection.tournament import Tournament
else:  # numpy and the configuration take their time
    __getattr__ = lazily(
        __name__,
        {
            "acceptance": "ACCEPTANCE AcceptanceRule Belief",
            "choice": "choose",
            "pairing": "PAIRINGS Pairing Round Situation Standings",
            "tournament": "Tournament",
        },
    )
